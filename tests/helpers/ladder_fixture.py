"""Made-up runs of the ladder whose calls take planted seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from planted_costs import PLANTED
from report_fixture import MACHINE, recorded

from samenet.analysis.frames import Frames, build
from samenet.experiments.scaling import ladder
from samenet.experiments.scaling.cost_model import Call
from samenet.runs.records import DataPrepared, Record, TimingRecord
from samenet.spec import Task

ARMS = ("numpy:plain", "pytorch:eager")
Seconds = Callable[[str, Call], float]


def planted(_arm: str, call: Call) -> float:
    """Return what the planted model says, for every arm."""
    return PLANTED.predict(*call)


def stepped(arm: str, call: Call) -> float:
    """Return the same, but PyTorch falls off a cliff where a batch is large."""
    cliff = 3.0 if arm == "pytorch:eager" and call.batch_size >= 640 else 1.0
    return cliff * planted(arm, call)


@cache
def run(seconds: Seconds = planted, points: int | None = None, first: int = 0) -> Frames:
    """Return a made-up run of points of the ladder, whose calls take these seconds.

    They are the first `points` of them, without the `first` ones.
    """
    plan, records = recorded(
        tasks=ladder.ladder_tasks()[first:points],
        arms=ARMS,
        track="same",
        repeats=2,
        refused=(),
        failed=(),
        reference=False,
    )
    by_name = {task.name: task for task in plan.tasks}
    return build(plan, MACHINE, [_timed(r, seconds, by_name) for r in records])


def _timed(record: Record, seconds: Seconds, tasks: dict[str, Task]) -> Record:
    """Return a record of a point of the ladder with its own rows, steps and planted seconds."""
    if isinstance(record, DataPrepared):
        task = tasks[record.task]
        rows = ladder.steps_of(task) * task.training.batch_size
        return replace(record, train_rows=rows)
    phases = ("first_call", "call", "call_other")
    if not isinstance(record, TimingRecord) or record.phase not in phases:
        return record
    task = tasks[record.task]
    steps = record.steps if record.phase == "call_other" else ladder.steps_of(task)
    call = Call(ladder.network_of(task).widths, task.training.batch_size, steps)
    one = seconds(record.arm, call)
    if record.phase == "first_call":
        return replace(record, seconds=(record.seconds[0] + one,), steps=steps)
    return replace(record, seconds=(one, one, one), steps=steps)
