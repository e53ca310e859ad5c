"""Peak memory of one arm on one task, in a process of its own that is never timed."""

from __future__ import annotations

from samenet.adapter import draws
from samenet.certificate import cuda
from samenet.machine import system
from samenet.runs.records import FootprintRecord
from samenet.runs.work_order import WorkOrder
from samenet.worker.common import problem_of
from samenet.worker.curves import train_and_keep


def run(order: WorkOrder) -> None:
    """Train one epoch and predict all rows; report the peak beside that of the import alone."""
    task = order.tasks[0]
    adapter = order.adapter()
    adapter.wake(order.target)
    after_import = system.peak_bytes()
    problem = problem_of(order, task)
    short = task.training.model_copy(update={"epochs": 1})
    weights = draws.as_dtype(problem.weights, order.target.dtype)
    program = adapter.build(
        problem.network, short, weights, target=order.target, mode=order.arm.mode
    )
    program.load(problem.source)
    train_and_keep(program, problem_of(order, task.model_copy(update={"training": short})))
    peak = system.peak_bytes()
    on_device = cuda.device_bytes_peak(adapter, order.target)
    if after_import is not None and peak is not None:
        order.emit([_record(order, after_import, peak, on_device)])


def _record(
    order: WorkOrder, after_import: int, peak: int, on_device: int | None
) -> FootprintRecord:
    return FootprintRecord(
        job=order.job.id,
        task=order.job.tasks[0],
        arm=order.job.arm,
        bytes_after_import=after_import,
        bytes_peak=peak,
        device_bytes_peak=on_device,
    )
