"""Carry out a plan: start workers, wait, keep their answers, turn every failure into a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from itertools import groupby
from pathlib import Path

from samenet.analysis import frames
from samenet.errors import UsageError, WorkerError
from samenet.execution import certificate_cache, early_stopping
from samenet.execution.describe import error_line
from samenet.execution.durations import history_key
from samenet.execution.process import (
    TOO_SLOW,
    LiveWorkers,
    WorkerEnd,
    cache_path,
    shares_cache,
    spawn,
)
from samenet.machine import cache, clock, files, system
from samenet.machine.interruption import interruptible
from samenet.machine.system import MACHINE_FAULT, signal_name
from samenet.runs import environment, redaction
from samenet.runs.attempts import to_do_again
from samenet.runs.folder import Store
from samenet.runs.held_files import HeldFiles
from samenet.runs.passes import BLOCK_PASSES, RESULT_PASS
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    AnswerRecord,
    CertificateRecord,
    CompiledCodeKept,
    ContractItem,
    DataPrepared,
    FailureMark,
    FailureRecord,
    JobFinished,
    LimitNotMeasured,
    ProcessesLeft,
    QualityRecord,
    Record,
    StepTraced,
    TimedProcess,
    TimingRecord,
)
from samenet.runs.work_order import new_answer

UNTIMED_WORKERS = 2
"""How many workers that are not timed run at once."""

Watcher = Callable[[Job, Sequence[Record], float], None]
"""Called after every job with its records and the seconds it took."""


def carry_out(store: Store, plan: Plan, watch: Watcher) -> None:
    """Run every job of the plan that is not finished yet."""
    _clear_up(store.folder)
    run = _Run(store, plan, watch)
    finished = store.finished_jobs()
    with interruptible(), closing(run.held):
        for jobs in _stages([job for job in plan.jobs if job.id not in finished]):
            run.run_stage(
                [job for job in jobs if not (run.is_redundant(job) or run.is_over_budget(job))]
            )


def _clear_up(folder: Path) -> None:
    """End and remove what an earlier process of this run has left, if it was killed."""
    system.end_marked(system.worker_mark(folder))  # above all what would disturb the timing
    for part in (folder, folder / "data", folder / "outputs", folder / "work"):
        files.remove_parts(part)
    cache.remove_parts()


def _stages(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Yield jobs that run side by side: a timed one by itself, others up to the next barrier."""
    for (timed, _), group in groupby(jobs, key=lambda job: (job.timed, job.kind.is_barrier)):
        if timed:
            yield from ([job] for job in group)
        else:
            yield list(group)


class _Run:
    """One execution of a plan."""

    def __init__(self, store: Store, plan: Plan, watch: Watcher) -> None:
        self.store = store
        self.plan = plan
        self.watch = watch
        self.started = clock.now()
        self.refusals = Refusals(store.records(), plan)
        self.live = LiveWorkers()
        self.held = HeldFiles(store.folder)
        self.affordable: dict[tuple[str, int], bool] = {}
        """Whether the budget allows a repeat of a pass, by (pass, repeat)."""
        self.precise_at_look: dict[int, bool] = {}
        """Whether the run may stop after a look, by its number of repeats."""
        self.quiet_attempts_left = environment.QUIET_ATTEMPTS_MAX

    def run_stage(self, jobs: Sequence[Job]) -> None:
        """Run jobs side by side, or the only one alone; keep each answer as it comes."""
        with ThreadPoolExecutor(max_workers=UNTIMED_WORKERS) as pool:
            try:
                futures = [pool.submit(self.run_or_recall, job) for job in jobs]
                for future in as_completed(futures):
                    job, records, seconds = future.result()
                    self.keep(job, records, seconds)
            except BaseException:
                self.live.stop()  # above all on Ctrl-C: a worker in its own session would go on
                raise

    def run_or_recall(self, job: Job) -> tuple[Job, list[Record], float]:
        """Return a job, its records and its seconds; remembered certificates are not run again."""
        start = clock.now()
        allowed = self.refusals.reduced(job)
        if self.live.stopped or not allowed.tasks:
            return job, [], 0.0
        records, unknown = certificate_cache.recall(self.plan, allowed, self.store.folder)
        if unknown.tasks:
            records += self.run_until_undisturbed(unknown)
        return job, records, clock.now() - start

    def is_over_budget(self, job: Job) -> bool:
        """Return whether a timed job is left for a resume because the budget is spent.

        Decided once per repeat, at its first job, so that a run holds whole repeats only.
        """
        budget = self.plan.budget_seconds
        if budget is None or not job.timed or job.repeat == 0:
            return False
        spent = clock.now() - self.started
        # A block is measured as a whole or not at all.
        unit = RESULT_PASS if job.pass_name in BLOCK_PASSES else job.pass_name
        return not self.affordable.setdefault((unit, job.repeat), spent <= budget)

    def is_redundant(self, job: Job) -> bool:
        """Return whether a repeat is not needed, because those before a look were enough.

        Later records do not count, so that a resumed run decides as it did before.
        """
        look = early_stopping.look_before(self.plan, job.repeat)
        if look is None or job.pass_name not in BLOCK_PASSES:
            return False
        if look not in self.precise_at_look:
            before = [record for record in self.store.records() if _is_before(record, look)]
            self.precise_at_look[look] = early_stopping.should_stop_run(
                frames.build(self.plan, {}, before)
            )
        return self.precise_at_look[look]

    def run_until_undisturbed(self, job: Job) -> list[Record]:
        """Run a job, and again if others disturbed it; return the last answer, the rest set aside.

        A refusal depends on the machine and never on a time, so repeating chooses no times either.
        """
        set_aside: list[Record] = []
        records = self.run_process(job)
        while environment.any_refused(records) and self.wait_for_quiet():
            cleaned = [redaction.redact(record) for record in records]
            set_aside.append(environment.set_aside(cleaned))
            records = self.run_process(job)
        return [*set_aside, *records]

    def wait_for_quiet(self) -> bool:
        """Wait for a quiet moment while this run has attempts left; return whether one came."""
        while self.quiet_attempts_left > 0 and not self.live.stopped:
            self.quiet_attempts_left -= 1
            if not environment.find_breaches(environment.observe(self.plan.target)):
                return not self.live.stopped
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
        before = environment.take_snapshot(self.plan.target) if job.timed else None
        cache_folder = cache_path(self.store.folder, self.plan.cache, job)
        if not shares_cache(self.plan.cache, job):
            files.remove_folder(cache_folder)
        files_before = _count_files(cache_folder)
        end = spawn(self.store.folder, self.plan, job, arm, self.live, file)
        work_is_gone = not (self.store.folder / "work").is_dir()
        removed = self.held.put_back() + ["work/"] * work_is_gone
        answer = file.read() if end.code == 0 and not removed else None
        if answer is None and not (final or removed or self.live.stopped):
            return None
        silent = job.tasks if answer is None else _unanswered(job, answer)
        said = answer or (file.read_unfinished() if job.kind.counts_unfinished else [])
        records = [*said, *_failures(job, silent, *_reason(end, removed, answer), end.printed)]
        if end.left_behind:
            records.append(
                ProcessesLeft(job=job.id, when=clock.utc(), arm=job.arm, count=end.left_behind)
            )
        if job.kind.shares_warm_cache:
            records.append(
                CompiledCodeKept(
                    job=job.id,
                    when=clock.utc(),
                    cache=self.plan.cache,
                    files_before=files_before,
                    files_after=_count_files(cache_folder),
                )
            )
        if before:
            records.append(environment.record_environment(self.plan, job, before))
        return records

    def keep(self, job: Job, records: Sequence[Record], seconds: float) -> None:
        """Append the records of a job and the event that it is finished, in one write."""
        records = [redaction.redact(record) for record in records]
        again = any(map(is_interrupted, records)) or self.refusals.is_for_now(job)
        finished = JobFinished(
            job=job.id,
            when=clock.utc(),
            pass_name=job.pass_name,
            seconds=round(seconds, 3),
            again=again,
        )
        self.store.append([*records, finished])
        self.held.hold()
        self.refusals.learn(records)
        if job.kind.failure_ends_run:
            _stop_if_all_failed(job, records)
        certificate_cache.remember(self.plan, job, records, self.store.folder)
        remember_duration(job, records, seconds)
        self.watch(job, records, seconds)


def _is_before(record: Record, look: int) -> bool:
    """Return whether a record belongs to no repeat, or to one before a look."""
    if isinstance(record, CertificateRecord | TimingRecord | QualityRecord | FailureRecord):
        return record.repeat is None or record.repeat < look
    return not isinstance(record, TimedProcess) or record.repeat < look


def _count_files(folder: Path) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


class Refusals:
    """The (task, arm) that may not be measured: data that were not prepared, a check that failed.

    A parity case that fails refuses every task that rests on it. What the machine prevented is
    refused for now: a resume tries again.
    """

    def __init__(self, records: Sequence[Record], plan: Plan) -> None:
        """Learn from what is already recorded, but for jobs that are to be done again."""
        self.resting = plan.resting
        self.pairs: set[tuple[str, str]] = set()
        self.pairs_for_now: set[tuple[str, str]] = set()
        again = to_do_again(records)
        self.learn([record for record in records if record.job not in again])

    def learn(self, records: Sequence[Record]) -> None:
        """Add the refusals that follow from new records."""
        for record in records:
            if isinstance(record, CertificateRecord | FailureRecord) and _refuses(record):
                tasks = [record.task, *self.resting.get(record.task, ())]
                pairs = {(task, record.arm) for task in tasks}
                self.pairs |= pairs
                self.pairs_for_now |= pairs if is_interrupted(record) else set()

    def reduced(self, job: Job) -> Job:
        """Return the job with only the tasks that may run; a quick start needs no certificate."""
        allowed = tuple(task for task in job.tasks if not self._touches(job, task, self.pairs))
        return job.model_copy(update={"tasks": allowed})

    def is_for_now(self, job: Job) -> bool:
        """Return whether a task of the job is left out because of what the machine prevented."""
        return any(self._touches(job, task, self.pairs_for_now) for task in job.tasks)

    @staticmethod
    def _touches(job: Job, task: str, pairs: set[tuple[str, str]]) -> bool:
        """Return whether one of the pairs is what a job needs for a task."""
        if job.kind.needs == "nothing":
            return False
        # A failure without an arm is that of the task's data.
        arms = [""] if job.kind.needs == "data" else ["", job.arm]
        return any((task, arm) in pairs for arm in arms)


def is_interrupted(record: Record) -> bool:
    """Return whether a record is a failure that the machine is to blame for."""
    return isinstance(record, FailureRecord) and record.mark == "interrupted"


def _refuses(record: CertificateRecord | FailureRecord) -> bool:
    """Return whether a record from before the timing forbids it."""
    failed = isinstance(record, FailureRecord) or not record.passed
    return failed and record.repeat is None


def _unanswered(job: Job, records: Sequence[Record]) -> list[str]:
    """Return the tasks of a job of which a whole answer says nothing."""
    if job.kind.answers != "one":
        return []
    return [task for task in job.tasks if not any(_is_about(r, task) for r in records)]


CRASHES = {
    "SIGSEGV": "crashed (segmentation fault)",
    "SIGABRT": "crashed (it called abort)",
    "SIGBUS": "crashed (bus error)",
    "SIGILL": "crashed (illegal instruction)",
    "SIGFPE": "crashed (arithmetic error)",
    "SIGTRAP": "crashed (trap)",
    "SIGSYS": "crashed (forbidden system call)",
}
"""Signals that a program brings upon itself; any other was sent by somebody or by the system."""


def _failures(
    job: Job, tasks: Sequence[str], mark: FailureMark, reason: str, printed: str
) -> list[Record]:
    """Return one failure per task that a worker did not answer for."""
    return [
        FailureRecord(
            job=job.id,
            track=job.kind.track,
            task=task,
            arm=job.arm,
            repeat=None if job.kind.gates_later_passes else job.repeat,
            mark=mark,
            reason=reason,
            detail=printed[-4000:],
        )
        for task in tasks
    ]


def _reason(
    end: WorkerEnd, removed: Sequence[str], answer: Sequence[Record] | None
) -> tuple[FailureMark, str]:
    """Return who is to blame that nothing is known of a task, and why."""
    if answer is not None:
        return "failed", "the worker's answer leaves it out"
    if removed:
        more = f" and {len(removed) - 1} more" if removed[1:] else ""
        return "failed", f"removed from the run while it ran, and put back: {removed[0]}{more}"
    if end.stopped:
        return "interrupted", "the worker was stopped and did not go on within its time"
    if end.code == TOO_SLOW:
        return "timed out", f"no result within {end.seconds_max:.0f} s; --worker-limit allows more"
    if end.code == 0:
        return "interrupted", "the worker ended without a whole answer"
    if end.code == MACHINE_FAULT:
        return "interrupted", error_line(end.printed) or "the worker could not go on"
    if end.code > 0:
        return "failed", error_line(end.printed) or f"the worker ended with exit code {end.code}"
    name = signal_name(-end.code)
    if name in CRASHES:
        return "failed", f"the worker {CRASHES[name]}"
    if name == "SIGKILL":
        return "interrupted", "the worker was killed (out of memory?)"
    return "interrupted", f"the worker was ended by {name}"


def _is_about(record: Record, task: str) -> bool:
    """Return whether a worker says something of a task, or of a part of the contract."""
    if isinstance(record, LimitNotMeasured):
        return True  # of all tasks at once
    if isinstance(record, ContractItem):
        return record.part == task
    return isinstance(record, AnswerRecord | DataPrepared | StepTraced) and record.task == task


def _stop_if_all_failed(job: Job, records: Sequence[Record]) -> None:
    """Raise UsageError if no task is left, or WorkerError if the machine is to blame for that."""
    failures = [record for record in records if isinstance(record, FailureRecord)]
    if len(failures) < len(job.tasks):
        return
    interrupted = next(filter(is_interrupted, failures), None)
    if isinstance(interrupted, FailureRecord):
        raise WorkerError(f"The data could not be prepared: {interrupted.reason}.")
    raise UsageError(failures[0].reason)


def remember_duration(job: Job, records: Sequence[Record], seconds: float) -> None:
    """Remember how long a job took, for the next plan's prediction.

    A job that failed, waited, or did nothing but recall says nothing about the next one.
    """
    failed = any(isinstance(record, FailureRecord) for record in records)
    if seconds < 0.05 or failed or environment.was_repeated(records):
        return
    for task in job.tasks:
        key = history_key(job.pass_name, job.arm, task)
        cache.put("durations", cache.key_of(key), seconds / len(job.tasks))
