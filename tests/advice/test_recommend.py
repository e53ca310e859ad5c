"""Advice is a function of the measurements: known times in, known sentences out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest
from report_fixture import made

from samenet.advice import recommend, sentences
from samenet.analysis import totals as analysis_totals
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.errors import UsageError
from samenet.report import multi_run, result, summary
from samenet.report import page as report_page
from samenet.reports.answer import what_if
from samenet.spec import Task
from samenet.stats import formatting, verdicts
from samenet.stats.intervals import Interval
from samenet.stats.verdicts import VerdictWord


def with_totals(times: dict[str, Sequence[float]]) -> tuple[Frames, Task]:
    """Return a digits run whose whole trainings take these seconds, one number per repeat."""
    frames = made(tasks=["digits"], arms=list(times), refused=(), failed=())
    task = frames.plan.tasks[0]
    rows = [
        ("digits", arm, repeat, quantity, seconds if quantity == "start_up" else 1e-9)
        for arm, values in times.items()
        for repeat, seconds in enumerate(values)
        for quantity in ("start_up", "epoch")
    ]
    columns = ["task", "arm", "repeat", "quantity", "seconds"]
    return _replaced(frames, times=pd.DataFrame(rows, columns=columns)), task


def _replaced(frames: Frames, **changes: object) -> Frames:
    fields = {name: getattr(frames, name) for name in Frames.__dataclass_fields__}
    return Frames(**(fields | changes))


def test_the_fastest_framework_is_recommended_with_what_it_saves() -> None:
    """The sentence names the fastest, each other one says what it costs in 100 trainings."""
    frames, task = with_totals({"pytorch:eager": [1.0, 1.01, 0.99], "keras:fit": [3.0, 3.1, 2.9]})
    found = recommend.recommend(frames, task)
    assert found is not None
    assert found.choice == ("pytorch:eager",)
    assert "use PyTorch (eager)" in found.sentence
    assert "2 s [1.78, 2.22] more per training, 3.33 min in 100 program" in found.details[0]


def test_the_first_screen_keeps_the_slower_ones_folded() -> None:
    """Only the nearest framework stands under a recommendation; the others are one click away."""
    totals = {"pytorch:eager": 1.0, "keras:fit": 3.0, "tensorflow:graph": 5.0}
    frames, _ = with_totals({arm: [t, 1.01 * t, 0.99 * t] for arm, t in totals.items()})
    (card,) = summary.make_headline(frames).cards
    assert [line for line in card.details if line.startswith("Keras (fit) takes")]
    assert not [line for line in card.details if line.startswith("TensorFlow")]
    assert [line for line in card.further if line.startswith("TensorFlow (graph) takes")]
    page = report_page.build_page(
        made(
            tasks=["digits"],
            arms=[*totals, "keras:native"],
            refused=(),
            failed=(),
        )
    )
    assert "<summary>More on Handwritten digits</summary>" in page


def test_of_many_frameworks_the_nearest_are_named() -> None:
    """With many frameworks the advice stays short: three of the slower ones, then how many more."""
    names = (
        "keras:fit",
        "pytorch:eager",
        "tensorflow:graph",
        "keras:native",
        "pytorch:compiled",
        "tensorflow:xla",
    )
    totals = {f: [n + 1.0, n + 1.01, n + 0.99] for n, f in enumerate(names)}
    found = recommend.recommend(*with_totals(totals))
    assert found is not None
    slower = [detail for detail in found.details if " takes " in detail]
    assert len(slower) == sentences.NAMED_MOST
    assert any(detail.startswith("2 more take longer still, up to 6 s") for detail in found.details)


def test_a_framework_that_wins_longer_trainings_is_named() -> None:
    """A slow start and a fast epoch: the advice says from how many epochs on the choice changes."""
    frames, task = with_totals({"pytorch:eager": [1.0] * 3, "tensorflow:graph": [3.0] * 3})
    times = frames.times.copy()
    epoch = times.quantity == "epoch"
    times.loc[epoch & (times.arm == "pytorch:eager"), "seconds"] = [0.020, 0.021, 0.019]
    times.loc[epoch & (times.arm == "tensorflow:graph"), "seconds"] = [0.010, 0.0105, 0.0095]
    found = recommend.recommend(_replaced(frames, times=times), task)
    assert found is not None
    assert found.choice == ("pytorch:eager",)
    assert any("from about 200 epochs [" in detail for detail in found.details)


def test_one_repeat_ranks_nothing() -> None:
    """With a single repeat there is no interval and no advice to use one."""
    frames, task = with_totals({"pytorch:eager": [1.0], "keras:fit": [3.0]})
    found = recommend.recommend(frames, task)
    assert found is not None
    assert "one repeat ranks nothing" in found.sentence
    assert "PyTorch (eager) 1 s; Keras (fit) 3 s for the whole training" in found.sentence
    assert not found.ranked
    assert [row.rank for row in analysis_totals.totals(frames, task)] == [None, None]


def test_one_repeat_is_printed_as_unranked_everywhere() -> None:
    """Neither the terminal nor a card, a table or another run's line shows equals: each its own."""
    frames = made(tasks=["digits"], repeats=1, refused=(), failed=())
    task = frames.plan.tasks[0]
    assert not [line for line in result.to_lines(frames) if line.lstrip().startswith("1.")]
    assert [card.choice for card in summary.make_headline(frames).cards] == [summary.NOT_RANKED]
    section = what_if.section(frames)
    assert section is not None
    (table,) = section.blocks
    (latency,) = [row for row in table.rows if row[0].text.startswith("One row is predicted")]
    assert latency[1].text == summary.NOT_RANKED
    own = [arm.name for arm in frames.plan.arms if arm.header.adoptable]
    times = {arm: frames.result(task, arm).typical(Quantity.LATENCY).value for arm in own}
    from_fast_to_slow = sorted(own, key=lambda arm: times[arm])
    assert latency[2].text.split("; ") == [
        f"{frames.title(arm)} {formatting.format_seconds(times[arm])}" for arm in from_fast_to_slow
    ]
    runs = multi_run.assign_letters([("one", frames), ("two", frames)])
    (card,) = multi_run.first_screen(runs).cards
    assert all(summary.NOT_RANKED in detail for detail in card.details)


def test_a_rate_has_the_digits_of_its_measurement() -> None:
    """Three digits were measured: no rate is printed with eight."""
    assert formatting.format_count(91_022_222.0) == "91,000,000"
    assert formatting.format_count(12.34) == "12.3"


def test_numpy_is_never_recommended_however_fast() -> None:
    """The from-scratch reference has no rank and is no choice."""
    frames, task = with_totals({"numpy:plain": [0.01] * 3, "keras:fit": [3.0, 3.1, 2.9]})
    found = recommend.recommend(frames, task)
    assert found is not None
    assert found.choice == ("keras:fit",)
    ranks = {row.arm: row.rank for row in analysis_totals.totals(frames, task)}
    assert ranks == {"numpy:plain": None, "keras:fit": 1}


def test_numpy_alone_gives_no_recommendation() -> None:
    """Nothing that can be adopted, nothing to advise."""
    frames, task = with_totals({"numpy:plain": [0.01] * 3})
    assert recommend.recommend(frames, task) is None


def test_frameworks_that_overlap_are_both_a_choice() -> None:
    """Where repeats do not tell two apart, the sentence says so and names both."""
    frames, task = with_totals({"pytorch:eager": [1.0, 1.3, 0.8], "keras:fit": [1.1, 0.9, 1.2]})
    found = recommend.recommend(frames, task)
    assert found is not None
    assert set(found.choice) == {"pytorch:eager", "keras:fit"}
    assert "does not tell" in found.sentence
    assert " use " not in found.sentence


def test_a_difference_of_seconds_in_a_hundred_trainings_does_not_matter() -> None:
    """Under a minute in 100 trainings the advice is to choose on other grounds."""
    frames, task = with_totals({"pytorch:eager": [1.0, 1.0, 1.0], "keras:fit": [1.2, 1.2, 1.2]})
    found = recommend.recommend(frames, task)
    assert found is not None
    assert "does not matter" in found.details[0]


def test_a_framework_whose_checks_failed_is_not_advised() -> None:
    """No certificate, no place in the ranking."""
    frames = made(tasks=["digits"], refused=(("digits", "pytorch:eager"),), failed=())
    rows = analysis_totals.totals(frames, frames.plan.tasks[0])
    assert "pytorch:eager" not in {row.arm for row in rows}


def test_an_arm_without_any_check_is_not_compared() -> None:
    """Times without a certificate are not compared, even if nothing failed."""
    frames = made(tasks=["digits"], refused=(), failed=())
    bare = _replaced(frames, checks=frames.checks[frames.checks.arm != "keras:fit"])
    assert "keras:fit" not in bare.compared(bare.plan.task("digits"))


def test_an_unknown_task_is_a_usage_error() -> None:
    """Asking for a task the run does not hold names the ones it does."""
    with pytest.raises(UsageError, match="Did you mean 'digits'"):
        recommend.advise(made(tasks=["digits"]), ["digit"])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3e-7, "300 ns"),
        (0.0123, "12.3 ms"),
        (1.5, "1.5 s"),
        (119, "119 s"),
        (0.9997, "1 s"),
        (600, "10 min"),
    ],
)
def test_durations_are_written_in_readable_units(seconds: float, text: str) -> None:
    """Every time has the unit a person would choose."""
    assert formatting.format_seconds(seconds) == text


def test_an_interval_is_printed_in_the_unit_of_its_value() -> None:
    """Value and interval share one unit; one repeat has no interval."""
    assert (
        formatting.format_duration(Interval(value=1.5, low=0.9, high=2.5, n=3))
        == "1.5 s [0.9, 2.5]"
    )
    assert formatting.format_duration(Interval(value=1.5, low=1.5, high=1.5, n=1)) == "1.5 s"


def test_a_tie_is_within_the_margin_of_the_plan() -> None:
    """With a margin of 10 % an arm that is 7 % slower is a tie, and the sentence says 10 %."""
    times = {"a": dict.fromkeys(range(8), 1.0), "b": {r: 1.07 + r / 1e4 for r in range(8)}}
    (close,) = verdicts.judge_arms(times, margin=0.1)
    (apart,) = verdicts.judge_arms(times)
    assert verdicts.verdict_sentence(close) == "too close to call: within 10 %"
    assert apart.word is VerdictWord.SLOWER
