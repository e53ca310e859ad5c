"""Score the kept raw outputs again, for `samenet verify`: the same function, the same numbers."""

from __future__ import annotations

from samenet.runs.work_order import WorkOrder
from samenet.worker.score import find_raw_outputs, score_again


def run(order: WorkOrder) -> None:
    """Emit what `score` would for the last epoch; the files themselves `verify` looks at."""
    for task in order.tasks:
        dataset = order.dataset(task)
        for training in find_raw_outputs(order, task):
            order.emit(score_again(order, dataset, training))
