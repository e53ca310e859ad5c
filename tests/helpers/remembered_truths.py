"""The oracle's answers, computed once for each problem: a hundred programs are held to them.

Cases are cached, so a problem is the same object each time; it is kept, so its id stays its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from samenet.certificate import limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Problem

_known: dict[Any, Any] = {}


def _once(name: str, usual: Callable, key_of: Callable) -> Callable:
    def answer(*arguments: Any, **named: Any) -> Any:
        key = (name, *key_of(*arguments, **named))
        if key not in _known:
            _known[key] = (usual(*arguments, **named), arguments, named)  # kept: so are their ids
        return _known[key][0]

    return answer


@contextmanager
def remembered() -> Iterator[None]:
    """Compute trainings of the oracle, and what rounding may do to them, once."""
    whole = _once(
        "truth",
        Problem.truth,
        lambda problem, forms, calls, snapshots=(): (id(problem), forms, len(calls), *snapshots),
    )
    growth = _once(
        "growth", limits.measure_growth, lambda problem, forms, truth: (id(problem), forms)
    )
    law = _once(
        "law",
        limits.rounding_law,
        lambda problem, forms, truth, dtype, growth: (id(problem), forms, dtype),
    )
    scale = _once(
        "magnitude",
        oracle.magnitude,
        lambda network, loss, weights, batch: (
            *(id(network), str(loss), oracle.flatten(weights).tobytes()),
            *(batch.inputs.tobytes(), batch.targets.tobytes()),
        ),
    )
    with ExitStack() as stack:
        stack.enter_context(patch.object(Problem, "truth", whole))
        stack.enter_context(patch.object(limits, "measure_growth", growth))
        stack.enter_context(patch.object(limits, "rounding_law", law))
        stack.enter_context(patch.object(oracle, "magnitude", scale))
        yield
