"""What our order costs a framework's `fit`: timed after everything else, said beside the row."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from report_fixture import OWN_FIT, made

from samenet.adapter import DataSource, Target, discovery, draws
from samenet.analysis import own_fit
from samenet.analysis.quantities import Quantity
from samenet.execution import planner, runner
from samenet.report import page as report_page
from samenet.report import result
from samenet.runs.folder import Store
from samenet.runs.plan import Plan
from samenet.runs.records import TimingRecord
from samenet.spec import Network, TrainSpec
from samenet.worker import timing

RECORDER = Path(__file__).parents[1] / "helpers" / "recorder_adapter.py"


def carried_out(folder: Path, mode: str) -> tuple[Plan, Store]:
    """Return two timed processes of iris on the recorder, and their data."""
    request = planner.Request(
        tasks=("iris",), frameworks=(f"{RECORDER}:{mode}",), track="same", repeats=2
    )
    plan = planner.make_plan(request)
    jobs = tuple(job for job in plan.jobs if job.pass_name in {"prepare", "cell"})
    plan = plan.model_copy(update={"jobs": jobs})
    store = Store(folder)
    store.create()
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    runner.carry_out(store, plan, lambda job, records, seconds: None)
    return plan, store


def logged(log: Path, repeat: int) -> list[str]:
    """Return what was asked of the recorder in one process."""
    pairs = [line.rsplit(" ", 1) for line in log.read_text("utf-8").splitlines()]
    return [place for job, place in pairs if job.endswith(f"r{repeat}")]


@pytest.mark.parametrize("mode", ["fit", "plain"])
def test_an_own_fit_is_the_last_thing_of_the_first_process(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after every timing and check, on a fresh program, in a mode called fit alone."""
    log = tmp_path / "calls.txt"
    monkeypatch.setenv("SAMENET_RECORDER", json.dumps({"log": str(log)}))
    _, store = carried_out(tmp_path / "run", mode)
    found = [r for r in store.records() if isinstance(r, TimingRecord) and r.phase == "own_fit"]
    assert not any(place.startswith("own_fit") for place in logged(log, 1))
    first = logged(log, 0)
    if mode == "plain":
        assert (found, [p for p in first if p.startswith("own_fit")]) == ([], [])
        return
    start = first.index("own_fit(1)")
    assert first[start - 2 : start] == ["build", "load"]
    assert set(first[start:]) == {"own_fit(1)", "own_fit(4)", "sync"}
    asked = [place for place in first[start:] if place != "sync"]
    assert asked[:6] == ["own_fit(1)", "own_fit(1)", *["own_fit(4)", "own_fit(1)"] * 2]
    (record,) = found
    assert (record.repeat, record.steps) == (0, 7)
    assert len(record.seconds) == first.count("own_fit(4)")


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_the_fixed_cost_of_a_fit_is_not_in_an_epoch(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that is given, an epoch is the slope; one that takes too long is not repeated."""
    clock = SimpleNamespace(now=0.0)
    fits: list[int] = []

    def fit(program: object, epochs: int) -> None:
        fits.append(epochs)
        clock.now += 0.05 + seconds * epochs

    def timed(work: Any) -> float:
        start = clock.now
        work()
        return float(clock.now - start)

    monkeypatch.setattr(timing.clock, "time_call", timed)
    monkeypatch.setattr(timing.clock, "now", lambda: clock.now)
    added = called(SimpleNamespace(own_fit=fit), dropout=0.0)
    if seconds > timing.OWN_EPOCH_SECONDS_MAX:
        assert (added, fits) == ([], [1, 1])
    else:
        assert added == [pytest.approx(seconds)] * len(added)
        assert added
        assert sum(fits) * seconds < 3


def test_an_own_fit_is_not_timed_with_dropout() -> None:
    """Where the masks are ours too, the program cannot be trained by the framework alone."""
    assert called(SimpleNamespace(own_fit=pytest.fail), dropout=0.5) == []


def called(adapter: Any, *, dropout: float) -> list[float]:
    """Return what the pass adds for an adapter and a small network."""
    layers = [
        {"units": 4, "activation": "relu", "dropout": dropout},
        {"units": 3, "activation": "identity"},
    ]
    program = SimpleNamespace(load=lambda source: None, sync=lambda: None)
    adapter.build = lambda *given, **more: program
    problem = SimpleNamespace(
        network=Network.model_validate({"inputs": 2, "layers": layers}),
        training=None,
        source=None,
        weights=[],
        shape=SimpleNamespace(steps_per_epoch=5),
    )
    added: list[float] = []
    order = SimpleNamespace(
        job=SimpleNamespace(repeat=0), arm=SimpleNamespace(mode="fit"), target=Target()
    )
    watch = SimpleNamespace(order=order, add=lambda phase, seconds, *, steps: added.extend(seconds))
    timing.time_own_fit(watch, adapter, problem)  # type: ignore[arg-type]
    return added


def test_the_row_the_note_and_the_document_say_what_our_order_costs() -> None:
    """Beside the row, in a sentence below the table and as data: the same factor."""
    run = made(tasks=["digits"], refused=(), failed=())
    task = run.plan.tasks[0]
    keras = run.result(task, "keras:fit")
    ours = keras.epoch[0]
    assert list(keras.per_repeat(Quantity.OWN_FIT)) == [0]
    found = own_fit.cost(keras)
    assert found is not None
    assert (found.ours, found.factor) == (ours, pytest.approx(1 / OWN_FIT, rel=0.1))
    page = report_page.build_page(run)
    (note,) = own_fit.notes(run, task, ["keras:fit", "pytorch:eager"])
    assert "Keras (fit): an epoch in our order of the rows takes 0." in note
    assert note in page
    assert own_fit.row_note(keras)[0] in page
    rows = {r["framework"]: r for r in result.to_document(run)["tasks"][0]["same_network"]}
    assert rows["keras"]["own_fit"] == {
        "epoch_seconds": found.own,
        "order_factor": pytest.approx(found.factor),
    }
    assert rows["pytorch"]["own_fit"] is None
    text = (Path(__file__).parents[2] / "docs" / "result-schema.md").read_text("utf-8")
    assert {key for key in rows["keras"]["own_fit"] if f"`{key}`" not in text} == set()


@pytest.mark.parametrize("loss", ["mean_squared_error", "sparse_categorical_cross_entropy"])
def test_scikit_learn_fits_as_many_epochs_as_asked_for_on_the_training_rows(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own fit shuffles, has the task's batches, never stops early, leaves out test rows."""
    pytest.importorskip("sklearn")
    adapter = discovery.load(discovery.shipped_adapters()["scikit-learn"].path)
    net = Network.model_validate({"inputs": 5, "layers": [{"units": 3, "activation": "identity"}]})
    rule = {"name": "sgd", "learning_rate": 2.0**-40}
    training = TrainSpec.model_validate(
        {"loss": loss, "optimizer": rule, "batch_size": 16, "epochs": 1}
    )
    inputs, targets = draws.parity_rows(64, 5, 3, loss=loss, words=("own fit", 0))
    inputs = np.where(np.arange(64)[:, None] < 40, inputs, np.nan)
    weights = draws.as_dtype(draws.initial_weights(net, task="own fit", repeat=0), "float32")
    program = adapter.build(net, training, weights, target=Target(), mode="fit")
    program.load(DataSource(inputs=inputs, targets=targets, train_rows=40))
    models: list[Any] = []
    whole = adapter.whole_fit
    monkeypatch.setattr(adapter, "whole_fit", lambda *given: models.append(whole(*given)))
    adapter.own_fit(program, 30)
    (model,) = models
    assert (model.n_iter_, model.t_, model.batch_size, model.shuffle) == (30, 30 * 40, 16, True)
    assert program.model.t_ == 0
