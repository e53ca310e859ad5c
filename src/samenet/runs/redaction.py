"""What a kept error message says about a person's machine: no name, no folder.

A framework's message is the one text of a run that samenet has not written: it holds paths, and now
and then a host. It is cleaned when it becomes a record, not when it is shown, so that a run's page
is the same on every machine on which it is rebuilt.
"""

from __future__ import annotations

import re
from dataclasses import replace

from samenet.machine import readings
from samenet.runs.records import CertificateRecord, FailureRecord, Record

FOLDER_PATTERN = re.compile(r"(?<![:/\w])(?:file://)?(?:[A-Za-z]:)?[/\\](?:[^/\\\s'\"]+[/\\])+")
DEVICE_PATTERN = re.compile(r"\b(?:GPU|MIG)-[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
REPLACEMENT = "…"
NAME_LENGTH_MIN = 3
ANONYMOUS_NAMES = {"root", "user", "localhost", "127.0.0.1", "::1", "00:00:00:00:00:00"}
"""Names that identify nobody; 'root' is part of error messages, too."""


def remove_folders(text: str) -> str:
    """Return a text in which every path is reduced to the file's name."""
    return FOLDER_PATTERN.sub("", text)


def redact_text(text: str) -> str:
    """Return a text without folders, this host's and person's names, addresses and device numbers.

    A name shorter than three letters stays: it is part of too many words.
    """
    names = [
        name
        for name in readings.identifying_names()
        if len(name) >= NAME_LENGTH_MIN and name not in ANONYMOUS_NAMES
    ]
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    text = DEVICE_PATTERN.sub(REPLACEMENT, remove_folders(text))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", REPLACEMENT, text) if names else text


def redact(record: Record) -> Record:
    """Return a record with clean free texts; its numbers and own names stay."""
    if isinstance(record, FailureRecord):
        return replace(record, reason=redact_text(record.reason), detail=redact_text(record.detail))
    if isinstance(record, CertificateRecord) and record.detail:
        return replace(record, detail=redact_text(record.detail))
    return record
