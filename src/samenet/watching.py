"""What a person sees while a run goes on: one line per result, or a live table on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from samenet import clock
from samenet.advise import words
from samenet.plan import Job, Plan, predicted_seconds
from samenet.records import FailureRecord, Record, TimingRecord

DOING = {
    "prepare": "data prepared",
    "certify": "checked: same network",
    "cell": "timed",
    "quickstart": "quick start trained",
    "reference": "models that are not networks fitted",
    "memory": "memory measured",
    "curves": "trained for the curves",
    "score": "scored",
}


@dataclass(slots=True)
class Progress:
    """Prints to standard error; the data on standard output stay clean."""

    plan: Plan
    quiet: bool = False
    started: float = field(default_factory=clock.now)
    finished: set[str] = field(default_factory=set)

    def watch(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        """Say what one job brought."""
        del seconds
        self.finished.add(job.id)
        if self.quiet:
            return
        print(f"{self._when()}  {_line(self.plan, job, records)}", file=sys.stderr, flush=True)

    def _when(self) -> str:
        spent = clock.now() - self.started
        left = predicted_seconds(j for j in self.plan.jobs if j.id not in self.finished)
        return f"[{_clock(spent)} · about {_clock(left)} left]"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _line(plan: Plan, job: Job, records: Sequence[Record]) -> str:
    who = plan.arm(job.arm).header.title if job.arm else ""
    what = job.tasks[0] if len(job.tasks) == 1 else f"{len(job.tasks)} tasks"
    failures = [record for record in records if isinstance(record, FailureRecord)]
    head = " · ".join(part for part in (what, who) if part)
    if failures:
        return f"{head}: {failures[0].mark}: {failures[0].reason}"
    return f"{head}: {DOING[job.pass_name]}{_numbers(job, records, plan)}"


def _numbers(job: Job, records: Sequence[Record], plan: Plan) -> str:
    if job.pass_name == "quickstart":
        return f" (seed {job.repeat + 1} of {plan.seeds})"
    if job.pass_name != "cell":
        return ""
    timings = {r.phase: r for r in records if isinstance(r, TimingRecord)}
    if "call" not in timings:
        return ""
    call = timings["call"]
    step = words(median(call.seconds) / call.steps)
    start = ("interpreter", "import", "wake", "build", "load", "first_call")
    ready = words(sum(timings[phase].seconds[0] for phase in start))
    return f", {step} a step, start-up {ready} (repeat {job.repeat + 1} of {plan.repeats})"
