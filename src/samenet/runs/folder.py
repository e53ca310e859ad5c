"""The run folder: plain files, appended and flushed: an interruption loses one job at most.

plan.json       what was to be done, written before anything ran
machine.json    where it ran
records.jsonl   everything that was measured, one line a record
data/           the prepared rows of each task
outputs/        raw outputs of the last epoch, hashed in the records
report.html     the page; figures/ holds its pictures as files
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samenet.errors import UNREADABLE, RunFolderError, explain_unreadable
from samenet.machine import files
from samenet.machine.files import JSON_BYTES_MAX, read_text
from samenet.runs.plan import read_plan
from samenet.runs.records import JobFinished, Record, decode, encode


@dataclass(frozen=True, slots=True)
class Store:
    """One run folder."""

    folder: Path

    @property
    def records_path(self) -> Path:
        """Return the file of records."""
        return self.folder / "records.jsonl"

    def create(self) -> None:
        """Make the folder and its parts.

        Raises RunFolderError unless it is new or empty: what is in it may be somebody's work, and a
        run writes files of fixed names.
        """
        if (self.folder / "plan.json").exists():
            raise RunFolderError(f"{self.folder} already holds a run; choose another --out.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise RunFolderError(f"{self.folder} is not empty; choose a new folder for --out.")
            for part in ("data", "outputs", "work"):
                (self.folder / part).mkdir()
        except OSError as error:
            raise RunFolderError(f"Cannot write to {self.folder}: {error.strerror}.") from None

    def write_json(self, name: str, value: Any) -> None:
        """Write one JSON file whole or not at all."""
        files.write_whole(self.folder / name, json.dumps(value, indent=1, ensure_ascii=False))

    def read_json(self, name: str) -> Any:
        """Return the value of one JSON file; raises RunFolderError if there is none."""
        path = self.folder / name
        try:
            return json.loads(read_text(path, JSON_BYTES_MAX))
        except FileNotFoundError:
            raise RunFolderError(f"{self.folder} is not a run folder: it has no {name}.") from None
        except UNREADABLE as error:
            raise RunFolderError(f"{path} is damaged: {explain_unreadable(error)}.") from None

    def append(self, records: Iterable[Record]) -> None:
        """Append records in one write, which is on the disk when this returns."""
        text = "".join(encode(record) + "\n" for record in records)
        with self.records_path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def records(self) -> list[Record]:
        """Return all records; raises RunFolderError naming the first damaged line."""
        return [self._decode(number, line) for number, line in self._lines()]

    def damaged(self) -> list[str]:
        """Return one sentence per damaged record."""
        sentences = []
        for number, line in self._lines():
            try:
                self._decode(number, line)
            except RunFolderError as error:
                sentences.append(str(error))
        return sentences

    def finished_jobs(self) -> set[str]:
        """Return the jobs whose records are complete."""
        return {r.job for r in self.records() if isinstance(r, JobFinished)}

    def drop_torn_tail(self) -> bool:
        """Remove a half-written last line and an unfinished job's lines; return whether any was.

        A job's records and the event that ends them are one write; without the event they are no
        result.
        """
        lines = [line for _, line in self._lines()]
        whole = [line for line in lines if line.endswith(b"\n")]
        mark = f'"{JobFinished.name}"'.encode()
        last_end = max((index for index, line in enumerate(whole) if mark in line), default=-1)
        kept = whole[: last_end + 1]
        if kept == lines:
            return False
        part = self.folder / "records.jsonl.part"
        part.write_bytes(b"".join(kept))
        part.replace(self.records_path)
        return True

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield numbered lines as bytes: a killed parent may have cut a character in two."""
        if self.records_path.exists():
            with self.records_path.open("rb") as file:
                yield from enumerate(file, start=1)

    def _decode(self, number: int, line: bytes) -> Record:
        try:
            return decode(line.decode(errors="replace"))
        except RunFolderError as error:
            raise RunFolderError(f"{self.records_path}, record {number}: {error}.") from None


def open_run(folder: Path) -> Store:
    """Return an existing run; raises RunFolderError if the folder is not one."""
    store = Store(folder)
    if not folder.is_dir():
        raise RunFolderError(f"There is no run folder {folder}.")
    read_plan(store.read_json("plan.json"), folder / "plan.json")
    return store
