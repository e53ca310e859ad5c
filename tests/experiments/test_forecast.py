"""Predicted trainings: planted costs come back with intervals, ranges are kept, checks are honest.

Times are made from known costs; nothing here reads a clock.
"""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from forecast_fixture import ASKED, made
from ladder_fixture import run, stepped
from planted_costs import PLANTED

from samenet.cli import main
from samenet.errors import RefusedError, UsageError
from samenet.experiments.scaling import forecast, ladder, validation
from samenet.experiments.scaling.cost_model import count_shapes
from samenet.experiments.scaling.forecast import TrainingSize
from samenet.machine import paths


def test_a_total_is_start_first_call_and_every_step() -> None:
    """By hand: 196 steps an epoch in calls of 195, twenty epochs, and one call more first."""
    found = made("a").seconds(ASKED)
    call = PLANTED.predict(ASKED.widths, 512, 195)
    start = 1.0 + 3 * 0.1 + 3 * 0.01
    assert found.value == pytest.approx(start + call + 20 * 196 * call / 195)
    assert found.low < found.value < found.high


def test_layers_of_one_shape_are_compiled_once() -> None:
    """Of four layers that are all alike but the last, two are different."""
    assert count_shapes((64, 64, 64, 64, 10)) == 2
    assert count_shapes((64, 32, 16, 10)) == 3


def test_the_interval_is_as_wide_as_the_errors_of_the_fit() -> None:
    """Four times the error of a step makes the interval about four times as wide."""
    narrow, wide = (made("a", start=0.0, error=e).seconds(ASKED) for e in (0.02, 0.08))
    widths = [math.log(each.high / each.low) for each in (narrow, wide)]
    assert widths[1] / widths[0] == pytest.approx(4, rel=0.1)


def test_the_fastest_that_can_be_adopted_is_advised() -> None:
    """NumPy's reference line is listed and never the choice; one 30 % slower is told apart."""
    lines = forecast.answer(
        [made("numpy:plain", 0.1), made("slow", 1.3), made("quick")], ASKED
    ).lines()
    assert "64-256-128-10, batch 512, 100,000 samples: use quick, about" in lines[0]
    assert "numpy:plain" in lines[1]
    assert "(a reference line)" in lines[1]


def test_two_within_the_error_are_both_the_choice() -> None:
    """A difference of 1 % between predictions that are off by 2 % decides nothing."""
    lines = forecast.answer([made("one"), made("other", 1.01)], ASKED).lines()
    assert "not told apart from it: other" in lines[0]


def test_what_would_change_the_choice_is_said() -> None:
    """A slow start with quick steps wins from some number of epochs on, and that is named."""
    lines = forecast.answer([made("starter", 1.5), made("runner", 1.0, start=60.0)], ASKED).lines()
    assert "use starter" in lines[0]
    change = next(line for line in lines if "epochs: runner" in line)
    assert change.strip().startswith("From about 500 epochs")


def test_outside_of_what_was_measured_nothing_is_predicted() -> None:
    """A batch beyond the largest one is refused with both numbers, as are too many layers."""
    with pytest.raises(RefusedError, match=r"rows of a batch: 50,000, measured were 256 to 32,768"):
        forecast.answer([made("a")], ASKED.with_batch(50_000)).lines()
    deep = TrainingSize(widths=(64,) * 300, batch_size=512, samples=1000, epochs=1)
    with pytest.raises(RefusedError, match="layers with weights: 299"):
        forecast.answer([made("a")], deep).lines()


@pytest.mark.parametrize("text", ["64", "64-x-10", "64--10", "0-3", ""])
def test_layers_are_whole_numbers_joined_by_dashes(text: str) -> None:
    """Anything else is a usage error that shows how layers are written."""
    with pytest.raises(UsageError, match="64-256-128-10"):
        forecast.parse_widths(text)


def test_without_any_forecast_there_is_no_prediction() -> None:
    """No forecast is not the same as forecasts that are all out of range."""
    assert forecast.predict_times([], ASKED) == []


def test_forecasts_are_remembered_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What one ladder found is there for the next command; another arm is added to it."""
    monkeypatch.setattr(paths, "cache_folder", lambda: tmp_path)
    asked = ["advise", "--model", "64-256-128-10", "--batch", "512"]
    asked += ["--samples", "100000", "--epochs", "20"]
    assert main._code(asked) == 6
    assert "`samenet ladder` does it" in capsys.readouterr().err
    forecast.remember([made("one")])
    forecast.remember([made("other", 1.5)])
    assert forecast.recall() == [made("one"), made("other", 1.5)]
    assert main._code([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["choice"] == ["one"]


def test_forecasts_of_one_place_are_ranked_and_the_others_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four threads do not beat one: what was fitted elsewhere is kept, left out and said."""
    monkeypatch.setattr(paths, "cache_folder", lambda: tmp_path)
    four = "cpu, float32, 4 threads"
    forecast.remember([made("one"), made("other", 1.5)])
    forecast.remember([replace(made("other", 0.5), place=four)])
    assert len(forecast.recall()) == 3
    found = forecast.answer(forecast.recall(), ASKED)
    assert [f.arm for f in found.left] == ["one", "other"]
    assert {f.place for f in found.left} == {"cpu, float32, 1 thread"}
    assert forecast.choose_fastest(found.rows)[0].forecast.arm == "one"
    said = f"other is left out: it was fitted on {four}, what is ranked on cpu, float32, 1 thread."
    assert any(said in line for line in found.lines())
    forecast.remember([replace(made("other", 0.7), place=four)])
    assert len(forecast.recall()) == 3


def test_the_basis_of_a_prediction_names_the_versions() -> None:
    """A prediction is one of the libraries that were fitted."""
    found = forecast.answer([replace(made("one"), versions={"torch": "2.4"})], ASKED)
    assert "(cpu, float32, 1 thread; torch 2.4)" in found.lines()[-1]


def test_predicting_loads_neither_pandas_nor_the_optimiser() -> None:
    """The slow imports are not among the modules of the command: an answer takes under a second."""
    code = "import sys, samenet.cli.commands.advise; print([*sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=True)
    loaded = set(ast.literal_eval(done.stdout.decode()))
    assert "samenet.experiments.scaling.forecast" in loaded
    assert not {"pandas", "scipy.optimize", "matplotlib"} & loaded


def test_twenty_held_out_trainings_judge_the_predictions() -> None:
    """Of planted costs every total is near; the advice needs two frameworks one can adopt."""
    checked = validation.validate(run())
    assert len(checked.judged) == 40
    assert all(checked.good(arm) for arm in checked.arms)
    assert checked.choices == ()
    assert checked.passed


def test_a_ladder_that_could_not_be_fitted_shows_nothing() -> None:
    """Held-out trainings alone make no forecast: nothing is judged, and that is no pass."""
    frames = run(first=len(ladder.DESIGN))
    checked = validation.validate(frames)
    assert (checked.judged, checked.choices, checked.passed) == ((), (), False)
    assert "no fitted ladder" in "\n".join(validation.to_lines(frames, checked))


def test_held_out_sizes_that_are_missing_are_not_shown() -> None:
    """Of twenty planned trainings one that was measured is no proof, however well it fits."""
    full = run()
    held_out = [t.name for t in ladder.ladder_points(full.plan.tasks) if ladder.is_held_out(t)]
    lost = set(held_out[1:])
    few = replace(full, times=full.times[~full.times.task.isin(lost)])
    checked = validation.validate(few)
    assert len(checked.judged) == 2
    assert {checked.not_shown(arm) for arm in checked.arms} == {19}
    assert not checked.passed
    text = "\n".join(validation.to_lines(few, checked))
    assert "✗ NumPy (plain)" in text
    assert "1 of 20 within 20 %" in text
    assert "19 not measured, or out of range: not shown" in text


def test_a_forecast_reaches_as_far_as_its_framework_was_measured() -> None:
    """Sizes that were planned and not measured of an arm are out of its range, and of its alone."""
    full = run()
    large = {
        task.name
        for task in ladder.ladder_points(full.plan.tasks)
        if task.training.batch_size > 1000
    }
    gone = full.times.task.isin(large) & (full.times.arm == "pytorch:eager")
    numpy, pytorch = validation.make_forecasts(replace(full, times=full.times[~gone]))
    assert numpy.ranges["rows of a batch"][1] == 4096
    assert pytorch.ranges["rows of a batch"][1] <= 1000
    size = TrainingSize(widths=(64, 64, 10), batch_size=2048, samples=100_000)
    assert pytorch.outside(size).startswith("rows of a batch")
    assert not numpy.outside(size)
    judged = validation.validate(replace(full, times=full.times[~gone]))
    assert {arm for _, arm in judged.missing} == {"pytorch:eager"}


def test_the_error_of_a_start_is_that_of_starts_left_out() -> None:
    """One start that is off costs its whole distance: a fit that saw it would have met it half."""
    regular = [(layers, 1, 1.0 + 0.1 * layers) for layers in (1, 2, 3)]
    *costs, error = validation._fit_starts([*regular, (10, 1, 4.0)])
    *without, _ = validation._fit_starts(regular)
    predicted = without[0] + 10 * without[1] + without[2]
    assert error >= abs(math.log(predicted / 4.0)) / 2
    in_sample = [
        math.log((costs[0] + n * costs[1] + k * costs[2]) / s) for n, k, s in [*regular, (10, 1, 4)]
    ]
    assert error > math.sqrt(sum(e * e for e in in_sample) / 4)


def test_a_framework_that_is_predicted_badly_fails_the_check() -> None:
    """A cliff that the fit cannot follow is named with its size, and the check does not pass."""
    frames = run(stepped)
    checked = validation.validate(frames)
    assert checked.good("numpy:plain")
    assert not checked.good("pytorch:eager")
    assert not checked.passed
    assert any("✗ PyTorch (eager)" in line for line in validation.to_lines(frames, checked))
