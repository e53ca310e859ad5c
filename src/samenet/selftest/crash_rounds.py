"""Rounds of a run that is struck and resumed, until it ends: what is left must be a whole run.

Session, runner, folder, processes and lock are the real ones; only the workers answer what others
have answered before, and the page is a small one, so that a round takes a second. Every process of
a run is forked from this one, which has everything imported.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from samenet._console import print_text
from samenet.errors import RefusedError, SamenetError, WorkerError, machine_sentence
from samenet.execution import planner, session
from samenet.execution.progress import Progress
from samenet.machine import clock, files, system
from samenet.machine.interruption import interruptible
from samenet.machine.lock import machine_lock
from samenet.report import page
from samenet.runs import environment
from samenet.runs.folder import Store
from samenet.runs.passes import PassName
from samenet.runs.plan import Plan
from samenet.runs.records import (
    CompiledCodeKept,
    EnvironmentRead,
    JobFinished,
    PlanSealed,
    ProcessesLeft,
    Record,
    encode,
    to_fields,
)
from samenet.selftest.base import raise_failure
from samenet.selftest.fakes import replay_worker

TASK = "iris"
PASSES: tuple[PassName, ...] = ("prepare", "parity", "certify", "cell", "memory", "curves", "score")
FILES_OF = {"prepare": "data", "curves": "outputs", "score": "outputs"}
"""The folder that a pass writes into."""

OWN = (JobFinished, CompiledCodeKept, EnvironmentRead, ProcessesLeft, PlanSealed)
"""What the parent of the workers records."""

PATIENCE_SECONDS = 60.0
"""A run that has not ended by then hangs; it takes about a second."""

TRACEBACK = 99
STRIKES_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the rounds share."""

    plan: Plan
    place: Path
    replay: Path


@dataclass(slots=True, kw_only=True)
class Round:
    """One run, what struck it, and what was wrong in the end."""

    number: int
    blows: list[str] = field(default_factory=list)
    instants: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def told(self) -> str:
        """Return what struck and when, in the order of the blows."""
        return ", then ".join(map(" ".join, zip(self.blows, self.instants, strict=True)))


@contextmanager
def stage(place: Path) -> Iterator[Stage]:
    """Make one run with real workers and keep what they answered; a cache and a lock of its own."""
    before = dict(os.environ)
    os.environ |= {"SAMENET_CACHE": str(place / "cache"), "SAMENET_LOCK": str(place / "lock")}
    try:
        request = planner.Request(
            tasks=(TASK,), frameworks=("numpy",), track="same", repeats=2, epochs=2, name="chaos"
        )
        plan = planner.make_plan(request).only(*PASSES)
        plan = plan.model_copy(update={"steady_seconds": 0.05})
        store = session.start_run(plan, place / "real", _watch_nothing)
        replay = _keep_answers(store, plan, place / "replay")
        arms = tuple(arm.model_copy(update={"python": str(replay / "python")}) for arm in plan.arms)
        os.environ[replay_worker.REPLAY_VARIABLE] = str(replay)
        yield Stage(plan=plan.model_copy(update={"arms": arms}), place=place, replay=replay)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _watch_nothing(*_: object) -> None:
    """Be what is called after every job."""


def _keep_answers(store: Store, plan: Plan, replay: Path) -> Path:
    """Keep the records of workers by job, and the files that each pass has written."""
    answers: dict[str, list[str]] = {job.id: [] for job in plan.jobs}
    for record in store.records():
        if not isinstance(record, OWN):
            answers[record.job].append(encode(record))
    for name, part in FILES_OF.items():
        (replay / "files" / name / part).mkdir(parents=True)
        for source in (store.folder / part).iterdir():
            (replay / "files" / name / part / source.name).write_bytes(source.read_bytes())
    (replay / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    python = replay / "python"
    script = f'#!/bin/sh\nexec "{sys.executable}" -P "{replay_worker.__file__}" "$@"\n'
    python.write_text(script, encoding="utf-8")
    python.chmod(0o755)
    return replay


PRELUDES = (
    "",
    "write cell~*.jsonl:1:ENOSPC",  # a worker has no answer: the resume breaks the run's seal
    "write records.jsonl:5:SIGKILL",  # a line is torn in two: the resume cuts it off
    "rename plan.json:1:SIGKILL",  # half a plan: the next start removes it
    "rename machine.json:1:SIGKILL",  # a file is not whole: the resume removes it
)
"""What strikes before a failure point does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A failure point that a run passes, or its resume after a prelude."""

    prelude: str
    name: str
    count: int
    """How often it is passed."""


def undisturbed(staged: Stage) -> tuple[float, list[Point]]:
    """Make the run that all others are compared with; return its seconds, and all failure points.

    Raises WorkerError if that run fails.
    """
    start_seconds = clock.now()
    played = Round(number=0)
    folder = staged.place / "undisturbed"
    _wait(start(staged, folder), folder, played)
    seconds = clock.now() - start_seconds
    raise_failure(Store(folder).records())
    points: dict[str, Point] = {}
    for number, prelude in enumerate(PRELUDES):
        folder = staged.place / f"logged-{number}"
        if prelude:
            _wait(start(staged, folder, prelude), folder, played)
        for name, count in _passed_points(staged, folder, played).items():
            points.setdefault(name, Point(prelude=prelude, name=name, count=count))
    if played.problems:
        raise WorkerError(f"An undisturbed run fails: {played.problems[0]}.")
    return seconds, sorted(points.values(), key=lambda point: point.name)


def _passed_points(staged: Stage, folder: Path, played: Round) -> Counter[str]:
    """Carry a run to its end and return the failure points it passes."""
    log = Path(f"{folder}.points")
    os.environ[replay_worker.POINTS_VARIABLE] = str(log)
    try:
        _wait(start(staged, folder), folder, played)
    finally:
        del os.environ[replay_worker.POINTS_VARIABLE]
    return Counter(map(_pattern, log.read_text(encoding="utf-8").splitlines()))


def _pattern(point: str) -> str:
    """Return the pattern of a point in whose name stand a job, an attempt or a digest."""
    step, _, name = point.partition(" ")
    if re.fullmatch(r"[^.]*~[^.]*-\d+", name):
        name = "*~*-*"  # the compiled code of one worker
    name = re.sub(r"[^.]*~.*?(\.order\.json|\.\w+)(\.\w{8}\.part)?$", r"*~*\1\2", name)
    return f"{step} {re.sub(r'[0-9a-f]{8,32}', lambda found: '?' * len(found[0]), name)}"


# ------------------------------------------------------------------ one process of a run


def start(staged: Stage, folder: Path, strike: str = "", terminal: int | None = None) -> int:
    """Fork a process that begins the run, or resumes it, and writes its page; return its number."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _be_a_run(staged, folder, strike, terminal)
    return pid


def _be_a_run(staged: Stage, folder: Path, strike: str, terminal: int | None) -> NoReturn:
    """Be the process that a person starts with `samenet run` or `samenet resume`."""
    code = TRACEBACK
    try:
        os.setsid()
        _attach_output(folder, terminal)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.environ |= {
            "SAMENET_CACHE": f"{folder}.cache",
            "SAMENET_LOCK": f"{folder}.lock",
            files.STRIKE_VARIABLE: strike,
        }
        if replay_worker.POINTS_VARIABLE in os.environ:
            replay_worker.log_points(Path(os.environ[replay_worker.POINTS_VARIABLE]))
        environment.WINDOW_SECONDS = 0.0
        sys.executable = str(staged.replay / "python")
        page.compose, page._pictures = _no_report, _no_pictures  # type: ignore[assignment] # noqa: SLF001
        page._html = _no_page  # type: ignore[assignment] # noqa: SLF001
        code = _exit_code(lambda: _go_on(staged, folder))
    finally:
        os._exit(code)


def _attach_output(folder: Path, terminal: int | None) -> None:
    """Print to a terminal, or else into a file beside the run folder."""
    output = terminal
    if output is None:
        output = os.open(f"{folder}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    else:
        import fcntl
        import termios

        fcntl.ioctl(output, termios.TIOCSCTTY, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _go_on(staged: Stage, folder: Path) -> None:
    watch = Progress(staged.plan).watch
    if (folder / "plan.json").exists():
        session.resume_run(folder, lambda plan, done: nullcontext(watch))
    else:
        session.start_run(staged.plan, folder, watch)
    page.finish_run(folder)


def _exit_code(action: Callable[[], None]) -> int:
    """Do what the command line does with what ends a run."""
    try:
        with interruptible():
            action()
    except KeyboardInterrupt:
        return 130
    except SamenetError as error:
        print_text(str(error), err=True)
        return error.exit_code
    except (OSError, MemoryError) as error:
        with suppress(OSError):
            print_text(machine_sentence(error), err=True)
        return RefusedError.exit_code
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        return TRACEBACK
    return 0


def _no_report(_: object) -> None:
    """Compose nothing: what a page says is not what is tried here."""


def _no_pictures(_: object) -> dict[str, Any]:
    """Draw none."""
    return {}


def _no_page(*_: object) -> str:
    """Return what is written as the page."""
    return "<html>" * 2000


# ------------------------------------------------------------------ what strikes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """Signals to the parent, to its workers, or to both, one after the other."""

    name: str
    signals: Sequence[signal.Signals]
    to: str = "parent"
    pause_seconds: float = 0.0

    def strike(self, pid: int, folder: Path) -> None:
        """Send the signals."""
        for n, number in enumerate(self.signals):
            if n:
                time.sleep(self.pause_seconds)
            for target in self._targets(pid, folder):
                with suppress(ProcessLookupError):
                    os.kill(target, number)

    def _targets(self, pid: int, folder: Path) -> list[int]:
        workers = system.marked(system.worker_mark(folder))
        if self.to == "parent":
            return [pid]
        return workers if self.to == "workers" else [pid, *workers]


S = signal.Signals
BLOWS = (
    Blow(name="SIGKILL to the parent", signals=(S.SIGKILL,)),
    Blow(name="SIGKILL to the workers", signals=(S.SIGKILL,), to="workers"),
    Blow(name="SIGKILL to all", signals=(S.SIGKILL,), to="all"),
    Blow(name="SIGTERM to the parent", signals=(S.SIGTERM,)),
    Blow(name="SIGTERM to the workers", signals=(S.SIGTERM,), to="workers"),
    Blow(name="SIGHUP", signals=(S.SIGHUP,)),
    Blow(name="SIGQUIT", signals=(S.SIGQUIT,)),
    Blow(name="Ctrl-C once", signals=(S.SIGINT,)),
    Blow(name="Ctrl-C twice", signals=(S.SIGINT,) * 2, pause_seconds=0.004),
    Blow(name="Ctrl-C thrice", signals=(S.SIGINT,) * 3, pause_seconds=0.002),
    Blow(
        name="SIGSTOP and SIGCONT, all",
        signals=(S.SIGSTOP, S.SIGCONT),
        to="all",
        pause_seconds=0.05,
    ),
    Blow(name="SIGSTOP, then SIGKILL", signals=(S.SIGSTOP, S.SIGKILL), pause_seconds=0.02),
)
CLOSED_TERMINAL = "terminal closed"


def play(staged: Stage, number: int, chance: np.random.Generator, seconds: float) -> Round:
    """Strike a run and its resumes at random instants, then let it end."""
    folder = staged.place / f"round-{number}"
    played = Round(number=number)
    for _ in range(chance.integers(1, STRIKES_MOST + 1)):
        _strike_once(staged, folder, played, chance, seconds)
    return finish(staged, folder, played)


def _strike_once(
    staged: Stage, folder: Path, played: Round, chance: np.random.Generator, seconds: float
) -> None:
    """Start or resume the run, wait for an instant, strike, and wait for the end."""
    blow = (*BLOWS, None)[chance.integers(len(BLOWS) + 1)]
    ours, theirs = os.openpty() if blow is None else (None, None)
    left = 1 - len(_ended(folder)) / len(staged.plan.jobs)
    pid = start(staged, folder, terminal=theirs)
    if theirs is not None:
        os.close(theirs)
    time.sleep(chance.uniform(0, 1.1 * seconds) * (0.2 + 0.8 * left))
    played.blows.append(blow.name if blow else CLOSED_TERMINAL)
    played.instants.append(instant(staged, folder, pid))
    if blow:
        blow.strike(pid, folder)
    elif ours is not None:
        os.close(ours)
    _wait(pid, folder, played)


def play_point(staged: Stage, number: int, point: Point, count: int, blow: str) -> Round:
    """Strike a run at a failure point, then let it end."""
    folder = staged.place / f"round-{number}"
    played = Round(
        number=number, blows=[f"{blow} at a failure point"], instants=[f"at: {point.name}"]
    )
    if point.prelude:
        _wait(start(staged, folder, point.prelude), folder, played)
    _wait(start(staged, folder, f"{point.name}:{count}:{blow}"), folder, played)
    return finish(staged, folder, played)


def instant(staged: Stage, folder: Path, pid: int) -> str:
    """Return what a run is doing: the pass of its first job that is not recorded yet."""
    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        return "after its end"
    if not (folder / "records.jsonl").exists():
        return "before the first record"
    done = _ended(folder)
    waiting = [job.pass_name for job in staged.plan.jobs if job.id not in done]
    return f"in {waiting[0]}" if waiting else "sealing, writing the page"


def _ended(folder: Path) -> set[str]:
    """Return the jobs that are recorded, also while a run writes."""
    try:
        text = (folder / "records.jsonl").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    ends = (
        line for line in text.splitlines() if f'"{JobFinished.name}"' in line and line[-1] == "}"
    )
    return {json.loads(line)["job"] for line in ends}


def _wait(pid: int, folder: Path, played: Round) -> None:
    """Wait for a process of a run; note it if it hangs or ends in a traceback."""
    end = clock.now() + PATIENCE_SECONDS
    while clock.now() < end:
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == TRACEBACK:
                played.problems.append(f"traceback, see {folder}.log")
            return
        time.sleep(0.004)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    played.problems.append(f"still running after {PATIENCE_SECONDS:.0f} s")


# ------------------------------------------------------------------ how it ended


def finish(staged: Stage, folder: Path, played: Round) -> Round:
    """Resume the run undisturbed and compare its end with that of a run that nothing struck."""
    _wait(start(staged, folder), folder, played)
    played.problems += compare(staged, folder)
    return played


def compare(staged: Stage, folder: Path) -> list[str]:
    """Return how what is left differs from an undisturbed run, one sentence each."""
    expected = staged.place / "undisturbed"
    problems = []
    try:
        if ending(Store(folder), staged.plan) != ending(Store(expected), staged.plan):
            problems.append("its records are others")
    except SamenetError as error:
        problems.append(f"its records cannot be read: {error}")
    missing, more = names(expected) - names(folder), names(folder) - names(expected)
    problems += [f"{name} is missing" for name in sorted(missing)]
    problems += [f"{name} is left" for name in sorted(more)]
    problems += [f"process {pid} is left" for pid in system.marked(system.worker_mark(folder))]
    problems += [] if _is_free(Path(f"{folder}.lock")) else ["the lock is held"]
    return problems


def ending(store: Store, plan: Plan) -> dict[str, list[str]]:
    """Return the records of every job without times and what depends on them, as text."""
    records: dict[str, list[str]] = {"": [], **{job.id: [] for job in plan.jobs}}
    for record in store.records():
        records[record.job].append(_timeless(record))
    return records


def _timeless(record: Record) -> str:
    values = to_fields(record)
    values.pop("when", None)
    data = values.get("data", {})
    if isinstance(record, JobFinished):
        data.pop("seconds")
    if isinstance(record, EnvironmentRead):
        data = {}
    return json.dumps({**values, "data": data}, default=str)


def names(folder: Path) -> set[str]:
    """Return the files of a run, and what is half-written in its cache.

    What stands in work/ is for people and may be any; how much a cache holds depends on times.
    """
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    kept = {name for name in found if not name.startswith("work/") or name.endswith(files.PART)}
    return kept | {path.name for path in Path(f"{folder}.cache").rglob(f"*{files.PART}")}


def _is_free(path: Path) -> bool:
    before = os.environ["SAMENET_LOCK"]
    os.environ["SAMENET_LOCK"] = str(path)
    try:
        with machine_lock():
            return True
    except RefusedError:
        return False
    finally:
        os.environ["SAMENET_LOCK"] = before
        with suppress(OSError):
            path.with_suffix(".since").unlink()
