"""The items of the contract that are about one method each; each returns what it found wrong."""

from __future__ import annotations

import numpy as np

from samenet.adapter import draws
from samenet.adapter.arrays import Array
from samenet.adapter.checklist import METHODS
from samenet.certificate import gate_gradients, readback
from samenet.certificate.problem import train_call
from samenet.worker.contract.subject import Subject


def wakes(subject: Subject) -> str:
    """Wake the framework."""
    subject.adapter.wake(subject.target)
    return ""


def builds(subject: Subject) -> str:
    """Build one program and look for the six methods."""
    problem = subject.problem
    weights = draws.as_dtype(problem.weights, subject.target.dtype)
    program = subject.adapter.build(
        problem.network, problem.training, weights, target=subject.target, mode=subject.mode
    )
    lacking = [name for name in METHODS if not callable(getattr(program, name, None))]
    without = f"{type(program).__name__} has no {', '.join(lacking)}"
    readable = callable(getattr(subject.adapter, "read_back", None))
    return without if lacking else "" if readable else "the file has no function read_back"


def loads_rows(subject: Subject) -> str:
    """Load the rows."""
    subject.fresh()
    return ""


def starts(subject: Subject) -> str:
    """Compare the weights after `build` with the given ones, in every precision offered."""
    problem, build = subject.problem, subject.build
    found = [
        gate_gradients.check_initial_weights(problem, build, dtype)
        for dtype in subject.capabilities.dtypes
    ]
    return "; ".join(
        f"{check.dtype}: {check.detail or f'the largest difference is {check.error:.2g}'}"
        for check in found
        if not check.passed
    )


def trains(subject: Subject) -> str:
    """Run one call."""
    program = subject.fresh()
    program.train(subject.problem.calls[0])
    program.sync()
    return ""


def losses(subject: Subject) -> str:
    """Look at the losses of one call."""
    call = subject.problem.calls[0]
    return wrong_losses(subject, train_call(subject.fresh(), call), len(call.order))


def wrong_losses(subject: Subject, found: Array, steps: int) -> str:
    """Return what is wrong with the losses of a call of so many steps."""
    shape = (1,) if subject.capabilities.losses_per == "call" else (steps,)
    if found.shape != shape:
        return f"shape {found.shape} after {steps} steps instead of {shape}"
    return "" if np.isfinite(found).all() else "some losses are infinite or not numbers"


def outputs(subject: Subject) -> str:
    """Look at shape and precision of a prediction."""
    rows = np.arange(5, dtype=np.int32)
    found = np.asarray(subject.fresh().predict(rows))
    shape = (len(rows), subject.problem.network.outputs)
    if found.shape != shape:
        return f"shape {found.shape} instead of {shape}"
    wanted = subject.target.dtype
    return "" if found.dtype == wanted else f"{found.dtype} instead of {wanted}"


def holds(subject: Subject) -> str:
    """Look at type, shape and precision of trained weights."""
    found = subject.after(subject.problem.calls[0])
    parts = [part for layer in found for part in layer.values()]
    strange = sorted({type(part).__name__ for part in parts if not isinstance(part, np.ndarray)})
    if strange:
        return f"weights are {', '.join(strange)}"
    wanted = [
        {name: p.shape for name, p in place.parameters.items()}
        for place in subject.problem.network.places
    ]
    shapes = [{name: array.shape for name, array in layer.items()} for layer in found]
    if shapes != wanted:
        return f"shapes {shapes} instead of {wanted}"
    kinds = {str(part.dtype) for part in parts} - {subject.target.dtype}
    return f"{', '.join(sorted(kinds))} instead of {subject.target.dtype}" if kinds else ""


def reads_back(subject: Subject) -> str:
    """Look at what the framework says is in force."""
    program = subject.fresh()
    train_call(program, subject.problem.calls[0])  # a read-back comes after the clock has stopped
    found = subject.adapter.read_back(program, subject.target)
    if not isinstance(found, dict):
        return f"read_back gives a {type(found).__name__}"
    wanted = ["threads", "device", *(["compiler"] if subject.compiler not in ("", "none") else [])]
    lacking = [name for name in wanted if name not in found]
    plain = all(isinstance(v, str | int | float) for v in found.values())
    checks = readback.check_read_back(found, subject.target, subject.compiler) if plain else []
    wrong = [f"no {name}" for name in lacking] + [
        f"{check.quantity}: {check.detail}" for check in checks if not check.passed
    ]
    return "; ".join(wrong) if plain else "some values are neither text nor number"


def offline(subject: Subject) -> str:
    """Name every host that was reached for."""
    return f"it reached for {', '.join(sorted(set(subject.reached)))}" if subject.reached else ""
