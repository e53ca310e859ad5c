"""The training calls that versus_pyperf.py lets pyperf time; every process of pyperf imports it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

from samenet.adapter import Target, discovery
from samenet.adapter.dataset import Dataset
from samenet.certificate.problem import builder, task_problem
from samenet.runs.plan import Plan
from samenet.runs.work_order import data_path
from samenet.worker.timing import calls_per_chunk, more_calls

CALL_SECONDS = 0.0035
"""Of a call of the trials' program: with it a stretch has the length that samenet gives it."""


def stretch(run: tuple[str, str, str], percent: int, *, planted: bool) -> Callable[[], None]:
    """Return the calls of a stretch, with so many per cent more steps or not.

    `run` is a run's folder with prepared data, a task of it, and a framework with its mode.
    """
    folder, name, arm = run
    plan = Plan.model_validate_json(Path(folder, "plan.json").read_text(encoding="utf-8"))
    task = plan.task(name)
    adapter, mode = discovery.find(arm)
    problem = task_problem(task, Dataset.load(data_path(Path(folder), name)))
    build = builder(discovery.load(adapter.path), mode, Target())
    program = build(problem, problem.training, problem.weights, "float32")
    count = calls_per_chunk(CALL_SECONDS, problem.shape.steps, percent)
    whole, rest = more_calls(count, percent, problem.shape.steps) if planted else (0, 0)
    stream = problem.stream()
    every = list(itertools.islice(stream, count + whole))
    every += [next(stream).first(rest)] if rest else []

    def work() -> None:
        for call in every:
            program.train(call)
        program.sync()

    return work
