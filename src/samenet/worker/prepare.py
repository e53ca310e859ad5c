"""Prepare the rows of every task: one hashed file each, the bytes every framework sees."""

from __future__ import annotations

import traceback
from dataclasses import asdict

from samenet.errors import SamenetError
from samenet.machine import clock
from samenet.runs.records import DataPrepared, FailureRecord
from samenet.runs.work_order import WorkOrder, data_path
from samenet.spec.task import Task
from samenet.tasks import sources


def run(order: WorkOrder) -> None:
    """Write data/<task>.npz for every task; a task that cannot be prepared says why."""
    for task in order.tasks:
        try:
            order.emit([_prepared(order, task)])
        except SamenetError as error:
            order.emit([_failure(order, task, str(error), "")])
        except Exception as error:  # noqa: BLE001 - a stranger's data can fail in any way; the others go on
            order.emit([_failure(order, task, _sentence(error), traceback.format_exc())])


def _prepared(order: WorkOrder, task: Task) -> DataPrepared:
    dataset = sources.prepare(task)
    dataset.save(data_path(order.folder, task.name))
    card = asdict(dataset.card)
    return DataPrepared(
        job=order.job.id,
        when=clock.utc(),
        task=task.name,
        task_kind=card.pop("kind"),
        digest=dataset.digest(),
        **card,
    )


def _failure(order: WorkOrder, task: Task, reason: str, detail: str) -> FailureRecord:
    return FailureRecord(
        job=order.job.id,
        track="same",
        task=task.name,
        arm="",
        repeat=None,
        mark="failed",
        reason=reason,
        detail=detail,
    )


def _sentence(error: Exception) -> str:
    return f"the data cannot be prepared: {type(error).__name__}: {error}"
