"""How a worker answers: records in a file of its own, closed by one line that vouches for them.

An exit code says that a process ended, not that it answered: it may have been stopped while it
wrote, have ended early on purpose, or answered twice because it forked. So the last line of an
answer names the attempt it belongs to and holds the number and the digest of all lines before it.
An answer without that line, or with anything after it, did not happen.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samenet.errors import RunFolderError
from samenet.machine import files
from samenet.runs.records import Record, decode, encode

CLOSED = "answer closed"


def new_attempt() -> str:
    """Return the name of one attempt at a job, which no other attempt has."""
    return secrets.token_hex(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile:
    """The answer of one attempt at one job."""

    path: Path
    attempt: str
    process: int = field(default_factory=os.getpid)
    """Only the process that was started may answer: one that it forks is not heard."""

    def add(self, records: Sequence[Record]) -> None:
        """Write records, whole lines at once; raises OSError where they cannot be written."""
        if os.getpid() == self.process:
            text = "".join(encode(record) + "\n" for record in records)
            files.append(self.path, text.encode(), durable=False)

    def close(self) -> None:
        """Write the line that vouches for all that was answered; nothing may follow it."""
        if os.getpid() != self.process:
            return
        written = self.path.read_bytes() if self.path.exists() else b""
        closing = json.dumps(self._closing(written)) + "\n"
        files.append(self.path, closing.encode(), durable=False)

    def read(self) -> list[Record] | None:
        """Return the records of a whole answer, or None if it is anything else."""
        if not self.path.is_file():
            return None
        content = self.path.read_bytes()
        written, newline, last = content[:-1].rpartition(b"\n")
        if content[-1:] != b"\n":
            return None
        try:
            if json.loads(last) != self._closing(written + newline):
                return None
            return [decode(line.decode()) for line in written.split(b"\n") if line]
        except (ValueError, RecursionError, RunFolderError):
            return None

    def read_unfinished(self) -> list[Record]:
        """Return the records up to where a worker stopped: whole lines, vouched for by nothing."""
        records: list[Record] = []
        content = self.path.read_bytes() if self.path.is_file() else b""
        for line in content.split(b"\n"):
            try:
                records.append(decode(line.decode()))
            except (ValueError, RecursionError, RunFolderError):
                break
        return records

    def _closing(self, written: bytes) -> dict[str, str | int]:
        """Return what the last line says of the lines before it."""
        return {
            "kind": CLOSED,
            "attempt": self.attempt,
            "records": written.count(b"\n"),
            "sha256": hashlib.sha256(written).hexdigest(),
        }
