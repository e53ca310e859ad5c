"""Carrying out a plan: schedule, start workers, keep their answers, show progress, stop.

May import: analysis, worker, runs, certificate, adapter, spec, machine, stats, and the small files
beside the packages. Not advice, which stands on the same level.
"""
