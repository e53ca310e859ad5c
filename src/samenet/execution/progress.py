"""What a person sees during a run: one line per finished job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from samenet._console import make_printable, print_text
from samenet.analysis.processes import START_UP
from samenet.machine import clock
from samenet.runs.plan import Job, Plan, predict_wall_seconds
from samenet.runs.records import (
    CertificateRecord,
    DataPrepared,
    FailureRecord,
    ProcessesLeft,
    Record,
    TimingRecord,
)
from samenet.stats.formatting import format_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTimes:
    """The first numbers of one timed process."""

    step_seconds: float
    start_seconds: float


def read_process_times(records: Sequence[Record]) -> ProcessTimes | None:
    """Return the step time and the start-up of a timed process, or None if it has none."""
    timings = {r.phase: r for r in records if isinstance(r, TimingRecord)}
    if "call" not in timings:
        return None
    call = timings["call"]
    return ProcessTimes(
        step_seconds=median(call.seconds) / call.steps,
        start_seconds=sum(timings[phase].seconds[0] for phase in START_UP if phase in timings),
    )


@dataclass(slots=True)
class Progress:
    """Prints to standard error, so that standard output holds data only."""

    plan: Plan
    quiet: bool = False
    started: float = field(default_factory=clock.now)
    finished: set[str] = field(default_factory=set)

    def take(self, job: Job, seconds: float) -> None:
        """Note that a job is finished."""
        del seconds
        self.finished.add(job.id)

    def watch(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        """Print what came of one job."""
        self.take(job, seconds)
        if not self.quiet:
            line = f"{self.when()}  {_line(self.plan, job, records)}"
            lines = [line, *_left_out(records), *_left_behind(records)]
            print_text("\n".join(lines), err=True)

    def when(self) -> str:
        """Return the time spent and the time that is probably left."""
        spent = clock.now() - self.started
        left = predict_wall_seconds(j for j in self.plan.jobs if j.id not in self.finished)
        return f"[{_clock(spent)} · about {_clock(left)} left]"


def _left_out(records: Sequence[Record]) -> list[str]:
    """Return the notes on what was left out of the data: nobody should miss that."""
    return [
        f"    {note}"
        for record in records
        if isinstance(record, DataPrepared)
        for note in record.notes
        if "left out" in note or "dropped" in note
    ]


def _left_behind(records: Sequence[Record]) -> list[str]:
    """Say which worker started processes that went on after its end."""
    return [
        f"    {record.arm or record.job} left {record.count} running after its end: ended now"
        for record in records
        if isinstance(record, ProcessesLeft)
    ]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _line(plan: Plan, job: Job, records: Sequence[Record]) -> str:
    who = plan.arm(job.arm).header.title if job.arm else ""
    units = "functions and optimisers" if job.kind.on_cases else "tasks"
    what = job.tasks[0] if len(job.tasks) == 1 else f"{len(job.tasks)} {units}"
    failures = [record for record in records if isinstance(record, FailureRecord)]
    head = " · ".join(part for part in (what, who) if part)
    if failures:
        return make_printable(f"{head}: {failures[0].mark}: {failures[0].reason}")
    broken = [r for r in records if isinstance(r, CertificateRecord) and not r.passed]
    if broken:
        return f"{head}: not compared: {broken[0].gate}, {broken[0].quantity}"
    if not job.tasks or (not records and job.kind.answers in {"one", "many"}):
        return f"{head}: left out (it failed its check)"
    return f"{head}: {job.kind.done_text}{_numbers(job, records, plan)}"


def _numbers(job: Job, records: Sequence[Record], plan: Plan) -> str:
    if job.kind.progress_unit == "seeds":
        return f" (seed {job.repeat + 1} of {plan.seeds})"
    times = read_process_times(records) if job.kind.progress_unit == "repeats" else None
    if times is None:
        return ""
    step = format_seconds(times.step_seconds)
    start_up = format_seconds(times.start_seconds)
    return f", {step} a step, start-up {start_up} (repeat {job.repeat + 1} of {plan.most})"
