"""What a person asks of a framework, and why one of a run does not meet it, with the number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from samenet import inference
from samenet.adapter import Offer, placed
from samenet.errors import RefusedError, UsageError
from samenet.evidence import Evidence, Said, cite, lasting, say, spread
from samenet.frames import Frames
from samenet.quantities import import_seconds, seconds_of
from samenet.task import Task

LACKS: dict[Offer, str] = {
    "gpu": "does not compute on a GPU",
    "autodiff": "does not differentiate functions of your own",
    "sklearn-api": "does not have scikit-learn’s interface",
    "export": "does not write models that run without it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Everything that narrows the choice, or changes what is ranked; None is no wish."""

    device: str | None = None
    epochs: int | None = None
    steps: int | None = None
    time_limit_seconds: float | None = None
    """Of the whole training."""
    install_mb_most: float | None = None
    import_seconds_most: float | None = None
    serve: Literal["latency", "throughput"] | None = None
    """Rank by predicting, not by training."""
    needs: tuple[Offer, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for wishes that contradict each other."""
        length = {"--epochs": self.epochs, "--steps": self.steps}
        given = [name for name, value in length.items() if value is not None]
        if len(given) > 1:
            raise UsageError("--epochs and --steps both say how long the training is: give one.")
        given += ["--time-limit"] if self.time_limit_seconds is not None else []
        if self.serve and given:
            raise UsageError(
                f"--serve ranks by predicting, {given[0]} is about training: give one."
            )

    @property
    def quantity(self) -> str:
        """Return what is ranked."""
        return self.serve or "total"

    def refuse_elsewhere(self, frames: Frames) -> None:
        """Raise RefusedError for a device that the run did not measure."""
        if self.device is None:
            return
        target = frames.plan.target
        asked = placed(self.device)
        if asked["device"] != target.device:
            raise RefusedError(
                f"This run measured on {target.place} and says nothing about {self.device}. "
                f"Measure there first: samenet run --device {self.device}"
            )

    def task(self, frames: Frames, task: Task) -> Task:
        """Return the task with as many epochs as are asked for."""
        epochs = self.epochs
        if self.steps is not None:
            epochs = -(-self.steps // steps_per_epoch(frames, task))
        return task if epochs is None else lasting(task, epochs)


def steps_per_epoch(frames: Frames, task: Task) -> int:
    """Return how many steps an epoch of a task has in this run."""
    prepared = frames.data.get(task.name)
    rows = prepared.train_rows if prepared else task.training.batch_size
    return max(1, -(-int(rows) // task.training.batch_size))


def why_not(frames: Frames, task: Task, arm: str, wishes: Wishes) -> Said | None:
    """Return why an arm that was compared is left out, or None; `task` is as long as is asked."""
    for judge in (_needs, _length, _predicts, _installed, _import, _time):
        reason = judge(frames, task, arm, wishes)
        if reason:
            return say(f"{frames.title(arm)} is left out: it ", *reason, ".")
    return None


Reason = tuple[str | Evidence, ...]


def _needs(frames: Frames, _: Task, arm: str, wishes: Wishes) -> Reason:
    offers = frames.plan.arm(arm).header.offers
    lacking = [LACKS[need] for need in wishes.needs if need not in offers]
    return (" and ".join(lacking),) if lacking else ()


def _length(frames: Frames, task: Task, arm: str, wishes: Wishes) -> Reason:
    """Without a steady state an epoch has no length, and another number of them is a guess."""
    same = task.training.epochs == frames.plan.task(task.name).training.epochs
    if wishes.serve or same or frames.settled(task.name, arm):
        return ()
    return ("never settled, so that only a training of the length it was measured for is known",)


def _predicts(frames: Frames, task: Task, arm: str, wishes: Wishes) -> Reason:
    if not wishes.serve:
        return ()
    if not seconds_of(frames, task, arm, wishes.serve):
        shared = f"{frames.plan.arm(arm).header.title}: how it predicts depends on no mode"
        others = [name for name in inference.arms(frames, task) if _same(frames, name, arm)]
        return (
            f"stands beside another mode of {shared}" if others else "was not timed predicting",
        )
    return (
        () if inference.right(frames, task, arm) else ("predicts with an error beyond its limit",)
    )


def _same(frames: Frames, one: str, other: str) -> bool:
    return frames.plan.arm(one).header.name == frames.plan.arm(other).header.name


def _installed(frames: Frames, task: Task, arm: str, wishes: Wishes) -> Reason:
    most, size = wishes.install_mb_most, frames.plan.arm(arm).installed.bytes
    if most is None or 0 < size <= most * 1e6:
        return ()
    if not size:
        return ("has no known size",)
    return ("takes ", cite(frames, "installed", task, [arm]), " with all that it requires")


def _import(frames: Frames, task: Task, arm: str, wishes: Wishes) -> Reason:
    most = wishes.import_seconds_most
    if most is None or import_seconds(frames, frames.plan.arm(arm)).high <= most:
        return ()
    return ("is imported in ", cite(frames, "import", task, [arm]))


def _time(frames: Frames, task: Task, arm: str, wishes: Wishes) -> Reason:
    """Within the limit is only what is so with its whole interval."""
    most = wishes.time_limit_seconds
    if most is None or spread(seconds_of(frames, task, arm, "total")).high <= most:
        return ()
    return ("trains for ", cite(frames, "time", task, [arm]))
