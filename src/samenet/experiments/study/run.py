"""Carry a study out, and gather what its workers saw: one row per training and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from samenet.adapter import discovery
from samenet.execution import session
from samenet.execution.planner import Request, make_plan, refuse_empty_plan
from samenet.execution.runner import Watcher
from samenet.experiments.study.outcome import StudyOutcome, load
from samenet.runs import seal
from samenet.runs.passes import PASSES
from samenet.runs.plan import Job, Plan
from samenet.spec.study import Study, StudyKind, define_study
from samenet.spec.task import Task

START_SECONDS, EPOCH_SECONDS = 0.5, 0.03
"""Of one training: building and the first look; one epoch. Only for the time that is announced."""


def make_study(
    kind: StudyKind,
    task: str | Task,
    *,
    frameworks: Sequence[str] = (),
    choices: Sequence[str] = (),
    seeds: int = 0,
    epochs: int | None = None,
) -> Plan:
    """Return the plan of a study: the data, then one process per framework and seed.

    Without frameworks it is the first of those that come with samenet.
    Raises UsageError for a name that does not exist and for a task that has nothing to vary.
    """
    frameworks = tuple(frameworks) or tuple(discovery.included_adapters())[:1]
    request = Request(
        tasks=() if isinstance(task, Task) else (task,),
        own=(task,) if isinstance(task, Task) else (),
        frameworks=frameworks,
        epochs=epochs,
        track="same",
        name=f"study-{kind}",
    )
    plan = make_plan(request)
    refuse_empty_plan(plan)
    study = define_study(kind, plan.tasks[0], choices, seeds)
    jobs = [
        *plan.only("prepare").jobs,
        *(_job(plan, study, a.name, n) for n in range(study.seeds) for a in plan.arms),
    ]
    name = f"study-{kind}-{plan.tasks[0].name}"
    changes = {"study": study, "seeds": study.seeds, "jobs": tuple(jobs), "name": name}
    return plan.model_copy(update=changes)


def _job(plan: Plan, study: Study, arm: str, seed: int) -> Job:
    task = plan.tasks[0]
    seconds_per_training = START_SECONDS + EPOCH_SECONDS * task.training.epochs
    return Job(
        id=f"study/{arm}/r{seed}",
        pass_name="study",
        arm=arm,
        tasks=(task.name,),
        repeat=seed,
        timed=PASSES["study"].timed,
        predicted_seconds=plan.arm(arm).import_seconds + seconds_per_training * len(study.variants),
    )


def carry_out(
    plan: Plan, folder: Path, watch: Watcher, say: session.Printer = session.print_nothing
) -> StudyOutcome:
    """Train, gather, and draw the figure into the folder; raises WorkerError without a result."""
    from samenet.experiments.study import figures

    store = session.start_run(plan, folder, watch, say)
    outcome = load(folder)
    with store.writing():
        figures.write_figures(outcome)
        seal.seal_run(store, plan)
    return outcome
