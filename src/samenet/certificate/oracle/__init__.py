"""The float64 reference: one network forward, backward and updated, by hand in NumPy."""
