"""Strategies of hypothesis: every kind of record as it may be written."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from samenet.runs.records import (
    CertificateRecord,
    CompiledCodeKept,
    ContractItem,
    DataPrepared,
    EnvironmentRead,
    FailureRecord,
    FootprintRecord,
    JobFinished,
    LimitNotMeasured,
    LimitRecord,
    OutputsKept,
    PlanSealed,
    ProcessSetAside,
    QualityRecord,
    StepTraced,
    StudyOmission,
    StudyTraining,
    TimingRecord,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""Any text; JSON in UTF-8 has no lone surrogates."""

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
AMOUNTS = st.floats(0, allow_nan=False, allow_infinity=False)
"""Numbers that measure something."""

WHOLE_NUMBERS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE_NUMBERS | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
TRACKS = st.sampled_from(["same", "quickstart", "reference"])
REPEATS = st.integers(0, 99)
WHOLES = st.lists(REPEATS, max_size=4).map(tuple)
FLOATS = st.lists(NUMBERS, max_size=4).map(tuple)
TIMES = st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=4).map(tuple)
SCORES = st.lists(NUMBERS, min_size=1, max_size=4).map(tuple)
SAMPLES = st.lists(AMOUNTS, max_size=4).map(tuple)
WORDS = st.lists(TEXTS, max_size=3).map(tuple)
ANYTHING = st.lists(VALUES, max_size=3).map(tuple)
ROWS = st.lists(st.lists(NUMBERS, max_size=2), max_size=2).map(tuple)
FILES = st.sampled_from(["a.npz", "same~iris~numpy+plain~r0.npz", "ä ö"])
OBJECTS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), max_size=3).map(tuple)


def as_many(items: st.SearchStrategy[Any], like: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Return tuples of the length of another."""
    return st.lists(items, min_size=len(like), max_size=len(like)).map(tuple)


WHEN: dict[str, Any] = {"job": TEXTS, "when": TEXTS}
PROCESS: dict[str, Any] = {
    **WHEN,
    "pass_name": TEXTS,
    "task": TEXTS,
    "arm": TEXTS,
    "repeat": REPEATS,
    "readings": st.dictionaries(TEXTS, st.none() | NUMBERS, max_size=3),
    "broken": WORDS,
    "refused": st.booleans(),
    "again": st.booleans(),
}
CHOICE: dict[str, Any] = {**WHEN, "scene": TEXTS, "choice": TEXTS, "seed": REPEATS}
HAPPENED = st.one_of(
    st.builds(PlanSealed, **WHEN, sha256=TEXTS),
    st.builds(JobFinished, **WHEN, pass_name=TEXTS, seconds=AMOUNTS),
    st.builds(DataPrepared, **WHEN, task=TEXTS, task_kind=TEXTS, train_rows=REPEATS,
              test_rows=REPEATS, features=REPEATS, outputs=REPEATS, feature_names=WORDS,
              class_names=WORDS, target_mean=FLOATS, target_scale=FLOATS, notes=WORDS,
              digest=TEXTS),
    st.builds(OutputsKept, **WHEN, file=FILES, sha256=TEXTS),
    st.builds(CompiledCodeKept, **WHEN, cache=TEXTS, files_before=REPEATS, files_after=REPEATS),
    st.builds(EnvironmentRead, **PROCESS),
    st.builds(ProcessSetAside, **PROCESS, records=OBJECTS),
    st.builds(LimitNotMeasured, **WHEN, reason=TEXTS),
    OBJECTS.flatmap(lambda looks: st.builds(
              StudyTraining, **CHOICE, epochs=as_many(REPEATS, looks), looks=st.just(looks),
              seconds=SAMPLES, checks=st.dictionaries(TEXTS, NUMBERS, max_size=2))),
    st.builds(StudyOmission, **CHOICE, reason=TEXTS, wrong=st.booleans()),
    st.builds(ContractItem, **WHEN, part=TEXTS, key=TEXTS, found=TEXTS),
    st.builds(StepTraced, **WHEN, task=TEXTS, arm=TEXTS, inputs=ROWS, targets=ANYTHING,
              weights=FLOATS, weighted_sum=ANYTHING, loss=NUMBERS, gradient=FLOATS,
              new_weights=FLOATS, output=ANYTHING),
)  # fmt: skip
PLACE: dict[str, Any] = {"job": TEXTS, "task": TEXTS, "arm": TEXTS}
RECORDS = st.one_of(
    st.builds(CertificateRecord, **PLACE, repeat=st.none() | REPEATS, gate=TEXTS, quantity=TEXTS,
              dtype=TEXTS, error=AMOUNTS, limit=AMOUNTS, passed=st.booleans(), detail=TEXTS),
    st.builds(TimingRecord, **PLACE, track=TRACKS, repeat=REPEATS, phase=TEXTS,
              steps=st.integers(1, 99), seconds=SAMPLES, cpu_seconds=st.none() | AMOUNTS),
    SCORES.flatmap(lambda values: st.builds(
              QualityRecord, **PLACE, track=TRACKS, repeat=REPEATS,
              split=st.sampled_from(["train", "test"]), metric=TEXTS,
              epochs=as_many(REPEATS, values), values=st.just(values))),
    st.builds(FootprintRecord, **PLACE, bytes_after_import=REPEATS, bytes_peak=REPEATS),
    st.builds(FailureRecord, **PLACE, track=TRACKS, repeat=st.none() | REPEATS,
              mark=st.sampled_from(["failed", "timed out"]), reason=TEXTS, detail=TEXTS),
    st.builds(LimitRecord, job=TEXTS, task=TEXTS, quantity=TEXTS, work=AMOUNTS, seconds=TIMES),
    HAPPENED,
)  # fmt: skip
