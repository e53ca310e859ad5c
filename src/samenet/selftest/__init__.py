"""The instrument's tests of itself: one module each, found by its file name.

A module has `SUMMARY`, one line for the list; `OPTIONS`, which of --n, --short and --seed it heeds;
and `run(order)`, which returns its figures. What is simulated takes seconds; what starts real
processes says so in its summary.

May import: everything but cli, api, adapters, tasks and reports.
"""
