"""Carry out a plan: start workers, wait, keep their answers, turn every failure into a record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from pathlib import Path

from samenet.analysis import frames
from samenet.errors import UsageError
from samenet.execution import certificate_cache, early_stopping
from samenet.execution.describe import last_line
from samenet.execution.durations import history_key
from samenet.execution.process import TOO_SLOW, LiveWorkers, cache_place, shares_cache, spawn
from samenet.machine import cache, clock
from samenet.runs import environment, redaction
from samenet.runs.folder import Store
from samenet.runs.passes import BLOCKS, RESULT
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    Answer,
    CertificateRecord,
    CompiledCodeKept,
    DataPrepared,
    FailureRecord,
    JobFinished,
    Mark,
    QualityRecord,
    Record,
    StepTraced,
    TimedProcess,
    TimingRecord,
)
from samenet.runs.work_order import new_answer

SIDE_BY_SIDE = 2
"""How many workers that are not timed run at once."""

Watcher = Callable[[Job, Sequence[Record], float], None]
"""Called after every job with its records and the seconds it took."""


def carry_out(store: Store, plan: Plan, watch: Watcher) -> None:
    """Run every job of the plan that is not finished yet."""
    run = _Run(store, plan, watch)
    done = store.finished_jobs()
    waiting = [job for job in plan.jobs if job.id not in done]
    for timed, group in groupby(waiting, key=lambda job: job.timed):
        for jobs in _stages(list(group), timed=timed):
            run.run_stage([j for j in jobs if not (run.is_redundant(j) or run.is_over_budget(j))])


def _stages(jobs: list[Job], *, timed: bool) -> Iterator[list[Job]]:
    """Timed jobs one by one; others together, but for the passes that are to be alone."""
    if timed:
        yield from ([job] for job in jobs)
        return
    for _, group in groupby(jobs, key=lambda job: job.kind.is_barrier):
        yield list(group)


class _Run:
    """One execution of a plan."""

    def __init__(self, store: Store, plan: Plan, watch: Watcher) -> None:
        self.store, self.plan, self.watch = store, plan, watch
        self.started = clock.now()
        self.refusals = Refusals(store.records(), plan)
        self.live = LiveWorkers()
        self.affordable: dict[tuple[str, int], bool] = {}
        self.enough: dict[int, bool] = {}
        self.looks = environment.LOOKS

    def run_stage(self, jobs: Sequence[Job]) -> None:
        """Run jobs side by side, or the only one alone; keep each answer as it comes."""
        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            try:
                for done in as_completed([pool.submit(self.run_or_recall, job) for job in jobs]):
                    self.keep(*done.result())
            except BaseException:
                self.live.stop()  # Ctrl-C above all: a worker in its own session would go on
                raise

    def run_or_recall(self, job: Job) -> tuple[Job, list[Record], float]:
        """Return a job, its records and how long it took; what is remembered is not run again."""
        start = clock.now()
        reduced = self.refusals.reduced(job)
        if self.live.stopped or not reduced.tasks:
            return job, [], 0.0
        records, unknown = certificate_cache.remembered(self.plan, reduced, self.store.folder)
        if unknown.tasks:
            records += self.run_until_undisturbed(unknown)
        return job, records, clock.now() - start

    def is_over_budget(self, job: Job) -> bool:
        """Return whether a timed job is left for a resume: the budget is spent.

        Decided once per repeat, at its first job, so that only whole repeats are kept.
        """
        budget = self.plan.budget_seconds
        if budget is None or not job.timed or job.repeat == 0:
            return False
        spent, name = clock.now() - self.started, job.pass_name
        whole = RESULT if name in BLOCKS else name  # a block is measured whole or not at all
        return not self.affordable.setdefault((whole, job.repeat), spent <= budget)

    def is_redundant(self, job: Job) -> bool:
        """Return whether a repeat is not needed: those before a look were enough.

        What comes later does not count, so that a resumed run decides as the first one did.
        """
        look = early_stopping.look_before(self.plan, job.repeat)
        if look is None or job.pass_name not in BLOCKS:
            return False
        if look not in self.enough:
            before = [r for r in self.store.records() if _is_before(r, look)]
            self.enough[look] = early_stopping.enough(frames.build(self.plan, {}, before))
        return self.enough[look]

    def run_until_undisturbed(self, job: Job) -> list[Record]:
        """Return what a job's worker answered, the last one of those that others disturbed.

        Refusals look at the machine and never at a time, so doing it again does not choose either.
        """
        aside: list[Record] = []
        records = self.run_process(job)
        while environment.is_refused(records) and self.wait_for_quiet():
            aside.append(environment.set_aside([redaction.cleaned(record) for record in records]))
            records = self.run_process(job)
        return [*aside, *records]

    def wait_for_quiet(self) -> bool:
        """Wait for a quiet moment as long as this run's looks last; return whether it came."""
        while self.looks > 0:
            self.looks -= 1
            if not environment.broken(environment.of_a_moment(self.plan.target)):
                return True
        return False

    def run_process(self, job: Job) -> list[Record]:
        """Return what workers answered about the tasks of a job.

        One that gave no whole answer is asked again for each half of its tasks: then what is at
        fault fails alone, by name, and the rest has its result. To find one task of n takes twice
        log2(n) more processes; where that many are not enough, what is left fails together.
        """
        records: list[Record] = []
        more = 2 * len(job.tasks).bit_length()
        waiting = [job.tasks]
        while waiting:
            tasks = waiting.pop(0)
            can_halve = len(tasks) > 1 and more > 0
            answer = self.ask_worker(job.model_copy(update={"tasks": tasks}), final=not can_halve)
            if answer is None:
                middle = len(tasks) // 2
                waiting[:0] = [tasks[:middle], tasks[middle:]]
                more -= 2
            else:
                records += answer
        return records

    def ask_worker(self, job: Job, *, final: bool) -> list[Record] | None:
        """Start a worker, wait for it, and return what it answered.

        Without a whole answer that is a failure of every task if it is `final`, and else None.
        """
        arm = self.plan.arm(job.arm) if job.arm else None
        file = new_answer(self.store.folder, job)
        before = environment.look(self.plan.target) if job.timed else None
        place = cache_place(self.store.folder, self.plan.cache, job)
        if not shares_cache(self.plan.cache, job):
            shutil.rmtree(place, ignore_errors=True)
        files_before = _files(place)
        code, errors, seconds_max = spawn(self.store.folder, self.plan, job, arm, self.live, file)
        answer = file.read() if code == 0 else None
        if answer is None and not final and not self.live.stopped:
            return None
        silent = job.tasks if answer is None else _unanswered(job, answer)
        records = [*(answer or []), *_failures(job, silent, code, errors, seconds_max)]
        if job.kind.shares_warm_cache:
            records.append(self.compiled_code(job, files_before, _files(place)))
        return [*records, environment.recorded(self.plan, job, before)] if before else records

    def compiled_code(self, job: Job, before: int, after: int) -> CompiledCodeKept:
        """Return the record of how many files of compiled code a worker found, and left."""
        return CompiledCodeKept(
            job=job.id,
            when=clock.utc(),
            cache=self.plan.cache,
            files_before=before,
            files_after=after,
        )

    def keep(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        """Append the records of a job and the event that it is finished, in one write."""
        records = [redaction.cleaned(record) for record in records]
        finished = JobFinished(
            job=job.id, when=clock.utc(), pass_name=job.pass_name, seconds=round(seconds, 3)
        )
        self.store.append([*records, finished])
        self.refusals.learn(records)
        if job.kind.failure_ends_run:
            _stop_if_all_failed(job, records)
        certificate_cache.remember(self.plan, job, records, self.store.folder)
        remember_duration(job, records, seconds)
        self.watch(job, records, seconds)


def _is_before(record: Record, look: int) -> bool:
    """Return whether a record is of no repeat or of one before a look."""
    if isinstance(record, CertificateRecord | TimingRecord | QualityRecord | FailureRecord):
        return record.repeat is None or record.repeat < look
    return not isinstance(record, TimedProcess) or record.repeat < look


def _files(place: Path) -> int:
    return sum(path.is_file() for path in place.rglob("*"))


class Refusals:
    """Which (task, arm) may not be measured: unprepared data, or a check that failed.

    A parity case that fails refuses every task that rests on it.
    """

    def __init__(self, records: Sequence[Record], plan: Plan) -> None:
        """Learn from what is already recorded."""
        self.resting = plan.resting
        self.pairs: set[tuple[str, str]] = set()
        self.learn(records)

    def learn(self, records: Sequence[Record]) -> None:
        """Add the refusals that follow from new records."""
        for record in records:
            if isinstance(record, CertificateRecord | FailureRecord) and _refuses(record):
                tasks = [record.task, *self.resting.get(record.task, ())]
                self.pairs |= {(task, record.arm) for task in tasks}

    def reduced(self, job: Job) -> Job:
        """Return the job with only the tasks that may run; quick starts need no certificate."""
        if job.kind.needs == "nothing":
            return job
        arms = {""} if job.kind.needs == "data" else {"", job.arm}
        kept = tuple(t for t in job.tasks if not any((t, arm) in self.pairs for arm in arms))
        return job.model_copy(update={"tasks": kept})


def _refuses(record: CertificateRecord | FailureRecord) -> bool:
    """Return whether what was found before timing stands against timing."""
    failed = isinstance(record, FailureRecord) or not record.passed
    return failed and record.repeat is None


def _unanswered(job: Job, records: Sequence[Record]) -> list[str]:
    """Return the tasks of a job of which a whole answer says nothing."""
    if job.kind.answers != "one":
        return []
    answered = {_task_of(record) for record in records}
    return [task for task in job.tasks if task not in answered]


def _failures(
    job: Job, tasks: Sequence[str], code: int, errors: str, seconds_max: float
) -> list[Record]:
    """Return one failure per task that a worker did not answer for."""
    mark: Mark = "timed out" if code == TOO_SLOW else "failed"
    late = f"no result within {seconds_max:.0f} s; --worker-limit allows more"
    reason = late if code == TOO_SLOW else _why(code, errors)
    return [
        FailureRecord(
            job=job.id,
            track=job.kind.track,
            task=task,
            arm=job.arm,
            repeat=None if job.kind.gates_later_passes else job.repeat,
            mark=mark,
            reason=reason,
            detail=errors[-4000:],
        )
        for task in tasks
    ]


def _task_of(record: Record) -> str | None:
    return record.task if isinstance(record, Answer | DataPrepared | StepTraced) else None


def _why(code: int, errors: str) -> str:
    if code == 0:
        return "the worker ended without a whole answer"
    if code < 0:
        names = {9: "was killed (out of memory?)", 11: "crashed (segmentation fault)"}
        return f"the worker {names.get(-code, f'was ended by signal {-code}')}"
    return last_line(errors) or f"the worker ended with exit code {code}"


def _stop_if_all_failed(job: Job, records: Sequence[Record]) -> None:
    """Raise UsageError if no task is left to go on with."""
    failures = [record for record in records if isinstance(record, FailureRecord)]
    if len(failures) >= len(job.tasks):
        raise UsageError(failures[0].reason)


def remember_duration(job: Job, records: Sequence[Record], seconds: float) -> None:
    """Keep how long a job took, for the next plan's prediction; one that waited says little."""
    told = any(isinstance(record, FailureRecord) for record in records)
    if seconds < 0.05 or told or environment.waited_for(records):
        return
    for task in job.tasks:
        key = history_key(job.pass_name, job.arm, task)
        cache.put("durations", cache.key_of(key), seconds / len(job.tasks))
