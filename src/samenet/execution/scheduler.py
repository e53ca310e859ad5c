"""Which jobs a plan has, in the order they run: proofs first, then results in balanced order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samenet.errors import UsageError
from samenet.execution.durations import DurationPredictor
from samenet.runs.passes import BLOCK_PASSES, CONTROL_PASSES, PASSES, RESULT_PASS, Pass, PassName
from samenet.runs.plan import Arm, Job, Plan, Profile, TrackName, rotate
from samenet.spec.task import Task


def schedule(  # noqa: PLR0913 - all that a schedule depends on
    tasks: Sequence[Task],
    arms: Sequence[Arm],
    runnable: set[tuple[str, str]],
    *,
    settings: Profile,
    track: TrackName,
    predict: DurationPredictor,
    cases: Sequence[str] = (),
    warm: bool = False,
) -> tuple[Job, ...]:
    """Return the jobs in the order they run; `runnable` holds the (task, arm) that can run.

    `cases` are the parity cases that these tasks rest on. With `warm`, the caches of compiled code
    are filled before the results are timed.
    """
    maker = _Maker(
        names=[task.name for task in tasks],
        arms=arms,
        tasks_of_arm={
            arm.name: tuple(task.name for task in tasks if (task.name, arm.name) in runnable)
            for arm in arms
        },
        cases=cases,
        settings=settings,
        predict=predict,
    )
    jobs: list[Job] = []
    for kind in PASSES.values():
        if (track == "both" or track in kind.in_tracks) and (warm or not kind.only_if_warm):
            jobs += maker.jobs(kind)
    return tuple(jobs)


def extend_plan(plan: Plan, repeats: int) -> Plan:
    """Return the plan with exactly `repeats` repeats: its blocks go on in their rotation.

    Raises UsageError for a plan that repeats nothing, such as one of quick starts alone.
    """
    in_blocks = [job for job in plan.jobs if job.pass_name in BLOCK_PASSES]
    if not in_blocks:
        raise UsageError("This run has nothing to repeat: it times no network in repeats.")
    # The first repeat shows what a block of each task consists of.
    members: dict[tuple[str, ...], list[Job]] = {}
    for job in in_blocks:
        if job.repeat == 0:
            members.setdefault(job.tasks, []).append(job)
    blocks = [
        job.model_copy(update={"id": f"{job.id.rpartition('/')[0]}/r{repeat}", "repeat": repeat})
        for repeat in range(repeats)
        for jobs in members.values()
        for job in rotate(jobs, repeat)
    ]
    first = plan.jobs.index(in_blocks[0])
    rest = [job for job in plan.jobs if job.pass_name not in BLOCK_PASSES]
    return plan.model_copy(
        update={
            "jobs": (*rest[:first], *blocks, *rest[first:]),
            "repeats": repeats,
            "repeats_most": repeats,
        }
    )


CASES_PER_JOB = 30

REPEATS_FOR_ALL = 8
"""With fewer repeats, a screening, predictions are timed for one task only."""

REPEATS_PER_PREDICTION = 3
"""Predictions are timed in every third repeat: they settle ten times sooner than training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Makes the jobs of each pass: one of what its row says (`one_per`)."""

    names: Sequence[str]
    """Of all tasks."""
    arms: Sequence[Arm]
    tasks_of_arm: dict[str, tuple[str, ...]]
    """The tasks that each arm can run, by its name."""
    cases: Sequence[str]
    settings: Profile
    predict: DurationPredictor

    def jobs(self, kind: Pass) -> list[Job]:
        """Return all jobs of a pass; the first pass of a block brings those of the others along."""
        match kind.one_per:
            case "run":
                return [self.job(kind, tasks=self.names)]
            case "arm":
                return self.per_case(kind) if kind.on_cases else self.per_arm(kind)
            case "result":
                return self.per_result(kind)
            case "block":
                return self.blocks() if kind.name == RESULT_PASS else []
            case "seed":
                return self.per_seed(kind)
            case "framework":
                return self.per_framework(kind)
            case "command":
                return []

    def per_result(self, kind: Pass) -> list[Job]:
        """One process per arm and task."""
        pairs = [(arm, task) for arm, tasks in self.tasks_of_arm.items() for task in tasks]
        return [self.job(kind, arm=arm, tasks=[task]) for arm, task in pairs]

    def per_arm(self, kind: Pass) -> list[Job]:
        """One process per arm, all its tasks together in it."""
        return [
            self.job(kind, arm=arm, tasks=tasks)
            for arm, tasks in self.tasks_of_arm.items()
            if tasks
        ]

    def per_case(self, kind: Pass) -> list[Job]:
        """Parity cases of an arm, a few per process: one that crashes takes only those with it."""
        starts = range(0, len(self.cases), CASES_PER_JOB)
        parts = [self.cases[start : start + CASES_PER_JOB] for start in starts]
        return [
            self.job(kind, arm=arm, tasks=part, repeat=number)
            for arm, tasks in self.tasks_of_arm.items()
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
            for name, arm in rotate(members[task], repeat)
        ]

    def members(self, task: str) -> list[tuple[PassName, str]]:
        """Return what a block of a task holds: its arms, then the control arms of the first."""
        arms = [arm for arm, tasks in self.tasks_of_arm.items() if task in tasks]
        proofs = CONTROL_PASSES if self.settings.proves_itself else ()
        return [
            *((RESULT_PASS, arm) for arm in arms),
            *((proof, arms[0]) for proof in proofs if arms),
        ]

    def per_seed(self, kind: Pass) -> list[Job]:
        """One process per framework, task and seed: what a first model loads is paid in each."""
        first = {a.header.name: a.name for a in reversed(self.arms) if a.header.quickstart}
        return [
            self.job(kind, arm=arm, tasks=[task], repeat=seed)
            for seed in range(self.settings.seeds)
            for task in rotate(self.names, seed)
            for arm in rotate(sorted(first.values()), seed)
        ]

    def per_framework(self, kind: Pass) -> list[Job]:
        """One process per framework with all its tasks: predicting does not depend on the mode.

        With few repeats, a screening, it predicts for the first of its tasks only.
        """
        first = {a.header.name: a.name for a in reversed(self.arms) if self.tasks_of_arm[a.name]}
        repeats = self.settings.repeats
        tasks_most = 1 if repeats < REPEATS_FOR_ALL else None
        return [
            self.job(
                kind,
                arm=arm,
                tasks=rotate(self.tasks_of_arm[arm][:tasks_most], number),
                repeat=number,
            )
            for number in range(max(1, repeats // REPEATS_PER_PREDICTION))
            for arm in rotate(list(first.values())[::-1], number)
        ]

    def job(self, kind: Pass, *, tasks: Sequence[str], arm: str = "", repeat: int = 0) -> Job:
        """Return one job with its id and its predicted seconds."""
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
