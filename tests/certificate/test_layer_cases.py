"""The parity cases of layers hold every kind and option of the spec, and NumPy passes them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args
from unittest.mock import patch

import pytest
from layer_mutants import TIES
from mutation_table import healthy
from random_networks import FAMILIES, random_problem
from remembered_truths import remembered
from threadpoolctl import threadpool_limits

from samenet.adapter import expected_checks
from samenet.adapters.numpy.layers import MAKE
from samenet.certificate import cases, gate_gradients, layer_cases
from samenet.certificate.admissibility import is_admissible
from samenet.certificate.problem import Check, Problem
from samenet.spec import KINDS
from samenet.spec.layers import AnyLayer, LayerSpec, Residual
from samenet.spec.training import OPTIMIZERS
from samenet.worker.cases import checks_of

NETWORKS = layer_cases.NETWORKS
NAMES = layer_cases.names()


@pytest.fixture(autouse=True)
def one_thread_and_one_truth() -> Iterator[None]:
    """Compute with one thread, and every training of the oracle once."""
    with threadpool_limits(1), remembered():
        yield


def checks(name: str) -> list[Check]:
    """Return the checks of NumPy on a case."""
    return list(checks_of(cases.find_case(name), *healthy()))


def all_layers(layers: Any = None) -> Iterator[LayerSpec]:
    """Yield every layer of every case, those inside residuals too."""
    if layers is None:
        for name in NAMES:
            yield from all_layers(cases.find_case(name).shown.network.layers)
        return
    for layer in layers:
        yield layer
        if isinstance(layer, Residual):
            yield from all_layers(layer.layers)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_to_its_case(name: str) -> None:
    """A worker that reads a name finds that case, its rule and its parts, and no other."""
    found = cases.find_case(name)
    network, _, terms = name.removeprefix("network ").rpartition(" by ")
    rule = found.shown.training.optimizer
    assert found.name == found.shown.name == name
    assert name in cases.names()
    assert found.shown.network.input_shape == NETWORKS[network].inputs
    assert bool(rule.l2) == ("l2" in terms)
    assert bool(rule.clip_norm) == ("clipping" in terms)
    assert bool(rule.weight_decay) == ("decay" in terms or "adamw" in terms)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_name_of_a_case_says_whether_it_has_kinks(network: str) -> None:
    """Whoever reads a run asks for the checks that its worker made: the name alone decides."""
    kinked = NETWORKS[network].kinked
    assert expected_checks.layers_with_kinks(network) == kinked
    offered = healthy()[1]
    wanted = expected_checks.of_case(offered, f"network {network} by {NETWORKS[network].rules[0]}")
    assert any(gate == "gate 3" for gate, _, _ in wanted) != kinked


@pytest.mark.parametrize("network", NETWORKS)
def test_the_name_of_a_case_says_whether_it_keeps_statistics(network: str) -> None:
    """Where batch norms keep something, a check of it is asked for: its absence is no proof."""
    name = f"network {network} by {NETWORKS[network].rules[0]}"
    keeps = cases.find_case(name).shown.network.has_state
    assert expected_checks.layers_with_statistics(network) == keeps
    wanted = expected_checks.of_case(healthy()[1], name)
    assert any(quantity == "kept statistics" for _, quantity, _ in wanted) == keeps


def test_every_kind_stands_in_a_case() -> None:
    """No kind of layer is offered that nothing is proved of."""
    assert {layer.kind for layer in all_layers()} == set(KINDS)


OPTIONS: dict[str, dict[str, set[Any]]] = {
    "dense": {"activation": {False, True}, "dropout": {False, True}},
    "conv1d": {
        "stride": {1, 2},
        "padding": {"same", "valid"},
        "activation": {False, True},
        "dropout": {False, True},
    },
    "conv2d": {
        "stride": {1, 2, (2, 1)},
        "padding": {"same", "valid"},
        "activation": {False, True},
        "dropout": {False, True},
    },
    "max_pool": {"stride": {0, 2}, "padding": {"same", "valid"}},
    "average_pool": {"stride": {0, 1, (2, 1)}, "padding": {"valid"}},
    "simple_rnn": {"sequences": {False, True}},
    "lstm": {"sequences": {False, True}},
    "gru": {"sequences": {False, True}},
    "attention": {"heads": {1, 2, 3}, "causal": {False, True}},
}
ONE_VALUE = {"kind", "units", "filters", "size", "width", "vocabulary", "layers"}
ONE_VALUE |= {"rate", "epsilon", "activation", "dropout"}
"""Of these any value is like another, or says by itself that the layer is there for it."""


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_of_a_kind_is_tried(kind: str) -> None:
    """Where an option makes a layer do something else, a case has it and another has it not."""
    own = [layer for layer in all_layers() if layer.kind == kind]
    for option, wanted in OPTIONS.get(kind, {}).items():
        values = [getattr(layer, option) for layer in own]
        if option in ("activation", "dropout"):
            values = [str(value) not in ("identity", "0.0") for value in values]
        assert wanted <= set(values), option


def test_no_option_is_forgotten() -> None:
    """An option that a kind gets is tried, or said to need no second value."""
    for annotated in get_args(get_args(AnyLayer)[0]):
        spec = get_args(annotated)[0]
        kind = spec.model_fields["kind"].default
        if kind not in KINDS:
            continue  # only written, and made of the others
        assert set(spec.model_fields) <= ONE_VALUE | set(OPTIONS.get(kind, {})), kind


def test_windows_go_along_one_axis_and_two() -> None:
    """Pools and norms meet sequences and images; padding is uneven on both."""
    places = [place for name in NAMES for place in cases.find_case(name).shown.network.places]
    axes = {(place.kind, len(place.inputs) - 1) for place in places}
    for kind in ("max_pool", "average_pool", "global_max_pool", "global_average_pool"):
        assert {(kind, 1), (kind, 2)} <= axes, kind
    assert {("batch_norm", 0), ("batch_norm", 1), ("batch_norm", 2)} <= axes
    assert {("layer_norm", 0), ("layer_norm", 1), ("layer_norm", 2)} <= axes
    assert {("dense", 0), ("dense", 1), ("dense", 2)} <= axes
    for kind in ("conv1d", "conv2d", "max_pool"):
        paddings = [p.layer.paddings(p.inputs) for p in places if p.kind == kind]
        assert any(before != after for ends in paddings for before, after in ends), kind


def test_every_optimiser_trains_layers() -> None:
    """Each optimiser meets several networks of layers, with penalty, decay and clipping."""
    rules = [cases.find_case(name).shown.training.optimizer for name in NAMES]
    for name in OPTIMIZERS:
        assert sum(rule.name == name for rule in rules) >= 2, name
    assert any(rule.l2 for rule in rules)
    assert any(rule.weight_decay for rule in rules)
    assert any(rule.clip_norm for rule in rules)


def test_some_tokens_repeat_and_some_do_not_occur() -> None:
    """In the batches of the embedding a token stands twice, and another not at all."""
    problem = cases.find_case("network embedding by adam + l2").shown
    for rows in problem.whole[0].order:
        tokens = problem.source.inputs[rows].ravel()
        assert len(set(tokens)) < len(tokens)
        assert len(set(tokens)) < problem.network.vocabulary


@pytest.mark.parametrize("name", NAMES)
def test_numpy_passes_a_case(name: str) -> None:
    """Forward and backward passes by hand agree with the oracle in every kind, gates 1 to 3."""
    found = checks(name)
    assert [check for check in found if not check.passed] == []
    wanted = expected_checks.of_case(healthy()[1], name)
    for check in wanted:
        assert any(expected_checks.is_one(check, c.gate, c.quantity, c.dtype) for c in found)


SMALLEST: dict[str, str] = {}
for _name, _case in sorted(NETWORKS.items(), key=lambda item: len(item[1].layers)):
    for _kind in layer_cases.kinds_of(f"network {_name} by {_case.rules[0]}"):
        if not _case.kinked:
            SMALLEST.setdefault(_kind, f"network {_name} by {_case.rules[0]}")
INSIDE = {  # not the first layer, whose gradient by what enters nobody needs
    "conv2d": "network conv2d same by momentum + l2",
    "conv1d": "network conv1d by momentum + l2",
    "simple_rnn": "network simple rnn twice by rmsprop",
    "lstm": "network embedding, lstm by adam + decay",
    "gru": "network gru twice by rmsprop",
}
TRAINED = [
    (kind, place)
    for kind in MAKE
    for place in range(
        max(
            sum(p.is_trained for p in place.parameters.values())
            for name in (SMALLEST[kind],)
            for place in cases.find_case(name).shown.network.places
            if place.kind == kind
        )
    )
]


def gradient_failures(name: str) -> list[Check]:
    """Return what NumPy fails of gate 1 in float64."""
    build, offered = healthy()
    only = offered.model_copy(update={"dtypes": ("float64",)})
    problem = cases.find_case(name).shown
    found = gate_gradients.check_weights_and_gradients(problem, build, only)
    return [check for check in found if not check.passed]


def slightly_off(kind: str, number: int | None) -> Any:
    """Make one gradient of a kind, or that by what enters it, wrong by a millionth."""
    usual = MAKE[kind]

    def make(given: Any) -> Any:
        made = usual(given)
        backward = made.backward

        def changed(delta: Any, kept: Any) -> Any:
            back, found = backward(delta, kept)
            if number is None:
                return (None if back is None else back * (1 + 2.0**-20)), found
            return back, [g * (1 + 2.0**-20 * (i == number)) for i, g in enumerate(found)]

        made.backward = changed
        return made

    return patch.dict(MAKE, {kind: make})


@pytest.mark.parametrize(("kind", "number"), TRAINED)
def test_every_gradient_of_a_kind_is_looked_at(kind: str, number: int) -> None:
    """A gradient by one array of a kind that is off by a millionth is refused."""
    with slightly_off(kind, number):
        assert gradient_failures(SMALLEST[kind])


@pytest.mark.parametrize("kind", sorted(set(MAKE) - {"embedding"}))
def test_what_flows_back_through_a_kind_is_looked_at(kind: str) -> None:
    """A gradient by what enters a layer that is off by a millionth is refused."""
    with slightly_off(kind, None):
        assert gradient_failures(INSIDE.get(kind, SMALLEST[kind]))


@pytest.mark.parametrize("ties", TIES)
def test_to_which_of_equal_numbers_a_max_pool_gives_its_gradient_does_not_matter(ties: str) -> None:
    """After a ReLU many numbers of a window are 0 alike: first, last or all, every gate passes."""
    name = "network conv2d relu, max pool by adam"
    with TIES[ties]():
        assert [check for check in checks(name) if not check.passed] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_numpy_passes_random_networks(family: str) -> None:
    """Two networks of a family that nobody chose are the same in NumPy and in the oracle."""
    for seed in range(2):
        problem = random_problem(family, seed)
        assert network_failures(problem) == [], problem.network


def network_failures(problem: Problem) -> list[Check]:
    """Return what NumPy fails on a problem of layers."""
    gates = "1 to 3" if is_admissible(problem) else "1 and 2"
    case = cases.Case(name=problem.name, gates=gates, shown=problem)
    return [check for check in checks_of(case, *healthy()) if not check.passed]
