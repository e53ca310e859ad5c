"""A made-up run of three results, whose every number is known; nothing is measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from samenet.adapter.api import Capabilities, Header, Target
from samenet.analysis import frames
from samenet.analysis.frames import Frames
from samenet.runs.plan import Arm, Plan
from samenet.runs.records import CertificateRecord, Record, TimingRecord
from samenet.spec.task import load_task

TASK = "iris"
CHUNKS = 30
IMPORT_SECONDS = 0.1

Chunks = Mapping[str, Sequence[Sequence[float]]]
"""Of each framework: the chunk times of each of its processes."""


def make_frames(chunks: Chunks, failing: Sequence[str] = ()) -> Frames:
    """Return the frames of chunk times; `failing` are the frameworks with a check that failed."""
    records: list[Record] = []
    for arm, processes in chunks.items():
        for repeat, seconds in enumerate(processes):
            records.append(_timing(arm, repeat, "import", [IMPORT_SECONDS]))
            records.append(_timing(arm, repeat, "call", seconds))
            records.append(_check(arm, repeat, passed=True))
        records += [_check(arm, 0, passed=False)] if arm in failing else []
    return frames.build(_plan(list(chunks), max(map(len, chunks.values()))), {}, records)


def _timing(arm: str, repeat: int, phase: str, seconds: Sequence[float]) -> TimingRecord:
    return TimingRecord(
        job=f"cell/{arm}/r{repeat}",
        track="same",
        task=TASK,
        arm=arm,
        repeat=repeat,
        phase=phase,
        steps=1,
        seconds=tuple(seconds),
    )


def _check(arm: str, repeat: int, *, passed: bool) -> CertificateRecord:
    return CertificateRecord(
        job=f"cell/{arm}/r{repeat}",
        task=TASK,
        arm=arm,
        repeat=repeat,
        gate="gate 4",
        quantity="first loss" if passed else "first update",
        dtype="float32",
        error=0.0 if passed else 1.0,
        limit=0.5,
        passed=passed,
    )


def _plan(arms: Sequence[str], repeats: int) -> Plan:
    return Plan(
        name="selftest",
        created="",
        samenet="",
        tasks=(load_task(TASK),),
        arms=tuple(_arm(arm) for arm in arms),
        target=Target(),
        profile="quick",
        repeats=repeats,
        steady_seconds=0.5,
        seeds=1,
        track="same",
        jobs=(),
    )


def _arm(name: str) -> Arm:
    mode = {"why": "made up", "source": "samenet selftest"}
    header = {
        "name": name.partition(":")[0],
        "title": name,
        "modes": {"plain": mode},
        "imports": ["numpy"],
    }
    capabilities = Capabilities(
        devices=("cpu",), dtypes=("float32",), activations=(), losses=(), optimizers=()
    )
    return Arm(
        name=name,
        mode="plain",
        path="",
        digest="",
        header=Header.model_validate(header | {"distributions": ["numpy"]}),
        capabilities=capabilities,
        versions={},
        import_seconds=0.0,
    )
