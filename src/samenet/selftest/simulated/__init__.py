"""Tests of the instrument on drawn numbers, whose truth is known."""
