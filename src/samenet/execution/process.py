"""Start one worker process, wait for it, and end it if it takes too long or nobody waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from samenet.adapter.discovery import compile_seconds
from samenet.execution.worker_environment import CompiledCode, worker_environment
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


def spawn(
    folder: Path, plan: Plan, job: Job, arm: Arm | None, live: LiveWorkers, answer: AnswerFile
) -> tuple[int, str, float]:
    """Run one worker, kept in `live` meanwhile; return exit code, error output and time limit.

    What it found stands in `answer`, if it answered at all.
    """
    threads = plan.target.threads
    cores = system.measuring_cores(threads) if job.timed else system.usable_cores()
    order = folder / "work" / f"{safe_file_name(job.id)}.order.json"
    imports = arm.header.imports if arm else ()
    files.write_whole(order, order_json(job, folder, answer, imports=imports, cores=cores))
    environment = worker_environment(
        arm.header if arm else None,
        plan.target_of(job.pass_name),
        compiled=compiled_code_of(folder, plan.cache, job),
        growing_memory=not job.timed,
    )
    errors = folder / "work" / f"{safe_file_name(job.id)}.stderr"
    seconds_max = time_limit(plan, job, arm)
    with files.open_new(errors) as stream:
        environment[system.PARENT_VARIABLE] = str(os.getpid())
        environment[SPAWNED_VARIABLE] = repr(clock.now())
        worker = subprocess.Popen(
            [interpreter_of(arm), "-P", "-m", "samenet.worker", str(order)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            **system.own_process_group(),
        )
        live.add(worker.pid)
        code = _wait(worker, seconds_max)
        live.discard(worker.pid)
    return code, errors.read_text(encoding="utf-8", errors="replace"), seconds_max


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


def _wait(worker: subprocess.Popen[bytes], seconds_max: float) -> int:
    """Wait without polling: `wait` with a timeout polls every 50 ms, which a run would measure."""
    too_slow = threading.Event()

    def end() -> None:
        too_slow.set()
        system.kill_group(worker.pid)

    alarm = threading.Timer(seconds_max, end)
    alarm.start()
    try:
        code = worker.wait()
    finally:
        alarm.cancel()
        if worker.poll() is None:
            system.kill_group(worker.pid)
            worker.wait()
    return TOO_SLOW if too_slow.is_set() else code


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
