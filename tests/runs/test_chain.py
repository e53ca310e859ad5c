"""The chain of records: every place where a line does not follow the one before it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.errors import RunFolderError
from samenet.machine import files
from samenet.runs import chain, folder
from samenet.runs.folder import Store
from samenet.runs.records import JobFinished, LimitNotMeasured, PlanSealed, encode

SEALED = PlanSealed(job="", when="", sha256="ab" * 32)


def end(job: str) -> JobFinished:
    """Return the event that a job is finished."""
    return JobFinished(job=job, when="", pass_name="cell", seconds=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a run of five records, in three writes."""
    found = Store(tmp_path / "run")
    found.create()
    found.append([SEALED])
    found.append([end("a"), end("b")])
    found.append([end("c"), end("d")])
    return found


def rewrite(store: Store, *order: int) -> list[str]:
    """Put the lines in this order, and return what is said of that."""
    lines = store.records_path.read_bytes().splitlines(keepends=True)
    store.records_path.write_bytes(b"".join(lines[number - 1] for number in order))
    return store.read().breaks()


def test_a_chain_over_several_writes_is_whole(store: Store) -> None:
    """Each line holds the checksum of the one before, the first the beginning of its plan's."""
    assert store.read().breaks() == []
    links = store.read().links
    assert links[0].previous == "ab" * 8
    assert [link.previous for link in links[1:]] == [link.digest for link in links[:-1]]


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ((2, 3, 4, 5), "record 1 was not the first"),
        ((1, 2, 4, 5), "record 3 does not follow record 2"),
        ((1, 2, 3, 3, 4, 5), "record 4 is doubled: it is record 3 again"),
        ((1, 2, 3, 4, 5, 2), "record 6 is doubled: it is record 2 again"),
        ((1, 3, 2, 4, 5), "record 2 is out of order: it was written after record 3"),
        ((1, 4, 5, 2, 3), "record 2 is out of order: it was written after record 5"),
    ],
)
def test_a_broken_place_is_named(store: Store, order: tuple[int, ...], sentence: str) -> None:
    """Missing, doubled and moved records are called that, with their number."""
    assert rewrite(store, *order)[0].startswith(f"records.jsonl, {sentence}")


def test_a_record_that_was_slipped_in_is_named(store: Store) -> None:
    """A record without a link, among others that have one, was not written by a run."""
    lines = store.records_path.read_bytes().splitlines(keepends=True)
    lines.insert(3, encode(end("x")).encode() + b"\n")
    store.records_path.write_bytes(b"".join(lines))
    assert "record 4 was slipped in" in store.read().breaks()[0]


def test_records_of_before_chains_are_counted_and_gone_on_from(tmp_path: Path) -> None:
    """A run of an earlier version has no links; what is added to it hangs on its last line."""
    store = Store(tmp_path)
    old = "".join(encode(record) + "\n" for record in (SEALED, end("a"), end("c")))
    store.records_path.write_text(old, encoding="utf-8")
    store.append([end("b")])
    journal = store.read()
    assert chain.count_unchained(journal.links) == 3
    assert journal.breaks() == []
    assert store.records_path.read_text(encoding="utf-8").startswith(old)
    assert rewrite(store, 1, 2, 4) != []


def test_an_append_reads_the_end_of_the_file_alone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many records there are, an append decodes none of them and reads 80 bytes."""
    read: list[int] = []
    chained = folder._chained
    monkeypatch.setattr(folder, "decode", lambda line: pytest.fail("decoded a record"))
    monkeypatch.setattr(
        folder,
        "_chained",
        lambda new, tail, path: read.append(len(tail)) or chained(new, tail, path),
    )
    store.append([end("e")])
    assert read == [80]


def test_nothing_is_added_to_half_a_line(store: Store) -> None:
    """Behind a torn line there is no place for a record: a resume takes it off first."""
    whole = store.records_path.read_bytes()
    store.records_path.write_bytes(whole + b'{"schema":1')
    with pytest.raises(RunFolderError, match="ends in half a line"):
        store.append([end("e")])
    assert "torn off" in store.drop_unfinished()
    assert store.records_path.read_bytes() == whole


def test_what_cannot_be_written_whole_is_taken_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk in the middle of a write leaves the file as it was before it."""
    before = store.records_path.read_bytes()
    monkeypatch.setattr(files, "_passed", {})
    monkeypatch.setenv(files.STRIKE_VARIABLE, "write records.jsonl:1:ENOSPC")
    with pytest.raises(OSError, match="No space"):
        store.append([end("e")])
    assert store.records_path.read_bytes() == before


def test_a_damaged_line_is_not_taken_for_a_torn_one(store: Store) -> None:
    """A whole line at the end that is no record is damage: a resume does not cut it off."""
    store.records_path.write_bytes(store.records_path.read_bytes() + b"nothing\n")
    with pytest.raises(RunFolderError, match="record 6: not a record"):
        store.drop_unfinished()


def test_a_text_that_ends_like_a_record_is_no_link(store: Store) -> None:
    """A reason that holds the words of a link changes nothing about the link."""
    told = LimitNotMeasured(job="", when="", reason='","sha256":"' + "0" * 16 + '"}')
    store.append([told, end("e")])
    assert store.read().breaks() == []
    assert store.records()[-2] == told
