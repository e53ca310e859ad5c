"""Which jobs a plan has, in the order they run: proofs first, then results in balanced turns."""

from __future__ import annotations

from collections.abc import Sequence

from samenet.durations import Predict
from samenet.plan import Arm, Job, PassName, Profile, TrackName
from samenet.task import Task


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
