"""How far an adapter's declared deviations lead from the spec, on one problem: stated, not judged.

The gates hold an adapter to exactly what it declares. What the declaration itself changes is found
by the oracle alone: one training with the deviation's forms, and one with those of the spec.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from samenet.adapter.api import WOULD_HOLD, Capabilities, Deviation
from samenet.adapter.arrays import Weights
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import SPEC
from samenet.certificate.problem import Check, Problem
from samenet.spec.training import Forms, RoundedConstant

NO_LIMIT = 1e300
"""A deviation is data: it has a size, and no limit that it could break."""


def sizes(problem: Problem, capabilities: Capabilities) -> list[Check]:
    """Return, for each deviation that changes something here, by how much the weights end apart.

    The weights are those after the epochs that gate 2 follows; a deviation that changes none of
    them, as a rounded constant that is exact in binary, is not among the answers.
    """
    about = [each for each in capabilities.deviations if each.present and each.forms]
    if not about:
        return []
    declared = problem.truth(capabilities.forms, problem.whole).final
    found = [
        (each, oracle.distance(problem.truth(without(each, capabilities), problem.whole).final,
                               declared))
        for each in about
    ]  # fmt: skip
    return [
        Check(
            gate="deviation",
            quantity="weights",
            dtype="float64",
            error=size,
            limit=NO_LIMIT,
            detail=f"{each.what}: {each.link}",
        )
        for each, size in found
        if size > 0
    ]


def explained(problem: Problem, capabilities: Capabilities, found: Weights, limit: float) -> str:
    """Return with which one form declared otherwise the weights after the training would be right.

    Empty if none explains them. It is asked of weights that gate 2 has refused, and changes nothing
    about that: what an adapter does has to be declared.
    """
    for name, value in _others(capabilities.forms):
        forms = capabilities.forms.model_copy(update={name: value})
        truth = problem.truth(forms, problem.whole).final
        if oracle.distance(found, truth, oracle.trained(problem.network)) <= limit:
            said = ", ".join(value) if isinstance(value, tuple) else value
            return f"{WOULD_HOLD} with the form {name} = {said or 'none'}"
    return ""


def _others(forms: Forms) -> Iterator[tuple[str, Any]]:
    """Yield every field of the forms with every other value it could have alone."""
    constants = get_args(RoundedConstant)
    for name, field in Forms.model_fields.items():
        values = [(), *((each,) for each in constants), constants] if name == "rounded" else []
        for value in values or get_args(field.annotation):
            if value != getattr(forms, name):
                yield name, value


def without(deviation: Deviation, capabilities: Capabilities) -> Forms:
    """Return the declared forms, but those of the deviation as the spec has them."""
    usual = {name: getattr(SPEC, name) for name in deviation.forms}
    return capabilities.forms.model_copy(update=usual)
