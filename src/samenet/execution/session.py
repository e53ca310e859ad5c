"""One run from its plan to the end of its measuring: what command line and Python API both do.

The states of a run, and what its folder holds in each. `resume` goes on from any of them but the
first, and ends, as an undisturbed run does, in the last.

created      data/, outputs/ and work/, all empty. Nothing is lost: remove it and run again.
planned      plan.json; then machine.json and sources.json, whole or not there. A resume writes the
             two again.
sealed plan  records.jsonl holds one record, the digest of the plan. From here on a plan that
             differs is not carried out.
measuring    after it the records of each finished job, appended in one write that is on the disk
             before the next job is kept. What a kill leaves of a job at the end of the file is cut
             off by a resume, and left out by whoever only reads.
measured     no job is left but those that are redundant or over the budget.
page         report.html and figures/, each file whole or not there; written again by a resume.
sealed       work/ is gone and seal.json is there, written last. `report` may write page and seal
             anew if nothing else changed. A resume that has something to measure first compares
             folder and seal, and then takes the seal off: the run is measuring again.

Who writes holds two locks: that of the machine while something is measured, and that of the folder
always. Neither is left behind, however the process ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from samenet.analysis import fingerprint
from samenet.errors import RefusedError, RunFolderError
from samenet.execution import origin
from samenet.execution.runner import Watcher, carry_out
from samenet.machine import clock, files, paths, system
from samenet.machine.lock import machine_lock
from samenet.runs import environment, seal
from samenet.runs.adapter_source import collect_sources
from samenet.runs.attempts import to_do_again
from samenet.runs.folder import PARTS, Journal, Store, open_run
from samenet.runs.plan import Plan
from samenet.runs.records import JobFinished, PlanSealed

DISK_BYTES_MIN = 200 * 1024 * 1024


Printer = Callable[[str], None]
"""Called with the warnings for a screening, one sentence at a time."""

Watching = Callable[[Plan, frozenset[str]], AbstractContextManager[Watcher]]
"""Called with a plan and its finished jobs when a resume begins; gives what watches the others."""

Extension = Callable[[Plan], Plan]
"""Called with the plan of a run: gives the plan with the repeats that are wanted."""


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
        with store.writing():
            store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
            _seal_plan(store, plan)
            carry_out(store, plan, watch)
    return store


def prepare_data(plan: Plan, folder: Path, watch: Watcher) -> Store:
    """Carry out the jobs of a plan that prepare data, in a folder of their own.

    Nothing is measured, so nobody waits for the machine, and nobody who measures is waited for.
    """
    store, plan = Store(folder), plan.only("prepare")
    store.create()
    with store.writing():
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        carry_out(store, plan, watch)
    return store


def _seal_plan(store: Store, plan: Plan) -> None:
    """Put on record what decides the verdicts, the margin above all, before anything is measured.

    Where and with whose programs it is measured is written down before.
    """
    store.write_json("machine.json", machine_facts(plan))
    store.write_sources(collect_sources(plan.arms))
    store.append([PlanSealed(job="", when=clock.utc(), sha256=plan.seal)])


def _admit(plan: Plan, say: Printer) -> None:
    """Check the machine before anything is timed; raises RefusedError if it is not fit."""
    if any(job.timed for job in plan.jobs):
        for sentence in environment.admit_run(plan):
            say(f"{sentence}: times will be noisy")


def resume_run(
    folder: Path,
    watching: Watching,
    say: Printer = print_nothing,
    *,
    extend: Extension = lambda plan: plan,
    trusted: bool = False,
) -> Store:
    """Continue where an interrupted run stopped; finished jobs are neither lost nor repeated.

    Nothing is written before both locks are held. Raises RefusedError if they are not free or the
    folder was made elsewhere and is not `trusted`, RunFolderError if what was measured, or the plan
    it was measured by, is not what it was.
    """
    store = open_run(folder)
    with machine_lock(), store.writing():
        plan = Plan.model_validate(store.read_json("plan.json"))
        journal = store.read()
        _refuse_changes(store, plan, journal)
        for sentence in origin.warn_of_strangers(store, plan, trusted=trusted):
            say(sentence)
        plan = extend(plan)
        _admit(plan, say)
        if store.drop_unfinished():
            say(journal.left_out)
        ended = {r.job for r in journal.records if isinstance(r, JobFinished)}
        done = frozenset(ended - to_do_again(journal.records))
        if any(job.id not in done for job in plan.jobs):
            seal.break_seal(store)
        for part in PARTS:
            files.make_folder(folder / part)
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
        if not journal.records:
            _seal_plan(store, plan)
        with watching(plan, done) as watch:
            carry_out(store, plan, watch)
    return store


def _refuse_changes(store: Store, plan: Plan, journal: Journal) -> None:
    """See that a run may go on: its records and its plan are what they were.

    Raises RunFolderError, also where its end was sealed and a file differs from that.
    """
    journal.whole()
    sealed = {record.sha256 for record in journal.records if isinstance(record, PlanSealed)}
    wrong = journal.breaks()
    if sealed - {plan.seal}:
        wrong.append("plan.json is not the plan that was sealed when the run began")
    ended = seal.read_seal(store.folder)
    if ended:
        wrong += seal.compare_records(journal, ended)
        wrong += seal.find_damage(store.folder, ended)
    if wrong:
        raise RunFolderError(
            f"{store.folder} is not resumed, and was left as it is: {wrong[0]}. samenet verify "
            "names all that changed."
        )


def machine_facts(plan: Plan) -> dict[str, object]:
    """Return the machine and the versions in use, as the report prints them."""
    versions = {name: version for arm in plan.arms for name, version in arm.versions.items()}
    return {
        **system.describe_machine(),
        "load_before": system.load_average(),
        "versions": versions,
        "measuring_cores": len(system.measuring_cores(plan.target.threads)),
        "matrix_library": fingerprint.matrix_library(),
        "made_by": origin.whose_machine(),
    }
