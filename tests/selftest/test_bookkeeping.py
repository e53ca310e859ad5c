"""What measuring costs, computed from records: the clock's share, and what nobody accounts for."""

from __future__ import annotations

import pytest

from samenet.runs.records import JobFinished, Record, TimingRecord
from samenet.selftest.measured.bookkeeping import figures


def timing(phase: str, *seconds: float) -> TimingRecord:
    """Return the samples of a phase of the only process."""
    return TimingRecord(
        job="cell/a/t/r0",
        track="same",
        task="t",
        arm="a",
        repeat=0,
        phase=phase,
        steps=1,
        seconds=seconds,
    )


def finished(pass_name: str, seconds: float) -> JobFinished:
    """Return the end of a job."""
    return JobFinished(job="cell/a/t/r0", when="", pass_name=pass_name, seconds=seconds)


@pytest.mark.parametrize(("seconds", "passed"), [(2.1, True), (2.5, False)])
def test_what_no_phase_accounts_for_is_the_rest(seconds: float, *, passed: bool) -> None:
    """Of 2.1 s, 2 s are import, calls and checks: 5 %; of 2.5 s the rest is a fifth."""
    records: list[Record] = [
        timing("import", 0.5),
        timing("call", 0.5, 0.4),
        timing("check", 0.6),
        finished("cell", seconds),
        finished("score", 100.0),
    ]
    clock, rest = figures(records, reading_seconds=1e-3)
    assert clock.value == pytest.approx(1e-3 / 0.4)
    assert rest.value == pytest.approx(1 - 2 / seconds)
    assert rest.passed is passed
