"""Recompute every printed number of a run from what was measured."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from samenet._text import count_noun
from samenet.adapter.array_files import read_arrays
from samenet.adapter.dataset import Dataset
from samenet.advice.audit import Audit, audit_advice
from samenet.analysis import frames
from samenet.errors import RunFolderError, WorkerError
from samenet.execution.describe import error_line
from samenet.execution.process import LiveWorkers, spawn
from samenet.machine import plain_files
from samenet.report import embedded_data
from samenet.runs import chain, seal
from samenet.runs.attempts import made_again
from samenet.runs.folder import RECORDS, Journal, Store, open_run
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
    notes: tuple[str, ...] = ()
    """What could not be looked at, and what an interruption left unfinished: no mismatches."""


OLD = "written before records were chained: deletions cannot be seen"


def verify(folder: Path) -> Verification:
    """Check records, data, outputs, scores, the page and every other file of a run.

    Nothing is written into the folder. The chain of records and the seal guard against damage and a
    careless hand: who makes every digest anew after a change is not noticed.
    """
    unchanged = check_seals(folder)
    store = open_run(folder)
    journal = store.read()
    if journal.damaged:
        return unchanged
    plan = Plan.model_validate(store.read_json("plan.json"))
    records = journal.whole()
    wrong_files = _files(folder, records)
    again = [] if wrong_files else _rescored(store, plan, records)
    numbers, wrong_numbers = _page(folder)
    advised = _advice(store, plan, records)
    said = {*wrong_files, *(["report.html"] if wrong_numbers or advised.wrong else [])}
    mismatches = [
        *(text for text in unchanged.mismatches if text.partition(" ")[0] not in said),
        *_caches(records),
        *_order(plan, records, made_again(journal.records)),
        *wrong_files.values(),
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
    return Verification(
        looked_at=looked_at,
        mismatches=tuple(dict.fromkeys(mismatches)),
        notes=unchanged.notes,
    )


def check_seals(folder: Path) -> Verification:
    """Check what needs no recomputing: each record, their chain, the plan's seal and the run's."""
    store = open_run(folder)
    journal = store.read()
    if journal.damaged:
        return Verification(looked_at={}, mismatches=(*journal.damaged, *_sealed_files(store)))
    plan = Plan.model_validate(store.read_json("plan.json"))
    ended, notes = _end(store, plan, journal)
    old, count = chain.count_unchained(journal.links), len(journal.links)
    if old:
        which = "the run was" if old == count else f"the first {count_noun(old, 'record')} were"
        notes = [f"{which} {OLD}", *notes]
    return Verification(
        looked_at={"records": count},
        mismatches=(*journal.breaks(), *ended, *_seal(plan, journal.records)),
        notes=tuple(notes),
    )


def _end(store: Store, plan: Plan, journal: Journal) -> tuple[list[str], list[str]]:
    """Return mismatches and notes about how the run ended.

    A run of now ends with a seal over all its files, which says what was left undone; one without a
    seal was interrupted, or its end was taken away.
    """
    finished = {record.job for record in journal.records if isinstance(record, JobFinished)}
    missing = [job.id for job in plan.jobs if job.id not in finished]
    notes = [journal.left_out] if journal.left_out else []
    try:
        sealed = seal.read_seal(store.folder)
    except RunFolderError as error:
        return [str(error)], notes
    if sealed is None:
        undone = f"{len(missing)} of {count_noun(len(plan.jobs), 'planned job')} not recorded"
        if chain.count_unchained(journal.links) == len(journal.links) > 0:
            return [], [*notes, *([undone] if missing else [])]
        text = f"there is no {seal.FILE}: the run was interrupted, or its end was taken away"
        return [f"{text} ({undone}); samenet resume ends it"], notes
    return [
        *seal.compare_records(journal, sealed),
        *(f"job {job} is missing" for job in missing if job not in sealed.jobs_left),
        *seal.find_changes(store.folder, sealed).values(),
    ], notes


def _sealed_files(store: Store) -> list[str]:
    """Return which files are not what was sealed, beside damaged records."""
    try:
        sealed = seal.read_seal(store.folder)
    except RunFolderError as error:
        return [str(error)]
    changes = seal.find_changes(store.folder, sealed) if sealed else {}
    return [text for name, text in changes.items() if name != RECORDS]


def _seal(plan: Plan, records: Sequence[Record]) -> list[str]:
    """What decides the verdicts, the margin above all, is what it was before the first result."""
    sealed = {record.sha256 for record in records if isinstance(record, PlanSealed)}
    if not sealed:
        return ["no record holds the digest of the plan: it may have been changed since"]
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


def _order(plan: Plan, records: Sequence[Record], late: Collection[str]) -> list[str]:
    """Jobs may end in any order side by side, but none twice and none that was not planned.

    Timed ones run alone: they end in the order of the plan, or the balance of positions is lost;
    but for the `late` ones, which the machine had cut short before.
    """
    finished = [record.job for record in records if isinstance(record, JobFinished)]
    planned = {job.id for job in plan.jobs}
    twice = sorted(job for job, times in Counter(finished).items() if times > 1)
    return [
        *(f"job {job} is recorded twice" for job in twice),
        *(f"job {job} was not planned" for job in finished if job not in planned),
        *_out_of_order(plan, [job for job in finished if job not in late]),
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
    """Return the scores that the kept outputs have; the worker works in a folder of its own."""
    prepared = {record.task for record in records if isinstance(record, DataPrepared)}
    tasks = tuple(task.name for task in plan.tasks if task.name in prepared)
    if not tasks:
        return []
    job = Job(id="rescore", pass_name="rescore", tasks=tasks, predicted_seconds=60)
    with tempfile.TemporaryDirectory(prefix="samenet-verify-") as place:
        bench = Store(Path(place))
        (bench.folder / "work").mkdir()
        (bench.folder / "data").symlink_to((store.folder / "data").absolute())
        (bench.folder / "outputs").mkdir()
        for name in {record.file for record in records if isinstance(record, OutputsKept)}:
            # what no record names is not opened: nobody has looked at it
            (bench.folder / "outputs" / name).symlink_to(
                (store.folder / "outputs" / name).absolute()
            )
        bench.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        answer = new_answer(bench.folder, job)
        end = spawn(bench.folder, plan, job, None, LiveWorkers(), answer)
        found = answer.read()
    if found is None:
        raise WorkerError(f"The scores could not be recomputed: {error_line(end.printed)}")
    return found


def _files(folder: Path, records: Sequence[Record]) -> dict[str, str]:
    """Return, by name, which prepared data and raw outputs are not the files that were measured."""
    wrong = {}
    for record in records:
        if isinstance(record, OutputsKept):
            name = f"outputs/{record.file}"
            inside = PurePath(record.file).name == record.file
            if not inside or _outputs_digest(folder / name) != record.sha256:
                wrong[name] = f"{name} changed or is missing"
        if isinstance(record, DataPrepared):
            path = data_path(folder, record.task)
            if _data_digest(path) != record.digest:
                text = f"the prepared data of task {record.task} changed or are missing"
                wrong[f"data/{path.name}"] = text
    return wrong


def _outputs_digest(path: Path) -> str | None:
    """Return the SHA-256 of the raw outputs in a file, or None if it cannot be read."""
    try:
        (outputs,) = read_arrays(path, ("outputs",), RunFolderError, is_foreign=True)
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

    if not os.path.lexists(folder / "report.html"):
        return 0, ["there is no report.html: samenet report writes it"]
    try:
        match = NUMBERS.search(plain_files.read_text(folder / "report.html"))
        printed = _leaves(embedded_data.unpack(match[1])) if match else {}
    except (OSError, ValueError, RecursionError, RunFolderError):
        match, printed = None, {}
    if not match:
        return 0, ["report.html is damaged or not a samenet page: its numbers cannot be read"]
    try:
        run_frames = frames.load(folder)
    except RunFolderError as error:
        return len(printed), [str(error)]
    computed = _leaves(json.loads(json.dumps(report_page.printed_numbers(run_frames))))
    wrong = [
        f"the page says {key} = {printed.get(key)}, the records say {computed.get(key)}"
        for key in sorted(printed.keys() | computed.keys())
        if printed.get(key) != computed.get(key)
    ]
    return len(printed), wrong


def _advice(store: Store, plan: Plan, records: Sequence[Record]) -> Audit:
    """Every sentence of advice on the page follows from records."""
    try:
        page = plain_files.read_text(store.folder / "report.html")
    except (OSError, RunFolderError):  # which the numbers on the page have said already
        return Audit(sentences=0, wrong=())
    try:
        machine = store.read_json("machine.json")
    except RunFolderError:
        return Audit(sentences=0, wrong=())
    return audit_advice(plan, machine, records, page)


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
