"""What one arm did on one task is asked of one object."""

from __future__ import annotations

import gc
import weakref

import pytest
from report_fixture import made

from samenet.advice.evidence import with_epochs
from samenet.analysis.quantities import Quantity
from samenet.stats.intervals import geometric_mean

EVERYTHING = {"repeats": 8, "refused": (), "failed": ()}


def test_a_whole_training_lasts_as_long_as_its_task_is_meant() -> None:
    """Total is start-up and every epoch, of the task's own number or of another one."""
    frames = made(**EVERYTHING)
    task = frames.plan.tasks[0]
    result = frames.result(task, "keras:fit")
    longer = frames.result(with_epochs(task, 3000), "keras:fit")
    for repeat in range(8):
        own = result.start_up[repeat] + task.training.epochs * result.epoch[repeat]
        assert result.total()[repeat] == pytest.approx(own)
        assert longer.total()[repeat] == pytest.approx(
            result.start_up[repeat] + 3000 * result.epoch[repeat]
        )


def test_every_quantity_is_the_one_it_is_called() -> None:
    """The properties, `per_repeat` and `typical` are three ways to the same numbers."""
    frames = made(**EVERYTHING)
    result = frames.result(frames.plan.tasks[0], "pytorch:eager")
    assert result.per_repeat(Quantity.STEP) == result.step
    assert result.per_repeat(Quantity.EPOCH) == result.epoch
    assert result.per_repeat(Quantity.START_UP) == result.start_up
    assert result.per_repeat(Quantity.TOTAL) == result.total()
    assert result.typical(Quantity.STEP) == geometric_mean(list(result.step.values()))


def test_the_reference_a_second_time_is_a_result_of_its_own() -> None:
    """Control and sensitivity arm stand under their track, and never among the times compared."""
    frames = made(**EVERYTHING, proofs=(3.0, 2.0))
    task = frames.plan.tasks[0]
    reference = frames.result(task, "numpy:plain")
    control = frames.result(task, "numpy:plain", "control")
    assert control.step.keys() == reference.step.keys()
    for repeat, seconds in control.step.items():
        assert seconds == pytest.approx(3.0 * reference.step[repeat], rel=0.2)


def test_what_was_not_measured_is_empty_and_no_error() -> None:
    """A result that nobody measured has no times, no score, no memory, and did not pass."""
    frames = made(**EVERYTHING)
    nothing = frames.result(frames.plan.tasks[0], "nobody:never")
    assert not nothing.step
    assert not nothing.total()
    assert not nothing.phases
    assert not nothing.predictions
    assert nothing.per_repeat(Quantity.LATENCY) == {}
    assert nothing.score("accuracy") is None
    assert nothing.memory is None
    assert nothing.reasons == ()
    assert not nothing.passed


def test_a_refused_result_says_why_and_does_not_pass() -> None:
    """What a failed check refuses has its reason in words, and its arm is not compared."""
    frames = made(refused=(("digits", "keras:fit"),), failed=())
    task = frames.plan.task("digits")
    result = frames.result(task, "keras:fit")
    assert not result.passed
    assert "keras:fit" not in frames.compared(task)
    assert all(reason.startswith("refused: ") for reason in result.reasons)
    assert result.reasons
    assert frames.reasons(task)["keras:fit"] == result.reasons


def test_asking_for_results_keeps_no_run_alive() -> None:
    """Answers are remembered as long as the run is there: with its last user it goes."""
    frames = made(**EVERYTHING)
    result = frames.result(frames.plan.tasks[0], "keras:fit")
    result.total()
    result.score("accuracy")
    gone = weakref.ref(frames)
    del frames, result
    gc.collect()
    assert gone() is None
