"""From a person's request to a plan: tasks, frameworks that can run here, the schedule."""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from samenet._text import shorten
from samenet._version import __version__
from samenet.adapter import discovery
from samenet.adapter.api import Target
from samenet.adapter.support import needs_device, why_device_unsupported
from samenet.errors import RefusedError, UsageError, unknown_name
from samenet.execution import certificate_cache, describe
from samenet.execution.durations import ArmStart, DurationPredictor, history_key
from samenet.execution.scheduler import schedule
from samenet.machine import cache, clock
from samenet.machine.devices import DEVICES
from samenet.runs.passes import PASSES
from samenet.runs.plan import (
    PROFILES,
    Arm,
    CacheName,
    Job,
    Plan,
    Profile,
    ProfileName,
    SkippedResult,
    TrackName,
)
from samenet.spec import case_names
from samenet.spec.parsing import parse
from samenet.spec.task import MAIN_JOB, NAME_MAX, Task, check_names_unique, load_task, set_value
from samenet.stats import intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asks `samenet run` for."""

    tasks: tuple[str, ...] = ()
    """Names of shipped tasks or paths of task files; empty for the main job."""
    own: tuple[Task, ...] = ()
    """Tasks made from a person's own data."""
    frameworks: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()
    """`NAME=PATH`: the interpreter of a framework that is installed in another environment."""
    target: Target = field(default_factory=Target)
    profile: ProfileName = "quick"
    repeats: int | None = None
    budget_seconds: float | None = None
    worker_seconds: float | None = None
    """How long a worker may take; None: as long as its job and its compiler are known to need."""
    margin: float = intervals.MARGIN
    cache: CacheName = "cold"
    track: TrackName = "both"
    settings: tuple[str, ...] = ()
    """`key=value` changes of every task; several values, separated by commas, make a sweep."""
    cases: tuple[str, ...] = ()
    """Parity cases in addition to those that the tasks rest on."""
    epochs: int | None = None
    batch_size: int | None = None
    hidden: tuple[int, ...] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Raise UsageError for a name that does not exist, and for no repeats."""
        chosen = (
            ("profile", self.profile, tuple(PROFILES)),
            ("track", self.track, get_args(TrackName)),
            ("cache", self.cache, get_args(CacheName)),
        )
        for what, name, allowed in chosen:
            if name not in allowed:
                raise unknown_name(what, str(name), allowed)
        if self.repeats is not None and self.repeats < 1:
            raise UsageError(f"{self.repeats} repeats: measure at least one.")


def make_plan(request: Request, pairs: Sequence[tuple[discovery.AdapterFile, str]] = ()) -> Plan:
    """Return the plan of a request; every framework describes itself in a worker for that.

    `pairs` are adapters, each with a mode, in place of the names in the request.
    Raises UsageError for an unknown name or a value out of range.
    """
    tasks = choose_tasks(request)
    chosen = not pairs
    networks = tuple(dict.fromkeys(task.model.kinds for task in tasks))
    pairs = pairs or discovery.choose(request.frameworks, networks)
    pythons = find_interpreters(request.pythons, {leaf.header.name for leaf, _ in pairs})
    arms, absent = describe.describe_adapters(pairs, request.target.place, pythons)
    runnable, skipped = _runnable(tasks, arms, request.target)
    if chosen:
        asked = discovery.modes_asked_for(request.frameworks)
        others = _other_modes(tasks, [pair for pair in pairs if pair[0].arm(pair[1]) not in asked])
        runnable -= {(each.task, each.arm) for each in others}
        skipped += others
    skipped += [
        SkippedResult(task=task.name, arm=adapter.name, mark=adapter.mark, reason=adapter.reason)
        for task in tasks
        for adapter in absent
    ]
    settings = PROFILES[request.profile]
    if request.repeats:
        fixed = {"repeats": request.repeats, "repeats_most": request.repeats}
        settings = settings.model_copy(update=fixed)
    return Plan(
        name=request.name or _name(tasks, request),
        created=clock.utc(),
        samenet=__version__,
        tasks=tasks,
        arms=tuple(arms),
        target=request.target,
        profile=request.profile,
        repeats=settings.repeats,
        repeats_most=settings.repeats_most,
        margin=request.margin,
        cache=request.cache,
        steady_seconds=settings.steady_seconds,
        seeds=settings.seeds,
        track=request.track,
        budget_seconds=request.budget_seconds,
        cases=case_names.tasks_by_case(tasks),
        timed_program="to its end",
        worker_seconds=request.worker_seconds,
        jobs=_jobs(tasks, arms, runnable, settings, request),
        skipped=tuple(skipped),
    )


def find_interpreters(settings: Sequence[str], frameworks: Collection[str]) -> dict[str, str]:
    """Return each framework's interpreter from texts like 'jax=/path/to/python'.

    Raises UsageError for a framework that is not in the run or a file that is no program.
    """
    program_of = {}
    for setting in settings:
        name, _, path = setting.partition("=")
        if name not in frameworks:
            raise unknown_name("framework", name, frameworks)
        program = shutil.which(path)
        if not program:
            raise UsageError(
                f"--python {shorten(setting)}: write NAME=PATH with the path of a Python."
            )
        program_of[name] = str(Path(program).absolute())
    return program_of


TASKS_MAX = 10_000
"""Of one run; its plan and its records are read as a whole."""


def choose_tasks(request: Request) -> tuple[Task, ...]:
    """Return the tasks with every change applied, one per combination of a sweep."""
    names = request.tasks or (() if request.own else MAIN_JOB)
    changes = [_changes(setting) for setting in request.settings]
    count = math.prod(map(len, changes)) * (len(names) + len(request.own))
    if count > TASKS_MAX:
        raise UsageError(
            f"These --set make {count} tasks of {len(names) + len(request.own)}; one run takes at "
            f"most {TASKS_MAX}: give fewer values, or make several runs."
        )
    tasks: list[Task] = []
    # Every combination of the values: one, unless a setting has several.
    for combination in itertools.product(*changes):
        variants = [load_task(name, combination) for name in names]
        variants += [_changed(task, combination) for task in request.own]
        suffix = _suffix(changes, combination)
        for task in variants:
            renamed = task.model_copy(update={"name": _name_in_sweep(task.name, suffix)})
            tasks.append(_resized(renamed, request))
    check_names_unique(tasks)
    return tuple(tasks)


def _name_in_sweep(name: str, suffix: str) -> str:
    """Return a name that a task may have: what varies may be a path, or longer than a name."""
    whole = re.sub(r"[/\\\x00-\x1f\x7f-\x9f]", "~", name + suffix)
    if len(whole) <= NAME_MAX:
        return whole
    return f"{whole[: NAME_MAX - 7]}={hashlib.sha256((name + suffix).encode()).hexdigest()[:6]}"


def _changes(setting: str) -> list[tuple[str, str]]:
    key, equals, values = setting.partition("=")
    if not equals or not key or not values:
        raise UsageError(f"--set {shorten(setting)}: write KEY=VALUE, e.g. training.epochs=20.")
    return [(key, value) for value in _BETWEEN_VALUES.split(values)]


_BETWEEN_VALUES = re.compile(r",(?![^(\[{]*[)\]}])")
"""A comma that is not inside brackets: cnn(16, 32) is one value, and so is [28, 28, 1]."""


def _suffix(changes: Sequence[list[tuple[str, str]]], chosen: Sequence[tuple[str, str]]) -> str:
    """Return what distinguishes a task of a sweep in its name: the values that vary."""
    varied = [
        f"{key}={value}"
        for options, (key, value) in zip(changes, chosen, strict=True)
        if len(options) > 1
    ]
    return f"[{','.join(varied)}]" if varied else ""


def _changed(task: Task, changes: Sequence[tuple[str, str]]) -> Task:
    values = task.to_json()
    for key, value in changes:
        set_value(values, key, value)
    return parse(Task, values, where=f"task {task.name}")


def _resized(task: Task, request: Request) -> Task:
    """Apply the short options for epochs, batch size and hidden layers."""
    values = task.to_json()
    if request.epochs is not None:
        values["training"]["epochs"] = request.epochs
    if request.batch_size is not None:
        values["training"]["batch_size"] = request.batch_size
    if request.hidden is not None:
        hidden = task.model.hidden
        if hidden is None:
            raise UsageError(
                f"--hidden is for dense layers, and {task.name} has {task.model.other_layer()}; "
                'change its layers by --set "model=cnn(16, 32)", say.'
            )
        activation = str(hidden[0].activation) if hidden else "relu"
        values["model"]["layers"] = [
            {"units": units, "activation": activation} for units in request.hidden
        ]
    return parse(Task, values, where=f"task {task.name}")


def _runnable(
    tasks: Sequence[Task], arms: Sequence[Arm], target: Target
) -> tuple[set[tuple[str, str]], list[SkippedResult]]:
    """Return the (task, arm) that can run, and why the others cannot."""
    runnable: set[tuple[str, str]] = set()
    skipped: list[SkippedResult] = []
    for task, arm in itertools.product(tasks, arms):
        reason = why_not_runnable(arm, target)
        if reason:
            skipped.append(
                SkippedResult(task=task.name, arm=arm.name, mark="unsupported", reason=reason)
            )
        else:
            runnable.add((task.name, arm.name))
    return runnable, skipped


def _other_modes(
    tasks: Sequence[Task], pairs: Sequence[tuple[discovery.AdapterFile, str]]
) -> list[SkippedResult]:
    """Return where a framework that was named without a mode runs in another one, best there."""
    return [
        SkippedResult(
            task=task.name,
            arm=leaf.arm(mode),
            mark="unsupported",
            reason=f"runs as {leaf.arm(best[0])}, which is better for such a network",
        )
        for task in tasks
        for leaf, mode in pairs
        if mode not in (best := leaf.modes_for(task.model.kinds))
    ]


def refuse_empty_plan(plan: Plan, *, needs_arms: bool = False) -> None:
    """Raise RefusedError if there are frameworks but none of them can run where it was asked to.

    A run without any framework still has its simple models; what `needs_arms` has nothing.
    """
    if (plan.arms or needs_arms) and not any(job.arm for job in plan.jobs):
        reasons = sorted({skipped.reason for skipped in plan.skipped}) or ["no framework is left"]
        raise RefusedError(f"Nothing can be measured: {'; '.join(reasons)}.")


def has_compiler() -> bool:
    """Return whether there is a C++ compiler."""
    return any(map(shutil.which, ("c++", "g++", "clang++", "cl")))


def why_not_runnable(arm: Arm, target: Target) -> str | None:
    """Return what the machine lacks for an arm; None if nothing."""
    if reason := why_device_unsupported(arm.capabilities, target):
        return reason
    needs = arm.header.modes[arm.mode].needs
    for name, device in DEVICES.items():
        if device.title in needs and target.device != name:
            return needs_device(name)
    if "C++ compiler" in needs and not has_compiler():
        return "needs a C++ compiler (g++ or clang++): install one, or leave this mode out"
    return None


def _jobs(
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    runnable: set[tuple[str, str]],
    settings: Profile,
    request: Request,
) -> tuple[Job, ...]:
    cases = list(dict.fromkeys([*case_names.tasks_by_case(tasks), *request.cases]))
    predict = DurationPredictor(
        starts_of(arms),
        steady_seconds=settings.steady_seconds,
        history=_history(tasks, arms, cases, request.target),
    )
    return schedule(
        tasks,
        [arm for arm in arms if not why_device_unsupported(arm.capabilities, request.target)],
        runnable,
        settings=settings,
        track=request.track,
        predict=predict,
        cases=cases,
        warm=request.cache == "warm",
    )


def starts_of(arms: Sequence[Arm]) -> dict[str, ArmStart]:
    """Return what it takes until each arm computes, by its name."""
    return {
        arm.name: ArmStart(
            import_seconds=arm.import_seconds,
            compile_seconds=discovery.compile_seconds(arm.header, arm.mode),
            heavy=bool(arm.header.extra),
        )
        for arm in arms
    }


REMEMBERED_SECONDS = 0.02
"""What a certificate takes that is remembered."""


def _history(
    tasks: Sequence[Task], arms: Sequence[Arm], cases: Sequence[str], target: Target
) -> dict[str, float]:
    """Return the seconds of earlier jobs like a plan's; next to none for what is remembered."""
    keys = [
        history_key(kind.name, arm, subject)
        for kind in PASSES.values()
        if kind.one_per != "command" and kind.duration_like is None
        for arm in ("", *(arm.name for arm in arms))
        for subject in (cases if kind.on_cases else [task.name for task in tasks])
    ]
    seconds: dict[str, float] = {}
    for key in keys:
        stored = cache.get("durations", cache.key_of(key), float)
        if stored is not None and math.isfinite(stored) and stored >= 0:
            seconds[key] = stored
    for arm in arms:
        for task in tasks:
            if certificate_cache.is_probably_remembered(arm, task, target):
                seconds[history_key("certify", arm.name, task.name)] = REMEMBERED_SECONDS
        for case in cases:
            if certificate_cache.is_case_remembered(arm, case, target):
                seconds[history_key("parity", arm.name, case)] = REMEMBERED_SECONDS
    return seconds


def _name(tasks: Sequence[Task], request: Request) -> str:
    if not request.tasks and not request.own:
        return "main"
    return re.sub(r"[^A-Za-z0-9_-]+", "-", "-".join(task.name for task in tasks))[:40].strip("-")


def new_folder(name: str, parent: Path) -> Path:
    """Return a folder for a run that does not exist yet: runs/<when>-<name>."""
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:80].strip("-") or "run"
    stamp = f"{clock.local_stamp()}-{word}"
    names = itertools.chain([stamp], (f"{stamp}-{number}" for number in itertools.count(2)))
    return next(folder for folder in (parent / name for name in names) if not folder.exists())


def parse_duration(text: str) -> float:
    """Return the seconds of a text like '90s', '10m' or '1.5h'; a bare number is minutes.

    Raises UsageError for anything else or a value that is not above 0.
    """
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(s|m|min|h)?", text.strip())
    scale = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, None: 60.0}
    if not match or float(match[1]) == 0:
        raise UsageError(f"'{shorten(text)}' is not a duration: write e.g. 90s, 10m or 1h.")
    return float(match[1]) * scale[match[2]]
