"""What an error message may say of a person's machine before it is kept: no name, no folder.

A message of a framework is the one text of a run that nobody here has written: it holds paths, and
now and then a host. It is cleaned when it becomes a record, not when it is shown, so that a run
says the same on every machine on which its page is rebuilt.
"""

from __future__ import annotations

import re
from dataclasses import replace

from samenet.machine import readings
from samenet.runs.records import CertificateRecord, FailureRecord, Record

FOLDERS = re.compile(r"(?<![:/\w])(?:file://)?(?:[A-Za-z]:)?[/\\](?:[^/\\\s'\"]+[/\\])+")
DEVICE = re.compile(r"\b(?:GPU|MIG)-[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")
REPLACED = "…"
SHORTEST_NAME = 3
NOBODY = {"root", "user", "localhost", "127.0.0.1", "::1", "00:00:00:00:00:00"}
"""Names that tell nothing; 'root' stands in the names of errors, too."""


def without_folders(text: str) -> str:
    """Return a text in which of every path only the file's name is left."""
    return FOLDERS.sub("", text)


def cleaned_text(text: str) -> str:
    """Return a text without folders, this host's and person's names, addresses and device numbers.

    A name shorter than three letters stays: it is part of too many words.
    """
    names = [name for name in readings.own_names() if _telling(name)]
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    text = DEVICE.sub(REPLACED, without_folders(text))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", REPLACED, text) if names else text


def _telling(name: str) -> bool:
    return len(name) >= SHORTEST_NAME and name not in NOBODY


def cleaned(record: Record) -> Record:
    """Return a record whose free texts are clean; numbers and names of its own stay."""
    if isinstance(record, FailureRecord):
        reason, detail = cleaned_text(record.reason), cleaned_text(record.detail)
        return replace(record, reason=reason, detail=detail)
    if isinstance(record, CertificateRecord) and record.detail:
        return replace(record, detail=cleaned_text(record.detail))
    return record
