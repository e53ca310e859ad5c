"""Compile what a result will compile, so that a run with warm caches finds it: nothing is timed."""

from __future__ import annotations

from samenet.certificate.problem import builder
from samenet.runs.work_order import WorkOrder
from samenet.worker.common import problem_of


def run(order: WorkOrder) -> None:
    """Build the program of the job's task and make its first call."""
    adapter = order.adapter()
    adapter.wake(order.target)
    problem = problem_of(order, order.tasks[0])
    build = builder(adapter, order.arm.mode, order.target)
    program = build(problem, problem.training, problem.weights, order.target.dtype)
    program.train(problem.calls[0])
    program.sync()
