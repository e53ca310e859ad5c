"""One training step made visible: what goes in, what comes out, what changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from samenet import clock, draws, oracle
from samenet.adapter import Array, Weights
from samenet.certificate import Build, Problem, builder
from samenet.gates import read_gradient
from samenet.oracle_functions import logistic
from samenet.passes.common import problem_of
from samenet.records import EventRecord
from samenet.spec import Kind
from samenet.workorder import WorkOrder


def run(order: WorkOrder) -> None:
    """Take the first step of each task and answer with all its numbers."""
    adapter = order.adapter()
    adapter.wake(order.target)
    build = builder(adapter, order.arm.mode, order.target)
    for task in order.tasks:
        problem = problem_of(order, task)
        data = {"task": task.name, "arm": order.job.arm, **_step(order, problem, build)}
        data["output"] = _linked(task.kind, np.array(data["weighted sum"])).tolist()
        order.emit([EventRecord(job=order.job.id, name="step", when=clock.utc(), data=data)])


def _step(order: WorkOrder, problem: Problem, build: Build) -> dict[str, Any]:
    rows = problem.calls[0].order[:1]
    dtype = order.target.dtype
    program = build(problem, problem.training, problem.weights, dtype)
    outputs = np.asarray(program.predict(rows[0]), dtype=np.float64)
    before = program.weights()
    program.train(problem.calls[0].first(1))
    program.sync()
    inputs, targets = problem.source.arrays()
    return {
        "inputs": inputs[rows[0]].astype(np.float64).tolist(),
        "targets": np.asarray(targets[rows[0]], dtype=np.float64).tolist(),
        "weights": _flat(before),
        "weighted sum": outputs.tolist(),
        "loss": float(np.asarray(program.losses())[0]),
        "gradient": _gradient(problem, build, dtype),
        "new weights": _flat(program.weights()),
    }


def _gradient(problem: Problem, build: Build, dtype: Any) -> list[float]:
    found = read_gradient(problem, build, dtype, problem.weights, problem.calls[0].first(1))
    return [float(g) for g in found]


def _flat(weights: Weights) -> list[float]:
    return [float(w) for w in oracle.flat(draws.as_dtype(weights, "float64"))]


def _linked(kind: Kind, outputs: Array) -> Array:
    if kind == Kind.BINARY:
        return logistic(outputs)
    if kind == Kind.REGRESSION:
        return outputs
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
