"""Certificates are proved once per adapter, versions, task, data and machine, then remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache as once
from pathlib import Path

from samenet.adapter import source_files
from samenet.adapter.api import Target
from samenet.adapter.dataset import Dataset
from samenet.errors import RunFolderError
from samenet.machine import cache, gpu, system
from samenet.runs import asked_proofs
from samenet.runs.passes import PASSES
from samenet.runs.plan import Arm, Job, Plan
from samenet.runs.records import (
    AnswerRecord,
    CertificateRecord,
    FailureRecord,
    Record,
    decode,
    encode,
)
from samenet.runs.work_order import data_path
from samenet.spec.task import Task

PROVING_MODULES = (
    "samenet.worker.__main__",
    *(kind.module for kind in PASSES.values() if kind.certifies),
)
"""The modules that start a worker and that prove in it."""


def recall(plan: Plan, job: Job, folder: Path) -> tuple[list[Record], Job]:
    """Return what is known about a job's tasks or cases, and the job with only the others."""
    if not job.kind.certifies:
        return [], job
    known: list[Record] = []
    unknown: list[str] = []
    for task in job.tasks:
        proof = _proof(cache.get("certificates", _key(plan, job, task, folder)), task)
        if _is_whole(plan, job, task, proof):
            known += [replace(record, job=job.id) for record in proof]
        else:
            unknown.append(task)
    return known, job.model_copy(update={"tasks": tuple(unknown)})


def _proof(stored: object, task: str) -> list[Record]:
    """Return the records of a remembered proof; nothing if they are not one.

    The cache is a folder that anything may have written to: an empty list, or what says nothing
    about the task, is no proof of it.
    """
    if not isinstance(stored, list):
        return []
    try:
        records = [decode(line) for line in stored]
    except (RunFolderError, TypeError, ValueError, KeyError, AttributeError, RecursionError):
        return []
    return records if all(_is_of(record, task) and _final(record) for record in records) else []


def _is_whole(plan: Plan, job: Job, task: str, proof: Sequence[Record]) -> bool:
    """Return whether the records hold every check that the job has to give, or say why none."""
    if any(isinstance(record, FailureRecord) for record in proof):
        return True
    checks = [record for record in proof if isinstance(record, CertificateRecord)]
    asked = asked_proofs.asked_checks(plan, job, task)
    return bool(checks) and all(asked_proofs.is_made(named, checks) for named in asked)


def _is_of(record: Record, task: str) -> bool:
    return isinstance(record, AnswerRecord) and record.task == task


def remember(plan: Plan, job: Job, records: Sequence[Record], folder: Path) -> None:
    """Keep what a job proved; a task or case that failed is proved again next time."""
    if not job.kind.certifies:
        return
    for task in job.tasks:
        answers = [r for r in records if isinstance(r, AnswerRecord) and r.task == task]
        if answers and all(_final(record) for record in answers):
            lines = [encode(record) for record in answers]
            cache.put("certificates", _key(plan, job, task, folder), lines)
            parts = _parts(plan.arm(job.arm), _subject(plan, job, task), plan.target)
            cache.put("certified", cache.key_of(*parts), job.id)


def _final(record: Record) -> bool:
    """Return whether a check passed, or the adapter does not offer what it checks."""
    if isinstance(record, CertificateRecord):
        return record.passed
    return isinstance(record, FailureRecord) and record.mark == "unsupported"


def is_probably_remembered(arm: Arm, task: Task, target: Target) -> bool:
    """Return whether a certificate is probably remembered; the data are not known yet."""
    return cache.get("certified", cache.key_of(*_parts(arm, task.to_json(), target))) is not None


def is_case_remembered(arm: Arm, case: str, target: Target) -> bool:
    """Return whether the certificate of a parity case is remembered."""
    return cache.get("certified", cache.key_of(*_parts(arm, case, target))) is not None


def _key(plan: Plan, job: Job, task: str, folder: Path) -> str:
    data = "" if job.kind.on_cases else Dataset.load(data_path(folder, task)).digest()
    return cache.key_of(*_parts(plan.arm(job.arm), _subject(plan, job, task), plan.target), data)


def _subject(plan: Plan, job: Job, name: str) -> object:
    """Return what is certified: a parity case is its name, a task everything in it."""
    return name if job.kind.on_cases else plan.task(name).to_json()


def _parts(arm: Arm, subject: object, target: Target) -> list[object]:
    return [
        arm.digest,
        arm.mode,
        arm.versions,
        arm.python,
        target.strict.model_dump(),
        subject,
        system.processor_name(),
        gpu.graphics_card(target.place),
        deciding_digest(),
    ]


def deciding_files() -> set[Path]:
    """Return the files that decide a certificate, in addition to the adapter's own.

    They are the packages that hold the proof and its questions, and whatever else of samenet the
    workers that prove run.
    """
    packages = source_files.package_files("certificate", "adapter", "spec")
    return source_files.import_closure({*packages, *map(source_files.core_file, PROVING_MODULES)})


@once
def deciding_digest() -> str:
    """Return a hash of what decides: after any change to it everything is proved again."""
    return source_files.digest_of(deciding_files())
