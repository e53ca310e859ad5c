"""NumPy's operations into arrays made once."""
