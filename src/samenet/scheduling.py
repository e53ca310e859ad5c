"""Which jobs a plan has, in the order they run: proofs first, then results in balanced turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from samenet.durations import Predict
from samenet.plan import Arm, Job, PassName, Plan, Profile, TrackName
from samenet.task import Task

Item = TypeVar("Item")


def balanced(items: Sequence[Item], repeat: int) -> list[Item]:
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
    warm: bool = False,
) -> tuple[Job, ...]:
    """Return the jobs in the order they run; `runnable` holds the (task, arm) that can be.

    `cases` are the parity cases that these tasks rest on. `warm` first fills the caches of compiled
    code that the results then find.
    """
    names = [task.name for task in tasks]
    able = {arm.name: tuple(name for name in names if (name, arm.name) in runnable) for arm in arms}
    maker = _Maker(predict)
    jobs = [maker.job("prepare", tasks=names)]
    if track != "quickstart":
        jobs += _certificates(maker, able, cases)
        if warm:
            pairs = [(arm, task) for arm, its in able.items() for task in its]
            jobs += [maker.job("prime", arm=a, tasks=[t], timed=True) for a, t in pairs]
        jobs += _blocks(maker, names, able, settings)
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


PROOFS: tuple[PassName, ...] = ("control", "sensitivity")
"""The reference a second time, and with 5 % more steps: what the instrument shows of itself."""

BLOCKS: tuple[PassName, ...] = ("cell", *PROOFS)
"""The passes whose jobs make up the repeats of the results."""


def extended(plan: Plan, repeats: int) -> Plan:
    """Return the plan with exactly so many repeats: its blocks go on in their rotation."""
    own = [job for job in plan.jobs if job.pass_name in BLOCKS]
    first = [job for job in own if job.repeat == 0]
    members = {
        task: [j for j in first if j.tasks == task]
        for task in dict.fromkeys(j.tasks for j in first)
    }
    blocks = [
        _again(job, repeat)
        for repeat in range(repeats)
        for jobs in members.values()
        for job in balanced(jobs, repeat)
    ]
    place = plan.jobs.index(own[0]) if own else len(plan.jobs)
    rest = [job for job in plan.jobs if job.pass_name not in BLOCKS]
    return plan.model_copy(
        update={
            "jobs": (*rest[:place], *blocks, *rest[place:]),
            "repeats": repeats,
            "repeats_most": repeats,
        }
    )


def _again(job: Job, repeat: int) -> Job:
    name, _, _ = job.id.rpartition("/")
    return job.model_copy(update={"id": f"{name}/r{repeat}", "repeat": repeat})


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
    maker: _Maker, names: Sequence[str], able: dict[str, tuple[str, ...]], settings: Profile
) -> list[Job]:
    """Each result once per repeat, close together, in rotated order; the reference comes first."""
    members = {task: _members(task, able, settings) for task in names}
    return [
        maker.job(pass_name, arm=arm, tasks=[task], repeat=repeat, timed=True)
        for repeat in range(settings.repeats_most)
        for task in names
        for pass_name, arm in balanced(members[task], repeat)
    ]


def _members(
    task: str, able: dict[str, tuple[str, ...]], settings: Profile
) -> list[tuple[PassName, str]]:
    """Return what a block of a task holds: its arms, then what the instrument shows of itself."""
    arms = [arm for arm, tasks in able.items() if task in tasks]
    proofs = PROOFS if settings.proves_itself else ()
    return [*(("cell", arm) for arm in arms), *((proof, arms[0]) for proof in proofs if arms)]


def _quickstarts(maker: _Maker, names: Sequence[str], arms: Sequence[Arm], seeds: int) -> list[Job]:
    """One process per framework and seed; the task that comes first in it rotates."""
    frameworks = {arm.header.name: arm.name for arm in reversed(arms) if arm.header.quickstart}
    return [
        maker.job("quickstart", arm=arm, tasks=balanced(names, seed), repeat=seed, timed=True)
        for seed in range(seeds)
        for arm in balanced(sorted(frameworks.values()), seed)
    ]


REPEATS_FOR_ALL = 8
REPEATS_PER_PREDICTION = 3
"""Predicting is measured in every third repeat: ten times quicker to settle than training."""


def _predictions(
    maker: _Maker, arms: Sequence[Arm], able: dict[str, tuple[str, ...]], repeats: int
) -> list[Job]:
    """One process per framework, tasks together in it: how it predicts depends on no mode.

    With few repeats, a screening, it predicts for the first of its tasks alone.
    """
    frameworks = {arm.header.name: arm.name for arm in reversed(arms) if able[arm.name]}
    most = 1 if repeats < REPEATS_FOR_ALL else None
    return [
        maker.job("inference", arm=arm, tasks=balanced(able[arm][:most], n), repeat=n, timed=True)
        for n in range(max(1, repeats // REPEATS_PER_PREDICTION))
        for arm in balanced(list(frameworks.values())[::-1], n)
    ]


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
