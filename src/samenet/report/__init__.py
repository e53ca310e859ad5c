"""From tables to a page, a document, figures, a notebook cell; and its recomputation.

May import: advice, execution, analysis, run, adapter, spec, machine, stats.
"""
