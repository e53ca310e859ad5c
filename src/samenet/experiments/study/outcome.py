"""What a study found, as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from samenet.errors import RunFolderError, UsageError, WorkerError
from samenet.runs.folder import open_run
from samenet.runs.plan import Plan
from samenet.runs.records import Event, FailureRecord, Record, StudyOmission, StudyTraining
from samenet.spec.study import Scene, Study
from samenet.spec.task import Task

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
class StudyOutcome:
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
        self,
        arm: str,
        scene: Scene,
        choice: str,
        quantity: str,
        *,
        split: str = "train",
        epoch: int | None = None,
        layer: int | None = None,
    ) -> list[float]:
        """Return one number per seed: at the last epoch unless given, summed over the layers.

        A gap in one of the layers is a gap in their sum.
        """
        rows = self.frame
        rows = rows[(rows.arm == arm) & (rows.scene == scene) & (rows.choice == choice)]
        rows = rows[(rows.quantity == quantity) & (rows.split == split)]
        rows = rows[rows.epoch == (rows.epoch.max() if epoch is None else epoch)]
        rows = rows if layer is None else rows[rows.layer == layer]
        return [float(of_seed.sum(skipna=False)) for _, of_seed in rows.groupby("seed").value]

    def epoch_seconds(self, arm: str, scene: Scene, choice: str) -> list[float]:
        """Return the median seconds of an epoch, one number per seed."""
        rows = self.seconds
        rows = rows[(rows.arm == arm) & (rows.scene == scene) & (rows.choice == choice)]
        seconds: list[float] = rows.seconds.tolist()
        return seconds


def load(folder: Path) -> StudyOutcome:
    """Return the study in a run folder; raises RunFolderError if it holds none."""
    store = open_run(folder)
    plan = Plan.model_validate(store.read_json("plan.json"))
    if plan.study is None:
        raise RunFolderError(f"{folder} holds a run, but no study.")
    return gather(plan, plan.study, folder, store.records())


def gather(plan: Plan, study: Study, folder: Path, records: Sequence[Record]) -> StudyOutcome:
    """Return the outcome that records make; raises WorkerError if no training was finished."""
    trained = [
        (_arm(plan, record), record) for record in records if isinstance(record, StudyTraining)
    ]
    refused = [record for record in records if isinstance(record, StudyOmission)]
    failures = [record for record in records if isinstance(record, FailureRecord)]
    left_out = {(_arm(plan, record), record.choice): record.reason for record in refused}
    left_out |= {(failure.arm, ""): failure.reason for failure in failures}
    left_out |= {(skipped.arm, ""): skipped.reason for skipped in plan.skipped}
    if not trained:
        reasons = "; ".join(sorted({f"{arm}: {why}" for (arm, _), why in left_out.items()}))
        raise WorkerError(f"Nothing was trained. {reasons or 'No framework is there'}.")
    kept = [(arm, seen) for arm, seen in trained if (arm, seen.choice) not in left_out]
    if not kept:
        raise UsageError("No choice was trained in every scene.")
    rows = [row for arm, seen in kept for row in _rows(arm, seen)]
    times = [
        (arm, seen.scene, seen.choice, seen.seed, median(seen.seconds[1:] or seen.seconds))
        for arm, seen in kept
    ]
    return StudyOutcome(
        plan=plan,
        study=study,
        folder=folder,
        frame=pd.DataFrame(rows, columns=list(COLUMNS)),
        seconds=pd.DataFrame(times, columns=["arm", "scene", "choice", "seed", "seconds"]),
        left_out=left_out,
        failed=bool(failures) or any(record.wrong for record in refused),
        worst_check=max(error for _, seen in kept for error in seen.checks.values()),
    )


def _arm(plan: Plan, event: Event) -> str:
    return next(job.arm for job in plan.jobs if job.id == event.job)


def _rows(arm: str, trained: StudyTraining) -> list[tuple[Any, ...]]:
    """Return the rows of one training; what was not finite becomes NaN."""
    head = (arm, trained.scene, trained.choice, trained.seed)
    rows: list[tuple[Any, ...]] = []
    for epoch, seen in zip(trained.epochs, trained.looks, strict=True):
        for split in ("train", "test"):
            rows += [(*head, epoch, split, name, 0, _number(v)) for name, v in seen[split].items()]
        for name in ("gradient", "dead"):
            numbered = enumerate(seen[name], start=1)
            rows += [(*head, epoch, "train", name, layer, _number(v)) for layer, v in numbered]
    return rows


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
