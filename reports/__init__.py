"""The sections of the report, one file each: pure functions of the run's frames."""
