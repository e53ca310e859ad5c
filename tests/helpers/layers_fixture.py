"""Made-up runs of single layers whose passes take planted seconds; nothing is measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from report_fixture import MACHINE, recorded

from samenet.analysis.frames import Frames, build
from samenet.experiments.layers import networks
from samenet.runs.records import (
    CertificateRecord,
    DataPrepared,
    FailureRecord,
    FootprintRecord,
    Record,
    TimingRecord,
)

ARMS = ("numpy:plain", "pytorch:eager", "jax:scan")
REPEATS = 5
SECONDS = {"numpy:plain": 3e-3, "pytorch:eager": 1e-3, "jax:scan": 1.001e-3}
"""PyTorch and JAX differ by less than they waver."""
LOOKED_AT = ("first update", "last call", "outputs")

Seconds = Callable[[str, str, int], float]


def wavering(arm: str, phase: str, repeat: int) -> float:
    """Return planted seconds of a step, a third for a forward pass; every process wavers by 1 %."""
    factor = 1.0 + 0.01 * ((repeat * (2 + ARMS.index(arm))) % 5 - 2)
    return SECONDS[arm] * factor / (3 if phase == "forward" else 1)


def run(
    kinds: Sequence[str] = ("conv2d",),
    sizes: Sequence[str] = ("S",),
    *,
    seconds: Seconds = wavering,
    without: Sequence[str] = (),
    more: Sequence[Record] = (),
) -> Frames:
    """Return a made-up run; `without` are checks of the timed programs that are not there."""
    tasks = networks.layer_tasks(kinds, sizes)
    plan, records = recorded(
        tasks=tasks,
        arms=ARMS,
        track="same",
        repeats=REPEATS,
        refused=(),
        failed=(),
        reference=False,
    )
    kept = [r for r in records if _is_kept(r)]
    for task in tasks:
        for arm in ARMS:
            for repeat in range(REPEATS):
                kept += [
                    TimingRecord(
                        job="layers",
                        track="layers",
                        task=task.name,
                        arm=arm,
                        repeat=repeat,
                        phase=phase,
                        steps=10,
                        seconds=(10 * seconds(arm, phase, repeat),) * 3,
                    )
                    for phase in ("step", "forward")
                ]
                kept += [
                    checked(task.name, arm, quantity, repeat)
                    for quantity in LOOKED_AT
                    if quantity not in without
                ]
    return build(plan.model_copy(update={"skipped": ()}), MACHINE, [*kept, *more])


def _is_kept(record: Record) -> bool:
    """Return whether a record of the fixture is of what stands before and after the timing."""
    if isinstance(record, CertificateRecord):
        return record.repeat is None
    return isinstance(record, DataPrepared | FootprintRecord)


def checked(
    task: str, arm: str, quantity: str, repeat: int | None, *, passed: bool = True
) -> CertificateRecord:
    """Return a check of a timed program."""
    return CertificateRecord(
        job="layers",
        task=task,
        arm=arm,
        repeat=repeat,
        gate="gate 4",
        quantity=quantity,
        dtype="float32",
        error=0.0 if passed else 1.0,
        limit=0.5,
        passed=passed,
    )


def not_offered(task: str, arm: str) -> FailureRecord:
    """Return what the certificate says of a kind that a framework has not."""
    return FailureRecord(
        job="certify",
        track="same",
        task=task,
        arm=arm,
        repeat=None,
        mark="unsupported",
        reason="layer conv2d is not offered; it has dense",
    )
