"""Processor time over wall time: refused where a process is bound, shown where it cannot be."""

from __future__ import annotations

from samenet.adapter import Target
from samenet.certificate.readback import check_processors_busy


def test_as_many_processors_as_threads_pass() -> None:
    """Two threads that are always busy are what was asked for."""
    assert check_processors_busy(1.99, 1.0, Target(threads=2)).passed


def test_a_second_busy_processor_is_refused() -> None:
    """A framework that computes on two processors where one was asked for does not pass."""
    check = check_processors_busy(1.5, 1.0, Target(threads=1))
    assert not check.passed
    assert check.error == 1.5


def test_unbound_processes_are_flagged_and_not_refused() -> None:
    """Where nothing can be bound the share is shown with a note, and stands against nothing."""
    check = check_processors_busy(1.5, 1.0, Target(threads=1), 4)
    assert check.passed
    assert "not pinned" in check.detail
