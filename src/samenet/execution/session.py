"""One run from its plan to its page: what the command line and the Python API both do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from samenet.analysis import fingerprint
from samenet.errors import RefusedError
from samenet.execution.runner import Watcher, carry_out
from samenet.machine import clock, paths, system
from samenet.machine.lock import machine_lock
from samenet.runs import environment
from samenet.runs.folder import Store, open_run
from samenet.runs.plan import Plan
from samenet.runs.records import PlanSealed

DISK_BYTES_MIN = 200 * 1024 * 1024


Printer = Callable[[str], None]
"""Called with the warnings for a screening, one sentence at a time."""


def print_nothing(sentence: str) -> None:
    """Print nothing: a broken rule is in the records all the same."""
    del sentence


def start_run(
    plan: Plan, folder: Path, watch: Watcher, say: Printer = print_nothing, *, is_made: bool = False
) -> Store:
    """Create the run folder, write the plan, and carry it out; a refusal leaves no folder.

    Whoever has put data into the folder has made it: then it `is_made`.
    """
    store = Store(folder)
    if paths.free_bytes(folder) < DISK_BYTES_MIN:
        raise RefusedError(f"Less than 200 MB are free where {folder} is; nothing was measured.")
    with machine_lock():
        _admit(plan, say)
        if not is_made:
            store.create()
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        store.write_json("machine.json", machine_facts(plan))
        # What decides the verdicts, the margin above all, is on record before anything is measured.
        store.append([PlanSealed(job="", when=clock.utc(), sha256=plan.seal)])
        carry_out(store, plan, watch)
    return store


def _admit(plan: Plan, say: Printer) -> None:
    """Check the machine before anything is timed; raises RefusedError if it is not fit."""
    if any(job.timed for job in plan.jobs):
        for sentence in environment.admit_run(plan):
            say(f"{sentence}: times will be noisy")


def resume_run(
    folder: Path, watch: Watcher, say: Printer = print_nothing, plan: Plan | None = None
) -> Store:
    """Continue where an interrupted run stopped; finished jobs are neither lost nor repeated.

    A plan with more repeats takes the place of the stored one.
    """
    store = open_run(folder)
    plan = plan or Plan.model_validate(store.read_json("plan.json"))
    with machine_lock():
        _admit(plan, say)
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        store.drop_torn_tail()
        if not store.records():
            store.write_json("machine.json", machine_facts(plan))
            store.append([PlanSealed(job="", when=clock.utc(), sha256=plan.seal)])
        carry_out(store, plan, watch)
    return store


def machine_facts(plan: Plan) -> dict[str, object]:
    """Return the machine and the versions in use, as the report prints them."""
    versions = {name: version for arm in plan.arms for name, version in arm.versions.items()}
    return {
        **system.describe_machine(),
        "load_before": system.load_average(),
        "versions": versions,
        "measuring_cores": len(system.measuring_cores(plan.target.threads)),
        "matrix_library": fingerprint.matrix_library(),
    }


def finished_jobs(store: Store) -> set[str]:
    """Return the jobs that were finished before an interruption."""
    store.drop_torn_tail()
    return store.finished_jobs()
