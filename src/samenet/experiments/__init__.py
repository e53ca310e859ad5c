"""Beyond the main run: scaling, studies, contests.

May import: report, advice, execution, analysis, runs, certificate, adapter, spec, machine, stats.
"""
