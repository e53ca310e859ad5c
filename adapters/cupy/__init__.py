"""CuPy: NumPy's loop on a GPU."""
