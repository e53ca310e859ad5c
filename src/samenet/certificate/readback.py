"""What is read off a program after the clock stopped: whether `sync` waits, what is in force."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Program, Target
from samenet.adapter.arrays import Batches, DataSource
from samenet.certificate import limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Build, Check, Problem
from samenet.machine import clock
from samenet.machine.devices import DEVICES
from samenet.spec.layers import Activation, Dense
from samenet.spec.network import Network
from samenet.spec.training import SGD, Loss, TrainSpec

SYNC_SHARE = 0.2
SYNC_FLOOR_SECONDS = 0.002
SYNC_WORK_SECONDS = 0.02
"""So much work is asked for at once: ten times what a read of the weights may waver by."""

SYNC_CALLS_MAX = 4096


def check_sync(program: Program, call: Batches) -> Check:
    """Check that nothing is left to compute after `sync`: reading the weights must not wait.

    Work that is still running shows as a first read that takes longer than a second one. Three
    tries, the smallest counts, so that a disturbance of the machine is no verdict.
    """
    calls = calls_needed(program, call)
    shares = []
    for _ in range(3):
        work = clock.time_call(lambda: train_and_sync(program, call, calls))
        first = clock.time_call(program.weights)
        second = clock.time_call(program.weights)
        waited = max(0.0, first - second - SYNC_FLOOR_SECONDS)
        shares.append(waited / max(work + waited, 1e-9))
    return Check(
        gate="sync",
        quantity="share of the work left after sync",
        dtype="float32",
        error=min(shares),
        limit=SYNC_SHARE,
    )


def calls_needed(program: Program, call: Batches) -> int:
    """Return how many calls are work enough to be seen waiting for; a small task needs many."""
    calls = 1
    while calls < SYNC_CALLS_MAX and _whole(program, call, calls) < SYNC_WORK_SECONDS:
        calls *= 2
    return calls


def _whole(program: Program, call: Batches, calls: int) -> float:
    """Return the seconds of the work, waited for by reading its result, whatever `sync` does."""

    def work() -> None:
        train_and_sync(program, call, calls)
        program.weights()

    return clock.time_call(work)


def train_and_sync(program: Program, call: Batches, calls: int) -> None:
    """Train so many calls, and wait for them as a measurement does."""
    for _ in range(calls):
        program.train(call)
    program.sync()


BUSY_TOLERANCE = 0.1
"""Of the processors kept busy: what a framework's idle threads and the system may add."""


def check_processors_busy(
    cpu_seconds: float, wall_seconds: float, target: Target, unpinned: int | None = None
) -> Check:
    """Check that processor time over wall time stays at the threads asked for.

    Where a process cannot be bound to processors (`unpinned`: how many there are) it is shown,
    and nothing is refused for it.
    """
    most = target.threads if unpinned is None else max(target.threads, unpinned)
    note = "" if unpinned is None else "; not pinned here, so not enforced"
    return Check(
        gate="read-back",
        quantity="processors kept busy",
        dtype=target.dtype,
        error=cpu_seconds / wall_seconds,
        limit=most + BUSY_TOLERANCE,
        detail=f"processor time over wall time of the steady part{note}",
    )


def check_precision_kept(program: Program, target: Target) -> Check:
    """Check that weights and outputs are in the precision asked for, whatever was configured."""
    rows = np.arange(1, dtype=np.int32)
    parts = [part for layer in program.weights() for part in layer.values()]
    kinds = {str(part.dtype) for part in [*parts, np.asarray(program.predict(rows))]}
    return Check(
        gate="read-back",
        quantity="dtype",
        dtype=target.dtype,
        error=float(kinds != {target.dtype}),
        limit=0.0,
        detail=f"{', '.join(sorted(kinds))} (asked for {target.dtype})",
    )


def check_product_precision(build: Build, target: Target) -> Check:
    """Check the precision of matrix products by their numbers: TF32 and bf16 cannot slip in.

    A layer without activation is one product of 256 x 784 by 784 x 128. Where TF32 was asked for,
    a product that is as exact as float32's is as wrong as one in bfloat16.
    """
    error = product_error(build, target)
    if target.precision != "tf32":
        return _product_check(
            *(target, error, limits.precision_limit(target.dtype)),
            "relative error of one product; half way, in digits, to the coarser format",
        )
    least, most = limits.tf32_limits()
    if error < least:
        said = f"tf32 was asked for, and products are exact to {error:.0e}: it is not in force"
        return _product_check(target, 1.0, most, said)
    said = f"relative error of one product in tf32; at least {least:.0e}, or it were not tf32"
    return _product_check(target, error, most, said)


def _product_check(target: Target, error: float, limit: float, detail: str) -> Check:
    return Check(
        gate="read-back",
        quantity="matrix product",
        dtype=target.dtype,
        error=error,
        limit=limit,
        detail=detail,
    )


def product_error(build: Build, target: Target) -> float:
    """Return the relative error of one matrix product."""
    problem = product_problem()
    program = build(problem, problem.training, problem.weights, target.dtype)
    rows = np.arange(len(problem.source.inputs), dtype=np.int32)
    found = np.asarray(program.predict(rows), dtype=np.float64)
    exact = oracle.outputs(problem.network, problem.weights, problem.rows())
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def product_problem() -> Problem:
    """Return a layer without activation: 256 rows of 784 numbers times a kernel for 128."""
    layer = Dense(units=128, activation=Activation(name="identity"))
    training = TrainSpec(
        loss=Loss(name="mean_squared_error"),
        optimizer=SGD(learning_rate=1.0),
        batch_size=256,
        epochs=1,
    )
    inputs, targets = draws.parity_rows(
        256, 784, 128, loss="mean_squared_error", words=("product", 0)
    )
    return Problem(
        name="product",
        network=Network(inputs=784, layers=(layer,)),
        training=training,
        source=DataSource(inputs=inputs, targets=targets, train_rows=256),
    )


def check_read_back(
    found: dict[str, str | int | float], target: Target, compiler: str = "none"
) -> list[Check]:
    """Compare what the framework says is in force with what was asked for."""
    wanted: dict[str, str | int] = {
        "threads": target.threads,
        "device": target.device,
        **({"compiler": compiler} if compiler else {}),
    }
    return [
        Check(
            gate="read-back",
            quantity=name,
            dtype=target.dtype,
            error=0.0 if _agrees(name, found[name], asked, target) else 1.0,
            limit=0.0,
            detail=f"{found[name]} (asked for {asked})",
        )
        for name, asked in wanted.items()
        if name in found and "not" not in str(found[name])
    ]


COMPILED = "compile in steady window"


def check_compilations(
    before: Mapping[str, object], after: Mapping[str, object], dtype: str
) -> list[Check]:
    """Check that nothing was compiled while the clock ran, where the framework counts it."""
    counts = [found.get("compilations") for found in (before, after)]
    if not all(isinstance(count, int) for count in counts):
        return []
    more = int(str(counts[1])) - int(str(counts[0]))
    return [
        Check(
            gate="read-back",
            quantity=COMPILED,
            dtype=dtype,
            error=float(more),
            limit=0.0,
            detail=f"{more} compilations between the first and the last timed chunk",
        )
    ]


def _agrees(name: str, found: str | float, asked: str | int, target: Target) -> bool:
    if name == "device":
        names = "|".join(DEVICES[target.device].read_back)
        return re.search(rf"\b({names})\b", str(found).lower()) is not None
    return found == asked
