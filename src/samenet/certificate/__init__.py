"""The proof that a framework computes the network: oracle, gates, limits, cases.

May import: adapter, spec, machine, stats.
"""
