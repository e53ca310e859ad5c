"""One seed of a study: every variant trained in turn, its weights looked at after its epochs."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from samenet.adapter import draws
from samenet.adapter.api import Program
from samenet.adapter.arrays import Batches
from samenet.adapter.dataset import Dataset
from samenet.adapter.support import why_unsupported
from samenet.certificate.problem import Problem
from samenet.machine import clock
from samenet.runs.plan import rotate
from samenet.runs.records import StudyOmission, StudyTraining
from samenet.runs.work_order import WorkOrder
from samenet.spec.study import Study, Variant
from samenet.spec.task import Task
from samenet.worker import study_measures
from samenet.worker.curves import epochs_to_keep


def run(order: WorkOrder) -> None:
    """Train every variant of this seed; which comes first rotates with the seed."""
    adapter = order.adapter()
    adapter.wake(order.target)
    study = order.plan.study
    if study is None:
        raise ValueError("The plan holds no study.")
    for task in order.tasks:
        for variant in rotate(study.variants, order.job.repeat):
            order.emit([_studied(order, adapter, task, study, variant)])


def _studied(
    order: WorkOrder, adapter: ModuleType, task: Task, study: Study, variant: Variant
) -> StudyTraining | StudyOmission:
    dataset, seed = order.dataset(task), order.job.repeat
    problem = study_measures.problem_of(task, study, variant, dataset, seed)
    capabilities = order.arm.capabilities
    reason = why_unsupported(capabilities, problem.network, problem.training, order.target)
    head = {"job": order.job.id, "scene": variant.scene, "choice": variant.choice}
    if reason:
        return StudyOmission(**head, seed=seed, when=clock.utc(), reason=reason, wrong=False)
    program = build_program(order, adapter, problem)
    trained = train_variant(program, problem, dataset, per_step=capabilities.losses_per == "step")
    wrong = {name: e for name, e in trained["checks"].items() if not e <= study_measures.ERROR_MAX}
    if wrong:
        name, error = next(iter(wrong.items()))
        reason = f"its {name} differ from the float64 network’s by {error:.1e} of their size"
        return StudyOmission(**head, seed=seed, when=clock.utc(), reason=reason, wrong=True)
    return StudyTraining(
        **head,
        seed=seed,
        when=clock.utc(),
        epochs=tuple(trained["epochs"]),
        looks=tuple(trained["looks"]),
        seconds=tuple(trained["seconds"]),
        checks=trained["checks"],
    )


def build_program(order: WorkOrder, adapter: ModuleType, problem: Problem) -> Program:
    """Return the program of a problem, with its rows."""
    weights = draws.as_dtype(problem.weights, order.target.dtype)
    program: Program = adapter.build(
        problem.network, problem.training, weights, target=order.target, mode=order.arm.mode
    )
    program.load(problem.source)
    return program


def train_variant(
    program: Program, problem: Problem, dataset: Dataset, *, per_step: bool
) -> dict[str, Any]:
    """Train to the end; return epochs, looks at them, seconds per epoch, and how exact it was."""
    kept = epochs_to_keep(problem.training.epochs)
    looks = [study_measures.measure_weights(problem, dataset, program.weights())]
    seconds, checks = [], {}
    for epoch in range(problem.training.epochs):
        first, *rest = problem.epoch(epoch)
        seconds.append(_train(program, [first]))
        if epoch == 0 and per_step:
            loss = float(np.asarray(program.losses())[0])
            checks["losses"] = study_measures.first_loss_error(problem, loss)
        seconds[-1] += _train(program, rest)
        if epoch + 1 in kept:
            looks.append(study_measures.measure_weights(problem, dataset, program.weights()))
    checks["outputs"] = _outputs_error(program, problem)
    return {"epochs": kept, "looks": looks, "seconds": seconds, "checks": checks}


def _train(program: Program, calls: Sequence[Batches]) -> float:
    """Return how long these calls take together, until the device is done."""

    def work() -> None:
        for call in calls:
            program.train(call)
        program.sync()

    return clock.time_call(work) if calls else 0.0


def _outputs_error(program: Program, problem: Problem) -> float:
    """Return how far the framework's outputs are from those of the weights it gives back."""
    rows = np.arange(min(len(problem.source.inputs), study_measures.ROWS_MAX), dtype=np.int32)
    outputs = np.asarray(program.predict(rows))
    return study_measures.disagreement(problem, program.weights(), outputs, rows)
