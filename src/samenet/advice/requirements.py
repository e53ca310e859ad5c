"""Whether the frameworks of a run meet what is asked of them, and if not, why, with the number."""

from __future__ import annotations

from samenet.adapter.api import placed
from samenet.advice.evidence import Evidence, Said, cite, lasting, say, spread
from samenet.advice.needs import LACKS, Wishes
from samenet.analysis import predictions
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import import_seconds, seconds_of
from samenet.errors import RefusedError
from samenet.spec.task import Task


def refuse_elsewhere(frames: Frames, wishes: Wishes) -> None:
    """Raise RefusedError for a device that the run did not measure."""
    if wishes.device is None:
        return
    target = frames.plan.target
    if placed(wishes.device)["device"] != target.device:
        raise RefusedError(
            f"This run measured on {target.place} and says nothing about {wishes.device}. "
            f"Measure there first: samenet run --device {wishes.device}"
        )


def as_long_as_asked(frames: Frames, task: Task, wishes: Wishes) -> Task:
    """Return the task with as many epochs as are asked for."""
    epochs = wishes.epochs
    if wishes.steps is not None:
        epochs = -(-wishes.steps // steps_per_epoch(frames, task))
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
        others = [name for name in predictions.arms(frames, task) if _same(frames, name, arm)]
        return (
            f"stands beside another mode of {shared}" if others else "was not timed predicting",
        )
    return (
        () if predictions.right(frames, task, arm) else ("predicts with an error beyond its limit",)
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
