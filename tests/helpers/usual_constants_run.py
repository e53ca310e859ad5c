"""Tasks with the constants of textbooks in one framework: `usual_constants_run.py NAME`.

Prints one JSON line: per task and optimiser the checks that fail, and the size of each deviation.
Runs in a process of its own, in the environment of the framework's workers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from samenet.adapter import Target, discovery
from samenet.adapter.support import why_unsupported
from samenet.certificate import cases, gate_training
from samenet.certificate.problem import Problem, builder, task_problem
from samenet.spec import load_task
from samenet.tasks import sources

KERAS_DEFAULTS = {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
MAIN = ("digits", "breast_cancer", "diabetes")


def problems() -> Iterator[tuple[str, Problem]]:
    """Yield the main job's tasks with Keras' own Adam, then a small task with every optimiser."""
    adam = [(f"training.optimizer.{key}", repr(value)) for key, value in KERAS_DEFAULTS.items()]
    for name in MAIN:
        task = load_task(name, adam)
        yield name, task_problem(task, sources.prepare(task))
    for rule, constants in cases.USUAL_RULES.items():
        task = load_task("iris", [("training.optimizer", json.dumps(constants))])
        yield f"iris, {rule}", task_problem(task, sources.prepare(task))


def main(name: str) -> None:
    """Follow each training in float64 and print what came of it."""
    found = discovery.shipped_adapters()[name]
    adapter, target = discovery.load(found.path), Target()
    adapter.wake(target)
    build, offered = builder(adapter, found.default_modes[0], target), adapter.capabilities()
    answer = {}
    for what, problem in problems():
        if why_unsupported(offered, problem.network, problem.training, target):
            continue
        checks = gate_training.check_task(problem, build, offered)
        answer[what] = {
            "failed": [f"{c.gate}, {c.quantity}: {c.error:.2g}" for c in checks if not c.passed],
            "gates": sorted({c.gate for c in checks}),
            "deviations": [c.error for c in checks if c.gate == "deviation"],
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
