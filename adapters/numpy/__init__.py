"""NumPy, written out by hand."""
