"""Beyond the main run: scaling, studies, contests.

May import: report, advice, execution, analysis, run, certificate, adapter, spec, machine, stats.
"""
