"""The run folder: plain files, appended and flushed: an interruption loses one job at most.

plan.json       what was to be done, written before anything ran
machine.json    where it ran
sources.json    the text of the adapters that were timed
records.jsonl   everything that was measured, one line a record, each tied to the one before
data/           the prepared rows of each task
outputs/        raw outputs of the last epoch, hashed in the records
report.html     the page; figures/ holds its pictures as files
seal.json       at the end: how many records there are, and the digest of every file above
work/           orders and answers of workers, only while something is measured

A folder may be a stranger's: whatever is read from it is a plain file of bounded size, and none of
its own folders may be a link.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samenet._text import count_noun
from samenet.errors import UNREADABLE, RunFolderError, explain_unreadable
from samenet.machine import files, plain_files
from samenet.machine.folder_lock import writing
from samenet.runs import chain
from samenet.runs.adapter_source import Sources, check_sources
from samenet.runs.attempts import counting
from samenet.runs.chain import Link
from samenet.runs.plan import read_plan
from samenet.runs.records import JobFinished, Record, decode, encode

PARTS = ("data", "outputs", "work")
"""The folders in a run folder when it begins; figures/ comes with the page."""

RECORDS = "records.jsonl"
SOURCES = "sources.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """All that a file of records holds, up to where an interruption tore it."""

    records: tuple[Record, ...]
    links: tuple[Link, ...]
    damaged: tuple[str, ...]
    """One sentence per line that is no record of ours; then `records` lacks them."""
    left_out: str
    """What an interruption left unfinished at the end, in one sentence; "" if nothing."""
    bytes_kept: int
    """How far the file is whole."""

    @property
    def head(self) -> str:
        """Return the checksum of the last record: the end of the chain."""
        return self.links[-1].digest if self.links else ""

    def breaks(self) -> list[str]:
        """Return one sentence per place where the chain of records is broken."""
        first = chain.first_previous(self.records[0]) if self.records else chain.UNSEALED
        return [f"{RECORDS}, {text}" for text in chain.find_breaks(self.links, first)]

    def whole(self) -> list[Record]:
        """Return the records that count; raises RunFolderError naming the first damaged line."""
        if self.damaged:
            raise RunFolderError(self.damaged[0])
        return counting(self.records)


@dataclass(frozen=True, slots=True)
class Store:
    """One run folder."""

    folder: Path

    @property
    def records_path(self) -> Path:
        """Return the file of records."""
        return self.folder / RECORDS

    def writing(self) -> AbstractContextManager[None]:
        """Be the only one who writes to this folder; raises RefusedError if another process is."""
        return writing(self.folder, RECORDS)

    def create(self) -> None:
        """Make the folder and its parts.

        Raises RunFolderError unless it is new, empty, or was left by a start that was killed before
        it had a plan: what else is in it may be somebody's work, and a run writes files of fixed
        names.
        """
        if (self.folder / "plan.json").exists():
            raise RunFolderError(f"{self.folder} already holds a run; choose another --out.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not all(map(_is_of_a_start, self.folder.iterdir())):
                raise RunFolderError(f"{self.folder} is not empty; choose a new folder for --out.")
            for part in PARTS:
                (self.folder / part).mkdir(exist_ok=True)
            files.remove_parts(self.folder)
        except OSError as error:
            raise RunFolderError(f"Cannot write to {self.folder}: {error.strerror}.") from None

    def write_json(self, name: str, value: Any) -> None:
        """Write one JSON file whole or not at all."""
        text = json.dumps(value, indent=1, ensure_ascii=False)
        files.write_whole(self.folder / name, text, durable=True)

    def read_json(self, name: str) -> Any:
        """Return the value of one JSON file; raises RunFolderError if there is none."""
        path = self.folder / name
        try:
            return json.loads(plain_files.read_text(path))
        except FileNotFoundError:
            raise RunFolderError(f"{self.folder} is not a run folder: it has no {name}.") from None
        except RunFolderError:
            raise
        except UNREADABLE as error:
            raise RunFolderError(f"{path} is damaged: {explain_unreadable(error)}.") from None

    def write_sources(self, sources: Sources) -> None:
        """Keep the texts of the adapters; bytes that are no text come back as they were."""
        text = json.dumps(sources, indent=1, sort_keys=True)
        files.write_whole(self.folder / SOURCES, text, durable=True)

    def read_sources(self) -> Sources:
        """Return the texts of the adapters as they were timed; empty in older runs."""
        if not os.path.lexists(self.folder / SOURCES):
            return {}
        return check_sources(self.read_json(SOURCES))

    def append(self, records: Iterable[Record]) -> None:
        """Append records in one write, which is on the disk when this returns.

        Each is tied to the one before, of which only the end of the file is read. What could not be
        written whole is taken back. Raises RunFolderError if the file ends in half a line.
        """
        end = plain_files.read_end(self.records_path, LINK_BYTES)
        files.append(self.records_path, _chained(list(records), end, self.records_path))

    def read(self) -> Journal:
        """Read the records once, each job's only if it is finished."""
        records: list[Record] = []
        links: list[Link] = []
        damaged: list[str] = []
        kept, torn, end, bytes_kept = 0, False, 0, 0
        for number, line in self._lines():
            end += len(line)
            torn = not line.endswith(b"\n")
            if torn:
                break
            try:
                record = self._decode(number, line)
            except RunFolderError as error:
                damaged.append(str(error))
                continue
            records.append(record)
            links.append(chain.read_link(line) or Link(digest=""))
            if isinstance(record, JobFinished) or not record.job:
                kept, bytes_kept = len(records), end
        return Journal(
            records=tuple(records[:kept]),
            links=tuple(links[:kept]),
            damaged=tuple(damaged),
            left_out=_left_out(len(records) - kept, torn=torn),
            bytes_kept=bytes_kept,
        )

    def records(self) -> list[Record]:
        """Return all records of finished jobs; raises RunFolderError for a damaged line."""
        return self.read().whole()

    def damaged(self) -> list[str]:
        """Return one sentence per damaged record."""
        return list(self.read().damaged)

    def finished_jobs(self) -> set[str]:
        """Return the jobs whose records are complete."""
        return {r.job for r in self.records() if isinstance(r, JobFinished) and not r.again}

    def drop_unfinished(self) -> str:
        """Cut off what an interruption left at the end; return that in a sentence, "" if nothing.

        A job's records and the event that ends them are one write; without the event they are no
        result. What belongs to no job, such as the seal of the plan, stays. Raises RunFolderError
        if a line is damaged, which no interruption does.
        """
        journal = self.read()
        journal.whole()
        if journal.left_out:
            files.cut(self.records_path, journal.bytes_kept)
        return journal.left_out

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield numbered lines as bytes: a killed parent may have cut a character in two."""
        if os.path.lexists(self.records_path):
            yield from enumerate(plain_files.read_lines(self.records_path), start=1)

    def _decode(self, number: int, line: bytes) -> Record:
        try:
            return decode(line.decode(errors="replace"))
        except RunFolderError as error:
            raise RunFolderError(f"{self.records_path}, record {number}: {error}.") from None


def _is_of_a_start(path: Path) -> bool:
    """Return whether a file is all that a run leaves which is killed before it has a plan."""
    if path.name in PARTS:
        return path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    if path.name == RECORDS:
        return path.is_file() and path.lstat().st_size == 0
    return path.name.startswith(".plan.json.") and path.name.endswith(files.PART)


LINK_BYTES = 80
"""At the end of a line: its checksum, and that of the line before it."""


def _chained(records: list[Record], end: bytes, path: Path) -> bytes:
    """Return lines for records that follow a file with this end."""
    last = chain.read_link(end)
    if end and (last is None or not end.endswith(b"\n")):
        raise RunFolderError(f"{path} ends in half a line; samenet resume takes it off.")
    if last:
        previous = last.digest
    else:
        previous = chain.first_previous(records[0]) if records else chain.UNSEALED
    lines = []
    for record in records:
        line = encode(record, previous)
        previous = line[-len('"}') - chain.DIGITS : -len('"}')]
        lines.append(line + "\n")
    return "".join(lines).encode()


def _left_out(records: int, *, torn: bool) -> str:
    """Say what of the end of a file of records is left out, and why."""
    parts = []
    if torn:
        parts.append("the last line was torn off by an interruption and is left out")
    if records:
        was = "was" if records == 1 else "were"
        parts.append(
            f"{count_noun(records, 'record')} before it {was} of an unfinished job"
            if torn
            else f"the last {count_noun(records, 'record')} {was} of a job that an interruption "
            "ended, and left out"
        )
    return f"{RECORDS}: {', and '.join(parts)}" if parts else ""


def open_run(folder: Path) -> Store:
    """Return an existing run; raises RunFolderError if the folder is not one."""
    store = Store(folder)
    if not folder.is_dir():
        raise RunFolderError(f"There is no run folder {folder}.")
    for part in (*PARTS, "figures"):
        if (folder / part).is_symlink():
            raise RunFolderError(
                f"{folder / part} is a link: a run folder holds its own files, and no link is read "
                "or written through."
            )
    read_plan(store.read_json("plan.json"), folder / "plan.json")
    return store
