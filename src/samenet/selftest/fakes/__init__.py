"""What the instrument is tried on: an adapter that does as planned, and the way to run it."""
