"""A run as tables, and what follows from them by arithmetic.

May import: runs, adapter, spec, machine, stats.
"""
