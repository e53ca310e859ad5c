"""A run as tidy data frames: the only thing that sections, advice and users compute from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from samenet import parity, steady
from samenet.plan import Plan
from samenet.records import (
    CertificateRecord,
    EventRecord,
    FailureRecord,
    FootprintRecord,
    LimitRecord,
    QualityRecord,
    Record,
    TimingRecord,
)
from samenet.store import open_run

START_UP = ("interpreter", "import", "wake", "build", "load", "first_call")
"""The phases from an empty interpreter to the first call, in order; the last holds the compile."""


PREDICTED = "inference"
"""The gate of predicting: it decides about the times of predicting, not about those of training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """One run. Every frame has the columns task and arm; repeat counts processes from 0.

    times         task arm repeat seconds of: step, call_fixed, epoch, own_fit (an epoch of the
                  framework's own whole fit, first process only) and, per phase, start-up;
                  one row per (task, arm, repeat, quantity)
    steadiness    task arm repeat name onset: what samenet.steady calls each process's chunks
    samples       every raw sample: track task arm repeat phase index steps seconds
    scores        track task arm repeat split metric epoch value
    checks        task arm repeat gate quantity dtype error limit passed detail
    predicted     the same columns: whether predicting gives the right outputs
    limits        task quantity work seconds (the middle sample): what this machine can do
    footprints    task arm bytes_after_import bytes_peak device_bytes_peak
    failures      track task arm repeat mark reason detail
    data          one row per task: what the preparation said
    """

    plan: Plan
    machine: dict[str, Any]
    times: pd.DataFrame
    steadiness: pd.DataFrame
    samples: pd.DataFrame
    scores: pd.DataFrame
    checks: pd.DataFrame
    predicted: pd.DataFrame
    limits: pd.DataFrame
    footprints: pd.DataFrame
    failures: pd.DataFrame
    data: dict[str, dict[str, Any]]
    seconds_taken: float

    def per_repeat(self, task: str, arm: str, quantity: str) -> dict[int, float]:
        """Return one number per process: {repeat: seconds}."""
        rows = self.times[
            (self.times.task == task) & (self.times.arm == arm) & (self.times.quantity == quantity)
        ]
        return dict(zip(rows.repeat.tolist(), rows.seconds.tolist(), strict=True))

    def compared(self, task: str) -> list[str]:
        """Return the arms whose same-network times may be compared: every check passed."""
        timed = self.times[self.times.task == task].arm.unique().tolist()
        checks = self.checks[self.checks.task == task]
        failed = set(checks[~checks.passed.astype(bool)].arm)
        return [arm for arm in timed if arm in set(checks.arm) - failed]

    def settled(self, task: str, arm: str) -> bool:
        """Return whether a result has a steady state; otherwise only its totals are compared."""
        rows = self.steadiness[(self.steadiness.task == task) & (self.steadiness.arm == arm)]
        return not steady.unsteady(rows["name"].tolist())

    def unsettled(self, task: str, arms: Sequence[str]) -> tuple[str, ...]:
        """Say of which results only the whole training is compared: what their processes did."""
        rows, found = self.steadiness[self.steadiness.task == task], []
        for arm in (arm for arm in arms if not self.settled(task, arm)):
            names = rows[rows.arm == arm]["name"].tolist()
            counted = [f"{names.count(name)} {name}" for name in dict.fromkeys(names)]
            found.append(f"{self.title(arm)} ({', '.join(counted)})")
        text = "Steps and epochs are not compared where too many processes never settled"
        return (f"{text}: {'; '.join(found)}.",) if found else ()

    def title(self, arm: str) -> str:
        """Return how an arm is called on the page, e.g. 'PyTorch (eager)'."""
        names = {"linear": "Linear model", "boosted_trees": "Boosted trees"}
        if arm in names:
            return names[arm]
        found = next((each for each in self.plan.arms if each.name == arm), None)
        return f"{found.header.title} ({found.mode})" if found else arm

    def color(self, arm: str) -> str:
        """Return the framework's colour, the same in every figure."""
        known = {found.name: found.header.color for found in self.plan.arms}
        return known.get(arm, "#777777")


def load(folder: Path) -> Frames:
    """Read a run folder; raises RunFolderError if it is not one or is damaged."""
    store = open_run(folder)
    plan = Plan.model_validate(store.read_json("plan.json"))
    return build(plan, store.read_json("machine.json"), store.records())


def build(plan: Plan, machine: dict[str, Any], records: Sequence[Record]) -> Frames:
    """Return the frames of records."""
    records = attributed(records, plan)
    samples = _samples(records)
    checks = _table(records, CertificateRecord, _CHECKS)
    return Frames(
        plan=plan,
        machine=machine,
        samples=samples,
        times=_times(samples, plan, records),
        steadiness=_steadiness(samples),
        scores=_scores(records),
        checks=checks[checks.gate != PREDICTED].reset_index(drop=True),
        predicted=checks[checks.gate == PREDICTED].reset_index(drop=True),
        limits=_limits(records),
        footprints=_table(records, FootprintRecord, _FOOTPRINTS),
        failures=_failures(plan, records),
        data={
            r.data["task"]: r.data
            for r in records
            if isinstance(r, EventRecord) and r.name == "data prepared"
        },
        seconds_taken=sum(
            r.data.get("seconds", 0.0)
            for r in records
            if isinstance(r, EventRecord) and r.name == "job finished"
        ),
    )


def attributed(records: Sequence[Record], plan: Plan) -> list[Record]:
    """Return the records, what was shown for a parity case once for every task that rests on it."""
    resting = parity.resting(plan.tasks)
    return [each for record in records for each in _attributed(record, resting)]


def _attributed(record: Record, resting: dict[str, list[str]]) -> list[Record]:
    case = getattr(record, "task", "")
    if case not in resting:
        return [record]
    if isinstance(record, CertificateRecord) and record.gate in ("gate 2", "gate 3"):
        record = replace(record, quantity=f"{record.quantity} ({case})")
    return [replace(record, task=task) for task in resting[case]]  # type: ignore[call-arg]


_CHECKS = [
    "task",
    "arm",
    "repeat",
    "gate",
    "quantity",
    "dtype",
    "error",
    "limit",
    "passed",
    "detail",
]
_FOOTPRINTS = ["task", "arm", "bytes_after_import", "bytes_peak", "device_bytes_peak"]
_FAILURES = ["track", "task", "arm", "repeat", "mark", "reason", "detail"]
_SAMPLES = ["track", "task", "arm", "repeat", "phase", "index", "steps", "seconds"]
_LIMITS = ["task", "quantity", "work", "seconds"]
_SCORES = ["track", "task", "arm", "repeat", "split", "metric", "epoch", "value"]
_TIMES = ["task", "arm", "repeat", "quantity", "seconds"]


def _table(records: Sequence[Record], kind: type[Record], columns: list[str]) -> pd.DataFrame:
    rows = [asdict(record) for record in records if isinstance(record, kind)]
    return pd.DataFrame(rows, columns=columns)


def _failures(plan: Plan, records: Sequence[Record]) -> pd.DataFrame:
    rows = [asdict(record) for record in records if isinstance(record, FailureRecord)]
    rows += [
        {"track": "same", "repeat": None, "detail": "", **skipped.model_dump()}
        for skipped in plan.skipped
    ]
    return pd.DataFrame(rows, columns=_FAILURES, dtype=object)


def _samples(records: Sequence[Record]) -> pd.DataFrame:
    rows = [
        (r.track, r.task, r.arm, r.repeat, r.phase, index, r.steps, seconds)
        for r in records
        if isinstance(r, TimingRecord)
        for index, seconds in enumerate(r.seconds)
    ]
    return pd.DataFrame(rows, columns=_SAMPLES)


def _limits(records: Sequence[Record]) -> pd.DataFrame:
    rows = [
        (r.task, r.quantity, r.work, median(r.seconds))
        for r in records
        if isinstance(r, LimitRecord)
    ]
    return pd.DataFrame(rows, columns=_LIMITS)


def _scores(records: Sequence[Record]) -> pd.DataFrame:
    rows = [
        (r.track, r.task, r.arm, r.repeat, r.split, r.metric, epoch, value)
        for r in records
        if isinstance(r, QualityRecord)
        for epoch, value in zip(r.epochs, r.values, strict=True)
    ]
    return pd.DataFrame(rows, columns=_SCORES)


def _steadiness(samples: pd.DataFrame) -> pd.DataFrame:
    chunks = samples[(samples.track == "same") & (samples.phase == "call")]
    rows = []
    for key, process in chunks.groupby(["task", "arm", "repeat"], sort=False):
        found = steady.classify(tuple(process.seconds))
        rows.append((*key, found.name, found.onset))
    return pd.DataFrame(rows, columns=["task", "arm", "repeat", "name", "onset"])


def _times(samples: pd.DataFrame, plan: Plan, records: Sequence[Record]) -> pd.DataFrame:
    """Return one number per process and quantity: medians of its settled chunks."""
    rows_of = {
        r.data["task"]: r.data["train_rows"]
        for r in records
        if isinstance(r, EventRecord) and r.name == "data prepared"
    }
    same = samples[samples.track == "same"]
    rows: list[tuple[str, str, int, str, float]] = []
    for _, process in same.groupby(["task", "arm", "repeat"], sort=False):
        first = process.iloc[0]
        task, arm, repeat = str(first.task), str(first.arm), int(first["repeat"])
        batch = plan.task(task).training.batch_size
        steps = -(-rows_of.get(task, batch) // batch)
        rows += [(task, arm, repeat, *pair) for pair in _process(process, steps).items()]
    return pd.DataFrame(rows, columns=_TIMES)


def _process(process: pd.DataFrame, steps_per_epoch: int) -> dict[str, float]:
    """Return the quantities of one process, seconds each."""
    by_phase = {
        str(phase): (rows.seconds.tolist(), int(rows.steps.iloc[0]))
        for phase, rows in process.groupby("phase", sort=False)
    }
    found = {phase: by_phase[phase][0][0] for phase in START_UP if phase in by_phase}
    found["start_up"] = sum(found.values())
    if "call" in by_phase:
        seconds, steps = by_phase["call"]
        found["step"] = median(steady.settled(tuple(seconds))) / steps
        found["epoch"] = found["step"] * steps_per_epoch
    if "own_fit" in by_phase:
        found["own_fit"] = median(by_phase["own_fit"][0])
    if {"call_other", "warmup"} <= by_phase.keys():  # a huge network is warmed up by one call
        found["call_fixed"] = _fixed_cost(by_phase)
    return found


def _fixed_cost(by_phase: dict[str, tuple[list[float], int]]) -> float:
    """Return the seconds a call costs apart from its steps: a line through two call lengths.

    The call of K steps is the warm-up's last ones, which are single calls; never below 0.
    """
    long, long_steps = by_phase["warmup"]
    short, short_steps = by_phase["call_other"]
    slope = (median(long) - median(short)) / (long_steps - short_steps)
    return max(0.0, median(short) - slope * short_steps)
