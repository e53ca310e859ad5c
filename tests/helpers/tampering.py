"""Tamper with a finished run in every way, and count how often that is named.

`python -P tests/helpers/tampering.py RUN --positions 1000` does so with a copy and prints a table;
the tests do a part of it.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from samenet.errors import RunFolderError
from samenet.report import page
from samenet.report.verify import check_seals
from samenet.runs.folder import Store

Table = Counter[tuple[str, str]]
"""How many of a kind of tampering were "named", "missed", or would be "covered" by a new page."""


def tampered_lines(lines: list[bytes]) -> Iterator[tuple[str, int, list[bytes]]]:
    """Yield (kind, place, lines) with each record deleted, doubled, swapped with the next."""
    for place, line in enumerate(lines):
        yield "deleted", place, [*lines[:place], *lines[place + 1 :]]
        yield "doubled", place, [*lines[: place + 1], *lines[place:]]
        if place + 1 < len(lines):
            both = [lines[place + 1], line]
            yield "swapped", place, [*lines[:place], *both, *lines[place + 2 :]]


def named(run: Path, *words: str) -> bool:
    """Return whether what was changed is named with one of these words, and in no traceback."""
    try:
        sentences = check_seals(run).mismatches
    except RunFolderError as error:  # the plan itself cannot be read
        sentences = (str(error),)
    return any(word in sentence for sentence in sentences for word in words)


def covered(run: Path) -> bool:
    """Return whether a page that is written anew would come under the seal."""
    return page._intact_seal(Store(run), lambda sentence: None) is not None


def judge(table: Table, kind: str, run: Path, *words: str, page_file: bool = False) -> None:
    """Add what becomes of one change to a table."""
    table[kind, "named" if named(run, *words) else "missed"] += 1
    if not page_file and covered(run):
        table[kind, "covered"] += 1


def tamper_with_records(run: Path) -> Table:
    """Delete, double and swap every record; leave the run as it was."""
    table: Table = Counter()
    path = run / "records.jsonl"
    original = path.read_bytes()
    for kind, place, lines in tampered_lines(original.splitlines(keepends=True)):
        path.write_bytes(b"".join(lines))
        numbers = (f"record {place}", f"record {place + 1}", f"record {place + 2}")
        judge(table, kind, run, *numbers, "those after record")
    path.write_bytes(original)
    return table


def tamper_with_files(run: Path, positions: int, seed: int = 0) -> Table:
    """Flip a bit at so many places of every file, take it away, add one; leave all as it was."""
    table: Table = Counter()
    draw = random.Random(seed)
    written = set(Store(run).read_json("seal.json")["page"])
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        name = path.relative_to(run).as_posix()
        kind, page_file, original = _kind(name), name in written, path.read_bytes()
        for place in _places(draw, len(original), positions):
            flipped = bytearray(original)
            flipped[place] ^= 1 << draw.randrange(8)
            path.write_bytes(flipped)
            judge(table, f"bit flipped in {kind}", run, name, page_file=page_file)
        path.unlink()
        judge(table, f"taken away: {kind}", run, name, page_file=page_file or name == "seal.json")
        path.write_bytes(original)
        added = path.with_name("added.txt")
        added.write_bytes(original[:10])
        judge(table, f"added beside {kind}", run, "added.txt")
        added.unlink()
    return table


def _kind(name: str) -> str:
    folder, _, _ = name.rpartition("/")
    return f"{folder}/" if folder else name


def _places(draw: random.Random, size: int, positions: int) -> list[int]:
    """Return where to flip: everywhere in a small file, the first and last byte in any."""
    if size <= positions:
        return list(range(size))
    return [0, size - 1, *(draw.randrange(size) for _ in range(positions - 2))]


def main() -> None:
    """Print the table of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--positions", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        run = Path(shutil.copytree(options.run, Path(place) / "run"))
        if check_seals(run).mismatches:
            raise SystemExit(f"{options.run} is tampered with already")
        table = tamper_with_records(run) + tamper_with_files(run, options.positions)
    print(f"{'what was done':<34}{'named':>16}{'covered by a new page':>24}")
    for kind in dict.fromkeys(kind for kind, _ in table):
        good, missed = table[kind, "named"], table[kind, "missed"]
        print(f"{kind:<34}{f'{good} of {good + missed}':>16}{table[kind, 'covered']:>24}")


if __name__ == "__main__":
    main()
