"""What a worker process does, one pass per file; only workers import these modules.

May import: runs, certificate, tasks, adapter, spec, machine, stats; and scikit-learn.
"""
