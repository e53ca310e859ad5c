"""From tables to a page, a document, figures, a notebook cell; and its recomputation.

May import: advice, execution, analysis, runs, adapter, spec, machine, stats.
"""
