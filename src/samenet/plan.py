"""The whole schedule of a run, decided before anything is measured and written to plan.json."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from pydantic import Field

from samenet.adapter import Capabilities, Header, Target
from samenet.installed import Installed
from samenet.spec import Frozen
from samenet.task import Task

PassName = Literal[
    "prepare",
    "certify",
    "parity",
    "cell",
    "quickstart",
    "reference",
    "inference",
    "limits",
    "curves",
    "memory",
    "score",
    "rescore",
    "trace",
    "contract",
]
ProfileName = Literal["quick", "standard", "rigorous"]
TrackName = Literal["quickstart", "same", "both"]


class Profile(Frozen):
    """How much is measured."""

    repeats: int
    steady_seconds: float
    """Length of the steady part of one result's process."""
    seeds: int
    """Trainings of the quick start."""


PROFILES: dict[ProfileName, Profile] = {
    "quick": Profile(repeats=3, steady_seconds=0.5, seeds=3),
    "standard": Profile(repeats=8, steady_seconds=1.0, seeds=5),
    "rigorous": Profile(repeats=16, steady_seconds=2.0, seeds=10),
}


class Arm(Frozen):
    """A framework in one mode, as it described itself where it runs."""

    name: str
    mode: str
    path: str
    digest: str
    header: Header
    capabilities: Capabilities
    versions: dict[str, str]
    import_seconds: float
    python: str = ""
    """The interpreter of its workers, if it is another one than samenet's own."""
    installed: Installed = Installed()
    quickstart_lines: int = 0
    """Lines of code of its quick start; 0 if it has none."""

    @property
    def compiler(self) -> str:
        """Return what its training step is compiled by, as its header says."""
        return self.header.modes[self.mode].compiler


class Job(Frozen):
    """One worker process."""

    id: str
    pass_name: PassName
    arm: str = ""
    tasks: tuple[str, ...]
    """Names of tasks; of parity cases in the pass of that name."""
    repeat: int = 0
    timed: bool = False
    """A timed job has the machine to itself; others may run two at a time."""
    predicted_seconds: float


class Skipped(Frozen):
    """What was asked for and cannot run, with the reason the report shows."""

    task: str
    arm: str
    mark: Literal["unsupported", "not installed", "failed"]
    reason: str


class Plan(Frozen):
    """A run before it runs."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str
    created: str
    samenet: str
    tasks: tuple[Task, ...]
    arms: tuple[Arm, ...]
    target: Target
    profile: ProfileName
    repeats: int
    steady_seconds: float
    seeds: int
    track: TrackName
    budget_seconds: float | None = None
    jobs: tuple[Job, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def predicted_seconds(self) -> float:
        """Return how long the run will take."""
        return predicted_seconds(self.jobs)

    def task(self, name: str) -> Task:
        """Return a task by name."""
        return next(task for task in self.tasks if task.name == name)

    def only(self, *passes: PassName) -> Plan:
        """Return the plan with the jobs of some passes alone."""
        kept = tuple(job for job in self.jobs if job.pass_name in passes)
        return self.model_copy(update={"jobs": kept})

    def target_of(self, pass_name: PassName) -> Target:
        """Return where and how precisely a pass computes; sameness is proved in strict float32."""
        return self.target.strict if pass_name in ("certify", "parity") else self.target

    def arm(self, name: str) -> Arm:
        """Return an arm by name."""
        return next(arm for arm in self.arms if arm.name == name)


def predicted_seconds(jobs: Iterable[Job]) -> float:
    """Return the wall time of jobs: timed ones one after the other, others two at a time."""
    jobs = list(jobs)
    alone = sum(job.predicted_seconds for job in jobs if job.timed)
    return alone + sum(job.predicted_seconds for job in jobs if not job.timed) / 2


def balanced(items: Sequence[str], repeat: int) -> list[str]:
    """Return the items rotated: over the repeats each takes every position equally often."""
    shift = repeat % len(items) if items else 0
    return [*items[shift:], *items[:shift]]


def schedule(  # noqa: PLR0913 - all that a schedule depends on
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    runnable: set[tuple[str, str]],
    *,
    settings: Profile,
    track: TrackName,
    predict: Predict,
    cases: Sequence[str] = (),
) -> tuple[Job, ...]:
    """Return the jobs in the order they run; `runnable` holds the (task, arm) that can be.

    `cases` are the parity cases that these tasks rest on.
    """
    names = [task.name for task in tasks]
    able = {arm.name: tuple(name for name in names if (name, arm.name) in runnable) for arm in arms}
    maker = _Maker(predict)
    jobs = [maker.job("prepare", tasks=names)]
    if track != "quickstart":
        jobs += _certificates(maker, able, cases)
        jobs += _blocks(maker, names, able, settings.repeats)
    if track != "same":
        jobs += _quickstarts(maker, names, arms, settings.seeds)
    jobs.append(maker.job("reference", tasks=names, timed=True))
    if track != "quickstart":
        jobs += _predictions(maker, arms, able, settings.repeats)
        jobs.append(maker.job("limits", tasks=names, timed=True))
    if track != "quickstart":
        jobs += [maker.job("memory", arm=a, tasks=[t]) for a, ts in able.items() for t in ts]
        jobs += [maker.job("curves", arm=a, tasks=t) for a, t in able.items() if t]
    return (*jobs, maker.job("score", tasks=names))


CASES_PER_JOB = 30


def _certificates(
    maker: _Maker, able: dict[str, tuple[str, ...]], cases: Sequence[str]
) -> list[Job]:
    """What is proved before anything is timed: parity cases in parts, tasks together."""
    arms = [arm for arm, tasks in able.items() if tasks]
    parts = [cases[start : start + CASES_PER_JOB] for start in range(0, len(cases), CASES_PER_JOB)]
    parity = [
        maker.job("parity", arm=arm, tasks=part, repeat=number)
        for arm in arms
        for number, part in enumerate(parts)
    ]
    return [*parity, *(maker.job("certify", arm=arm, tasks=able[arm]) for arm in arms)]


def _blocks(
    maker: _Maker, names: Sequence[str], able: dict[str, tuple[str, ...]], repeats: int
) -> list[Job]:
    """Each result once per repeat, close together, the arms in rotated order."""
    return [
        maker.job("cell", arm=arm, tasks=[task], repeat=repeat, timed=True)
        for repeat in range(repeats)
        for task in names
        for arm in balanced(list(able), repeat)
        if task in able[arm]
    ]


def _quickstarts(maker: _Maker, names: Sequence[str], arms: Sequence[Arm], seeds: int) -> list[Job]:
    """One process per framework and seed; the task that comes first in it rotates."""
    frameworks = {arm.header.name: arm.name for arm in reversed(arms) if arm.header.quickstart}
    return [
        maker.job("quickstart", arm=arm, tasks=balanced(names, seed), repeat=seed, timed=True)
        for seed in range(seeds)
        for arm in balanced(sorted(frameworks.values()), seed)
    ]


REPEATS_PER_PREDICTION = 3
"""Predicting is measured in every third repeat: ten times quicker to settle than training."""


def _predictions(
    maker: _Maker, arms: Sequence[Arm], able: dict[str, tuple[str, ...]], repeats: int
) -> list[Job]:
    """One process per framework, all its tasks in it: how it predicts depends on no mode."""
    frameworks = {arm.header.name: arm.name for arm in reversed(arms) if able[arm.name]}
    return [
        maker.job("inference", arm=arm, tasks=balanced(able[arm], n), repeat=n, timed=True)
        for n in range(max(1, repeats // REPEATS_PER_PREDICTION))
        for arm in balanced(list(frameworks.values())[::-1], n)
    ]


class Predict:
    """How long a job will take: from earlier runs on this machine, else from what is known."""

    def __init__(
        self,
        imports: dict[str, float],
        *,
        steady_seconds: float,
        history: dict[str, float],
        compiled: Collection[str] = (),
    ) -> None:
        """Keep import seconds per arm, the durations of earlier jobs, and which arms compile."""
        self.imports, self.steady, self.history = imports, steady_seconds, history
        self.compiled = compiled

    def seconds(self, pass_name: PassName, arm: str, tasks: Sequence[str]) -> float:
        """Return the predicted wall time of one job."""
        known = [self.history.get(history_key(pass_name, arm, task)) for task in tasks]
        if known and all(value is not None for value in known):
            return sum(value for value in known if value is not None)
        start = 0.7 + self.imports.get(arm, 0.0)
        heavy = 1.0 if self.imports.get(arm, 0.0) < 0.5 else 2.0
        compile_seconds = 6.0 if arm in self.compiled else 0.0
        per_task = {
            "prepare": 0.5,
            "certify": 1.0 + 2.0 * heavy + 4 * compile_seconds,
            "parity": 0.15 + 0.4 * heavy + compile_seconds,
            "cell": 2.2 * self.steady + 0.7 * heavy,
            "quickstart": 2.5,
            "reference": 1.2,
            "inference": 1.2 + heavy,
            "limits": 0.8,
            "memory": 0.5 * heavy,
            "curves": 0.8 * heavy,
            "score": 1.0,
            "rescore": 1.0,
            "trace": heavy,
            "contract": 3.0 * heavy + 6 * compile_seconds,
        }[pass_name]
        return start + per_task * len(tasks)


def history_key(pass_name: str, arm: str, task: str) -> str:
    """Return under what the duration of a job is remembered."""
    return f"{pass_name}|{arm}|{task}"


class _Maker:
    """Numbers jobs and predicts them."""

    def __init__(self, predict: Predict) -> None:
        self.predict = predict

    def job(
        self,
        pass_name: PassName,
        *,
        tasks: Sequence[str],
        arm: str = "",
        repeat: int = 0,
        timed: bool = False,
    ) -> Job:
        parts = [pass_name, arm, tasks[0] if len(tasks) == 1 else "", f"r{repeat}"]
        return Job(
            id="/".join(part for part in parts if part),
            pass_name=pass_name,
            arm=arm,
            tasks=tuple(tasks),
            repeat=repeat,
            timed=timed,
            predicted_seconds=round(self.predict.seconds(pass_name, arm, tasks), 2),
        )
