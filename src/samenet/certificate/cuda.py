"""What shows that a row was computed on the CUDA device: its memory, and its own clock.

Where its arrays live is read back with the rest (certificate.readback). A framework that does not
tell its memory, or records no events, leaves that check out; the others stand.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from samenet.adapter.api import Program, Target
from samenet.adapter.arrays import Batches, Weights
from samenet.certificate.problem import Check
from samenet.certificate.readback import SYNC_SHARE, calls_needed, train_and_sync
from samenet.machine import clock

TRIES = 3


def check_device(
    adapter: ModuleType, program: Program, call: Batches, target: Target
) -> list[Check]:
    """Return what this adapter lets one see of a CUDA device; of a processor there is nothing."""
    if target.device == "cpu":
        return []
    memory = device_bytes_peak(adapter, target)
    found = [] if memory is None else [check_memory_held(memory, program.weights(), target)]
    timer: Callable[[Program, Callable[[], None]], float] | None
    timer = getattr(adapter, "event_seconds", None)
    return [*found, check_barrier(timer, program, call, target)] if timer else found


def device_bytes_peak(adapter: ModuleType, target: Target) -> int | None:
    """Return the most that was allocated on a device with its own memory, where it is told."""
    told: Callable[[Target], int | None] | None = getattr(adapter, "device_memory", None)
    return told(target) if told and target.device != "cpu" else None


def check_memory_held(bytes_peak: int, weights: Weights, target: Target) -> Check:
    """Check that the device held at least the parameters: a program that ran elsewhere did not."""
    parameters = sum(part.nbytes for layer in weights for part in layer.values())
    return Check(
        gate="read-back",
        quantity="device memory",
        dtype=target.dtype,
        error=parameters / max(bytes_peak, 1),
        limit=1.0,
        detail=f"at most {bytes_peak} bytes on the device, {parameters} of them parameters",
    )


def check_barrier(
    timer: Callable[[Program, Callable[[], None]], float],
    program: Program,
    call: Batches,
    target: Target,
) -> Check:
    """Check `sync` against the device's own clock: work that goes on after it shows there.

    The second event stands behind all work in the queue. If `sync` returned early, the device
    counts more time between the events than the host did. The smallest of three tries counts.
    """
    calls = calls_needed(program, call)
    host: list[float] = []

    def work() -> None:
        host.append(clock.time_call(lambda: train_and_sync(program, call, calls)))

    device = [timer(program, work) for _ in range(TRIES)]
    shares = (np.array(device) - host) / np.maximum(device, 1e-9)
    return Check(
        gate="sync",
        quantity="share of the device's time after sync",
        dtype=target.dtype,
        error=max(0.0, float(shares.min())),
        limit=SYNC_SHARE,
        detail=f"{min(device):.4f} s between device events, {min(host):.4f} s on the host",
    )
