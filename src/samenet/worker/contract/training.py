"""The items of the contract that are about several calls; each returns what it found wrong."""

from __future__ import annotations

import numpy as np

from samenet.adapter.arrays import Array, Batches, Weights
from samenet.certificate import limits, readback
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import train_call
from samenet.worker.contract.program import wrong_losses
from samenet.worker.contract.subject import BATCH, ROWS, TRAIN_ROWS, Subject


def copies(subject: Subject) -> str:
    """Train on, then overwrite what `weights` gave."""
    program, calls = subject.fresh(), subject.problem.calls
    train_call(program, calls[0])
    given = program.weights()
    kept = oracle.flatten(given).copy()
    train_call(program, calls[1])
    if not np.array_equal(oracle.flatten(given), kept):
        return "weights that were given out change when training goes on"
    before = oracle.flatten(program.weights()).copy()
    for part in (part for layer in given for part in layer.values() if part.flags.writeable):
        part[...] = 1.0
    same = np.array_equal(oracle.flatten(program.weights()), before)
    return "" if same else "writing to weights that were given out changes the network"


def changes(subject: Subject) -> str:
    """Compare every kernel and bias before and after a call."""
    before, after = subject.problem.weights, subject.after(subject.problem.calls[0])
    unchanged = [
        f"{name} {place}"
        for place, (old, new) in enumerate(zip(before, after, strict=True))
        for name in old
        if np.array_equal(old[name], new[name])
    ]
    return f"unchanged: {', '.join(unchanged)}" if unchanged else ""


def _difference(one: Weights, other: Weights) -> float:
    return float(np.max(np.abs(oracle.flatten_float64(one) - oracle.flatten_float64(other))))


def repeats(subject: Subject) -> str:
    """Train twice."""
    calls = subject.problem.calls[:2]
    difference = _difference(subject.after(*calls), subject.after(*calls))
    return f"weights differ by {difference:.2g}" if difference != 0 else ""


def order(subject: Subject) -> str:
    """Train with the batches of a call the other way round."""
    call = subject.problem.calls[0]
    turned = Batches(order=np.ascontiguousarray(call.order[::-1]))
    alike = _difference(subject.after(call), subject.after(turned)) == 0
    return "the weights are the same whatever the order" if alike else ""


def short_calls(subject: Subject) -> str:
    """Train one step, then one of fewer rows, in a program that has seen a whole call."""
    program, (first, second, *_) = subject.fresh(), subject.problem.calls
    train_call(program, first)
    done = second.first_step
    one = Batches(order=second.order[:1], first_step=done)
    few = Batches(order=second.order[1:2, : BATCH // 2], first_step=done + 1)
    return wrong_losses(subject, train_call(program, one), 1) or wrong_losses(
        subject, train_call(program, few), 1
    )


def waits(subject: Subject) -> str:
    """Look for work that is left when `sync` has returned."""
    check = readback.check_sync(subject.fresh(), subject.problem.calls[0])
    return "" if check.passed else f"{check.error:.0%} of the work was left after sync()"


def any_rows(subject: Subject) -> str:
    """Compare predictions of several choices of rows with those of all rows."""
    program = subject.fresh()
    train_call(program, subject.problem.calls[0])
    everything = np.asarray(program.predict(np.arange(ROWS, dtype=np.int32)))
    choices = {"one row": [7], "test rows": [TRAIN_ROWS, ROWS - 1], "repeated rows": [3, 1, 3]}
    wrong = [
        name
        for name, rows in choices.items()
        if not _near(np.asarray(program.predict(np.array(rows, np.int32))), everything[rows])
    ]
    return f"predictions for {', '.join(wrong)} are not those of the same rows" if wrong else ""


def _near(one: Array, other: Array) -> bool:
    limit = limits.function_limit("float64" if other.dtype == np.float64 else "float32")
    scale = np.maximum(1.0, np.abs(other))
    return one.shape == other.shape and bool((np.abs(one - other) <= limit * scale).all())


def undisturbed(subject: Subject) -> str:
    """Predict and read between two calls."""
    program, calls = subject.fresh(), subject.problem.calls[:2]
    before = train_call(program, calls[0])
    np.asarray(program.predict(np.arange(ROWS, dtype=np.int32)))
    program.weights()
    if not np.array_equal(np.asarray(program.losses(), dtype=np.float64), before):
        return "losses() gives other numbers after predict"
    train_call(program, calls[1])
    difference = _difference(program.weights(), subject.after(*calls))
    return f"weights differ by {difference:.2g}" if difference != 0 else ""
