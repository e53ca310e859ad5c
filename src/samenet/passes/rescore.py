"""Score the kept raw outputs again, for `samenet verify`: the same function, the same numbers."""

from __future__ import annotations

from samenet import clock
from samenet.passes.score import outputs_digest, scored_again, trainings
from samenet.records import EventRecord
from samenet.workorder import WorkOrder


def run(order: WorkOrder) -> None:
    """Emit what `score` would for the last epoch, and the hashes of data and outputs."""
    for task in order.tasks:
        dataset = order.dataset(task)
        for training in trainings(order, task):
            digest = {"file": training.path.name, "sha256": outputs_digest(training.path)}
            event = EventRecord(
                job=order.job.id, name="outputs kept", when=clock.utc(), data=digest
            )
            order.emit([*scored_again(order, dataset, training), event])
        data = {"task": task.name, "digest": dataset.digest()}
        order.emit([EventRecord(job=order.job.id, name="data", when=clock.utc(), data=data)])
