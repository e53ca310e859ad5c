"""The live table on a terminal: every result with its latest numbers, and how long it will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from samenet._console import printable
from samenet.execution import notebook_progress
from samenet.execution.progress import Progress, measured
from samenet.execution.runner import Watcher
from samenet.runs.plan import Job, Plan
from samenet.runs.records import CertificateRecord, FailureRecord, Record
from samenet.stats.formatting import words


@contextmanager
def watching(
    plan: Plan, *, quiet: bool = False, done: frozenset[str] = frozenset()
) -> Iterator[Watcher]:
    """Yield what to call after every job: a live table, a notebook's bar, or one line per job."""
    progress = Progress(plan, quiet=quiet, finished=set(done))
    console = Console(stderr=True)
    if not quiet and notebook_progress.in_notebook():
        with notebook_progress.bar(progress) as watch:
            yield watch
        return
    if quiet or not console.is_terminal:
        yield progress.watch
        return
    board = Board(plan, progress)
    with Live(board.table(), console=console, refresh_per_second=2) as live:
        yield lambda job, records, seconds: live.update(board.updated(job, records, seconds))


class Board:
    """The rows of the live table; it only ever changes in `updated`."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        """Start with one empty row per task and framework."""
        self.plan, self.progress = plan, progress
        self.resting = plan.resting
        self.steps: dict[tuple[str, str], list[float]] = {}
        self.starts: dict[tuple[str, str], list[float]] = {}
        self.states = {(t.name, a.name): "waiting" for t in plan.tasks for a in plan.arms}
        self.states |= {(s.task, s.arm): s.reason for s in plan.skipped}

    def updated(self, job: Job, records: Sequence[Record], seconds: float) -> Table:
        """Take in the records of a job and return the new table."""
        self.progress.take(job, seconds)
        for record in records:
            if isinstance(record, CertificateRecord | FailureRecord):
                self._take(record)
        found = measured(records) if job.kind.progress_unit == "repeats" else None
        if found:
            place = (job.tasks[0], job.arm)
            self.steps.setdefault(place, []).append(found.step_seconds)
            self.starts.setdefault(place, []).append(found.start_seconds)
            self.states[place] = f"repeat {job.repeat + 1} of {self.plan.most}"
        return self.table()

    def _take(self, record: CertificateRecord | FailureRecord) -> None:
        for task in self.resting.get(record.task, (record.task,)):
            if (task, record.arm) in self.states:
                self._note(record, (task, record.arm))

    def _note(self, record: CertificateRecord | FailureRecord, place: tuple[str, str]) -> None:
        if isinstance(record, FailureRecord):
            self.states[place] = f"{record.mark}: {record.reason}"
        elif not record.passed:
            self.states[place] = f"not compared: {record.gate}, {record.quantity}"
        elif record.gate == "gate 1" and self.states[place] == "waiting":
            self.states[place] = "checked: same network"

    def table(self) -> Table:
        """Return the table as it stands."""
        table = Table(title=f"{self.plan.name}  {self.progress.when()}", title_justify="left")
        for name in ("task", "framework", "a step", "start-up", ""):
            table.add_column(name, justify="right" if name in ("a step", "start-up") else "left")
        for task, arm in self.states:
            place = (task, arm)
            numbers = (self._shown(self.steps, place), self._shown(self.starts, place))
            table.add_row(*(Text(printable(t)) for t in (task, arm, *numbers, self.states[place])))
        return table

    def _shown(self, values: dict[tuple[str, str], list[float]], place: tuple[str, str]) -> str:
        return words(median(values[place])) if place in values else ""
