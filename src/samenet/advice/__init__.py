"""Which framework to use, each sentence with its evidence.

May import: analysis, runs, adapter, spec, machine, stats.
"""
