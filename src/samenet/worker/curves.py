"""One whole training per repeat, outside every clock: raw outputs after each epoch, for scoring."""

from __future__ import annotations

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Program
from samenet.adapter.arrays import Array
from samenet.certificate.problem import Problem
from samenet.runs.work_order import WorkOrder, outputs_path
from samenet.worker.common import problem_of

EVALUATIONS_MAX = 60
REPEATS = 3


def run(order: WorkOrder) -> None:
    """Train every task of the job from the initial weights of each repeat."""
    adapter = order.adapter()
    adapter.wake(order.target)
    for task in order.tasks:
        for repeat in range(REPEATS):
            problem = problem_of(order, task, repeat)
            weights = draws.as_dtype(problem.weights, order.target.dtype)
            program = adapter.build(
                problem.network, task.training, weights, target=order.target, mode=order.arm.mode
            )
            program.load(problem.source)
            epochs, outputs = train_and_keep(program, problem)
            path = outputs_path(order.folder, "same", task.name, order.job.arm, repeat)
            np.savez(path, epochs=epochs, outputs=outputs)


def epochs_to_keep(epochs: int) -> list[int]:
    """Return after which epochs the outputs are kept: 0, all or evenly spread ones, the last."""
    if epochs <= EVALUATIONS_MAX:
        return list(range(epochs + 1))
    return sorted({0, *np.linspace(1, epochs, EVALUATIONS_MAX).round().astype(int).tolist()})


def train_and_keep(program: Program, problem: Problem) -> tuple[Array, Array]:
    """Return the kept epochs and the raw outputs after them: (epochs, rows, outputs) float32."""
    kept = epochs_to_keep(problem.training.epochs)
    rows = np.arange(len(problem.source.inputs), dtype=np.int32)
    found = [_outputs(program, rows)]
    for epoch in range(problem.training.epochs):
        for call in problem.epoch(epoch):
            program.train(call)
        if epoch + 1 in kept:
            found.append(_outputs(program, rows))
    return np.array(kept), np.stack(found).astype(np.float32)


def _outputs(program: Program, rows: Array) -> Array:
    found = program.predict(rows)
    program.sync()
    return np.asarray(found)
