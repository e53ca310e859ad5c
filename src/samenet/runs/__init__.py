"""What a run is on disk: plan, passes, records, folder, work order.

May import: adapter, spec, machine, stats.
"""
