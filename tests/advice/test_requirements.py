"""What a person asks for narrows the choice, with the number for it, or is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from report_fixture import made

from samenet.advice import recommend
from samenet.advice.needs import Wishes
from samenet.analysis.frames import Frames
from samenet.cli import main
from samenet.errors import RefusedError, UsageError
from samenet.report.blocks import Table
from samenet.reports.answer import what_if

ARMS = ("pytorch:eager", "keras:fit", "tensorflow:graph")


def run(**options: Any) -> Frames:
    """Return a made-up run of digits on three frameworks, all of them compared."""
    wanted: dict[str, Any] = {"tasks": ["digits"], "arms": ARMS, "refused": (), "failed": ()}
    return made(**(wanted | options))


def asked(frames: Frames, **wishes: Any) -> recommend.Advice:
    """Return what is recommended on digits."""
    (found,) = recommend.advise(frames, (), Wishes(**wishes))
    return found


def test_what_to_use_for_predicting_is_asked_only_of_tasks_that_predicted() -> None:
    """Of two tasks of which one was timed predicting, the other has no row about predicting."""
    frames = run(tasks=["digits", "iris"])
    rows = frames.samples
    without = rows[(rows.track != "inference") | (rows.task == "digits")]
    section = what_if.section(replace(frames, samples=without))
    assert section is not None
    asked_of = {
        block.title: {str(row[0].text) for row in block.rows}
        for block in section.blocks
        if isinstance(block, Table)
    }
    own, other = (asked_of[f"What to use on {t.title}"] for t in frames.plan.tasks)
    assert own - other == {"One row is predicted at a time", "Many rows are predicted at once"}
    assert "The training is 10 times as long" in other


def test_a_longer_training_changes_the_choice() -> None:
    """TensorFlow starts slowly and steps fast: with 3000 epochs it is the choice, with 50 not."""
    frames = run()
    assert asked(frames, epochs=1).choice == ("pytorch:eager",)
    longer = asked(frames, epochs=3000)
    assert longer.choice == ("tensorflow:graph",)
    assert "a training of 3,000 epochs takes" in longer.sentence


def test_steps_are_turned_into_whole_epochs() -> None:
    """45 steps of 44 in an epoch are two epochs."""
    assert "a training of 2 epochs takes" in asked(run(), steps=45).sentence


def test_a_need_leaves_out_who_does_not_declare_it() -> None:
    """What an adapter's header does not offer is named as the reason, arm by arm."""
    found = asked(run(), needs=("sklearn-api",))
    assert found.choice == ("keras:fit",)
    assert [each.text for each in found.excluded] == [
        "PyTorch (eager) is left out: it does not have scikit-learn’s interface.",
        "TensorFlow (graph) is left out: it does not have scikit-learn’s interface.",
    ]


def test_a_time_limit_holds_with_the_whole_interval() -> None:
    """A training whose interval reaches beyond the limit is left out with that interval."""
    found = asked(run(), time_limit_seconds=2.0)
    assert "keras:fit" not in found.numbers
    (reason,) = found.excluded
    assert reason.text.startswith("Keras (fit) is left out: it trains for 2.38 s [")


def test_size_and_import_are_limits_too() -> None:
    """An install or an import beyond its limit is said with its number."""
    assert "takes 214 MB" in asked(run(), install_mb_most=100.0).excluded[0].text
    slow = asked(run(), import_seconds_most=1.0)
    assert slow.choice == ("pytorch:eager",)
    assert all("is imported in" in each.text for each in slow.excluded)


def test_wishes_that_nothing_meets_give_no_choice_but_every_reason() -> None:
    """Needs and limits that contradict each other: nobody is recommended, each reason is said."""
    found = asked(run(), needs=("sklearn-api",), time_limit_seconds=1.0)
    assert found.choice == ()
    assert "no framework of this run meets all that is asked" in found.sentence
    assert len(found.excluded) == len(ARMS)


@pytest.mark.parametrize(
    "wishes",
    [
        {"epochs": 3, "steps": 40},
        {"serve": "latency", "epochs": 3},
        {"serve": "throughput", "time_limit_seconds": 3.0},
    ],
)
def test_wishes_that_contradict_each_other_are_a_usage_error(wishes: dict[str, Any]) -> None:
    """Two lengths, or predicting together with a length of training, cannot both be meant."""
    with pytest.raises(UsageError, match="give one"):
        Wishes(**wishes)


def test_a_device_that_was_not_measured_is_refused() -> None:
    """A run on the CPU says nothing about a GPU, and says how to find out."""
    with pytest.raises(RefusedError, match="samenet run --device cuda"):
        asked(run(), device="cuda")


def test_another_length_is_not_guessed_for_an_arm_that_never_settled() -> None:
    """Without a steady state only the measured length is known; asked for another, it is out."""
    frames = run()
    rows = frames.steadiness.copy()
    rows.loc[rows.arm == "tensorflow:graph", "name"] = "no steady state"
    frames = replace(frames, steadiness=rows)
    assert not frames.result(frames.plan.task("digits"), "tensorflow:graph").is_steady
    assert "tensorflow:graph" in asked(frames).numbers
    longer = asked(frames, epochs=3000)
    assert "tensorflow:graph" not in longer.numbers
    assert "never settled" in longer.excluded[0].text


def with_predictions(frames: Frames, seconds: dict[str, float]) -> Frames:
    """Return the run with these seconds for one row, in three repeats; 64 rows cost twice that."""
    other = frames.samples[frames.samples.track != "inference"]
    rows = [
        ("inference", "digits", arm, repeat, "predict_fast", 0, steps, one * (1 + repeat / 100))
        for arm, base in seconds.items()
        for steps, one in ((1, base), (64, 2 * base))
        for repeat in range(3)
    ]
    new = pd.DataFrame(rows, columns=other.columns)
    return replace(frames, samples=pd.concat([other, new]))


def test_serving_ranks_by_predicting() -> None:
    """For latency one row counts, for throughput the best batch; both with intervals."""
    frames = with_predictions(run(), {"pytorch:eager": 2e-4, "keras:fit": 1e-4})
    latency = asked(frames, serve="latency")
    assert latency.choice == ("keras:fit",)
    assert "one row is predicted in 101 µs [98.5, 104]" in latency.sentence
    assert "PyTorch (eager) takes" in latency.details[0]
    many = asked(frames, serve="throughput")
    assert "it predicts 317,000 [309,000, 325,000] rows a second" in many.sentence
    assert "was not timed predicting" in many.excluded[-1].text


def test_refused_and_missing_arms_are_not_advised_whatever_is_asked() -> None:
    """An arm whose checks failed, or that failed to run, is neither chosen nor listed."""
    frames = run(refused=(("digits", "pytorch:eager"),), failed=(("digits", "keras:fit"),))
    for wishes in ({}, {"epochs": 3000}, {"needs": ("gpu",)}, {"time_limit_seconds": 60.0}):
        assert set(asked(frames, **wishes).numbers) == {"tensorflow:graph"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name a RUN, or describe a network"),
        (["x", "--model", "4-2"], "leave RUN out"),
        (["--model", "4-2", "--batch", "8"], "--model also needs --samples and --epochs"),
        (["--model", "4", "--batch", "8", "--samples", "9", "--epochs", "1"], "64-256-128-10"),
        (["--model", "4-2", "--batch", "8", "--samples", "3", "--epochs", "1"], "no batch of 8"),
        (["x", "--batch", "8"], "--batch belongs to --model"),
        (["x", "--need", "magic"], "magic"),
    ],
)
def test_wrong_command_lines_say_what_is_meant(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever cannot be meant is a usage error whose sentence names the way out."""
    assert main._code(["advise", *arguments]) == 2
    assert said in capsys.readouterr().err
