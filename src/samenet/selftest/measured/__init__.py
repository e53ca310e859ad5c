"""Tests of the instrument on real runs."""
