"""What the parent hands to a worker, and how the worker answers: plain files in the run folder."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.adapter.dataset import Dataset
from samenet.runs.answer import AnswerFile, new_attempt
from samenet.runs.plan import Arm, Job, Plan
from samenet.runs.records import Record
from samenet.spec.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """One job with everything it needs."""

    job: Job
    plan: Plan
    folder: Path
    answer: AnswerFile
    stamps: dict[str, float]
    pinned: bool

    @classmethod
    def from_json(cls, raw: dict[str, Any], *, stamps: dict[str, float], pinned: bool) -> Self:
        """Read what `order_json` wrote."""
        folder = Path(raw["folder"])
        plan = Plan.model_validate_json((folder / "plan.json").read_text(encoding="utf-8"))
        return cls(
            job=Job.model_validate(raw["job"]),
            plan=plan,
            folder=folder,
            answer=AnswerFile(path=Path(raw["answer"]), attempt=raw["attempt"]),
            stamps=stamps,
            pinned=pinned,
        )

    @property
    def arm(self) -> Arm:
        """Return the framework and mode of this job."""
        return self.plan.arm(self.job.arm)

    @property
    def target(self) -> Target:
        """Return where and how precisely it computes; the chosen device is the only one it sees."""
        return self.plan.target_of(self.job.pass_name).model_copy(update={"index": 0})

    @property
    def tasks(self) -> list[Task]:
        """Return the tasks of this job, in their order."""
        return [self.plan.task(name) for name in self.job.tasks]

    def adapter(self) -> ModuleType:
        """Run the adapter's file."""
        return discovery.load(Path(self.arm.path))

    def dataset(self, task: Task) -> Dataset:
        """Return the prepared rows of a task."""
        return Dataset.load(data_path(self.folder, task.name))

    def emit(self, records: Sequence[Record]) -> None:
        """Answer with records; the parent reads them when this process has ended."""
        self.answer.add(records)


def order_json(
    job: Job, folder: Path, answer: AnswerFile, *, imports: Sequence[str], cores: Sequence[int]
) -> str:
    """Return the text of a work order."""
    return json.dumps(
        {
            "module": job.kind.module,
            "job": job.model_dump(mode="json"),
            "folder": str(folder.absolute()),
            "answer": str(answer.path.absolute()),
            "attempt": answer.attempt,
            "imports": list(imports),
            "cores": list(cores),
        }
    )


SAFE_NAME = re.compile(r"[A-Za-z0-9._-]+")
SEPARATORS = str.maketrans({"/": "~", ":": "+"})


def safe_file_name(text: str) -> str:
    """Return a file name that is safe on every system and differs for different texts.

    The separators of job names get characters of their own; any other special text gets a hash.
    """
    if SAFE_NAME.fullmatch(text.replace("/", "").replace(":", "")) and text.strip(".") == text:
        return text.translate(SEPARATORS)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")
    return f"{plain or 'name'}={hashlib.sha256(text.encode()).hexdigest()[:6]}"


def new_answer(folder: Path, job: Job) -> AnswerFile:
    """Return the file of one attempt at a job; a late worker of another writes elsewhere."""
    attempt = new_attempt()
    return AnswerFile(
        path=folder / "work" / f"{safe_file_name(job.id)}.{attempt}.jsonl", attempt=attempt
    )


def data_path(folder: Path, task: str) -> Path:
    """Return the file with a task's prepared rows."""
    return folder / "data" / f"{safe_file_name(task)}.npz"


def outputs_path(folder: Path, track: str, task: str, arm: str, repeat: int) -> Path:
    """Return the file with the raw outputs of one training."""
    return folder / "outputs" / f"{safe_file_name(f'{track}/{task}/{arm}/r{repeat}')}.npz"
