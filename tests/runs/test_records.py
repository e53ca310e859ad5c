"""Records on disk: what is read is what was written, and a changed character is noticed."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import RECORDS

from samenet.errors import RunFolderError
from samenet.runs.records import (
    EVENT_TYPES,
    RECORD_TYPES,
    ProcessesLeft,
    Record,
    TimingRecord,
    checksum,
    decode,
    encode,
)

EXAMPLE = TimingRecord(
    job="cell/numpy:plain/iris/r0",
    track="same",
    task="iris",
    arm="numpy:plain",
    repeat=0,
    phase="call",
    steps=77,
    seconds=(0.0123, 0.0456, 1e-07),
)


@settings(max_examples=200, deadline=None)
@given(record=RECORDS)
def test_a_record_comes_back_as_it_was_written(record: Record) -> None:
    """Any record of any kind equals what is read from its line; floats keep every digit."""
    line = encode(record)
    assert "\n" not in line
    assert decode(line + "\n") == record


@settings(max_examples=300, deadline=None)
@given(record=RECORDS, data=st.data())
def test_any_flipped_character_is_noticed(record: Record, data: st.DataObject) -> None:
    """A line in which one character was exchanged for another is never taken for a record."""
    line = encode(record)
    index = data.draw(st.integers(0, len(line) - 1))
    replacement = data.draw(
        st.characters(exclude_categories=["Cs"]).filter(lambda c: c != line[index])
    )
    with pytest.raises(RunFolderError):
        decode(line[:index] + replacement + line[index + 1 :])


@pytest.mark.parametrize("number", range(0, 400, 7))
def test_every_flipped_digit_of_a_timing_is_noticed(number: int) -> None:
    """Going through a timing record, each digit exchanged for its neighbour is noticed."""
    line = encode(EXAMPLE)
    digits = [i for i, character in enumerate(line) if character.isdigit()]
    index = digits[number % len(digits)]
    changed = line[:index] + str((int(line[index]) + 1) % 10) + line[index + 1 :]
    with pytest.raises(RunFolderError):
        decode(changed)


@pytest.mark.parametrize("line", ["", "{", "[]", "null", "7", '{"kind":[]}', '{"kind":"unheard"}'])
def test_what_is_no_record_is_called_so(line: str) -> None:
    """Lines that hold no record are named as such, whatever JSON they are."""
    with pytest.raises(RunFolderError, match="not a record"):
        decode(line)


def test_a_record_of_another_version_is_named() -> None:
    """A whole record of a later format is not called damaged, but of another version."""
    body = encode(EXAMPLE).partition(',"sha256"')[0].replace('"schema":1', '"schema":2') + "}"
    with pytest.raises(RunFolderError, match="another version"):
        decode(f'{body[:-1]},"sha256":"{checksum(body)}"}}')


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_refused_before_it_is_written(value: float) -> None:
    """NaN and infinity never reach the file; the caller hears of them at once."""
    with pytest.raises(ValueError, match="JSON"):
        encode(dataclasses.replace(EXAMPLE, seconds=(value,)))


def test_records_cannot_be_changed() -> None:
    """A measured value cannot be assigned to: neither a field nor a sample."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXAMPLE.steps = 1  # type: ignore[misc]
    assert isinstance(EXAMPLE.seconds, tuple)


def test_every_kind_has_its_own_name() -> None:
    """Each record class is found by the word that its lines carry."""
    classes = {cls.__name__ for cls in Record.__subclasses__()}
    assert {cls.__name__ for cls in RECORD_TYPES.values()} == classes
    assert all(cls.kind == name for name, cls in RECORD_TYPES.items())


WRITTEN = (
    (Path(__file__).parents[1] / "examples" / "events.jsonl")
    .read_text(encoding="utf-8")
    .removesuffix("\n")
    .split("\n")
)
"""One line of each kind of event, as they were written before events had types."""


@pytest.mark.parametrize("line", WRITTEN, ids=lambda line: json.loads(line)["name"])
def test_an_event_of_an_old_run_has_its_type(line: str) -> None:
    """A line from before events had types is read into one, and written again byte for byte."""
    record = decode(line)
    assert type(record) is EVENT_TYPES[json.loads(line)["name"]]
    assert encode(record) == line


def test_every_kind_of_event_was_written_before() -> None:
    """No kind of then is missing among the old lines, so that none can become unreadable."""
    newer = {ProcessesLeft.name}
    assert {json.loads(line)["name"] for line in WRITTEN} == set(EVENT_TYPES) - newer


@pytest.mark.parametrize(
    "change",
    [("limit not measured", "comet seen"), ('"reason":', '"cause":'), ('"reason":', '"x":1,"y":')],
    ids=["kind", "field", "more fields"],
)
def test_an_event_that_is_not_known_is_of_another_version(change: tuple[str, str]) -> None:
    """A whole line with an unknown kind of event, or unknown fields, is not called damaged."""
    line = next(line for line in WRITTEN if "limit not measured" in line)
    body = line.partition(',"sha256"')[0].replace(*change) + "}"
    with pytest.raises(RunFolderError, match="another version"):
        decode(f'{body[:-1]},"sha256":"{checksum(body)}"}}')
