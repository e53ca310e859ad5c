"""Two loops head to head: the rule and its result."""
