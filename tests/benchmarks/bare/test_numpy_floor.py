"""How near NumPy in mode "buffers" comes to its matrix products alone, and to scikit-learn.

    pytest tests/benchmarks/bare/test_numpy_floor.py --benchmark-only

The floor is a loop that does nothing but the matrix products of a step, forward and backward, on
arrays of the same shapes as a user would make them. It gathers no batch and updates nothing. (Rows
1024 numbers long are a bad shape for it, which buffers avoids: there it can be the faster one.)
scikit-learn's MLPClassifier does the same steps: layers, batches of rows in a drawn order, loss and
optimiser, without penalty, momentum or a stop before the end.

All three take turns; a ratio is the median over the turns. One core is used, and its processor time
is what counts, so that others on the machine disturb the ratio less.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from samenet.adapter import Batches, DataSource, Program, Target, discovery, draws
from samenet.spec import Network, TrainSpec

RATE = 2.0**-6
DATA_ROWS = 4096
"""Of the data: gathering from more than the caches hold would be a measurement of memory."""


class Size(NamedTuple):
    """A network and its batch; the epochs of a turn; the ratios that are asked for."""

    widths: tuple[int, ...]
    rows: int
    epochs: int
    turns: int
    floor_most: float
    sklearn_least: float

    @property
    def steps(self) -> int:
        return self.epochs * DATA_ROWS // self.rows


SIZES = {
    "S": Size((64, 64, 32, 10), 32, 5, 30, 2.6, 3.0),
    "M": Size((64, 256, 128, 10), 128, 5, 20, 1.4, 2.0),
    "L": Size((256, 1024, 1024, 10), 512, 1, 10, 1.1, 1.25),
}


@pytest.mark.parametrize("name", SIZES)
def test_distance_from_the_matrix_products(
    name: str,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A step takes little more than its matrix products, and far less than scikit-learn's."""
    if not pytestconfig.getoption("benchmark_only"):
        pytest.skip("a measurement; run with --benchmark-only")
    size = SIZES[name]
    with threadpool_limits(1):
        inputs, targets = rows_of(size)
        work = [products(size), steps(size, inputs, targets), classifier(size, inputs, targets)]
        floor, buffers, sklearn = in_turns(work, size.turns)
        over = statistics.median(b / f for b, f in zip(buffers, floor, strict=True))
        ahead = statistics.median(s / b for s, b in zip(sklearn, buffers, strict=True))
        each = [statistics.median(s) / size.steps * 1e6 for s in (floor, buffers, sklearn)]
        benchmark.group = "buffers over matrix products"
        benchmark.extra_info.update(over_floor=over, ahead_of_sklearn=ahead)
        benchmark.pedantic(work[1], rounds=3)
    with capsys.disabled():
        print(
            f"\n{name}: products {each[0]:.1f}, buffers {each[1]:.1f}, scikit-learn {each[2]:.1f}"
            f" µs per step; {over:.3f} times the products, {ahead:.2f} times as fast"
        )
    assert over <= size.floor_most
    assert ahead >= size.sklearn_least


def in_turns(work: list[Callable[[], object]], turns: int) -> list[list[float]]:
    """Return the processor seconds of each piece of work, done one after the other in turns."""
    for piece in work:
        piece()
    return list(zip(*([seconds(piece) for piece in work] for _ in range(turns)), strict=True))


def seconds(piece: Callable[[], object]) -> float:
    start = time.process_time()
    piece()
    return time.process_time() - start


def rows_of(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and class numbers."""
    inputs = np.random.default_rng(0).normal(size=(DATA_ROWS, size.widths[0]))
    return inputs.astype(np.float32), (np.arange(DATA_ROWS) % size.widths[-1]).astype(np.int32)


def products(size: Size) -> Callable[[], None]:
    """Return the floor: forward, gradient of every kernel, and what flows back."""
    draw, rows = np.random.default_rng(1), size.rows

    def array(*shape: int) -> np.ndarray:
        return draw.normal(size=shape).astype(np.float32)

    values = [array(rows, width) for width in size.widths]
    deltas = [array(rows, width) for width in size.widths]
    kernels = [array(*shape) for shape in zip(size.widths[:-1], size.widths[1:], strict=True)]
    layers = range(len(kernels))
    calls = [(values[i], kernels[i], np.empty_like(values[i + 1])) for i in layers]
    for i in reversed(layers):
        calls.append((values[i].T, deltas[i + 1], np.empty_like(kernels[i])))
        if i:
            calls.append((deltas[i + 1], kernels[i].T, np.empty_like(deltas[i])))

    def run() -> None:
        for _ in range(size.steps):
            for one, other, out in calls:
                np.matmul(one, other, out=out)

    return run


def steps(size: Size, inputs: np.ndarray, targets: np.ndarray) -> Callable[[], None]:
    """Return a call of the adapter, rows in a drawn order."""
    program = buffers(size)
    program.load(DataSource(inputs=inputs, targets=targets, train_rows=len(inputs)))
    draw = np.random.default_rng(2)
    order = [draw.permutation(DATA_ROWS).astype(np.int32) for _ in range(size.epochs)]
    call = Batches(order=np.concatenate(order).reshape(size.steps, size.rows))
    return lambda: program.train(call)


def buffers(size: Size) -> Program:
    layers = [{"units": units, "activation": "relu"} for units in size.widths[1:-1]]
    head = {"units": size.widths[-1], "activation": "identity"}
    network = Network.model_validate({"inputs": size.widths[0], "layers": [*layers, head]})
    training = TrainSpec.model_validate(
        {
            "loss": "sparse_categorical_cross_entropy",
            "optimizer": {"name": "sgd", "learning_rate": RATE},
            "batch_size": size.rows,
            "epochs": 1,
        }
    )
    adapter = discovery.load(discovery.shipped_adapters()["numpy"].path)
    weights = draws.as_dtype(draws.initial_weights(network, task="floor", repeat=0), "float32")
    program: Program = adapter.build(network, training, weights, target=Target(), mode="buffers")
    return program


def classifier(size: Size, inputs: np.ndarray, targets: np.ndarray) -> Callable[[], None]:
    """Return as many epochs of scikit-learn, with all off that the others do not do."""
    model = MLPClassifier(
        size.widths[1:-1],
        solver="sgd",
        alpha=0.0,
        batch_size=size.rows,
        learning_rate_init=RATE,
        max_iter=size.epochs,
        tol=0.0,
        n_iter_no_change=size.epochs + 1,
        shuffle=True,
        momentum=0.0,
        nesterovs_momentum=False,
        random_state=0,
    )

    def fit() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # what is timed is the steps
            model.fit(inputs, targets)

    return fit
