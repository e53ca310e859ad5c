"""Tests of the instrument on fake frameworks, which do what they are told."""
