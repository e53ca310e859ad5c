"""Carry out a plan: start workers, wait, keep their answers, turn every failure into a record."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import groupby
from pathlib import Path

from samenet import cache, certifying, clock, environment, frames, looks, parity, privacy
from samenet.describing import last_line
from samenet.durations import history_key
from samenet.errors import RunFolderError, UsageError
from samenet.plan import Job, Plan
from samenet.records import (
    COMPILED_FILES,
    TRACKS,
    CertificateRecord,
    EventRecord,
    FailureRecord,
    Mark,
    Record,
    decode,
)
from samenet.scheduling import BLOCKS
from samenet.spawning import TOO_SLOW, WARM, LiveWorkers, cache_place, shares_cache, spawn
from samenet.store import FINISHED, Store
from samenet.workorder import answer_path

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
            run.stage([job for job in jobs if not (run.precise(job) or run.over_budget(job))])


def _stages(jobs: list[Job], *, timed: bool) -> Iterator[list[Job]]:
    """Timed jobs one by one; others together, but each kind of pass waits for the one before."""
    if timed:
        yield from ([job] for job in jobs)
        return
    for _, group in groupby(jobs, key=lambda job: job.pass_name in ("prepare", "score")):
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

    def stage(self, jobs: Sequence[Job]) -> None:
        """Run jobs side by side, or the only one alone; keep each answer as it comes."""
        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            try:
                for done in as_completed([pool.submit(self.result, job) for job in jobs]):
                    self.keep(*done.result())
            except BaseException:
                self.live.stop()  # Ctrl-C above all: a worker in its own session would go on
                raise

    def result(self, job: Job) -> tuple[Job, list[Record], float]:
        """Return the records of a job and how long it took; a job that may not run says why."""
        start = clock.now()
        reduced = self.refusals.reduced(job)
        if self.live.stopped or not reduced.tasks:
            return job, [], 0.0
        records, unknown = certifying.remembered(self.plan, reduced, self.store.folder)
        if unknown.tasks:
            records += self.work(unknown)
        return job, records, clock.now() - start

    def over_budget(self, job: Job) -> bool:
        """Return whether a timed job is left for a resume: the budget is spent.

        Decided once per repeat, at its first job, so that only whole repeats are kept.
        """
        budget = self.plan.budget_seconds
        if budget is None or not job.timed or job.repeat == 0:
            return False
        spent, kind = clock.now() - self.started, job.pass_name
        whole = BLOCKS[0] if kind in BLOCKS else kind  # a block is measured whole or not at all
        return not self.affordable.setdefault((whole, job.repeat), spent <= budget)

    def precise(self, job: Job) -> bool:
        """Return whether a repeat is not needed: those before a look were enough.

        What comes later does not count, so that a resumed run decides as the first one did.
        """
        look = looks.look_before(self.plan, job.repeat)
        if look is None or job.pass_name not in BLOCKS:
            return False
        if look not in self.enough:
            known = [
                r for r in self.store.records() if getattr(r, "repeat", 0) in {None, *range(look)}
            ]
            self.enough[look] = looks.enough(frames.build(self.plan, {}, known))
        return self.enough[look]

    def work(self, job: Job) -> list[Record]:
        """Return what a job's worker answered, the last one of those that others disturbed.

        Refusals look at the machine and never at a time, so doing it again does not choose either.
        """
        aside: list[Record] = []
        records = self.once(job)
        while environment.is_refused(records) and self.comes_to_rest():
            aside.append(environment.set_aside([privacy.cleaned(each) for each in records]))
            records = self.once(job)
        return [*aside, *records]

    def comes_to_rest(self) -> bool:
        """Wait for a quiet moment, as long as this run's looks last."""
        while self.looks > 0:
            self.looks -= 1
            if not environment.broken(environment.of_a_moment(self.plan.target)):
                return True
        return False

    def once(self, job: Job) -> list[Record]:
        """Start a worker, wait for it, and return what it answered."""
        arm = self.plan.arm(job.arm) if job.arm else None
        answer = answer_path(self.store.folder, job)
        answer.unlink(missing_ok=True)
        before = environment.look(self.plan.target) if job.timed else None
        place = cache_place(self.store.folder, self.plan.cache, job)
        if not shares_cache(self.plan.cache, job):
            shutil.rmtree(place, ignore_errors=True)
        found = _files(place)
        code, errors, seconds_max = spawn(self.store.folder, self.plan, job, arm, self.live)
        records = read_answer(answer)
        if job.pass_name in WARM:
            records.append(self.compiled(job, found, _files(place)))
        if code != 0:
            records += _failures(job, records, code, errors, seconds_max)
        return [*records, environment.recorded(self.plan, job, before)] if before else records

    def compiled(self, job: Job, before: int, after: int) -> EventRecord:
        """Return how many files of compiled code a worker found, and left."""
        data = {"cache": self.plan.cache, "files_before": before, "files_after": after}
        return EventRecord(job=job.id, name=COMPILED_FILES, when=clock.utc(), data=data)

    def keep(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        """Append the records of a job and the event that it is finished, in one write."""
        records = [privacy.cleaned(record) for record in records]
        data = {"pass": job.pass_name, "seconds": round(seconds, 3)}
        finished = EventRecord(job=job.id, name=FINISHED, when=clock.utc(), data=data)
        self.store.append([*records, finished])
        self.refusals.learn(records)
        if job.pass_name == "prepare":
            _stop_without_data(job, records)
        certifying.remember(self.plan, job, records, self.store.folder)
        remember_duration(job, records, seconds)
        self.watch(job, records, seconds)


def _files(place: Path) -> int:
    return sum(path.is_file() for path in place.rglob("*"))


class Refusals:
    """Which (task, arm) may not be measured: unprepared data, or a check that failed.

    A parity case that fails refuses every task that rests on it.
    """

    def __init__(self, records: Sequence[Record], plan: Plan) -> None:
        """Learn from what is already recorded."""
        self.resting = parity.resting(plan.tasks)
        self.pairs: set[tuple[str, str]] = set()
        self.learn(records)

    def learn(self, records: Sequence[Record]) -> None:
        """Add the refusals that follow from new records."""
        for record in records:
            if isinstance(record, CertificateRecord | FailureRecord) and _refuses(record):
                tasks = [record.task, *self.resting.get(record.task, [])]
                self.pairs |= {(task, record.arm) for task in tasks}

    def reduced(self, job: Job) -> Job:
        """Return the job with only the tasks that may run; quick starts need no certificate."""
        arms = {""} if job.pass_name in ("quickstart", "score", "reference") else {"", job.arm}
        if job.pass_name in ("prepare", "parity"):
            return job
        kept = tuple(t for t in job.tasks if not any((t, arm) in self.pairs for arm in arms))
        return job.model_copy(update={"tasks": kept})


def _refuses(record: CertificateRecord | FailureRecord) -> bool:
    """Return whether what was found before timing stands against timing."""
    failed = isinstance(record, FailureRecord) or not record.passed
    return failed and record.repeat is None


def read_answer(path: Path) -> list[Record]:
    """Return the whole records of an answer; a line that a crash cut off is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            records.append(decode(line))
        except RunFolderError:
            break
    return records


def _failures(
    job: Job, records: Sequence[Record], code: int, errors: str, seconds_max: float
) -> list[FailureRecord]:
    """Return one failure per task of the job that has no record of its own."""
    mark: Mark = "timed out" if code == TOO_SLOW else "failed"
    reason = f"no result within {seconds_max:.0f} s" if code == TOO_SLOW else _why(code, errors)
    many = job.pass_name == "score"  # several results per task: one of them is no answer
    answered = set() if many else {_task_of(record) for record in records}
    track = TRACKS.get(job.pass_name, "same")
    return [
        FailureRecord(
            job=job.id,
            track=track,
            task=task,
            arm=job.arm,
            repeat=None if job.pass_name in ("certify", "parity", "prepare") else job.repeat,
            mark=mark,
            reason=reason,
            detail=errors[-4000:],
        )
        for task in job.tasks
        if task not in answered
    ]


def _task_of(record: Record) -> str | None:
    data = record.data if isinstance(record, EventRecord) else {}  # e.g. "data prepared"
    found: str | None = getattr(record, "task", None) or data.get("task")
    return found


def _why(code: int, errors: str) -> str:
    if code < 0:
        names = {9: "was killed (out of memory?)", 11: "crashed (segmentation fault)"}
        return f"the worker {names.get(-code, f'was ended by signal {-code}')}"
    return last_line(errors) or f"the worker ended with exit code {code}"


def _stop_without_data(job: Job, records: Sequence[Record]) -> None:
    """Raise UsageError if no task has data: there is nothing to go on with."""
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
