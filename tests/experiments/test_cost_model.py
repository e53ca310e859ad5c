"""The cost model finds costs that were planted, says where it does not fit, and is never negative.

Times are made from known costs; nothing here reads a clock.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from planted_costs import PLANTED

from samenet.experiments.scaling import cost_model, ladder
from samenet.experiments.scaling.cost_model import BEYOND, TERMS, Call, CostModel, MeasuredCall


def calls(points: Iterable[ladder.Size]) -> list[Call]:
    """Return both calls of every point, as a run measures them."""
    found = []
    for point in points:
        widths = (*point.units, ladder.CLASSES)
        steps = ladder.steps_per_call(point)
        found += [Call(widths, point.batch_size, count) for count in (steps, max(1, steps // 4))]
    return found


def noisy(model: CostModel, found: list[Call], share: float = 0.02) -> list[MeasuredCall]:
    """Return the model's seconds, each off by up to a share, always by the same."""
    signs = itertools.cycle([0.9, -0.4, 0.1, -1.0, 0.6, -0.8, 0.3])
    return [MeasuredCall(c, model.predict(*c) * (1 + share * s)) for c, s in zip(found, signs)]  # noqa: B905 - the signs are endless


def test_planted_costs_are_found_exactly_without_noise() -> None:
    """From exact times of the design the fit returns every planted cost."""
    found = cost_model.fit(noisy(PLANTED, calls(ladder.DESIGN), 0.0))
    assert found.seconds == pytest.approx(PLANTED.seconds, rel=1e-3)
    assert max(map(abs, found.pulls)) < 1e-6
    assert (found.cached_numbers, found.cached_weights) == (2**18, 2**19)


def test_held_out_sizes_are_predicted_despite_noise() -> None:
    """With 2 % of noise every held-out size is predicted within 5 %."""
    found = cost_model.fit(noisy(PLANTED, calls(ladder.DESIGN)))
    for call in calls(ladder.HELD_OUT):
        assert found.predict(*call) == pytest.approx(PLANTED.predict(*call), rel=0.05)


def test_no_cost_is_negative_and_small_sizes_count_as_much_as_large_ones() -> None:
    """Times that differ by a factor of ten thousand are all fitted to the same relative error."""
    found = cost_model.fit(noisy(PLANTED, calls(ladder.DESIGN)))
    assert min(found.seconds.values()) >= 0
    seconds = [PLANTED.predict(*call) for call in calls(ladder.DESIGN)]
    assert max(seconds) / min(seconds) > 100
    for call in calls(ladder.DESIGN):
        assert found.predict(*call) == pytest.approx(PLANTED.predict(*call), rel=0.05)


def hump(call: Call) -> float:
    """Return by which factor a call costs more than any cost explains, around 500 rows a batch."""
    return 1 + 0.3 * math.exp(-(math.log(call.batch_size / 500) ** 2))


def errors(more: Callable[[Call], float]) -> float:
    """Return what is left of the held-out sizes' errors, where calls cost so many times as much."""
    found = cost_model.fit(
        [MeasuredCall(call, PLANTED.predict(*call) * more(call)) for call in calls(ladder.DESIGN)]
    )
    near, bare = 0.0, 0.0
    for call in calls(ladder.HELD_OUT):
        seconds = PLANTED.predict(*call) * more(call)
        near += abs(found.predict(*call) / seconds - 1)
        bare += abs(found.cost(call) / seconds - 1)
    return near / bare


def test_what_no_cost_explains_is_learnt_from_the_neighbours() -> None:
    """Where middling batches cost 30 % more than any cost explains, the errors shrink."""
    assert errors(hump) < 0.8


def test_neighbours_of_another_memory_layout_say_less() -> None:
    """Where widths that are multiples of 64 cost 25 % more, errors at both kinds nearly halve."""
    assert errors(lambda call: 1 + 0.25 * cost_model.aligned_share(call)) < 0.6


def test_far_from_every_measured_size_only_the_costs_are_left() -> None:
    """Neighbours say nothing of a size that is hundreds of times as large as any of them."""
    found = cost_model.fit(noisy(PLANTED, calls(ladder.DESIGN), 0.1))
    far = Call((60_000, 60_000, 10), 100_000, 4)
    assert found.predict(*far) == pytest.approx(found.cost(far), rel=0.02)


def test_nothing_measured_costs_nothing() -> None:
    """A fit to no call predicts 0 seconds for every call."""
    found = cost_model.fit([])
    assert found.predict((16, 10), 16, 4) == 0


def test_one_measured_call_is_predicted_exactly() -> None:
    """A fit to a single call returns that call's seconds for that call, whatever the costs are."""
    one = MeasuredCall(Call((64, 64, 10), 32, 16), 0.003)
    assert cost_model.fit([one]).predict(*one.call) == pytest.approx(0.003)


def test_prediction_is_linear_in_the_steps() -> None:
    """Twice the steps cost twice the seconds, apart from the cost of the call."""
    call = Call((64, 64, 10), 32, 16)
    fixed = PLANTED.seconds["call"]
    twice = PLANTED.predict(*call._replace(steps=32))
    assert twice - fixed == pytest.approx(2 * (PLANTED.predict(*call) - fixed))


def test_terms_count_what_their_names_say() -> None:
    """A network 3-4-2 with a batch of 5 has the counts that one finds by hand."""
    counts = {term.name: term.number(Call((3, 4, 2), 5, 1)) for term in TERMS}
    assert counts == {
        "step": 1,
        "layer": 2,
        "row": 5,
        "value": 5 * (3 + 4 + 2),
        "weight": 3 * 4 + 4 + 4 * 2 + 2,
        "multiplication": 5 * (2 * 3 * 4 + 3 * 4 * 2),
    }


def test_what_fits_the_cache_costs_nothing_beyond_it() -> None:
    """A network below both limits costs the same with and without a cost beyond the caches."""
    cheap = replace(PLANTED, seconds={**PLANTED.seconds, **dict.fromkeys(BEYOND, 0.0)})
    small, large = ((64, 64, 10), 32, 16), ((64, 64, 10), 4096, 16)
    assert PLANTED.predict(*small) == cheap.predict(*small)
    assert PLANTED.predict(*large) > cheap.predict(*large)
