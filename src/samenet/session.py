"""One run from its plan to its page: what the command line and the Python API both do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from samenet import machine
from samenet.errors import RefusedError
from samenet.plan import Plan
from samenet.runner import Watcher, carry_out
from samenet.store import Store, open_run

DISK_BYTES_MIN = 200 * 1024 * 1024


def start(plan: Plan, folder: Path, watch: Watcher) -> Store:
    """Create the run folder, write the plan, and carry it out; a refusal leaves no folder."""
    store = Store(folder)
    if machine.free_bytes(folder) < DISK_BYTES_MIN:
        raise RefusedError(f"Less than 200 MB are free where {folder} is; nothing was measured.")
    with alone():
        store.create()
        store.write_json("machine.json", facts(plan))
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        carry_out(store, plan, watch)
    return store


def resume(folder: Path, watch: Watcher, plan: Plan | None = None) -> Store:
    """Go on where an interrupted run stopped; finished jobs are neither lost nor repeated.

    A plan with more repeats takes the place of the one that is stored.
    """
    store = open_run(folder)
    plan = plan or Plan.model_validate(store.read_json("plan.json"))
    with alone():
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        store.drop_torn_tail()
        carry_out(store, plan, watch)
    return store


def facts(plan: Plan) -> dict[str, object]:
    """Return the machine and the versions in use, as the report prints them."""
    versions = {name: v for arm in plan.arms for name, v in arm.versions.items()}
    return {
        **machine.describe(),
        "load_before": machine.load_average(),
        "versions": versions,
        "measuring_cores": len(machine.measuring_cores(plan.target.threads)),
    }


@contextmanager
def alone() -> Iterator[None]:
    """Hold the machine-wide lock: two runs at once would measure each other.

    Raises RefusedError if another run holds it.
    """
    place = machine.cache_folder()
    place.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(place / "measuring.lock", timeout=0):
            yield
    except filelock.Timeout:
        raise RefusedError(
            "Another samenet run is measuring on this machine; wait for it to end."
        ) from None


def finished(store: Store) -> set[str]:
    """Return the jobs that an interruption left whole."""
    store.drop_torn_tail()
    return store.finished_jobs()
