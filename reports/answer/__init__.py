"""What to use: the answer and its price."""
