"""The sections of the report, one file each: pure functions of the run's frames.

A folder is a chapter. CHAPTERS is the order of the page; within a chapter a section's ORDER counts.
"""

CHAPTERS = ("runs", "answer", "times", "learning", "quickstart", "quality", "trust")
"""A section outside all of these comes last."""
