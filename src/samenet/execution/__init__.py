"""Carrying a plan out: schedule, start workers, keep answers, stop.

May import: analysis, runs, certificate, adapter, spec, machine, stats.
"""
