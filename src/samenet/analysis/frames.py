"""A run as tidy data frames: the only thing that sections, advice and users compute from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from samenet.analysis import processes
from samenet.analysis.memo import once, uncollected
from samenet.runs import environment, timed_checks
from samenet.runs.folder import open_run
from samenet.runs.plan import Plan
from samenet.runs.records import (
    PREDICTED,
    Answer,
    CertificateRecord,
    DataPrepared,
    FailureRecord,
    FootprintRecord,
    JobFinished,
    LimitRecord,
    QualityRecord,
    Record,
    TimingRecord,
)
from samenet.spec.baselines import BASELINES
from samenet.stats import steady_state


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Frames:
    """One run. Every frame has the columns task and arm; repeat counts processes from 0.

    times         task arm repeat seconds of: step, call_fixed, epoch, own_fit (an epoch of the
                  framework's own whole fit, first process only) and, per phase, start-up;
                  one row per (task, arm, repeat, quantity)
    proofs        the same columns, and track: the control and the sensitivity arm, which are the
                  reference again
    steadiness    task arm repeat name onset: what stats.steady_state calls each process's chunks
    samples       every raw sample: track task arm repeat phase index steps seconds
    scores        track task arm repeat split metric epoch value
    checks        task arm repeat gate quantity dtype error limit passed detail
    predicted     the same columns: whether predicting gives the right outputs
    limits        task quantity work seconds (the middle sample): what this machine can do
    footprints    task arm bytes_after_import bytes_peak device_bytes_peak
    failures      track task arm repeat mark reason detail
    environment   task arm repeat, the readings, broken (in words) refused again: the machine during
                  each process that was timed; what was refused has no times, its samples are kept,
                  and again says that the process was measured once more in a quiet moment
    data          per task, the record of what the preparation said
    """

    plan: Plan
    machine: dict[str, Any]
    times: pd.DataFrame
    proofs: pd.DataFrame
    steadiness: pd.DataFrame
    samples: pd.DataFrame
    scores: pd.DataFrame
    checks: pd.DataFrame
    predicted: pd.DataFrame
    limits: pd.DataFrame
    footprints: pd.DataFrame
    failures: pd.DataFrame
    environment: pd.DataFrame
    data: dict[str, DataPrepared]
    seconds_taken: float

    def per_repeat(self, task: str, arm: str, quantity: str) -> dict[int, float]:
        """Return one number per process: {repeat: seconds}."""
        return dict(_seconds(self).get((task, arm, quantity), {}))

    @property
    def repeats(self) -> int:
        """Return how many repeats of the results were measured."""
        return _repeats(self)

    def compared(self, task: str) -> list[str]:
        """Return the arms whose same-network times may be compared: every check passed."""
        passed = _passed(self).get(task, {})
        return [arm for arm in _timed(self).get(task, ()) if passed.get(arm, False)]

    def settled(self, task: str, arm: str) -> bool:
        """Return whether a result has a steady state; otherwise only its totals are compared."""
        return not steady_state.unsteady(_classes(self).get((task, arm), ()))

    def unsettled(self, task: str, arms: Sequence[str]) -> tuple[str, ...]:
        """Say of which results only the whole training is compared: what their processes did."""
        found = []
        for arm in (arm for arm in arms if not self.settled(task, arm)):
            names = _classes(self).get((task, arm), [])
            counted = [f"{names.count(name)} {name}" for name in dict.fromkeys(names)]
            found.append(f"{self.title(arm)} ({', '.join(counted)})")
        text = "Steps and epochs are not compared where too many processes never settled"
        return (f"{text}: {'; '.join(found)}.",) if found else ()

    def title(self, arm: str) -> str:
        """Return how an arm is called on the page, e.g. 'PyTorch (eager)'."""
        if arm in BASELINES:
            return BASELINES[arm].title
        found = next((each for each in self.plan.arms if each.name == arm), None)
        return f"{found.header.title} ({found.mode})" if found else arm

    def color(self, arm: str) -> str:
        """Return the framework's colour, the same in every figure."""
        known = {found.name: found.header.color for found in self.plan.arms}
        return known.get(arm, "#777777")


@once
def _repeats(frames: Frames) -> int:
    return int(frames.times["repeat"].max()) + 1 if len(frames.times) else 0


@once
def _seconds(frames: Frames) -> dict[tuple[str, str, str], dict[int, float]]:
    """Return {(task, arm, quantity): {repeat: seconds}}."""
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for task, arm, repeat, quantity, seconds in _lines(frames.times, processes.TIMES):
        found.setdefault((task, arm, quantity), {})[repeat] = seconds
    return found


@once
def _timed(frames: Frames) -> dict[str, dict[str, None]]:
    """Return the arms that have times, by task, in their order."""
    found: dict[str, dict[str, None]] = {}
    for task, arm in dict.fromkeys(_lines(frames.times, ["task", "arm"])):
        found.setdefault(task, {})[arm] = None
    return found


@once
def _passed(frames: Frames) -> dict[str, dict[str, bool]]:
    """Return {task: {arm: whether all its checks passed}}."""
    found: dict[str, dict[str, bool]] = {}
    for task, arm, passed in _lines(frames.checks, ["task", "arm", "passed"]):
        own = found.setdefault(task, {})
        own[arm] = own.get(arm, True) and bool(passed)
    return found


@once
def _classes(frames: Frames) -> dict[tuple[str, str], list[str]]:
    """Return {(task, arm): what its processes are called}."""
    found: dict[tuple[str, str], list[str]] = {}
    for task, arm, name in _lines(frames.steadiness, ["task", "arm", "name"]):
        found.setdefault((task, arm), []).append(name)
    return found


def _lines(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a frame as plain values: far quicker than asking it row by row."""
    return zip(*(frame[name].tolist() for name in columns), strict=True)


def load(folder: Path) -> Frames:
    """Read a run folder; raises RunFolderError if it is not one or is damaged."""
    store = open_run(folder)
    with uncollected():
        plan = Plan.model_validate(store.read_json("plan.json"))
        return build(plan, store.read_json("machine.json"), store.records())


def build(plan: Plan, machine: dict[str, Any], records: Sequence[Record]) -> Frames:
    """Return the frames of records."""
    records = [*attributed(records, plan), *timed_checks.missing(plan, records)]
    times, proofs, steadiness = _measured(plan, records)
    checks = table(records, CertificateRecord, _CHECKS)
    return Frames(
        plan=plan,
        machine=machine,
        samples=samples(records),
        times=times,
        proofs=proofs,
        steadiness=steadiness,
        scores=scores(records),
        checks=checks[checks.gate != PREDICTED].reset_index(drop=True),
        predicted=checks[checks.gate == PREDICTED].reset_index(drop=True),
        limits=limits(records),
        footprints=table(records, FootprintRecord, _FOOTPRINTS),
        failures=_failures(plan, records),
        environment=_environment(records),
        data={record.task: record for record in records if isinstance(record, DataPrepared)},
        seconds_taken=sum(r.seconds for r in records if isinstance(r, JobFinished)),
    )


def _measured(
    plan: Plan, records: Sequence[Record]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return times, proofs and steadiness; the grouped samples are let go afterwards."""
    grouped = processes.grouped(records)
    return (
        processes.times(grouped, plan, records, "same"),
        processes.proofs(grouped, plan, records),
        processes.steadiness(grouped),
    )


def attributed(records: Sequence[Record], plan: Plan) -> list[Record]:
    """Return the records, what was shown for a parity case once for every task that rests on it."""
    resting = plan.resting
    return [each for record in records for each in _attributed(record, resting)]


def _attributed(record: Record, resting: Mapping[str, Sequence[str]]) -> list[Record]:
    if not isinstance(record, Answer) or record.task not in resting:
        return [record]
    case = record.task
    if isinstance(record, CertificateRecord) and record.gate in ("gate 2", "gate 3"):
        record = replace(record, quantity=f"{record.quantity} ({case})")
    return [replace(record, task=task) for task in resting[case]]


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
_ENVIRONMENT = ["task", "arm", "repeat", "pass", "broken", "refused", "again"]
_FAILURES = ["track", "task", "arm", "repeat", "mark", "reason", "detail"]


def _failures(plan: Plan, records: Sequence[Record]) -> pd.DataFrame:
    rows = [asdict(record) for record in records if isinstance(record, FailureRecord)]
    rows += [
        {"track": "same", "repeat": None, "detail": "", **skipped.model_dump()}
        for skipped in plan.skipped
    ]
    rows += _refused_wholly(records)
    return pd.DataFrame(rows, columns=_FAILURES, dtype=object)


def _environment(records: Sequence[Record]) -> pd.DataFrame:
    rows = [
        {
            **process.readings,
            "task": process.task,
            "arm": process.arm,
            "repeat": process.repeat,
            "pass": process.pass_name,
            "broken": process.broken,
            "refused": process.refused,
            "again": process.again,
        }
        for process in environment.attempts(records)
    ]
    return pd.DataFrame(rows, columns=None if rows else _ENVIRONMENT)


def _refused_wholly(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return one failure per (task, arm) of which the environment refused every process."""
    refused = environment.refused(records)
    measured = {(r.task, r.arm, r.repeat) for r in records if _is_steady(r)}
    lost = {key[:2] for key in refused} - {key[:2] for key in measured - refused.keys()}
    shown = {"track": "same", "repeat": None, "mark": "refused", "detail": ""}
    reasons = {key[:2]: reason for key, reason in refused.items() if key[:2] in lost}
    return [
        {**shown, "task": task, "arm": arm, "reason": reason}
        for (task, arm), reason in reasons.items()
    ]


def _is_steady(record: Record) -> TypeGuard[TimingRecord]:
    return isinstance(record, TimingRecord) and record.track == "same" and record.phase == "call"


_SAMPLES = ["track", "task", "arm", "repeat", "phase", "index", "steps", "seconds"]
_LIMITS = ["task", "quantity", "work", "seconds"]
_SCORES = ["track", "task", "arm", "repeat", "split", "metric", "epoch", "value"]


def table(records: Sequence[Record], kind: type[Record], columns: list[str]) -> pd.DataFrame:
    """Return these columns of the records of one kind."""
    own = [record for record in records if isinstance(record, kind)]
    if not own:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame({name: [getattr(record, name) for record in own] for name in columns})


def samples(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per raw sample."""
    own = [record for record in records if isinstance(record, TimingRecord)]
    if not own:
        return pd.DataFrame(columns=_SAMPLES)
    counts = [len(record.seconds) for record in own]
    columns = _repeated(own, counts, _SAMPLES)
    columns["index"] = _joined((range(count) for count in counts), np.int64)
    columns["seconds"] = _joined((record.seconds for record in own), np.float64)
    return pd.DataFrame(columns, copy=False)


def _repeated(records: Sequence[Any], counts: list[int], names: list[str]) -> dict[str, Any]:
    """Return what the records have of these columns, each value as often as it has rows."""
    known = [name for name in names if hasattr(records[0], name)]
    values = {name: pd.Series([getattr(record, name) for record in records]) for name in known}
    return {name: values[name].repeat(counts).array if name in known else [] for name in names}


def _joined(parts: Iterable[Iterable[float]], kind: type[np.generic]) -> NDArray[Any]:
    return np.fromiter(itertools.chain.from_iterable(parts), dtype=kind)


def limits(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per limit of the machine."""
    rows = [
        (r.task, r.quantity, r.work, median(r.seconds))
        for r in records
        if isinstance(r, LimitRecord)
    ]
    return pd.DataFrame(rows, columns=_LIMITS)


def scores(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per score and epoch."""
    own = [record for record in records if isinstance(record, QualityRecord)]
    if not own:
        return pd.DataFrame(columns=_SCORES)
    columns = _repeated(own, [len(record.epochs) for record in own], _SCORES)
    columns["epoch"] = _joined((record.epochs for record in own), np.int64)
    columns["value"] = _joined((record.values for record in own), np.float64)
    return pd.DataFrame(columns, copy=False)
