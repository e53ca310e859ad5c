"""What `samenet layers` does: every network proved, then timed by all frameworks in turn."""

from __future__ import annotations

from collections.abc import Sequence

from samenet.adapter.api import Target
from samenet.adapter.support import lacking
from samenet.execution import planner
from samenet.execution.durations import DurationPredictor
from samenet.experiments.layers import networks
from samenet.runs.passes import PASSES
from samenet.runs.plan import Job, Plan, rotate

REPEATS = 5
"""Processes per framework and kind of layer: enough for intervals of all pairs at once."""

STEADY_SECONDS = 0.2
"""Of each of the two passes, of one network in one process."""


def make_plan(  # noqa: PLR0913 - all that a person can choose
    *,
    kinds: Sequence[str] = (),
    sizes: Sequence[str] = (),
    frameworks: Sequence[str] = (),
    target: Target | None = None,
    repeats: int = REPEATS,
    memory: bool = True,
    worker_seconds: float | None = None,
) -> Plan:
    """Return the plan: rows, certificates, the timed processes in turn, then memory.

    Raises UsageError for a kind, a size or a framework that there is not.
    """
    request = planner.Request(
        own=networks.layer_tasks(kinds, sizes),
        frameworks=tuple(frameworks),
        target=target or Target(),
        repeats=repeats,
        worker_seconds=worker_seconds,
        track="same",
        name="layers",
    )
    plan = planner.make_plan(request)
    before = plan.only("prepare", "certify").jobs
    after = [
        job for job in plan.only("memory").jobs if memory and _offers(plan, job.arm, job.tasks[0])
    ]
    return plan.model_copy(
        update={
            # The proof is of these very networks; what else an adapter offers is not asked.
            "cases": {},
            "steady_seconds": STEADY_SECONDS,
            "jobs": (*before, *_timed_jobs(plan), *after),
        }
    )


def _timed_jobs(plan: Plan) -> list[Job]:
    """Return one process per repeat, kind and framework: frameworks in turn, in rotated order.

    The sizes of a kind share a process. In every repeat each framework takes another turn.
    """
    tasks_of = {
        job.arm: tuple(name for name in job.tasks if _offers(plan, job.arm, name))
        for job in plan.only("certify").jobs
    }
    predict = DurationPredictor(
        planner.starts_of(plan.arms), steady_seconds=STEADY_SECONDS, history={}
    )
    blocks = [
        [(arm, tuple(name for name in names if name in same)) for arm, names in tasks_of.items()]
        for same in _by_kind(plan)
    ]
    return [
        Job(
            id=f"layers/{arm}/{networks.kind_of(plan.task(tasks[0]))}/r{repeat}",
            pass_name="layers",
            arm=arm,
            tasks=tasks,
            repeat=repeat,
            timed=PASSES["layers"].timed,
            predicted_seconds=round(predict.seconds("layers", arm, tasks), 2),
        )
        for repeat in range(plan.repeats)
        for block in blocks
        for arm, tasks in rotate([each for each in block if each[1]], repeat)
    ]


def _offers(plan: Plan, arm: str, name: str) -> bool:
    """Return whether an arm has what a network needs; the pass that proves says what it lacks."""
    task = plan.task(name)
    capabilities = plan.arm(arm).capabilities
    return not lacking(capabilities, networks.network_of(task), task.training)


def _by_kind(plan: Plan) -> list[set[str]]:
    """Return the names of the tasks of each kind of layer."""
    names: dict[str, set[str]] = {}
    for task in plan.tasks:
        names.setdefault(networks.kind_of(task), set()).add(task.name)
    return list(names.values())
