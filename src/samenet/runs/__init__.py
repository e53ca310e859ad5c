"""What a run is on disk: plan, passes, records, folder, work order, and what the machine was like.

May import: adapter, spec, machine, stats, and the small files beside the packages.
"""
