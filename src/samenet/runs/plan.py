"""The whole schedule of a run, decided before anything is measured and written to plan.json."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self, TypeVar

from pydantic import Field, model_validator

from samenet.adapter.api import Capabilities, Header, Target
from samenet.errors import RunFolderError, UsageError
from samenet.runs.passes import PASSES, Pass, PassName
from samenet.runs.validation import REPEATS_MAX
from samenet.spec.case_names import tasks_by_case
from samenet.spec.parsing import FrozenModel, parse
from samenet.spec.study import Study
from samenet.spec.task import Task

PREDICTION_BATCHES = (1, 8, 64, 512, 4096)


ProfileName = Literal["quick", "standard", "rigorous"]
CacheName = Literal["cold", "warm"]
"""Whether a timed process finds what an earlier one compiled."""

TrackName = Literal["quickstart", "same", "both"]


class Profile(FrozenModel):
    """How much is measured."""

    repeats: int
    """The fewest; when more follow is decided in samenet.execution.early_stopping."""
    repeats_most: int
    steady_seconds: float
    """Length of the steady part of one result's process."""
    seeds: int
    """Trainings of each quick start: one takes up to half a minute, as long as its page trains."""
    proves_itself: bool = True
    """Whether each result's block holds the control and the sensitivity arm."""


PROFILES: dict[ProfileName, Profile] = {
    "quick": Profile(repeats=3, repeats_most=3, steady_seconds=0.5, seeds=1, proves_itself=False),
    "standard": Profile(repeats=8, repeats_most=12, steady_seconds=1.0, seeds=5),
    "rigorous": Profile(repeats=12, repeats_most=30, steady_seconds=2.0, seeds=10),
}


class InstallSize(FrozenModel):
    """What a framework installs, from package metadata, and the memory that importing it takes."""

    distributions: tuple[str, ...] = ()
    """The framework's own, and all that they require here."""
    bytes: int = 0
    """Size of all their files."""
    import_bytes: int | None = None
    """Peak resident size of an interpreter that has imported it and nothing else."""


class Arm(FrozenModel):
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
    """The interpreter of its workers, if it is not samenet's own."""
    installed: InstallSize = InstallSize()
    quickstart_lines: int = 0
    """Lines of code of its quick start; 0 if it has none."""

    @property
    def compiler(self) -> str:
        """Return what its training step is compiled by, as its header says."""
        return self.header.modes[self.mode].compiler


class Job(FrozenModel):
    """One worker process."""

    id: str = Field(max_length=1000)
    pass_name: PassName
    arm: str = ""
    tasks: tuple[str, ...]
    """Names of tasks; in the pass `parity`, of parity cases."""
    repeat: int = Field(default=0, ge=0, lt=REPEATS_MAX)
    timed: bool = False
    """A timed job has the machine to itself; others may run two at a time."""
    predicted_seconds: float

    @property
    def kind(self) -> Pass:
        """Return the row of its pass."""
        return PASSES[self.pass_name]


class SkippedResult(FrozenModel):
    """What was asked for and cannot run, with the reason the report shows."""

    task: str
    arm: str
    mark: Literal["unsupported", "not installed", "failed"]
    reason: str


class Plan(FrozenModel):
    """All that a run will do, before it does anything."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    name: str
    created: str
    samenet: str
    tasks: tuple[Task, ...]
    arms: tuple[Arm, ...]
    target: Target
    profile: ProfileName
    repeats: int = Field(ge=0, lt=REPEATS_MAX)
    repeats_most: int = Field(default=0, ge=0, lt=REPEATS_MAX)
    """0 if it is not more than `repeats`."""
    planted_percent: int = Field(default=5, ge=0, le=100)
    """By how many percent the sensitivity arm takes more steps than it reports."""
    margin: float = Field(default=0.05, gt=0, lt=1)
    """Ratios within 1 / (1 + margin) .. 1 + margin are too close to matter."""
    cache: CacheName = "cold"
    steady_seconds: float
    seeds: int
    track: TrackName
    budget_seconds: float | None = None
    cases: dict[str, tuple[str, ...]] | None = None
    """The parity cases that the tasks rest on, each with the names of those tasks; None in a plan
    of before this was kept."""
    timed_program: Literal["ten epochs", "to its end"] = "ten epochs"
    """How far the timed program is looked at, see samenet.runs.timed_checks; plans of before say
    nothing of it."""
    worker_seconds: float | None = Field(default=None, gt=0)
    """How long a worker may take, if a person has said so."""
    study: Study | None = None
    """What `samenet study` varies; None in a run."""
    jobs: tuple[Job, ...]
    skipped: tuple[SkippedResult, ...] = ()

    @model_validator(mode="after")
    def _names_what_it_holds(self) -> Self:
        """Every name in it is that of a task, of an arm or of a parity case that it holds."""
        tasks = {task.name for task in self.tasks}
        arms = {arm.name for arm in self.arms}
        if len(tasks) < len(self.tasks) or len(arms) < len(self.arms):
            raise ValueError("two tasks or two arms have one name")
        for arm in self.arms:
            if arm.mode not in arm.header.modes:
                raise ValueError(f"{arm.name} has no mode '{arm.mode}'")
        for case, resting in (self.cases or {}).items():
            if unknown := {*resting} - tasks:
                raise ValueError(f"case '{case}' is of an unknown task '{min(unknown)}'")
        for job in self.jobs:
            if job.arm and job.arm not in arms:
                raise ValueError(f"job '{job.id}' is of an unknown arm '{job.arm}'")
            of_tasks = not job.kind.on_cases and job.kind.one_per != "command"
            if of_tasks and (unknown := {*job.tasks} - tasks):
                raise ValueError(f"job '{job.id}' is of an unknown task '{min(unknown)}'")
        return self

    @property
    def predicted_seconds(self) -> float:
        """Return how long the run will take."""
        return predict_wall_seconds(self.jobs)

    @property
    def most(self) -> int:
        """Return the largest possible number of repeats."""
        return max(self.repeats, self.repeats_most)

    @property
    def seal(self) -> str:
        """Return the SHA-256 of what decides the verdicts: all but how long the run goes on."""
        left_out = {"jobs", "repeats", "repeats_most", "budget_seconds", "worker_seconds"}
        # a plan that was sealed without these has the seal it had
        if self.cases is None:
            left_out.add("cases")
        if self.timed_program == "ten epochs":
            left_out.add("timed_program")
        text = self.model_dump_json(exclude=left_out)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reference(self) -> dict[str, str]:
        """Return, for each task's name, the arm that its control and sensitivity arms repeat."""
        return {job.tasks[0]: job.arm for job in self.jobs if job.pass_name == "control"}

    @property
    def resting(self) -> dict[str, tuple[str, ...]]:
        """Return the parity cases that the tasks rest on, each with the names of those tasks."""
        return tasks_by_case(self.tasks) if self.cases is None else self.cases

    def task(self, name: str) -> Task:
        """Return a task by name."""
        return next(task for task in self.tasks if task.name == name)

    def only(self, *passes: PassName) -> Plan:
        """Return the plan with only the jobs of some passes."""
        kept = tuple(job for job in self.jobs if job.pass_name in passes)
        return self.model_copy(update={"jobs": kept})

    def target_of(self, pass_name: PassName) -> Target:
        """Return where and how precisely a pass computes; sameness is proved in strict float32."""
        return self.target.strict if PASSES[pass_name].certifies else self.target

    def arm(self, name: str) -> Arm:
        """Return an arm by name."""
        return next(arm for arm in self.arms if arm.name == name)


def read_plan(values: Any, where: object) -> Plan:
    """Return the plan of plain data; raises RunFolderError, in one sentence, if they are none."""
    try:
        return parse(Plan, values, where="plan.json")
    except UsageError as error:
        text = f"{where} is no plan of this version of samenet, or is damaged ({error})"
        raise RunFolderError(f"{text.rstrip('.')}.") from None


def predict_wall_seconds(jobs: Iterable[Job]) -> float:
    """Return the wall time of jobs: timed ones one after the other, others two at a time."""
    jobs = list(jobs)
    one_by_one = sum(job.predicted_seconds for job in jobs if job.timed)
    return one_by_one + sum(job.predicted_seconds for job in jobs if not job.timed) / 2


_Item = TypeVar("_Item")


def rotate(items: Sequence[_Item], repeat: int) -> list[_Item]:
    """Return the items rotated: over the repeats, each takes every position equally often."""
    shift = repeat % len(items) if items else 0
    return [*items[shift:], *items[:shift]]


def task_title(plan: Plan, task: str) -> str:
    """Return what a task is called on the page."""
    return plan.task(task).title or task
