"""Attempts at a job: only the last one counts, and what is cut short is done again."""

from __future__ import annotations

from samenet.runs.attempts import counting, made_again, to_do_again
from samenet.runs.records import FailureRecord, JobFinished, Record


def attempt(job: str, *, again: bool) -> list[Record]:
    """Return the records of one attempt."""
    failure = FailureRecord(
        job=job, track="same", task="t", arm="a", repeat=0, mark="interrupted", reason="killed"
    )
    end = JobFinished(job=job, when="", pass_name="cell", seconds=1.0, again=again)
    return [failure, end] if again else [end]


def test_an_attempt_counts_until_the_next_is_made() -> None:
    """A failure of the machine is shown as long as it is all there is."""
    first = attempt("a", again=True)
    assert counting(first) == first
    assert to_do_again(first) == {"a"}


def test_a_later_attempt_takes_its_place() -> None:
    """Nothing of the earlier one counts, and everything of other jobs does."""
    other, last = attempt("b", again=False), attempt("a", again=False)
    records = [*attempt("a", again=True), *other, *attempt("a", again=True), *last]
    assert counting(records) == [*other, *last]
    assert to_do_again(records) == set()
    assert made_again(records) == {"a"}
