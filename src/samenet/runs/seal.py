"""The seal of a run: written last, it says how many records there are and what every file holds.

What is changed, added or taken away afterwards is named with its place. A new seal takes the place
of an old one where more was measured, and where the page alone was written anew; never where
anything else differs from the old one, so that a new page cannot cover a changed record. Who makes
the chain and the seal anew is not noticed: they guard against damage and a careless hand.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath

from samenet._text import count_noun
from samenet.errors import RunFolderError
from samenet.machine import clock, files, plain_files
from samenet.runs.folder import RECORDS, Journal, Store
from samenet.runs.plan import Plan
from samenet.runs.records import JobFinished

FILE = "seal.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a run was when it ended."""

    schema: int
    when: str
    records: int
    head: str
    """The checksum of the last record: the end of the chain."""
    jobs_left: tuple[str, ...]
    """What was planned and needed no measuring, or what the budget left out."""
    page: tuple[str, ...]
    """The files that were written with the page, and may be written anew."""
    files: dict[str, str]
    """The SHA-256 of every file by its path in the folder, but of this one."""


def seal_run(store: Store, plan: Plan, page: Collection[str] = ()) -> None:
    """Seal a run that has ended; its work folder goes, except for compiled code that is shared.

    `page` are the files that its page consists of. Only who holds the folder's lock calls this,
    after the page is written. Raises RunFolderError for what may not be sealed: a damaged record, a
    broken chain, or something that is no plain file.
    """
    journal = store.read()
    finished = {record.job for record in journal.whole() if isinstance(record, JobFinished)}
    for sentence in journal.breaks():
        raise RunFolderError(f"{store.folder}: {sentence}.")
    _clear_work(store.folder)
    _write(
        store.folder,
        Seal(
            schema=SCHEMA,
            when=clock.utc(),
            records=len(journal.links),
            head=journal.head,
            jobs_left=tuple(job.id for job in plan.jobs if job.id not in finished),
            page=tuple(sorted(page)),
            files=_digests(store.folder, _names(store.folder)),
        ),
    )


def reseal_page(store: Store, seal: Seal, page: Collection[str]) -> None:
    """Put a page that was written anew under the seal of its run, and nothing else.

    Whoever calls this has seen before that nothing but the page had changed.
    """
    kept = {name: digest for name, digest in seal.files.items() if name not in seal.page}
    _write(
        store.folder,
        replace(seal, page=tuple(sorted(page)), files=kept | _digests(store.folder, sorted(page))),
    )


def break_seal(store: Store) -> None:
    """Take the seal off: what follows is measured, and sealed at its end."""
    files.remove(store.folder / FILE)


def read_seal(folder: Path) -> Seal | None:
    """Return the seal of a run, or None if it has none; raises RunFolderError for a damaged one."""
    path = folder / FILE
    if not os.path.lexists(path):
        return None
    try:
        text = plain_files.read_text(path)
        values = json.loads(text)
        values.pop("sha256")
        lists = {name: tuple(values[name]) for name in ("jobs_left", "page")}
        seal = Seal(**{**values, **lists})
        if seal.schema != SCHEMA or _to_text(seal) != text:
            raise RunFolderError(f"{path}: its content changed.")
        _check_names(seal)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):
        raise RunFolderError(f"{path} is damaged: it is no seal.") from None
    return seal


def find_changes(folder: Path, seal: Seal) -> dict[str, str]:
    """Return a sentence for each file that is not what was sealed, by its path in the folder."""
    present = dict.fromkeys(_names(folder))
    changes = {}
    for name, digest in seal.files.items():
        if name not in present:
            changes[name] = f"{name} is missing: it was sealed at the end of the run"
        elif _digest_or_none(folder / name) != digest:
            changes[name] = f"{name} changed since the end of the run"
    for name in present:
        if name not in seal.files:
            changes[name] = f"{name} was added after the end of the run"
    return changes


def find_damage(folder: Path, seal: Seal) -> list[str]:
    """Return the changes that no interruption makes: it leaves a half-new page, or part of a file.

    Such are written anew and removed when the run goes on.
    """
    return [
        sentence
        for name, sentence in find_changes(folder, seal).items()
        if name not in seal.page and not files.is_part(PurePath(name))
    ]


def compare_records(journal: Journal, seal: Seal) -> list[str]:
    """Return what the number of records and the end of their chain say against them."""
    if (len(journal.links), journal.head) == (seal.records, seal.head):
        return []
    have = len(journal.links)
    what = f"{RECORDS} holds {count_noun(have, 'record')}, and {seal.records} were sealed"
    if have == seal.records:
        return [f"{RECORDS}, record {have}: it is not the one that was sealed as the last"]
    if have < seal.records and not journal.breaks():
        return [f"{what}: those after record {have} are missing"]
    return [what]


def _write(folder: Path, seal: Seal) -> None:
    text = _to_text(replace(seal, files=dict(sorted(seal.files.items()))))
    files.write_whole(folder / FILE, text, durable=True)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: plain_files.digest_of(folder / name) for name in names}


def _to_text(seal: Seal) -> str:
    """Return the only text that a seal has, with a checksum of the rest at its end."""
    body = json.dumps(asdict(seal), indent=1)
    digest = hashlib.sha256(body.encode()).hexdigest()
    return json.dumps({**asdict(seal), "sha256": digest}, indent=1) + "\n"


def _check_names(seal: Seal) -> None:
    """See that a seal is of the types it should have; raises TypeError if not."""
    texts = [*seal.files, *seal.files.values(), *seal.jobs_left, *seal.page, seal.head, seal.when]
    if not isinstance(seal.records, int) or not all(isinstance(text, str) for text in texts):
        raise TypeError


def _names(folder: Path) -> Iterator[str]:
    """Yield the path of every file in a run folder but the seal, links and pipes included."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*names, *links]):
            path = (Path(place) / name).relative_to(folder).as_posix()
            if path != FILE:
                yield path


def _digest_or_none(path: Path) -> str | None:
    """Return a file's digest, or None for what is no plain file or cannot be read."""
    try:
        return plain_files.digest_of(path)
    except (OSError, RunFolderError):
        return None


def _clear_work(folder: Path) -> None:
    """Remove what was needed only while something was measured, and halves of files of ours.

    Compiled code that is shared stays: more repeats of this run are to find it.
    """
    for place in (folder, folder / "figures"):
        files.remove_parts(place)
    work = folder / "work"
    if not work.is_dir() or work.is_symlink():
        return
    for path in [*work.iterdir(), *(work / "caches").glob("*")]:
        if path.is_dir() and not path.is_symlink():
            if path.name != "caches" and not path.name.startswith("warm-"):
                files.remove_folder(path)
        else:
            files.remove(path)
    for place in (work / "caches", work):
        if place.is_dir() and not any(place.iterdir()):
            files.strike(f"remove {place.name}")
            place.rmdir()
