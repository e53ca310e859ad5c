"""What is measured, as frozen records: one JSON line each, with a checksum of its content.

History of the format
    1  first version
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from samenet.errors import RunFolderError

SCHEMA = 1

HUGE = 1e308
"""Stands for an infinite or undefined error: JSON has neither."""

COMPILED_FILES = "compiled code kept"
"""The event with the number of files of compiled code before and after a timed process."""

SEALED = "plan sealed"
"""The event with the hash of what was decided before anything was measured."""

Track = Literal["same", "control", "sensitivity", "quickstart", "reference", "inference", "limits"]
TRACKS: dict[str, Track] = {
    "control": "control",
    "sensitivity": "sensitivity",
    "quickstart": "quickstart",
    "inference": "inference",
    "limits": "limits",
}
"""To which track a pass without an answer belongs, if not to the same network."""
Split = Literal["train", "test"]
Mark = Literal["failed", "timed out", "unsupported", "not installed", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record says about itself."""

    kind: ClassVar[str] = ""

    job: str
    """The job of the plan that produced it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRecord(Record):
    """One check of one arm on one task: an error beside its limit."""

    kind: ClassVar[str] = "certificate"

    task: str
    arm: str
    repeat: int | None
    """None for the gates that run once; a number for the checks of one timed process."""
    gate: str
    """"gate 1", "gate 2", "gate 4", "initial weights", "sync", "read-back"; for predicting
    alone: "inference"."""
    quantity: str
    dtype: str
    error: float
    limit: float
    passed: bool
    detail: str = ""

    @property
    def share(self) -> float:
        """Return which part of its limit the error is; a limit of 0 is reached by anything else."""
        if self.limit:
            return self.error / self.limit
        return 0.0 if self.error == 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingRecord(Record):
    """Raw samples of one phase in one process, in the order they were taken."""

    kind: ClassVar[str] = "timing"

    track: Track
    task: str
    arm: str
    repeat: int
    phase: str
    """interpreter, import, wake, load, build, first_call, warmup, calibration (stretches
    that find how many calls make one), call, call_other_first, call_other, check (whether `sync`
    waits; gate 4 and what is read back, after the clock has stopped: counted nowhere), own_fit (one
    epoch of the framework's own whole fit), fit (quick start and reference: the whole training); of
    inference: interpreter, import, wake, build, first_prediction, predict_usual, predict_fast."""
    steps: int
    """Training steps, or rows of a prediction, in one sample; 0 where neither applies."""
    seconds: tuple[float, ...]
    cpu_seconds: float | None = None
    """Processor time over all samples together, where it was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityRecord(Record):
    """One score of one training on one part of the data."""

    kind: ClassVar[str] = "quality"

    track: Track
    task: str
    arm: str
    repeat: int
    split: Split
    metric: str
    epochs: tuple[int, ...]
    """After which epochs; 0 is the untrained network."""
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintRecord(Record):
    """Peak memory of one process that did one training of one epoch and one prediction."""

    kind: ClassVar[str] = "footprint"

    task: str
    arm: str
    bytes_after_import: int
    bytes_peak: int
    device_bytes_peak: int | None = None
    """The most that the framework's allocator had on the CUDA device, where it tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRecord(Record):
    """How fast this machine did some work without any framework: samples in their order."""

    kind: ClassVar[str] = "limit"

    task: str
    """Empty for what concerns the machine as a whole."""
    quantity: str
    """"step" (all matrix products of one training step), one product as (rows, inner, columns)
    such as "forward 1: 32 x 64 x 32", or "memory"."""
    work: float
    """Floating point operations, or bytes, of one sample."""
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord(Record):
    """Why there is no result."""

    kind: ClassVar[str] = "failure"

    track: Track
    task: str
    arm: str
    repeat: int | None
    mark: Mark
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord(Record):
    """Something that happened, with its data: a job finished, an adapter described itself."""

    kind: ClassVar[str] = "event"

    name: str
    when: str
    data: dict[str, Any]


KINDS: dict[str, type[Record]] = {
    cls.kind: cls
    for cls in (
        CertificateRecord,
        TimingRecord,
        QualityRecord,
        FootprintRecord,
        LimitRecord,
        FailureRecord,
        EventRecord,
    )
}


DECODER = json.JSONDecoder()


def encode(record: Record) -> str:
    """Return the record as one line; the checksum covers every other character of it.

    Raises ValueError for a number that is not finite: JSON has none.
    """
    body = {"schema": SCHEMA, "kind": record.kind, **asdict(record)}
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{text[:-1]},"sha256":"{checksum(text)}"}}'


def checksum(text: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256: enough to notice a changed digit."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def decode(line: str) -> Record:
    """Return the record of a line; raises RunFolderError if it is damaged or unknown."""
    body, claimed = _split(line)
    try:
        values, end = DECODER.raw_decode(body)  # a third quicker than json.loads
        cls = KINDS[values.pop("kind")]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RunFolderError("not a record") from None
    if end != len(body) or checksum(body) != claimed:
        raise RunFolderError(f"{cls.kind} record of job {values.get('job')}: its content changed")
    if values.pop("schema") != SCHEMA:
        raise RunFolderError("written by another version of samenet")
    for name, value in values.items():
        if type(value) is str:
            values[name] = sys.intern(value)  # one copy serves its thousands of records
        elif type(value) is list:
            values[name] = tuple(value)
    return cls(**values)


def _split(line: str) -> tuple[str, str]:
    head, mark, tail = line.rstrip("\n").rpartition(',"sha256":"')
    return (head + "}", tail.removesuffix('"}')) if mark else (line, "")
