"""One training step made visible: what goes in, what comes out, what changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Capabilities
from samenet.adapter.arrays import Array, Weights
from samenet.certificate.gate_gradients import read_gradient
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import logistic
from samenet.certificate.problem import Build, Problem, builder
from samenet.machine import clock
from samenet.runs.records import StepTraced
from samenet.runs.work_order import WorkOrder
from samenet.spec.network import TaskKind
from samenet.spec.task import Task
from samenet.worker.common import problem_of


def run(order: WorkOrder) -> None:
    """Take the first step of each task and answer with all its numbers."""
    adapter = order.adapter()
    adapter.wake(order.target)
    build = builder(adapter, order.arm.mode, order.target)
    for task in order.tasks:
        problem = problem_of(order, task)
        order.emit([_step(order, problem, build, task)])


def _step(order: WorkOrder, problem: Problem, build: Build, task: Task) -> StepTraced:
    rows = problem.calls[0].order[:1]
    dtype = order.target.dtype
    program = build(problem, problem.training, problem.weights, dtype)
    outputs = np.asarray(program.predict(rows[0]), dtype=np.float64)
    before = program.weights()
    program.train(problem.calls[0].first(1))
    program.sync()
    inputs, targets = problem.source.arrays()
    return StepTraced(
        job=order.job.id,
        when=clock.utc(),
        task=task.name,
        arm=order.job.arm,
        inputs=tuple(inputs[rows[0]].reshape(1, -1).astype(np.float64).tolist()),
        targets=tuple(np.asarray(targets[rows[0]], dtype=np.float64).tolist()),
        weights=_flat(before),
        weighted_sum=tuple(outputs.tolist()),
        loss=float(np.asarray(program.losses())[0]),
        gradient=_gradient(problem, build, dtype, order.arm.capabilities),
        new_weights=_flat(program.weights()),
        output=tuple(_linked(task.kind, outputs).tolist()),
    )


def _gradient(
    problem: Problem, build: Build, dtype: Any, offered: Capabilities
) -> tuple[float, ...]:
    call = problem.calls[0].first(1)
    found = read_gradient(problem, build, dtype, problem.weights, call, offered)
    return tuple(float(g) for g in found)


def _flat(weights: Weights) -> tuple[float, ...]:
    return tuple(float(w) for w in oracle.flatten(draws.as_dtype(weights, "float64")))


def _linked(kind: TaskKind, outputs: Array) -> Array:
    if kind == TaskKind.BINARY:
        return logistic(outputs)
    if kind == TaskKind.REGRESSION:
        return outputs
    exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))
