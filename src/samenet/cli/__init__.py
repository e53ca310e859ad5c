"""The command line: parse, call, print; no logic.

May import: everything but worker, adapters, tasks and reports.
"""
