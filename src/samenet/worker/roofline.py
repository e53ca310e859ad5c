"""The machine's limit: matrix products at the networks' shapes, and memory, with NumPy alone.

Memory as in STREAM (McCalpin, https://www.cs.virginia.edu/stream/ref.html): a = b + s * c on arrays
far larger than the caches. NumPy takes two passes for it, which read and write five arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from samenet.adapter.arrays import Array
from samenet.adapter.dataset import network_of
from samenet.machine import clock
from samenet.runs.records import LimitNotMeasured, LimitRecord
from samenet.runs.work_order import WorkOrder
from samenet.spec.products import MEMORY_QUANTITY, STEP_QUANTITY, MatrixProduct, products_of_network
from samenet.spec.task import Task
from samenet.worker.timing import CHUNK_SECONDS, take_samples

STEP_SECONDS, PRODUCT_SECONDS, MEMORY_SECONDS = 0.25, 0.04, 0.5
SAMPLES_MIN, SAMPLES_MAX = 5, 200
TRIAD_NUMBERS = 2**23
"""Of float64: 64 MiB an array, three of them."""
TRIAD_PASSES = 5


def run(order: WorkOrder) -> None:
    """Measure every task's products, then the memory; a GPU's limit is not NumPy's to measure."""
    if order.target.device != "cpu":
        reason = "not measured: what a GPU can do is not NumPy's to measure"
        order.emit([LimitNotMeasured(job=order.job.id, when=clock.utc(), reason=reason)])
        return
    order.emit([record for task in order.tasks for record in _of_task(order, task)])
    triad = Triad(order.target.threads)
    seconds, _ = take_samples(triad.run, MEMORY_SECONDS, SAMPLES_MIN, SAMPLES_MAX)
    order.emit([_record(order, "", MEMORY_QUANTITY, triad.bytes, seconds, 1)])


def _of_task(order: WorkOrder, task: Task) -> list[LimitRecord]:
    """Return the step's products together and, for the shapes, each on its own."""
    network = network_of(task, order.dataset(task))
    shapes = products_of_network(network, task.training.batch_size)
    calls = [call_of(shape, np.dtype(order.target.dtype)) for shape in shapes]

    def step() -> None:
        for call in calls:
            call()

    found = [
        _rate(order, task, STEP_QUANTITY, sum(s.operations for s in shapes), step, STEP_SECONDS)
    ]
    for shape, call in zip(shapes, calls, strict=True):
        found.append(_rate(order, task, shape.quantity, shape.operations, call, PRODUCT_SECONDS))
    return found


def call_of(shape: MatrixProduct, dtype: np.dtype) -> Callable[[], object]:
    """Return one product as a call, its arrays made before; gradients read a transposed array."""
    one, other = _ones(shape.rows, shape.inner, dtype), _ones(shape.inner, shape.columns, dtype)
    if shape.name.startswith("kernel"):
        one = _ones(shape.inner, shape.rows, dtype).T
    if shape.name.startswith("input"):
        other = _ones(shape.columns, shape.inner, dtype).T
    out = np.empty((shape.rows, shape.columns), dtype)
    if shape.times == 1:
        return lambda: np.matmul(one, other, out)

    def all_times() -> None:
        for _ in range(shape.times):
            np.matmul(one, other, out)

    return all_times


def _ones(rows: int, columns: int, dtype: np.dtype) -> Array:
    return np.ones((rows, columns), dtype)


def _rate(
    order: WorkOrder,
    task: Task,
    quantity: str,
    operations: float,
    call: Callable[[], object],
    budget_seconds: float,
) -> LimitRecord:
    call()
    once = min(clock.time_call(call) for _ in range(3))
    repeats = max(1, math.ceil(CHUNK_SECONDS / 4 / max(once, 1e-7)))

    def chunk() -> None:
        for _ in range(repeats):
            call()

    seconds, _ = take_samples(chunk, budget_seconds, SAMPLES_MIN, SAMPLES_MAX)
    return _record(order, task.name, quantity, operations, seconds, repeats)


def _record(
    order: WorkOrder,
    task: str,
    quantity: str,
    work: float,
    seconds: list[float],
    repeats: int,
) -> LimitRecord:
    return LimitRecord(
        job=order.job.id,
        task=task,
        quantity=quantity,
        work=float(work),
        seconds=tuple(each / repeats for each in seconds),
    )


class Triad:
    """a = b + s * c, each thread its own part of the arrays."""

    def __init__(self, threads: int) -> None:
        """Make the arrays; writing them once gives them their memory."""
        self.arrays = [np.full(TRIAD_NUMBERS, value) for value in (0.0, 1.0, 2.0)]
        self.parts = list(zip(*(np.array_split(a, threads) for a in self.arrays), strict=True))
        self.pool = ThreadPoolExecutor(threads)
        self.bytes = float(TRIAD_PASSES * self.arrays[0].nbytes)

    def run(self) -> None:
        """Do it once."""
        list(self.pool.map(_triad, self.parts))


def _triad(part: tuple[Array, ...]) -> None:
    a, b, c = part
    np.multiply(c, 3.0, out=a)
    np.add(a, b, out=a)
