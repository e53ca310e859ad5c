"""A run as tidy data frames: the only thing that sections, advice and users compute from."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from samenet._text import shorten
from samenet.analysis import check_text, processes
from samenet.analysis.memo import pause_collector, remember
from samenet.analysis.quantities import Quantity
from samenet.errors import RunFolderError
from samenet.runs import asked_proofs, environment, timed_checks
from samenet.runs.adapter_source import Sources
from samenet.runs.folder import open_run
from samenet.runs.machine_facts import read_machine
from samenet.runs.plan import Plan
from samenet.runs.records import (
    DEVIATION,
    PREDICTION_GATE,
    AnswerRecord,
    CertificateRecord,
    DataPrepared,
    FailureRecord,
    FootprintRecord,
    JobFinished,
    LimitRecord,
    QualityRecord,
    Record,
    TimingRecord,
    Track,
)
from samenet.spec.baselines import BASELINES
from samenet.spec.task import Task
from samenet.stats import intervals, steady_state
from samenet.stats.intervals import Interval


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
    deviations    the same columns: how far a declared deviation leads, which no limit judges
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
    deviations: pd.DataFrame
    limits: pd.DataFrame
    footprints: pd.DataFrame
    failures: pd.DataFrame
    environment: pd.DataFrame
    data: dict[str, DataPrepared]
    seconds_taken: float
    sources: Sources = field(default_factory=dict)
    """The texts of the adapters as they were timed, where they were kept."""
    left_out: str = ""
    """What an interruption left unfinished, in one sentence: it is not in the frames."""

    def result(self, task: Task, arm: str, track: Track = "same") -> ArmResult:
        """Return what was measured of an arm on a task; whatever was not is empty in it."""
        return ArmResult(self, task, arm, track)

    @property
    def repeats(self) -> int:
        """Return how many repeats of the results were measured."""
        return _repeats(self)

    def compared(self, task: Task) -> list[str]:
        """Return the arms whose same-network times may be compared: every check passed."""
        return [arm for arm in _timed(self).get(task.name, ()) if self.result(task, arm).passed]

    def reasons(self, task: Task) -> dict[str, tuple[str, ...]]:
        """Return why arms have no number on a task, in words: 'failed: the worker was killed'."""
        return {
            arm: tuple(dict.fromkeys(lines))[:REASONS_MOST]
            for arm, lines in _reasons(self).get(task.name, {}).items()
        }

    def import_seconds(self, arm: str) -> Interval:
        """Return the typical import of an arm's framework over all processes that timed it.

        Where none did, it is the one import at which the framework described itself.
        """
        planned = self.plan.arm(arm)
        modes = [a.name for a in self.plan.arms if a.header.name == planned.header.name]
        rows = self.samples[(self.samples.phase == "import") & self.samples.arm.isin(modes)]
        return intervals.geometric_mean(
            [planned.import_seconds] if rows.empty else rows.seconds.tolist()
        )

    def unsteady_note(self, task: Task, arms: Sequence[str]) -> tuple[str, ...]:
        """Say of which results only the whole training is compared: what their processes did."""
        unsteady = []
        for arm in arms:
            if not self.result(task, arm).is_steady:
                names = _classes(self).get((task.name, arm), [])
                counts = [f"{names.count(name)} {name}" for name in dict.fromkeys(names)]
                unsteady.append(f"{self.title(arm)} ({', '.join(counts)})")
        text = "Steps and epochs are not compared where too many processes never settled"
        return (f"{text}: {'; '.join(unsteady)}.",) if unsteady else ()

    def title(self, arm: str) -> str:
        """Return how an arm is called on the page, e.g. 'PyTorch (eager)'."""
        if arm in BASELINES:
            return BASELINES[arm].title
        planned = next((candidate for candidate in self.plan.arms if candidate.name == arm), None)
        return f"{planned.header.title} ({planned.mode})" if planned else arm

    def color(self, arm: str) -> str:
        """Return the framework's colour, the same in every figure."""
        colors = {planned.name: planned.header.color for planned in self.plan.arms}
        return colors.get(arm, "#777777")


REASONS_MOST = 3
"""So many reasons are given why one arm has no number."""


Predictions = dict[str, dict[int, dict[int, float]]]
"""{way: {rows: {repeat: seconds}}}; a way is the users' "usual" or the experts' "fast"."""


class Memory(NamedTuple):
    """What the process of a result took of the memory, in bytes."""

    peak: float
    after_import: float
    device_peak: float | None
    """None where nothing was read from a device."""


@dataclass(frozen=True, slots=True)
class ArmResult:
    """What a run measured of one arm on one task. Times are {repeat: seconds}, one per process.

    Do not keep one in an answer of `memo.remember`: it holds its frames, which would never go.
    """

    frames: Frames
    task: Task
    """Its epochs are those of the training that is meant, which may be longer than the measured."""
    arm: str
    track: Track = "same"
    """The reference has two more, in processes of their own: "control" and "sensitivity"."""

    @property
    def step(self) -> dict[int, float]:
        """Return the seconds of a step in the steady state."""
        return self.per_repeat(Quantity.STEP)

    @property
    def epoch(self) -> dict[int, float]:
        """Return the seconds of all steps of an epoch."""
        return self.per_repeat(Quantity.EPOCH)

    @property
    def start_up(self) -> dict[int, float]:
        """Return the seconds from an empty interpreter to the end of the first call."""
        return self.per_repeat(Quantity.START_UP)

    @property
    def phases(self) -> dict[str, dict[int, float]]:
        """Return the phases of starting up that were measured, in their order."""
        by_phase = {phase: self._measured(phase) for phase in processes.START_UP}
        return {phase: seconds for phase, seconds in by_phase.items() if seconds}

    def total(self) -> dict[int, float]:
        """Return start-up plus all epochs of the task, in each repeat that has both."""
        epochs, start_up, epoch = self.task.training.epochs, self.start_up, self.epoch
        return {r: start_up[r] + epochs * epoch[r] for r in start_up.keys() & epoch.keys()}

    def per_repeat(self, quantity: Quantity) -> dict[int, float]:
        """Return the seconds of any quantity."""
        if quantity is Quantity.TOTAL:
            return self.total()
        return self._per_row(quantity) if quantity.is_predicting else self._measured(quantity)

    def typical(self, quantity: Quantity) -> Interval:
        """Return the geometric mean over the repeats, with its interval."""
        return intervals.geometric_mean(list(self.per_repeat(quantity).values()))

    @property
    def predictions(self) -> Predictions:
        """Return the median seconds of one prediction, {way: {rows: {repeat: seconds}}}."""
        return _predictions(self.frames).get((self.task.name, self.arm), {})

    @property
    def fit_seconds(self) -> list[float]:
        """Return the seconds of each whole fit of a quick start or of a baseline."""
        return _fits(self.frames).get((self.track, self.task.name, self.arm), [])

    @property
    def checks(self) -> pd.DataFrame:
        """Return the result's rows of the frame `checks`."""
        rows = self.frames.checks
        return rows[(rows.task == self.task.name) & (rows.arm == self.arm)]

    @property
    def passed(self) -> bool:
        """Return whether it was checked, and no check failed."""
        return _passed(self.frames).get((self.task.name, self.arm), False)

    @property
    def is_steady(self) -> bool:
        """Return whether it has a steady state; otherwise only its whole training is compared."""
        return not steady_state.is_unsteady(
            _classes(self.frames).get((self.task.name, self.arm), ())
        )

    def score(self, metric: str) -> float | None:
        """Return the mean test score after the last epoch over repeats, None if there is none."""
        rows = self.frames.scores
        rows = rows[(rows.track == self.track) & (rows.task == self.task.name)]
        rows = rows[(rows.arm == self.arm) & (rows.split == "test") & (rows.metric == metric)]
        return None if rows.empty else float(rows[rows.epoch == rows.epoch.max()].value.mean())

    @property
    def memory(self) -> Memory | None:
        """Return the largest memory of its process, or None if nobody watched it."""
        return _memory(self.frames).get((self.task.name, self.arm))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why it has no number, in words; nothing if it has one."""
        return self.frames.reasons(self.task).get(self.arm, ())

    def _measured(self, name: str) -> dict[int, float]:
        return dict(_seconds(self.frames).get((self.track, self.task.name, self.arm, name), {}))

    def _per_row(self, quantity: Quantity) -> dict[int, float]:
        """Return the seconds per row in the quickest of the ways, and of the batch sizes if asked.

        A framework has its users' usual way to predict, and its experts' one.
        """
        candidates = [
            {repeat: seconds / rows for repeat, seconds in per_repeat.items()}
            for by_rows in self.predictions.values()
            for rows, per_repeat in by_rows.items()
            if quantity is Quantity.THROUGHPUT or rows == 1
        ]
        return min(candidates, key=lambda per_row: median(per_row.values()), default={})


@remember
def _repeats(frames: Frames) -> int:
    return int(frames.times["repeat"].max()) + 1 if len(frames.times) else 0


@remember
def _seconds(frames: Frames) -> dict[tuple[Track, str, str, str], dict[int, float]]:
    """Return {(track, task, arm, quantity): {repeat: seconds}}."""
    by_quantity: dict[tuple[Track, str, str, str], dict[int, float]] = {}
    for task, arm, repeat, quantity, seconds in _lines(frames.times, processes.TIMES):
        by_quantity.setdefault(("same", task, arm, quantity), {})[repeat] = seconds
    for track, task, arm, repeat, quantity, seconds in _lines(
        frames.proofs, ["track", *processes.TIMES]
    ):
        by_quantity.setdefault((track, task, arm, quantity), {})[repeat] = seconds
    return by_quantity


@remember
def _timed(frames: Frames) -> dict[str, dict[str, None]]:
    """Return the arms that have times, by task, in their order."""
    by_task: dict[str, dict[str, None]] = {}
    for task, arm in dict.fromkeys(_lines(frames.times, ["task", "arm"])):
        by_task.setdefault(task, {})[arm] = None
    return by_task


@remember
def _passed(frames: Frames) -> dict[tuple[str, str], bool]:
    """Return {(task, arm): whether all its checks passed}."""
    by_result: dict[tuple[str, str], bool] = {}
    for task, arm, passed in _lines(frames.checks, ["task", "arm", "passed"]):
        by_result[task, arm] = by_result.get((task, arm), True) and bool(passed)
    return by_result


@remember
def _classes(frames: Frames) -> dict[tuple[str, str], list[str]]:
    """Return {(task, arm): what its processes are called}."""
    by_result: dict[tuple[str, str], list[str]] = {}
    for task, arm, name in _lines(frames.steadiness, ["task", "arm", "name"]):
        by_result.setdefault((task, arm), []).append(name)
    return by_result


@remember
def _predictions(frames: Frames) -> dict[tuple[str, str], Predictions]:
    """Return {(task, arm): the median seconds of each process}, rows ascending."""
    samples = frames.samples[frames.samples.track == "inference"]
    samples = samples[samples.phase.str.startswith("predict_")]
    medians = samples.groupby(["task", "arm", "phase", "steps", "repeat"]).seconds.median()
    by_result: dict[tuple[str, str], Predictions] = {}
    for task, arm, phase, rows, repeat, seconds in medians.reset_index().itertuples(
        index=False, name=None
    ):
        by_way = by_result.setdefault((task, arm), {})
        by_rows = by_way.setdefault(phase.removeprefix("predict_"), {})
        by_rows.setdefault(rows, {})[repeat] = seconds
    return by_result


@remember
def _fits(frames: Frames) -> dict[tuple[Track, str, str], list[float]]:
    """Return {(track, task, arm): the seconds of each whole fit}."""
    by_result: dict[tuple[Track, str, str], list[float]] = {}
    rows = frames.samples[frames.samples.phase == "fit"]
    for track, task, arm, seconds in _lines(rows, ["track", "task", "arm", "seconds"]):
        by_result.setdefault((track, task, arm), []).append(seconds)
    return by_result


@remember
def _memory(frames: Frames) -> dict[tuple[str, str], Memory]:
    """Return {(task, arm): the most that any of its processes took}."""
    names = ["bytes_peak", "bytes_after_import", "device_bytes_peak"]
    most = frames.footprints.groupby(["task", "arm"], sort=False)[names].max().astype(float)
    return {
        key: Memory(peak, after_import, None if math.isnan(device) else device)
        for key, (peak, after_import, device) in zip(
            most.index.tolist(), most.itertuples(index=False, name=None), strict=True
        )
    }


@remember
def _reasons(frames: Frames) -> dict[str, dict[str, list[str]]]:
    """Return {task: {arm: why it has no number}}: what failed, then which checks did."""
    by_task: dict[str, dict[str, list[str]]] = {}
    failed = frames.failures[frames.failures.track == "same"]
    for task, arm, mark, reason in _lines(failed, ["task", "arm", "mark", "reason"]):
        line = reason if reason.startswith(mark) else f"{mark}: {reason}"  # the mark is said once
        by_task.setdefault(task, {}).setdefault(arm, []).append(line)
    for check in frames.checks[~frames.checks.passed.astype(bool)].itertuples():
        lines = by_task.setdefault(str(check.task), {}).setdefault(str(check.arm), [])
        lines.append(f"refused: {check_text.why_failed(check, frames.deviations)}")
    return by_task


def _lines(frame: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Return the rows of a frame as plain values: far quicker than asking it row by row."""
    return zip(*(frame[name].tolist() for name in columns), strict=True)


def load(folder: Path) -> Frames:
    """Read a run folder; raises RunFolderError if it is not one or is damaged."""
    store = open_run(folder)
    with pause_collector():
        plan = Plan.model_validate(store.read_json("plan.json"))
        journal = store.read()
        records = journal.whole()
        machine = read_machine(store.read_json("machine.json"), folder / "machine.json")
        refuse_strangers(plan, records)
        found = build(plan, machine, records)
        return replace(found, sources=store.read_sources(), left_out=journal.left_out)


def refuse_strangers(plan: Plan, records: Sequence[Record]) -> None:
    """Raise RunFolderError for a record of a task or an arm that the plan does not have."""
    tasks = {"", *(task.name for task in plan.tasks), *plan.resting}
    arms = {"", *(arm.name for arm in plan.arms), *BASELINES}
    for number, record in enumerate(records, start=1):
        for what, known in (("task", tasks), ("arm", arms)):
            name = getattr(record, what, "")
            if name not in known:
                raise RunFolderError(
                    f"records.jsonl, record {number}: the plan has no {what} '{shorten(name)}'."
                )


def build(plan: Plan, machine: dict[str, Any], records: Sequence[Record]) -> Frames:
    """Return the frames of records."""
    absent = [*asked_proofs.missing(plan, records), *timed_checks.missing(plan, records)]
    records = [*attribute_to_tasks(records, plan), *absent]
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
        checks=checks[~checks.gate.isin([PREDICTION_GATE, DEVIATION])].reset_index(drop=True),
        predicted=checks[checks.gate == PREDICTION_GATE].reset_index(drop=True),
        deviations=checks[checks.gate == DEVIATION].reset_index(drop=True),
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
    grouped = processes.group_samples(records)
    return (
        processes.times(grouped, plan, records, "same"),
        processes.proofs(grouped, plan, records),
        processes.steadiness(grouped),
    )


def attribute_to_tasks(records: Sequence[Record], plan: Plan) -> list[Record]:
    """Return the records, those of a parity case once for every task that rests on it."""
    resting = plan.resting
    result: list[Record] = []
    for record in records:
        if not isinstance(record, AnswerRecord) or record.task not in resting:
            result.append(record)
            continue
        proof = record
        if isinstance(proof, CertificateRecord) and proof.gate in ("gate 2", "gate 3"):
            # These two train: what was trained is the case, and the quantity says so.
            proof = replace(proof, quantity=f"{proof.quantity} ({record.task})")
        result += [replace(proof, task=task) for task in resting[record.task]]
    return result


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
        for process in environment.timed_processes(records)
    ]
    return pd.DataFrame(rows, columns=None if rows else _ENVIRONMENT)


def _refused_wholly(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return one failure per (task, arm) of which the environment refused every process."""
    refused = environment.refusal_reasons(records)
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
    chosen = [record for record in records if isinstance(record, kind)]
    if not chosen:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame({name: [getattr(record, name) for record in chosen] for name in columns})


def samples(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per raw sample."""
    chosen = [record for record in records if isinstance(record, TimingRecord)]
    if not chosen:
        return pd.DataFrame(columns=_SAMPLES)
    counts = [len(record.seconds) for record in chosen]
    columns = _repeated(chosen, counts, _SAMPLES)
    columns["index"] = _joined((range(count) for count in counts), np.int64)
    columns["seconds"] = _joined((record.seconds for record in chosen), np.float64)
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
    chosen = [record for record in records if isinstance(record, QualityRecord)]
    if not chosen:
        return pd.DataFrame(columns=_SCORES)
    columns = _repeated(chosen, [len(record.epochs) for record in chosen], _SCORES)
    columns["epoch"] = _joined((record.epochs for record in chosen), np.int64)
    columns["value"] = _joined((record.values for record in chosen), np.float64)
    return pd.DataFrame(columns, copy=False)
