"""Carry a study out, and gather what its workers saw: one row per training and epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from samenet import session
from samenet.errors import RunFolderError, UsageError, WorkerError
from samenet.plan import Job, Plan
from samenet.planning import Request, make_plan, refuse_nothing
from samenet.records import EventRecord, FailureRecord, Record
from samenet.runner import Watcher
from samenet.store import open_run
from samenet.study import LEFT_OUT, TRAINED, Scene, Study, StudyKind, study_of
from samenet.task import Task

START_SECONDS, EPOCH_SECONDS = 0.5, 0.03
"""Of one training: building and the first look; one epoch. Only for the time that is announced."""

COLUMNS = {
    "arm": "framework and mode, e.g. numpy:plain",
    "scene": "own (the task's network), deep (ten hidden layers) or fast (64 times the rate)",
    "choice": "the activation or the loss",
    "seed": "the number of the starting point, shared by all choices",
    "epoch": "after how many epochs; 0 is the untrained network",
    "split": "train or test rows",
    "quantity": "loss, accuracy, rmse, mae; gradient (of a kernel, train); dead (units, train)",
    "layer": "1 for the first layer; 0 where a number concerns the whole network",
    "value": "the number; rmse and mae in the data's own units",
}
"""The columns of `Outcome.frame`."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished study."""

    plan: Plan
    study: Study
    folder: Path
    frame: pd.DataFrame
    """Columns as in COLUMNS."""
    seconds: pd.DataFrame
    """Median seconds of an epoch per training: arm, scene, choice, seed, seconds."""
    left_out: dict[tuple[str, str], str]
    """Per (arm, choice) why there is nothing."""
    failed: bool
    """Whether something went wrong; what a framework does not offer is no failure."""
    worst_check: float
    """The largest error of a framework's own outputs and losses against the float64 network."""

    @property
    def task(self) -> Task:
        """Return the one task of the study."""
        return self.plan.tasks[0]

    @property
    def arms(self) -> list[str]:
        """Return the frameworks that have results, in the plan's order."""
        there = set(self.frame.arm)
        return [arm.name for arm in self.plan.arms if arm.name in there]

    def choices(self, arm: str) -> list[str]:
        """Return the choices that a framework has results for, in the study's order."""
        there = set(self.frame[self.frame.arm == arm].choice)
        return [choice for choice in self.study.choices if choice in there]

    def values(  # noqa: PLR0913 - one argument per column
        self, arm: str, scene: Scene, choice: str, quantity: str, *, split: str = "train",
        epoch: int | None = None, layer: int | None = None,
    ) -> list[float]:  # fmt: skip
        """Return one number per seed, at the last epoch unless told, summed over layers if any."""
        rows = self.frame
        rows = rows[(rows.arm == arm) & (rows.scene == scene) & (rows.choice == choice)]
        rows = rows[(rows.quantity == quantity) & (rows.split == split)]
        rows = rows[rows.epoch == (rows.epoch.max() if epoch is None else epoch)]
        rows = rows if layer is None else rows[rows.layer == layer]
        found: list[float] = rows.groupby("seed").value.sum(min_count=1).tolist()
        return found

    def epoch_seconds(self, arm: str, scene: Scene, choice: str) -> list[float]:
        """Return the median seconds of an epoch, one number per seed."""
        rows = self.seconds
        rows = rows[(rows.arm == arm) & (rows.scene == scene) & (rows.choice == choice)]
        found: list[float] = rows.seconds.tolist()
        return found


def make_study(
    kind: StudyKind,
    task: str | Task,
    *,
    frameworks: Sequence[str] = ("numpy",),
    choices: Sequence[str] = (),
    seeds: int = 0,
    epochs: int | None = None,
) -> Plan:
    """Return the plan of a study: the data, then one process per framework and seed.

    Raises UsageError for a name that does not exist and for a task that has nothing to vary.
    """
    names, own = ((), (task,)) if isinstance(task, Task) else ((task,), ())
    request = Request(
        tasks=names, own=own, frameworks=tuple(frameworks), epochs=epochs, track="same",
        name=f"study-{kind}",
    )  # fmt: skip
    plan = make_plan(request)
    refuse_nothing(plan)
    study = study_of(kind, plan.tasks[0], choices, seeds)
    prepare = [job for job in plan.jobs if job.pass_name == "prepare"]
    jobs = [
        *prepare,
        *(_job(plan, study, a.name, n) for n in range(study.seeds) for a in plan.arms),
    ]
    name = f"study-{kind}-{plan.tasks[0].name}"
    changes = {"study": study, "seeds": study.seeds, "jobs": tuple(jobs), "name": name}
    return plan.model_copy(update=changes)


def _job(plan: Plan, study: Study, arm: str, seed: int) -> Job:
    task = plan.tasks[0]
    each = START_SECONDS + EPOCH_SECONDS * task.training.epochs
    return Job(
        id=f"study/{arm}/r{seed}",
        pass_name="study",
        arm=arm,
        tasks=(task.name,),
        repeat=seed,
        timed=True,
        predicted_seconds=plan.arm(arm).import_seconds + each * len(study.variants),
    )


def carried_out(
    plan: Plan, folder: Path, watch: Watcher, say: session.Say = session.silent
) -> Outcome:
    """Train, gather, and draw the figure into the folder; raises WorkerError if nothing came."""
    from samenet import study_figures

    session.start(plan, folder, watch, say)
    found = load(folder)
    study_figures.write(found)
    return found


def load(folder: Path) -> Outcome:
    """Return the study in a run folder; raises RunFolderError if it holds none."""
    store = open_run(folder)
    plan = Plan.model_validate(store.read_json("plan.json"))
    if plan.study is None:
        raise RunFolderError(f"{folder} holds a run, but no study.")
    return gather(plan, plan.study, folder, store.records())


def gather(plan: Plan, study: Study, folder: Path, records: Sequence[Record]) -> Outcome:
    """Return the outcome that records make; raises WorkerError if no training was finished."""
    events = [record for record in records if isinstance(record, EventRecord)]
    trained = [(_arm(plan, e), e.data) for e in events if e.name == TRAINED]
    failures = [record for record in records if isinstance(record, FailureRecord)]
    left_out = {
        (_arm(plan, e), e.data["choice"]): e.data["reason"] for e in events if e.name == LEFT_OUT
    }
    left_out |= {(failure.arm, ""): failure.reason for failure in failures}
    left_out |= {(skipped.arm, ""): skipped.reason for skipped in plan.skipped}
    if not trained:
        reasons = "; ".join(sorted({f"{arm}: {why}" for (arm, _), why in left_out.items()}))
        raise WorkerError(f"Nothing was trained. {reasons or 'No framework is there'}.")
    kept = [(arm, data) for arm, data in trained if (arm, data["choice"]) not in left_out]
    if not kept:
        raise UsageError("No choice was trained in every scene.")
    rows = [row for arm, data in kept for row in _rows(arm, data)]
    times = [
        (arm, d["scene"], d["choice"], d["seed"], median(d["seconds"][1:] or d["seconds"]))
        for arm, d in kept
    ]
    return Outcome(
        plan=plan,
        study=study,
        folder=folder,
        frame=pd.DataFrame(rows, columns=list(COLUMNS)),
        seconds=pd.DataFrame(times, columns=["arm", "scene", "choice", "seed", "seconds"]),
        left_out=left_out,
        failed=bool(failures) or any(event.data.get("wrong") for event in events),
        worst_check=max(error for _, data in kept for error in data["checks"].values()),
    )


def _arm(plan: Plan, event: EventRecord) -> str:
    return next(job.arm for job in plan.jobs if job.id == event.job)


def _rows(arm: str, data: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of one training; what was not finite is NaN."""
    head = (arm, data["scene"], data["choice"], data["seed"])
    rows: list[tuple[Any, ...]] = []
    for epoch, seen in zip(data["epochs"], data["looks"], strict=True):
        for split in ("train", "test"):
            rows += [(*head, epoch, split, name, 0, _number(v)) for name, v in seen[split].items()]
        for name in ("gradient", "dead"):
            numbered = enumerate(seen[name], start=1)
            rows += [(*head, epoch, "train", name, layer, _number(v)) for layer, v in numbered]
    return rows


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
