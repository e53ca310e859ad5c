"""Attempts at a job: what the machine cut short is done again, and only the last attempt counts.

A worker that the memory ran out for, that a full disk kept from answering or that somebody killed
says nothing about its framework. Its failure is a record like any other, so that a page can show
it; the event that ends the job says `again`. A resume then does the job once more, and what the
earlier attempt left stays in the file and counts no longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from samenet.runs.records import JobFinished, Record


def counting(records: Sequence[Record]) -> list[Record]:
    """Return the records without those of attempts that have been made again since."""
    ends = [(n, r) for n, r in enumerate(records) if isinstance(r, JobFinished)]
    last = {end.job: n for n, end in ends}
    replaced = {end.job: n for n, end in ends if end.again and n < last[end.job]}
    if not replaced:
        return list(records)
    return [record for n, record in enumerate(records) if n > replaced.get(record.job, -1)]


def to_do_again(records: Iterable[Record]) -> set[str]:
    """Return the jobs whose last attempt the machine cut short."""
    last = {record.job: record.again for record in records if isinstance(record, JobFinished)}
    return {job for job, again in last.items() if again}


def made_again(records: Iterable[Record]) -> set[str]:
    """Return the jobs that were cut short at least once, whatever came of them later."""
    return {record.job for record in records if isinstance(record, JobFinished) and record.again}
