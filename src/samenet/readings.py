"""What is read off a program after the clock stopped: whether `sync` waits, what is in force."""

from __future__ import annotations

from samenet import clock
from samenet.adapter import Batches, Program, Target
from samenet.certificate import Check

SYNC_SHARE = 0.2
SYNC_FLOOR_SECONDS = 0.002


def sync_waits(program: Program, call: Batches) -> Check:
    """Check that nothing is left to compute after `sync`: reading the weights must not wait.

    Work that is still running shows as a first read that takes longer than a second one. Three
    tries, the smallest counts, so that a disturbance of the machine is no verdict.
    """
    shares = []
    for _ in range(3):
        work = clock.seconds(lambda: _trained(program, call))
        first = clock.seconds(program.weights)
        second = clock.seconds(program.weights)
        waited = max(0.0, first - second - SYNC_FLOOR_SECONDS)
        shares.append(waited / max(work + waited, 1e-9))
    return Check(
        gate="sync",
        quantity="share of the work left after sync",
        dtype="float32",
        error=min(shares),
        limit=SYNC_SHARE,
    )


def _trained(program: Program, call: Batches) -> None:
    program.train(call)
    program.sync()


def read_back(found: dict[str, str | int | float], target: Target) -> list[Check]:
    """Compare what the framework says is in force with what was asked for."""
    wanted: dict[str, str | int] = {"threads": target.threads, "device": target.device}
    return [
        Check(
            gate="read-back",
            quantity=name,
            dtype=target.dtype,
            error=0.0 if _agrees(name, found[name], asked) else 1.0,
            limit=0.0,
            detail=f"{found[name]} (asked for {asked})",
        )
        for name, asked in wanted.items()
        if name in found and "not" not in str(found[name])
    ]


def _agrees(name: str, found: str | float, asked: str | int) -> bool:
    if name == "device":
        return str(found).lower().startswith(str(asked)) or f"/{asked}:" in str(found).lower()
    return found == asked
