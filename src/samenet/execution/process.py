"""Start one worker process, wait for it, and end it if it takes too long or nobody waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from samenet.adapter.discovery import compile_seconds
from samenet.execution.worker_environment import CompiledCode, worker_environment
from samenet.execution.worker_output import WorkerOutput
from samenet.machine import clock, files, system
from samenet.machine.system import SPAWNED_VARIABLE
from samenet.runs.answer import AnswerFile
from samenet.runs.plan import Arm, CacheName, Job, Plan
from samenet.runs.work_order import order_json, safe_file_name

SECONDS_MIN = 120.0
"""A worker has at least this long, however short its job was predicted to be."""

COMPILATIONS = 60
"""And the time to compile so many training steps: of each function and optimiser that is proved,
and of each shape of a call, in a process that shares its processor with others."""

TOO_SLOW = -999
"""Stands for the exit code of a worker that was ended for taking too long."""


class LiveWorkers:
    """The processes that are running now, so that an interruption can end them."""

    def __init__(self) -> None:
        """Start with none."""
        self.pids: set[int] = set()
        self.stopped = False

    def add(self, pid: int) -> None:
        """Note a worker that has just started; after `stop` it is ended at once."""
        self.pids.add(pid)
        if self.stopped:
            system.kill_group(pid)

    def discard(self, pid: int) -> None:
        """Forget a worker that has ended."""
        self.pids.discard(pid)

    def stop(self) -> None:
        """Kill every worker and start no more; a resume does their jobs again."""
        self.stopped = True
        for pid in list(self.pids):
            system.kill_group(pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEnd:
    """How a worker ended."""

    code: int
    """Its exit code; below 0 the signal that ended it, or TOO_SLOW."""
    printed: str
    """The end of what it printed."""
    seconds_max: float
    """Its time limit."""
    stopped: bool = False
    """Whether it stood still when its time was over, as a process does that was sent SIGSTOP."""
    left_behind: int = 0
    """Processes that it had started and not ended; they are ended now."""


def spawn(
    folder: Path, plan: Plan, job: Job, arm: Arm | None, live: LiveWorkers, answer: AnswerFile
) -> WorkerEnd:
    """Run one worker, kept in `live` meanwhile, and everything it starts; return how it ended.

    What it found stands in `answer`, if it answered at all. Raises OSError if the order cannot be
    written or no process be started.
    """
    threads = plan.target.threads
    cores = system.measuring_cores(threads) if job.timed else system.usable_cores()
    work = folder / "work"
    files.make_folder(work)  # a worker may have removed it
    order = work / f"{safe_file_name(job.id)}.order.json"
    imports = arm.header.imports if arm else ()
    text = order_json(job, folder, answer, imports=imports, cores=cores)
    files.write_whole(order, text, durable=False)
    mark = system.worker_mark(folder, answer.attempt)
    environment = worker_environment(
        arm.header if arm else None,
        plan.target_of(job.pass_name),
        compiled=compiled_code_of(folder, plan.cache, job),
        growing_memory=not job.timed,
    )
    command = [interpreter_of(arm), "-P", "-m", "samenet.worker", str(order)]
    files.strike(f"start {job.pass_name}")
    end = run_to_end(command, environment, mark, time_limit(plan, job, arm), live)
    files.strike(f"end {job.pass_name}")
    with suppress(OSError):  # for people only
        (work / f"{safe_file_name(job.id)}.stderr").write_text(end.printed, encoding="utf-8")
    return end


def run_to_end(
    command: list[str],
    environment: Mapping[str, str],
    mark: str,
    seconds_max: float,
    live: LiveWorkers,
) -> WorkerEnd:
    """Run a command and everything it starts, for so long at most; return how it ended.

    Its processes carry the mark. Raises OSError if it cannot be started.
    """
    output = WorkerOutput()
    try:
        worker = subprocess.Popen(
            command,
            env={
                **environment,
                system.PARENT_VARIABLE: str(os.getpid()),
                system.WORKER_VARIABLE: mark,
                SPAWNED_VARIABLE: repr(clock.now()),
            },
            stdin=subprocess.DEVNULL,
            stdout=output.writing,
            stderr=output.writing,
            **system.own_process_group(),
        )
        live.add(worker.pid)
        code, stopped, left_behind = _wait(worker, seconds_max, mark)
        live.discard(worker.pid)
    finally:
        printed = output.text()
    return WorkerEnd(
        code=code,
        printed=printed,
        seconds_max=seconds_max,
        stopped=stopped,
        left_behind=left_behind,
    )


def time_limit(plan: Plan, job: Job, arm: Arm | None) -> float:
    """Return the seconds after which a worker is ended: what a person has said, or what it needs.

    That follows from how long its job was predicted to take, and from its framework's compiler.
    """
    if plan.worker_seconds is not None:
        return plan.worker_seconds
    compiling = compile_seconds(arm.header, arm.mode) if arm else 0.0
    return max(SECONDS_MIN + COMPILATIONS * compiling, 10 * job.predicted_seconds)


def interpreter_of(arm: Arm | None) -> str:
    """Return the Python that a worker of this arm runs in."""
    return arm.python if arm and arm.python else sys.executable


def _wait(worker: subprocess.Popen[bytes], seconds_max: float, mark: str) -> tuple[int, bool, int]:
    """Wait for a worker and end what it has left behind.

    Return its exit code, whether it stood still, and how many processes it had left.

    Without polling: `wait` with a timeout polls every 50 ms, which a run would measure.
    """
    too_slow, stopped = threading.Event(), threading.Event()
    left_behind = 0

    def end() -> None:
        too_slow.set()
        if system.is_stopped(worker.pid):
            stopped.set()
        system.kill_group(worker.pid)

    alarm = threading.Timer(seconds_max, end)
    alarm.start()
    try:
        if hasattr(os, "waitid"):  # its number stays its own until it is waited for
            os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
            left_behind = system.end_marked(mark)
            system.kill_group(worker.pid)
        code = worker.wait()
    finally:
        alarm.cancel()
        if worker.poll() is None:
            system.kill_group(worker.pid)
            worker.wait()
    return (TOO_SLOW if too_slow.is_set() else code), stopped.is_set(), left_behind


def compiled_code_of(folder: Path, kept: CacheName, job: Job) -> CompiledCode:
    """Return where a worker keeps what it compiles."""
    return CompiledCode(kept, cache_path(folder, kept, job))


def shares_cache(kept: CacheName, job: Job) -> bool:
    """Return whether a worker finds the compiled code of those before it."""
    return kept == "warm" and job.kind.shares_warm_cache


def cache_path(folder: Path, kept: CacheName, job: Job) -> Path:
    """Return the folder of a worker's compiled code.

    Cold: every worker has its own, which does not exist yet. Warm: all results of an arm on a task
    share one, which the pass `prime` has filled.
    """
    caches = folder / "work" / "caches"
    if shares_cache(kept, job):
        tasks = "+".join(job.tasks)
        return caches / f"warm-{safe_file_name(f'{job.arm}/{tasks}')}"
    return caches / f"{safe_file_name(job.id)}-{os.getpid()}"
