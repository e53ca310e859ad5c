"""The live table on a terminal: every result with its latest numbers, and the time left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from samenet._console import make_printable
from samenet.execution import notebook_progress
from samenet.execution.progress import Progress, read_process_times
from samenet.execution.runner import Watcher
from samenet.runs.plan import Job, Plan
from samenet.runs.records import CertificateRecord, FailureRecord, Record
from samenet.stats.formatting import format_seconds


@contextmanager
def watch_run(
    plan: Plan, *, quiet: bool = False, done: frozenset[str] = frozenset()
) -> Iterator[Watcher]:
    """Yield what to call after every job: a live table, a notebook's bar, or one line per job."""
    progress = Progress(plan, quiet=quiet, finished=set(done))
    console = Console(stderr=True)
    if not quiet and notebook_progress.in_notebook():
        with notebook_progress.progress_bar(progress) as watch:
            yield watch
        return
    if quiet or not console.is_terminal:
        yield progress.watch
        return
    board = LiveTable(plan, progress)
    with Live(board.table(), console=console, refresh_per_second=2) as live:
        yield lambda job, records, seconds: live.update(board.updated(job, records, seconds))


class LiveTable:
    """The rows of the live table; they change in `updated` only."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        """Start with one empty row per task and framework."""
        self.plan = plan
        self.progress = progress
        self.resting = plan.resting
        self.steps: dict[tuple[str, str], list[float]] = {}
        self.starts: dict[tuple[str, str], list[float]] = {}
        self.states = {(task.name, arm.name): "waiting" for task in plan.tasks for arm in plan.arms}
        self.states |= {(skipped.task, skipped.arm): skipped.reason for skipped in plan.skipped}

    def updated(self, job: Job, records: Sequence[Record], seconds: float) -> Table:
        """Return the table with the records of one more job."""
        self.progress.take(job, seconds)
        for record in records:
            if isinstance(record, CertificateRecord | FailureRecord):
                self._update_states(record)
        times = read_process_times(records) if job.kind.progress_unit == "repeats" else None
        if times:
            row = (job.tasks[0], job.arm)
            self.steps.setdefault(row, []).append(times.step_seconds)
            self.starts.setdefault(row, []).append(times.start_seconds)
            self.states[row] = f"repeat {job.repeat + 1} of {self.plan.most}"
        return self.table()

    def _update_states(self, record: CertificateRecord | FailureRecord) -> None:
        # The record of a parity case is about every task that rests on it.
        for task in self.resting.get(record.task, (record.task,)):
            row = (task, record.arm)
            if row not in self.states:
                continue
            if isinstance(record, FailureRecord):
                self.states[row] = f"{record.mark}: {record.reason}"
            elif not record.passed:
                self.states[row] = f"not compared: {record.gate}, {record.quantity}"
            elif record.gate == "gate 1" and self.states[row] == "waiting":
                self.states[row] = "checked: same network"

    def table(self) -> Table:
        """Return the table as it is now."""
        table = Table(title=f"{self.plan.name}  {self.progress.when()}", title_justify="left")
        for name in ("task", "framework", "a step", "start-up", ""):
            table.add_column(name, justify="right" if name in ("a step", "start-up") else "left")
        for row, state in self.states.items():
            step, start_up = (
                format_seconds(median(values[row])) if row in values else ""
                for values in (self.steps, self.starts)
            )
            table.add_row(*(Text(make_printable(text)) for text in (*row, step, start_up, state)))
        return table
