"""How long one framework takes to predict, from rows on the host to outputs on the host.

One process per framework, all tasks in it. Every way to predict is compared with the oracle at
every batch size; only one that is right is timed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from samenet.adapter import discovery, draws
from samenet.adapter.api import Program, Target
from samenet.adapter.arrays import Array, Layer, Weights
from samenet.certificate import limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Check, Problem
from samenet.machine import clock
from samenet.runs.plan import PREDICTION_BATCHES
from samenet.runs.records import PREDICTION_GATE
from samenet.runs.work_order import WorkOrder
from samenet.spec.network import TaskKind
from samenet.spec.task import Task
from samenet.worker.common import adapter_timed, certificate_records, problem_of
from samenet.worker.timing import Stopwatch, take_samples

Predictor = Callable[[Array], Array]

SAMPLE_SECONDS = 0.1
SAMPLES_MIN, SAMPLES_MAX = 5, 400
WARM_CALLS = 2


class PredictionMethod(NamedTuple):
    """One way to predict."""

    name: str
    predict: Predictor
    returns: str


def run(order: WorkOrder) -> None:
    """Measure every task of the job; the first one also tells the way to a first prediction."""
    adapter, file = adapter_timed(order)
    wake = clock.time_call(lambda: adapter.wake(order.target))
    for place, task in enumerate(order.tasks):
        watch = Stopwatch(order, task, "inference")
        if place == 0:
            for phase, seconds in {**order.stamps, "adapter": file, "wake": wake}.items():
                watch.add(phase, [seconds])
        checks = _measured(watch, adapter, add_biases(problem_of(order, task)), first=place == 0)
        records = certificate_records(order, task.name, checks, order.job.repeat)
        order.emit([*watch.records, *records])


class BiasedProblem(NamedTuple):
    """A task's problem and weights without a bias of zero: one that is forgotten is to show."""

    problem: Problem
    weights: Weights


def add_biases(problem: Problem) -> BiasedProblem:
    """Return the problem with numbers of each layer's first array as its biases and offsets.

    What batch norms keep is no longer 0 and 1 either.
    """
    return BiasedProblem(problem, [_biased(layer) for layer in problem.weights])


def _biased(layer: Layer) -> Layer:
    """Return the layer with its biases taken from what stands first in it: a row of the kernel."""
    first = next(iter(layer.values()), np.zeros(1)).ravel()
    other = {
        name: np.resize(first, array.shape)
        for name, array in layer.items()
        if name in ("bias", "offset")
    }
    if "variance" in layer:
        other |= {"mean": np.full_like(layer.mean, 0.25), "variance": layer.variance * 2.25}
    return Layer(**{**layer, **other})


def _measured(
    watch: Stopwatch, adapter: ModuleType, given: BiasedProblem, *, first: bool
) -> list[Check]:
    """Build, check, then time; return the checks."""
    problem = given.problem
    rows = tile_rows(problem.source.inputs, max(PREDICTION_BATCHES))
    if not problem.network.vocabulary:
        rows = rows.astype(watch.order.target.dtype)
    exact = tile_rows(problem.rows(), len(rows))
    truth = oracle.outputs(problem.network, given.weights, exact)
    found: list[PredictionMethod] = []
    build = clock.time_call(lambda: found.extend(_ways(watch, adapter, given, rows)))
    start = clock.time_call(lambda: found[0].predict(rows[:1]))
    checks = [check_predictions(way, rows, truth, watch.task, watch.order.target) for way in found]
    if first and checks[0].passed:
        watch.add("build", [build])
        watch.add("first_prediction", [start], steps=1)
    for way, shown in zip(found, checks, strict=True):
        if shown.passed:
            _timed(watch, way, rows)
    return checks


def tile_rows(inputs: Array, count: int) -> Array:
    """Return so many rows: those of the task, over and over."""
    return np.ascontiguousarray(np.resize(inputs, (count, *inputs.shape[1:])))


def _ways(
    watch: Stopwatch, adapter: ModuleType, given: BiasedProblem, rows: Array
) -> list[PredictionMethod]:
    order, problem = watch.order, given.problem
    weights = draws.as_dtype(given.weights, order.target.dtype)
    program: Program = adapter.build(
        *(problem.network, problem.training, weights),
        target=order.target,
        mode=order.arm.mode,
    )
    path = discovery.AdapterFile(path=Path(order.arm.path), header=order.arm.header).predictors_path
    if path is None:
        return [PredictionMethod("usual", _resident(program, problem, rows), "outputs")]
    module = discovery.load(path)
    said: dict[str, dict[str, Any]] = module.PREDICT
    made: dict[str, Predictor] = module.predictors(program, order.target)
    return [
        PredictionMethod(name, made[name], said[name].get("returns", "outputs")) for name in said
    ]


def _resident(program: Program, problem: Problem, rows: Array) -> Predictor:
    """Return `program.predict` as a function of the first so many rows, which are loaded before."""
    source = problem.source
    targets = np.resize(source.targets, (len(rows), *source.targets.shape[1:]))
    program.load(replace(source, inputs=rows, targets=targets, train_rows=len(rows)))
    numbers = np.arange(len(rows), dtype=np.int32)
    return lambda inputs: np.asarray(program.predict(numbers[: len(inputs)]))


def check_predictions(
    way: PredictionMethod, rows: Array, truth: Array, task: Task, target: Target
) -> Check:
    """Return the worst error over all batch sizes, relative to all outputs together."""
    _, most = limits.tf32_limits()
    wanted = apply_link(truth, task.kind) if way.returns == "probabilities" else truth
    errors = [_error(way.predict(rows[:count]), wanted[:count]) for count in PREDICTION_BATCHES]
    return Check(
        gate=PREDICTION_GATE,
        quantity=way.name,
        dtype=target.dtype,
        error=max(errors),
        limit=most if target.precision == "tf32" else limits.precision_limit(target.dtype),
        detail=f"{way.returns} of {', '.join(map(str, PREDICTION_BATCHES))} rows",
    )


def _error(found: Any, wanted: Array) -> float:
    """Return the relative error; anything but a NumPy array of the right shape is infinitely off.

    One output per row may come without its axis, as scikit-learn gives it.
    """
    if not isinstance(found, np.ndarray):
        return np.inf
    same = found.shape == wanted.shape or (found.ndim == 1 and wanted.shape == (len(found), 1))
    if not same or not np.isfinite(found).all():
        return np.inf
    difference = found.reshape(wanted.shape).astype(np.float64) - wanted
    return float(np.linalg.norm(difference) / np.linalg.norm(wanted))


def apply_link(outputs: Array, kind: TaskKind) -> Array:
    """Return the probabilities of linear outputs; of a binary task those of both classes."""
    if kind == TaskKind.REGRESSION:
        return outputs
    if kind == TaskKind.BINARY:
        outputs = np.hstack([np.zeros_like(outputs), outputs])  # sigmoid z = softmax of 0 and z
    powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _timed(watch: Stopwatch, way: PredictionMethod, rows: Array) -> None:
    for count in PREDICTION_BATCHES:
        batch = rows[:count]
        for _ in range(WARM_CALLS):
            way.predict(batch)
        seconds, _ = take_samples(
            lambda batch=batch: way.predict(batch),  # type: ignore[misc]
            *(SAMPLE_SECONDS, SAMPLES_MIN, SAMPLES_MAX),
        )
        watch.add(f"predict_{way.name}", seconds, steps=count)
