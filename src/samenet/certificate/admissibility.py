"""Which problems are fit for a float32 trajectory: calm ones that keep away from every kink.

A weighted sum within rounding of a ReLU's kink may fall to either side, and every later number with
it (frameworks.md, finding 4). On an admissible problem only a mistake can do that.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from samenet.certificate import limits
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Problem, ends_of
from samenet.spec.training import Forms

GROWTH_MAX = 10.0
MARGIN_MIN = 1e-5
"""A parity problem is fit for float32 if its training amplifies no more, and if no weighted sum
comes so near to a kink that rounding could carry it across (relative to the sum of its terms)."""

SECOND_FORMS: dict[str, Any] = {
    name: get_args(field.annotation)[1]
    for name, field in Forms.model_fields.items()
    if get_origin(field.annotation) is Literal and not name.endswith("_at_0")
}
FORMS = (Forms(), Forms.model_validate(SECOND_FORMS))
"""All first and all second forms: a problem has to be fit for both."""


def is_admissible(problem: Problem) -> bool:
    """Return whether rounding can be told from a mistake on this problem."""
    return all(
        growth_of(problem, forms) <= GROWTH_MAX and margin_of(problem, forms) >= MARGIN_MIN
        for forms in FORMS
    )


def growth_of(problem: Problem, forms: Forms) -> float:
    """Return by how much the training of the whole problem amplifies a small disturbance."""
    return limits.measure_growth(problem, forms, problem.truth(forms, problem.whole))


def margin_of(problem: Problem, forms: Forms) -> float:
    """Return how near to a kink any weighted sum comes on the oracle's way, in all steps."""
    layers = problem.network.places
    if not any(p.activation.name in oracle.KINKED or "max_pool" in p.kind for p in layers):
        return float("inf")
    steps = problem.steps(problem.whole)
    last = ends_of(problem.whole)[-1]
    truth = problem.truth(forms, problem.whole, snapshots=range(1, last + 1))
    places = [problem.weights, *(truth.snapshots[step] for step in range(1, last))]
    network, loss = problem.network, problem.training.loss
    return min(
        oracle.kink_margin(network, loss, weights, batch)
        for weights, batch in zip(places, steps, strict=True)
    )
