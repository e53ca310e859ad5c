"""Certificates are proved once per adapter, versions, task, data and machine, then remembered."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache as once
from pathlib import Path

from samenet import cache, leaf, machine
from samenet.adapter import Target
from samenet.dataset import Dataset
from samenet.plan import Arm, Job, Plan
from samenet.records import CertificateRecord, Record
from samenet.task import Task
from samenet.workorder import data_path

JUDGES = (
    *("certificate.py", "gates.py", "gate_0.py", "rounding.py", "parity.py", "repeating.py"),
    "admissibility.py",
    *("oracle.py", "oracle_functions.py", "oracle_updates.py", "schedules.py"),
    *("draws.py", "batches.py", "passes/parity.py"),
)
PASSES = ("certify", "parity")


def remembered(plan: Plan, job: Job, folder: Path) -> list[Record] | None:
    """Return the certificates of every task or case of a job, or None if one is missing."""
    if job.pass_name not in PASSES:
        return None
    found: list[Record] = []
    for task in job.tasks:
        stored = cache.get("certificates", _key(plan, job, task, folder))
        if stored is None:
            return None
        found += [CertificateRecord(**{**values, "job": job.id}) for values in stored]
    return found


def remember(plan: Plan, job: Job, records: Sequence[Record], folder: Path) -> None:
    """Keep the certificates of a job; a failed one is proved again next time."""
    if job.pass_name not in PASSES:
        return
    for task in job.tasks:
        own = [r for r in records if isinstance(r, CertificateRecord) and r.task == task]
        if own and all(record.passed for record in own):
            values = [asdict(record) for record in own]
            cache.put("certificates", _key(plan, job, task, folder), values)
            parts = _parts(plan.arm(job.arm), _subject(plan, job, task), plan.target)
            cache.put("certified", cache.key_of(*parts), job.id)


def expected(arm: Arm, task: Task, target: Target) -> bool:
    """Return whether a certificate is probably remembered: the data are not known yet."""
    return cache.get("certified", cache.key_of(*_parts(arm, task.to_json(), target))) is not None


def expected_case(arm: Arm, case: str, target: Target) -> bool:
    """Return whether the certificate of a parity case is remembered."""
    return cache.get("certified", cache.key_of(*_parts(arm, case, target))) is not None


def _key(plan: Plan, job: Job, task: str, folder: Path) -> str:
    data = "" if job.pass_name == "parity" else Dataset.load(data_path(folder, task)).digest()
    return cache.key_of(*_parts(plan.arm(job.arm), _subject(plan, job, task), plan.target), data)


def _subject(plan: Plan, job: Job, name: str) -> object:
    """Return what is certified: a parity case is its name, a task everything in it."""
    return name if job.pass_name == "parity" else plan.task(name).to_json()


def _parts(arm: Arm, subject: object, target: Target) -> list[object]:
    return [
        *(arm.digest, arm.mode, arm.versions, target.strict.model_dump(), subject),
        *(machine.processor(), machine.graphics(target.place), judges_digest(), shipped_digest()),
    ]


@once
def shipped_digest() -> str:
    """Return a hash of all shipped adapter files: a stranger's may be built on their parts."""
    files = sorted(leaf.shipped_folder().glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@once
def judges_digest() -> str:
    """Return a hash of the modules that decide: another oracle proves again."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in JUDGES)).hexdigest()
