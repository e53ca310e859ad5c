"""Why the numbers can be trusted."""
