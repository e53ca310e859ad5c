"""A run as tables, and what follows from them by arithmetic.

May import: run, adapter, spec, machine, stats.
"""
