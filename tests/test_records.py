"""Records on disk: what is read is what was written, and a changed character is noticed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samenet.errors import RunFolderError
from samenet.records import (
    KINDS,
    CertificateRecord,
    EventRecord,
    FailureRecord,
    FootprintRecord,
    QualityRecord,
    Record,
    TimingRecord,
    checksum,
    decode,
    encode,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any text; JSON in UTF-8 has no lone surrogates."""

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TRACKS = st.sampled_from(["same", "quickstart", "reference"])
REPEATS = st.integers(0, 99)
PLACE: dict[str, Any] = {"job": TEXTS, "task": TEXTS, "arm": TEXTS}
RECORDS = st.one_of(
    st.builds(CertificateRecord, **PLACE, repeat=st.none() | REPEATS, gate=TEXTS, quantity=TEXTS,
              dtype=TEXTS, error=NUMBERS, limit=NUMBERS, passed=st.booleans(), detail=TEXTS),
    st.builds(TimingRecord, **PLACE, track=TRACKS, repeat=REPEATS, phase=TEXTS,
              steps=REPEATS, seconds=st.lists(NUMBERS, max_size=4).map(tuple),
              cpu_seconds=st.none() | NUMBERS),
    st.builds(QualityRecord, **PLACE, track=TRACKS, repeat=REPEATS,
              split=st.sampled_from(["train", "test"]), metric=TEXTS,
              epochs=st.lists(REPEATS, max_size=4).map(tuple),
              values=st.lists(NUMBERS, max_size=4).map(tuple)),
    st.builds(FootprintRecord, **PLACE, bytes_after_import=REPEATS, bytes_peak=REPEATS),
    st.builds(FailureRecord, **PLACE, track=TRACKS, repeat=st.none() | REPEATS,
              mark=st.sampled_from(["failed", "timed out"]), reason=TEXTS, detail=TEXTS),
    st.builds(EventRecord, job=TEXTS, name=TEXTS, when=TEXTS,
              data=st.dictionaries(TEXTS, VALUES, max_size=4)),
)  # fmt: skip

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
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != line[place]))
    with pytest.raises(RunFolderError):
        decode(line[:place] + other + line[place + 1 :])


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_every_flipped_digit_of_a_timing_is_noticed(place: int) -> None:
    """Going through a timing record, each digit exchanged for its neighbour is noticed."""
    line = encode(EXAMPLE)
    digits = [i for i, character in enumerate(line) if character.isdigit()]
    index = digits[place % len(digits)]
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
    assert len(KINDS) == 7
    assert all(cls.kind == name for name, cls in KINDS.items())
