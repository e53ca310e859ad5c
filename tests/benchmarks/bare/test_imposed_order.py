"""What our batches cost `fit`: a framework's own whole training against the same one in our order.

    pytest tests/benchmarks/bare/test_imposed_order.py --benchmark-only

Keras and scikit-learn shuffle by themselves in one `fit` over all epochs. To be the same training
everywhere, each epoch is a call of its own, with rows in an order that is given. Here both train as
many epochs on the same rows with the same model, taking turns in one process per framework; the
ratio is the median over the turns. Processor time counts, so that others disturb it less.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from samenet.adapter import Target, discovery
from samenet.certificate.problem import Problem, builder, task_problem
from samenet.execution.worker_environment import worker_environment
from samenet.machine import distributions
from samenet.spec import load_task

EPOCHS, TURNS = 10, 7
ARMS = ("scikit-learn", "keras", "keras-torch", "keras-jax")
MOST = 3.0
"""A guard, no aim: more would mean that what is timed is not the framework any more."""


@pytest.mark.parametrize("task", ["digits", "diabetes"])
@pytest.mark.parametrize("name", ARMS)
def test_cost_of_our_order(
    name: str,
    task: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Training in a given order takes about as long as the framework's own whole `fit`."""
    if not pytestconfig.getoption("benchmark_only"):
        pytest.skip("a measurement; run with --benchmark-only")
    header = discovery.shipped_adapters()[name].header
    if None in map(distributions.installed_version, header.distributions):
        pytest.skip(f"{name} is not installed")
    found = benchmark.pedantic(measured, args=(name, task), rounds=1)
    ratio = statistics.median(o / f for o, f in zip(found["ours"], found["own"], strict=True))
    benchmark.group = "our order over own fit"
    benchmark.extra_info.update(framework=name, task=task, ratio=ratio)
    ours, own = (statistics.median(found[which]) / EPOCHS * 1e3 for which in ("ours", "own"))
    with capsys.disabled():
        print(
            f"\n{name}, {task}: our order {ours:.2f}, its own fit {own:.2f} ms per epoch;"
            f" {ratio:.2f} times its own"
        )
    assert ratio <= MOST


def measured(name: str, task: str) -> dict[str, list[float]]:
    """Return what the framework's own process measured."""
    done = subprocess.run(
        [sys.executable, "-P", __file__, name, task],
        capture_output=True,
        text=True,
        check=False,
        env=worker_environment(discovery.shipped_adapters()[name].header, Target()),
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def own_fit(name: str, program: Any, problem: Problem) -> Callable[[], object]:
    """Return the framework's own training: one `fit`, its own shuffling, all epochs."""
    rows, size = problem.source.train_rows, problem.training.batch_size
    inputs, targets = program.inputs[:rows], program.targets[:rows]
    if name != "scikit-learn":
        return lambda: program.model.fit(
            inputs, targets, batch_size=size, epochs=EPOCHS, shuffle=True, verbose=0
        )
    from sklearn.base import clone

    own = {"max_iter": EPOCHS, "n_iter_no_change": EPOCHS + 1, "tol": 0.0}
    model = clone(program.model).set_params(batch_size=size, shuffle=True, **own)
    return lambda: model.fit(inputs, targets)


def in_our_order(program: Any, problem: Problem) -> Callable[[], None]:
    """Return the same training call by call, short last batches included."""
    calls = [call for epoch in range(EPOCHS) for call in problem.epoch(epoch)]

    def train() -> None:
        for call in calls:
            program.train(call)
        program.sync()

    return train


def seconds(piece: Callable[[], object]) -> float:
    start = time.process_time()
    piece()
    return time.process_time() - start


def main(name: str, task_name: str) -> None:
    """Let both trainings take turns and print their seconds."""
    from samenet.tasks import sources

    warnings.simplefilter("ignore")  # of training that stops before it has converged
    adapter = discovery.load(discovery.shipped_adapters()[name].path)
    adapter.wake(Target())
    task = load_task(task_name)
    problem = task_problem(task, sources.prepare(task))
    build = builder(adapter, "fit", Target())
    program, other = (
        build(problem, problem.training, problem.weights, "float32") for _ in range(2)
    )
    work = {"ours": in_our_order(program, problem), "own": own_fit(name, other, problem)}
    for piece in work.values():
        piece()  # traces and compiles
    turns = [[seconds(piece) for piece in work.values()] for _ in range(TURNS)]
    print(json.dumps(dict(zip(work, np.transpose(turns).tolist(), strict=True))))


if __name__ == "__main__":
    main(*sys.argv[1:])
