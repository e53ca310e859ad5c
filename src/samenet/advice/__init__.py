"""Which framework to use, each sentence with its evidence.

May import: analysis, run, adapter, spec, machine, stats.
"""
