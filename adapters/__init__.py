"""The frameworks: one file each for the same-network loops, one for the documented quick start."""
