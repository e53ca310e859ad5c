"""Numbers without a run: intervals, tests, verdicts, ranks, steady state, stopping.

May import: nothing of samenet but the small files beside the packages.
"""
