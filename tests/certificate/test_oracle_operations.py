"""Every operation of the oracle is what its formula says, and its gradients are its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from samenet.adapter import Layer
from samenet.adapter.arrays import Array
from samenet.certificate.oracle.operations import OPERATIONS, Setting
from samenet.spec import KINDS, Network
from samenet.spec.layers import Place

ROWS = 3
EPSILON = 2.0**-10
CASES: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "dense": ((5,), {"kind": "dense", "units": 4}),
    "dense of a sequence": ((3, 5), {"kind": "dense", "units": 4}),
    "conv1d": ((7, 2), {"kind": "conv1d", "filters": 3}),
    "conv1d valid": ((7, 2), {"kind": "conv1d", "filters": 3, "size": 4, "padding": "valid"}),
    "conv1d, a rest left over": (
        (8, 2),
        {"kind": "conv1d", "filters": 3, "size": 3, "stride": 3, "padding": "valid"},
    ),
    "conv1d same, even size": ((7, 2), {"kind": "conv1d", "filters": 3, "size": 4}),
    "conv1d same, stride 2, uneven": ((8, 2), {"kind": "conv1d", "filters": 3, "stride": 2}),
    "conv1d same, stride beyond size": (
        (7, 2),
        {"kind": "conv1d", "filters": 3, "size": 2, "stride": 3},
    ),
    "conv1d of one step": ((1, 2), {"kind": "conv1d", "filters": 3}),
    "conv2d": ((4, 5, 2), {"kind": "conv2d", "filters": 3}),
    "conv2d valid": ((4, 5, 2), {"kind": "conv2d", "filters": 3, "padding": "valid"}),
    "conv2d same, stride 2, uneven": ((4, 5, 2), {"kind": "conv2d", "filters": 3, "stride": 2}),
    "conv2d valid, stride 2": (
        (5, 6, 1),
        {"kind": "conv2d", "filters": 2, "stride": 2, "padding": "valid"},
    ),
    "conv2d, axes apart": (
        (6, 5, 2),
        {"kind": "conv2d", "filters": 2, "size": (3, 2), "stride": (2, 1)},
    ),
    "conv2d 1 x 1": ((3, 3, 4), {"kind": "conv2d", "filters": 2, "size": 1}),
    "max_pool": ((4, 6, 2), {"kind": "max_pool"}),
    "max_pool, a rest left over": ((5, 5, 2), {"kind": "max_pool"}),
    "max_pool overlapping": ((7, 6, 2), {"kind": "max_pool", "size": 3, "stride": 2}),
    "max_pool same, overlapping": (
        (6, 5, 2),
        {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
    ),
    "max_pool of a sequence": ((7, 2), {"kind": "max_pool", "size": 3, "padding": "same"}),
    "average_pool": ((4, 6, 2), {"kind": "average_pool"}),
    "average_pool, a rest left over": ((5, 5, 2), {"kind": "average_pool"}),
    "average_pool overlapping": ((7, 6, 2), {"kind": "average_pool", "size": 3, "stride": 2}),
    "average_pool, axes apart": (
        (6, 5, 2),
        {"kind": "average_pool", "size": (3, 2), "stride": (1, 2)},
    ),
    "average_pool of a sequence": ((7, 2), {"kind": "average_pool", "size": 3, "stride": 1}),
    "global_max_pool": ((4, 3, 2), {"kind": "global_max_pool"}),
    "global_max_pool of a sequence": ((5, 2), {"kind": "global_max_pool"}),
    "global_average_pool": ((4, 3, 2), {"kind": "global_average_pool"}),
    "global_average_pool of one step": ((1, 2), {"kind": "global_average_pool"}),
    "flatten": ((2, 3, 4), {"kind": "flatten"}),
    "batch_norm": ((4,), {"kind": "batch_norm", "rate": 0.125, "epsilon": EPSILON}),
    "batch_norm of an image": (
        (3, 2, 4),
        {"kind": "batch_norm", "rate": 0.125, "epsilon": EPSILON},
    ),
    "layer_norm": ((5,), {"kind": "layer_norm", "epsilon": EPSILON}),
    "layer_norm of a sequence": ((3, 5), {"kind": "layer_norm", "epsilon": EPSILON}),
    "layer_norm of two features": ((3, 2), {"kind": "layer_norm", "epsilon": EPSILON}),
    "embedding": ((6,), {"kind": "embedding", "width": 3, "vocabulary": 5}),
    "embedding of one step": ((1,), {"kind": "embedding", "width": 3, "vocabulary": 5}),
    "positions": ((4, 3), {"kind": "positions"}),
    **{
        f"{kind}{name}": (shape, {"kind": kind, "units": units, "sequences": sequences})
        for kind in ("simple_rnn", "lstm", "gru")
        for name, shape, units, sequences in (
            ("", (4, 3), 2, False),
            (", every step", (4, 3), 2, True),
            (" of one step", (1, 3), 2, False),
            (" of one step, every step", (1, 3), 2, True),
            (" of one unit", (3, 2), 1, True),
        )
    },
    "attention, one head": ((4, 6), {"kind": "attention", "heads": 1}),
    "attention": ((4, 6), {"kind": "attention", "heads": 3}),
    "attention, heads of one": ((3, 4), {"kind": "attention", "heads": 4}),
    "attention, causal": ((4, 6), {"kind": "attention", "heads": 2, "causal": True}),
    "attention of one step": ((1, 4), {"kind": "attention", "heads": 2, "causal": True}),
}
"""What enters a layer, and the layer."""
BIASED = ("dense", "conv1d", "conv2d", "simple_rnn", "lstm", "gru")


def place_of(case: str, *, bias: bool = True) -> Place:
    """Return the layer of a case as the only one before whatever a network needs to end."""
    shape, layer = CASES[case]
    ends: list[dict[str, Any]] = [{"kind": "flatten"}, {"kind": "dense", "units": 1}]
    vocabulary = layer.get("vocabulary", 0)
    network = Network.model_validate(
        {"inputs": shape, "layers": [layer, *ends], "vocabulary": vocabulary}
    )
    first = network.places[0]
    if bias:
        return first
    parameters = {name: found for name, found in first.parameters.items() if name != "bias"}
    return Place(
        path=first.path,
        layer=first.layer,
        inputs=first.inputs,
        outputs=first.outputs,
        parameters=parameters,
    )


def inputs_of(place: Place, rows: int = ROWS) -> Array:
    """Return rows without ties; of tokens some stand twice in a row, and one stands nowhere."""
    draw = np.random.default_rng(5)
    if place.kind == "embedding":
        return draw.integers(0, 4, (rows, *place.inputs)).astype(np.int32)
    return draw.normal(size=(rows, *place.inputs))


def weights_of(place: Place) -> Layer:
    """Return random weights, none of them 0; variances are positive."""
    draw = np.random.default_rng(6)
    found = {name: draw.normal(size=p.shape) for name, p in place.parameters.items()}
    return Layer(**{n: np.abs(a) + 0.5 if n == "variance" else a for n, a in found.items()})


def trained(place: Place, weights: Layer) -> dict[str, Array]:
    return {name: weights[name] for name, p in place.parameters.items() if p.is_trained}


def derivatives(place: Place, weights: Layer, x: Array, setting: Setting) -> dict[str, Array]:
    """Return the gradients of sum(above * outputs) by the complex step, which cancels nothing."""
    operation = OPERATIONS[place.kind]
    above = above_of(place, len(x))
    arrays = trained(place, weights) | ({} if place.kind == "embedding" else {"x": x})
    found = {}
    for name, array in arrays.items():
        found[name] = np.empty(array.shape)
        for index in np.ndindex(*array.shape):
            moved = array.astype(complex)
            moved[index] += 1e-30j
            changed = weights.map(lambda array: array.astype(complex))
            if name == "x":
                outputs, _, _ = operation.forward(place, changed, moved, setting)
            else:
                changed = Layer(**{**changed, name: moved})
                entering = x if place.kind == "embedding" else x.astype(complex)
                outputs, _, _ = operation.forward(place, changed, entering, setting)
            found[name][index] = np.sum(above * outputs).imag / 1e-30
    return found


def differences(place: Place, weights: Layer, x: Array, setting: Setting) -> dict[str, Array]:
    """Return the same gradients by central differences, which ask nothing of complex numbers."""
    operation = OPERATIONS[place.kind]
    above, step = above_of(place, len(x)), 1e-6
    arrays = trained(place, weights) | ({} if place.kind == "embedding" else {"x": x})
    found = {}
    for name, array in arrays.items():
        found[name] = np.empty(array.shape)
        for index in np.ndindex(*array.shape):
            sums = []
            for by in (step, -step):
                moved = array.copy()
                moved[index] += by
                changed = Layer(**{n: moved if n == name else weights[n] for n in weights})
                outputs, _, _ = operation.forward(
                    place, changed, moved if name == "x" else x, setting
                )
                sums.append(np.sum(above * outputs))
            found[name][index] = (sums[0] - sums[1]) / (2 * step)
    return found


def above_of(place: Place, rows: int) -> Array:
    return np.random.default_rng(7).normal(size=(rows, *place.outputs))


def gradients(place: Place, weights: Layer, x: Array, setting: Setting) -> dict[str, Array]:
    """Return what the operation itself says."""
    operation = OPERATIONS[place.kind]
    outputs, kept, _ = operation.forward(place, weights, x, setting)
    assert outputs.shape == (len(x), *place.outputs)
    by_x, found = operation.backward(place, weights, kept, above_of(place, len(x)), setting)
    if place.kind == "embedding":
        assert by_x is None
        return found
    assert by_x is not None
    return found | {"x": by_x}


def assert_same(found: Mapping[str, Array], wanted: Mapping[str, Array], within: float) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].shape == array.shape, name
        scale = max(1.0, float(np.max(np.abs(array))))
        np.testing.assert_allclose(found[name], array, rtol=0, atol=within * scale, err_msg=name)


def test_every_kind_has_an_operation_and_a_case() -> None:
    """No kind of the spec is without a formula here, but those that the network itself treats."""
    treated = {"dropout", "activation", "residual"}
    assert set(OPERATIONS) == set(KINDS) - treated
    assert {layer["kind"] for _, layer in CASES.values()} == set(OPERATIONS)


@pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_derivatives_by_complex_step(case: str, training: bool) -> None:  # noqa: FBT001
    """Every gradient, by weights and by inputs, is the derivative of the outputs to rounding."""
    place = place_of(case)
    weights, x, setting = weights_of(place), inputs_of(place), Setting(training=training)
    wanted = derivatives(place, weights, x, setting)
    assert_same(gradients(place, weights, x, setting), wanted, 1e-13)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_derivatives_by_central_differences(case: str) -> None:
    """The same without complex numbers, to the accuracy of differences."""
    place = place_of(case)
    weights, x = weights_of(place), inputs_of(place)
    wanted = differences(place, weights, x, Setting())
    assert_same(gradients(place, weights, x, Setting()), wanted, 1e-8)
