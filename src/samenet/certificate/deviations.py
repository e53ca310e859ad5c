"""How far an adapter's declared deviations lead from the spec, on one problem: stated, not judged.

The gates hold an adapter to exactly what it declares. What the declaration itself changes is found
by the oracle alone: one training with the deviation's forms, and one with those of the spec.
"""

from __future__ import annotations

from samenet.adapter.api import Capabilities, Deviation
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import SPEC
from samenet.certificate.problem import Check, Problem
from samenet.spec.training import Forms

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


def without(deviation: Deviation, capabilities: Capabilities) -> Forms:
    """Return the declared forms, but those of the deviation as the spec has them."""
    usual = {name: getattr(SPEC, name) for name in deviation.forms}
    return capabilities.forms.model_copy(update=usual)
