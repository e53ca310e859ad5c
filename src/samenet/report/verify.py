"""Recompute every printed number of a run from what was measured."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from samenet.adapter.array_files import read_arrays
from samenet.adapter.dataset import Dataset
from samenet.advice.audit import Audit, audit_advice
from samenet.analysis import frames
from samenet.errors import RunFolderError, WorkerError
from samenet.execution.describe import error_line
from samenet.execution.process import LiveWorkers, spawn
from samenet.machine.files import make_folder
from samenet.report import embedded_data
from samenet.runs.folder import Store, open_run
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    CompiledCodeKept,
    DataPrepared,
    FailureRecord,
    JobFinished,
    OutputsKept,
    PlanSealed,
    QualityRecord,
    Record,
)
from samenet.runs.work_order import data_path, new_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was looked at and what does not agree, one sentence each."""

    looked_at: dict[str, int]
    mismatches: tuple[str, ...]


def verify(folder: Path) -> Verification:
    """Check records, data, outputs, scores and the page of a run."""
    store = open_run(folder)
    damaged = store.damaged()
    if damaged:
        return Verification(looked_at={}, mismatches=tuple(damaged))
    plan = Plan.model_validate(store.read_json("plan.json"))
    records = store.records()
    wrong_files = _files(folder, records)
    again = [] if wrong_files else _rescored(store, plan, records)
    numbers, wrong_numbers = _page(folder)
    advised = _advice(store, plan, records)
    mismatches = [
        *_seal(plan, records),
        *_caches(records),
        *_order(plan, records),
        *wrong_files,
        *_scores(records, again),
        *wrong_numbers,
        *advised.wrong,
    ]
    looked_at = {
        "records": len(records),
        "scores recomputed": sum(isinstance(r, QualityRecord) for r in again),
        "files": sum(isinstance(r, OutputsKept | DataPrepared) for r in records),
        "numbers on the page": numbers,
        "sentences of advice": advised.sentences,
    }
    return Verification(looked_at=looked_at, mismatches=tuple(mismatches))


def _seal(plan: Plan, records: Sequence[Record]) -> list[str]:
    """What decides the verdicts, the margin above all, is what it was before the first result."""
    sealed = {record.sha256 for record in records if isinstance(record, PlanSealed)}
    return ["the plan was changed after the run began"] if sealed - {plan.seal} else []


def _caches(records: Sequence[Record]) -> list[str]:
    """A cold process found no compiled code; a warm one did, if its priming left any."""
    kept = {record.job: record for record in records if isinstance(record, CompiledCodeKept)}
    primed = {_of(job) for job, code in kept.items() if _primes(job) and code.files_after}
    cold = [
        f"job {job} was to compile anew and found {code.files_before} files"
        for job, code in kept.items()
        if code.cache == "cold" and code.files_before
    ]
    return cold + [
        f"job {job} was to find compiled code and found none"
        for job, code in kept.items()
        if code.cache == "warm"
        and not _primes(job)
        and _of(job) in primed
        and not code.files_before
    ]


def _primes(job: str) -> bool:
    return job.startswith("prime/")


def _of(job: str) -> str:
    """Return the arm and the task of a job."""
    return job.partition("/")[2].rpartition("/")[0]


def _order(plan: Plan, records: Sequence[Record]) -> list[str]:
    """Jobs may end in any order side by side, but none twice and none that was not planned.

    Timed ones run alone: they end in the order of the plan, or the balance of positions is lost.
    """
    finished = [record.job for record in records if isinstance(record, JobFinished)]
    planned = {job.id for job in plan.jobs}
    twice = sorted({job for job in finished if finished.count(job) > 1})
    return [
        *(f"job {job} is recorded twice" for job in twice),
        *(f"job {job} was not planned" for job in finished if job not in planned),
        *_out_of_order(plan, finished),
    ]


def _out_of_order(plan: Plan, finished: Sequence[str]) -> list[str]:
    """Return which timed jobs ended before one of their pass that was planned before them.

    Whole passes may be late: a resume does what the budget left out.
    """
    position = {job.id: (job.pass_name, n) for n, job in enumerate(plan.jobs) if job.timed}
    timed = sorted((job for job in finished if job in position), key=lambda job: position[job][0])
    return [
        f"job {late} ran after {early}, but was planned before it"
        for early, late in itertools.pairwise(timed)
        if position[late][0] == position[early][0] and position[late] < position[early]
    ]


def _rescored(store: Store, plan: Plan, records: Sequence[Record]) -> list[Record]:
    prepared = {record.task for record in records if isinstance(record, DataPrepared)}
    tasks = tuple(task.name for task in plan.tasks if task.name in prepared)
    if not tasks:
        return []
    job = Job(id="rescore", pass_name="rescore", tasks=tasks, predicted_seconds=60)
    make_folder(store.folder / "work")
    answer = new_answer(store.folder, job)
    _, errors, _ = spawn(store.folder, plan, job, None, LiveWorkers(), answer)
    found = answer.read()
    answer.path.unlink(missing_ok=True)
    if found is None:
        raise WorkerError(f"The scores could not be recomputed: {error_line(errors)}")
    return found


def _files(folder: Path, records: Sequence[Record]) -> list[str]:
    """The prepared data and the raw outputs are the files that were measured."""
    wrong = [
        f"outputs/{kept.file} changed or is missing"
        for kept in records
        if isinstance(kept, OutputsKept)
        and _outputs_digest(folder / "outputs" / kept.file) != kept.sha256
    ]
    return wrong + [
        f"the prepared data of task {prepared.task} changed or are missing"
        for prepared in records
        if isinstance(prepared, DataPrepared)
        and _data_digest(data_path(folder, prepared.task)) != prepared.digest
    ]


def _outputs_digest(path: Path) -> str | None:
    """Return the SHA-256 of the raw outputs in a file, or None if it cannot be read."""
    try:
        (outputs,) = read_arrays(path, ("outputs",), RunFolderError)
    except RunFolderError:
        return None
    return hashlib.sha256(np.ascontiguousarray(outputs).tobytes()).hexdigest()


def _data_digest(path: Path) -> str | None:
    try:
        return Dataset.load(path).digest()
    except RunFolderError:
        return None


def _scores(records: Sequence[Record], again: Sequence[Record]) -> list[str]:
    """Every score after the last epoch follows from the raw outputs."""
    stored = {_place(r): r.values[-1] for r in records if isinstance(r, QualityRecord)}
    wrong = []
    for record in again:
        if isinstance(record, QualityRecord) and stored.get(_place(record)) != record.values[-1]:
            wrong.append(
                f"score {' · '.join(map(str, _place(record)))}: recorded "
                f"{stored.get(_place(record))}, recomputed {record.values[-1]}"
            )
        if isinstance(record, FailureRecord):
            wrong.append(f"{record.task} · {record.arm}: {record.reason}")
    return wrong


def _place(record: QualityRecord) -> tuple[str | int, ...]:
    return (record.track, record.task, record.arm, record.repeat, record.split, record.metric)


NUMBERS = re.compile(
    r'<script type="application/json" id="samenet-numbers">(.*?)</script>', re.DOTALL
)


def _page(folder: Path) -> tuple[int, list[str]]:
    """Every number of the page follows from the records."""
    from samenet.report import page as report_page

    path = folder / "report.html"
    if not path.exists():
        return 0, ["there is no report.html: samenet report writes it"]
    match = NUMBERS.search(path.read_text(encoding="utf-8"))
    if not match:
        raise RunFolderError(f"{path} holds no numbers: it is damaged or not a samenet page.")
    printed = _leaves(embedded_data.unpack(match[1]))
    computed = _leaves(json.loads(json.dumps(report_page.printed_numbers(frames.load(folder)))))
    wrong = [
        f"the page says {key} = {printed.get(key)}, the records say {computed.get(key)}"
        for key in sorted(printed.keys() | computed.keys())
        if printed.get(key) != computed.get(key)
    ]
    return len(printed), wrong


def _advice(store: Store, plan: Plan, records: Sequence[Record]) -> Audit:
    """Every sentence of advice on the page follows from records."""
    path = store.folder / "report.html"
    if not path.exists():
        return Audit(sentences=0, wrong=())
    page = path.read_text(encoding="utf-8")
    return audit_advice(plan, store.read_json("machine.json"), records, page)


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        return {path: value}
    leaves: dict[str, Any] = {}
    for key, part in items:
        leaves |= _leaves(part, f"{path}/{key}")
    return leaves
