"""What a worker process does, one pass per file; only workers import these modules."""
