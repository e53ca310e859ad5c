"""Carrying a plan out: schedule, start workers, keep answers, stop.

May import: analysis, run, certificate, adapter, spec, machine, stats.
"""
