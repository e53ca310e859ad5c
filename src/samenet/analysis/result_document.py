"""The parts of a result document that a comparison rests on, checked before any of them is used.

A document may be written by another program, another version, or by hand.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from samenet.spec.parsing import FrozenModel

Seconds = Annotated[float, Field(gt=0)]
Fact = str | bool | int | float | None


class DocumentPart(FrozenModel):
    """A part of a document; what else it holds is no question here."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


class DocumentInterval(FrozenModel):
    """A time with its interval: all of it, and nothing else, becomes a `stats.Interval`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    value: Seconds
    low: Seconds
    high: Seconds
    n: int = Field(ge=1, le=1_000_000)


class DocumentChecks(DocumentPart):
    """Whether a result's checks passed."""

    passed: bool


class DocumentRow(DocumentPart):
    """One result."""

    framework: str
    mode: str
    seconds: dict[str, DocumentInterval]
    checks: DocumentChecks


class DocumentTask(DocumentPart):
    """The results of one task."""

    name: str
    same_network: list[DocumentRow]


class DocumentFingerprint(DocumentPart):
    """The guarded fields, by group."""

    machine: dict[str, Fact]
    versions: dict[str, Fact]
    settings: dict[str, Fact]
    tasks: dict[str, str]


class ResultDocument(DocumentPart):
    """What `samenet run --json` writes, as far as `samenet compare` reads it."""

    fingerprint: DocumentFingerprint
    tasks: list[DocumentTask]
