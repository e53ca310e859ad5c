"""Which jobs a plan has, in the order they run: proofs first, then results in balanced turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samenet.execution.durations import Predict
from samenet.runs.passes import BLOCKS, PASSES, PROOFS, RESULT, Pass, PassName
from samenet.runs.plan import Arm, Job, Plan, Profile, TrackName, balanced
from samenet.spec.task import Task


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
    able = {
        arm.name: tuple(task.name for task in tasks if (task.name, arm.name) in runnable)
        for arm in arms
    }
    names = [task.name for task in tasks]
    maker = _Maker(
        names=names, arms=arms, able=able, cases=cases, settings=settings, predict=predict
    )
    jobs: list[Job] = []
    for kind in PASSES.values():
        if (track == "both" or track in kind.in_tracks) and (warm or not kind.only_if_warm):
            jobs += maker.jobs(kind)
    return tuple(jobs)


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
REPEATS_FOR_ALL = 8
REPEATS_PER_PREDICTION = 3
"""Predicting is measured in every third repeat: ten times quicker to settle than training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Makes the jobs of each pass, as its row says of what there is one."""

    names: Sequence[str]
    """Of all tasks."""
    arms: Sequence[Arm]
    able: dict[str, tuple[str, ...]]
    """The tasks that each arm can run."""
    cases: Sequence[str]
    settings: Profile
    predict: Predict

    def jobs(self, kind: Pass) -> list[Job]:
        """Return all jobs of a pass; those of the passes of a block come with the first of them."""
        match kind.one_per:
            case "run":
                return [self.job(kind, tasks=self.names)]
            case "arm":
                return self.per_case(kind) if kind.on_cases else self.per_arm(kind)
            case "result":
                return self.per_result(kind)
            case "block":
                return self.blocks() if kind.name == RESULT else []
            case "seed":
                return self.per_seed(kind)
            case "framework":
                return self.per_framework(kind)
            case "command":
                return []

    def per_result(self, kind: Pass) -> list[Job]:
        """One process per arm and task."""
        pairs = [(arm, task) for arm, tasks in self.able.items() for task in tasks]
        return [self.job(kind, arm=arm, tasks=[task]) for arm, task in pairs]

    def per_arm(self, kind: Pass) -> list[Job]:
        """One process per arm, all its tasks together in it."""
        return [self.job(kind, arm=arm, tasks=tasks) for arm, tasks in self.able.items() if tasks]

    def per_case(self, kind: Pass) -> list[Job]:
        """Parity cases of an arm in parts: a process that is lost takes few with it."""
        starts = range(0, len(self.cases), CASES_PER_JOB)
        parts = [self.cases[start : start + CASES_PER_JOB] for start in starts]
        return [
            self.job(kind, arm=arm, tasks=part, repeat=number)
            for arm, tasks in self.able.items()
            if tasks
            for number, part in enumerate(parts)
        ]

    def blocks(self) -> list[Job]:
        """Each result once per repeat, close together, in rotated order; the reference is first."""
        members = {task: self.members(task) for task in self.names}
        return [
            self.job(PASSES[name], arm=arm, tasks=[task], repeat=repeat)
            for repeat in range(self.settings.repeats_most)
            for task in self.names
            for name, arm in balanced(members[task], repeat)
        ]

    def members(self, task: str) -> list[tuple[PassName, str]]:
        """Return what a block of a task holds: its arms, then what the instrument shows."""
        arms = [arm for arm, tasks in self.able.items() if task in tasks]
        proofs = PROOFS if self.settings.proves_itself else ()
        return [*((RESULT, arm) for arm in arms), *((proof, arms[0]) for proof in proofs if arms)]

    def per_seed(self, kind: Pass) -> list[Job]:
        """One process per framework, task and seed: what a first model loads is paid in each."""
        first = {a.header.name: a.name for a in reversed(self.arms) if a.header.quickstart}
        return [
            self.job(kind, arm=arm, tasks=[task], repeat=seed)
            for seed in range(self.settings.seeds)
            for task in balanced(self.names, seed)
            for arm in balanced(sorted(first.values()), seed)
        ]

    def per_framework(self, kind: Pass) -> list[Job]:
        """One process per framework, tasks together in it: how it predicts depends on no mode.

        With few repeats, a screening, it predicts for the first of its tasks alone.
        """
        first = {a.header.name: a.name for a in reversed(self.arms) if self.able[a.name]}
        repeats = self.settings.repeats
        most = 1 if repeats < REPEATS_FOR_ALL else None
        return [
            self.job(kind, arm=arm, tasks=balanced(self.able[arm][:most], number), repeat=number)
            for number in range(max(1, repeats // REPEATS_PER_PREDICTION))
            for arm in balanced(list(first.values())[::-1], number)
        ]

    def job(self, kind: Pass, *, tasks: Sequence[str], arm: str = "", repeat: int = 0) -> Job:
        """Return one job with its name and its prediction."""
        parts = [kind.name, arm, tasks[0] if len(tasks) == 1 else "", f"r{repeat}"]
        return Job(
            id="/".join(part for part in parts if part),
            pass_name=kind.name,
            arm=arm,
            tasks=tuple(tasks),
            repeat=repeat,
            timed=kind.timed,
            predicted_seconds=round(self.predict.seconds(kind.name, arm, tasks), 2),
        )
