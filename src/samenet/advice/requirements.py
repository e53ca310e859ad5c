"""Whether the frameworks of a run meet what is asked of them, and if not, why, with the number."""

from __future__ import annotations

from samenet.advice.evidence import Phrase, Sentence, cite, phrase, say, with_epochs
from samenet.advice.needs import LACKS, Wishes
from samenet.analysis import predictions
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.quantities import Quantity
from samenet.errors import RefusedError
from samenet.machine.devices import parse_device
from samenet.spec.task import Task


def refuse_unmeasured_device(frames: Frames, wishes: Wishes) -> None:
    """Raise RefusedError for a device that the run did not measure."""
    if wishes.device is None:
        return
    target = frames.plan.target
    if parse_device(wishes.device)["device"] != target.device:
        raise RefusedError(
            f"This run measured on {target.place} and says nothing about {wishes.device}. "
            f"Measure there first: samenet run --device {wishes.device}"
        )


def with_asked_length(frames: Frames, task: Task, wishes: Wishes) -> Task:
    """Return the task with as many epochs as are asked for."""
    epochs = wishes.epochs
    if wishes.steps is not None:
        epochs = -(-wishes.steps // steps_per_epoch(frames, task))
    return task if epochs is None else with_epochs(task, epochs)


def steps_per_epoch(frames: Frames, task: Task) -> int:
    """Return how many steps an epoch of a task has in this run."""
    prepared = frames.data.get(task.name)
    rows = prepared.train_rows if prepared else task.training.batch_size
    return max(1, -(-int(rows) // task.training.batch_size))


def why_not(result: ArmResult, wishes: Wishes) -> Sentence | None:
    """Return why an arm that was compared is left out, or None; its task is as long as is asked."""
    for judge in (_needs, _length, _predicts, _installed, _import, _time):
        reason = judge(result, wishes)
        if reason:
            title = result.frames.title(result.arm)
            return say("{arm} is left out: it {reason}.", arm=title, reason=reason)
    return None


def _needs(result: ArmResult, wishes: Wishes) -> Phrase:
    offers = result.frames.plan.arm(result.arm).header.offers
    lacking = [LACKS[need] for need in wishes.needs if need not in offers]
    return phrase("{lacking}", lacking=" and ".join(lacking)) if lacking else ()


def _length(result: ArmResult, wishes: Wishes) -> Phrase:
    """Without a steady state an epoch has no length, and another number of them is a guess."""
    measured = result.frames.plan.task(result.task.name).training.epochs
    if wishes.serve or result.is_steady or result.task.training.epochs == measured:
        return ()
    return phrase(
        "never settled, so that only a training of the length it was measured for is known"
    )


def _predicts(result: ArmResult, wishes: Wishes) -> Phrase:
    if not wishes.serve:
        return ()
    frames, task = result.frames, result.task
    if not result.per_repeat(wishes.quantity):
        # Predicting is timed once per framework, in the mode that stands for all of them.
        framework = frames.plan.arm(result.arm).header
        timed = {frames.plan.arm(arm).header.name for arm in predictions.arms(frames, task)}
        if framework.name not in timed:
            return phrase("was not timed predicting")
        return phrase(
            "stands beside another mode of {framework}: how it predicts depends on no mode",
            framework=framework.title,
        )
    if not predictions.all_right(result):
        return phrase("predicts with an error beyond its limit")
    return ()


def _installed(result: ArmResult, wishes: Wishes) -> Phrase:
    limit = wishes.install_mb_most
    size = result.frames.plan.arm(result.arm).installed.bytes
    if limit is None or 0 < size <= limit * 1e6:
        return ()
    if not size:
        return phrase("has no known size")
    cited = cite(result.frames, "installed", result.task, [result.arm])
    return phrase("takes {size} with all that it requires", size=cited)


def _import(result: ArmResult, wishes: Wishes) -> Phrase:
    limit = wishes.import_seconds_most
    if limit is None or result.frames.import_seconds(result.arm).high <= limit:
        return ()
    cited = cite(result.frames, "import", result.task, [result.arm])
    return phrase("is imported in {time}", time=cited)


def _time(result: ArmResult, wishes: Wishes) -> Phrase:
    """Within the limit is only what is so with its whole interval."""
    limit = wishes.time_limit_seconds
    if limit is None or result.typical(Quantity.TOTAL).high <= limit:
        return ()
    return phrase("trains for {time}", time=cite(result.frames, "time", result.task, [result.arm]))
