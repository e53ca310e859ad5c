"""Every operation of the oracle is what its formula says, and its gradients are its derivatives."""

from __future__ import annotations

import ast
import inspect
import math
import statistics
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from samenet.adapter import Layer
from samenet.adapter.arrays import Array
from samenet.certificate.oracle import (
    attention,
    norms,
    operations,
    recurrence,
    tables,
    windows,
)
from samenet.certificate.oracle.operations import OPERATIONS, Setting
from samenet.spec import KINDS, Forms, Network
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
    "max_pool of a sequence": (
        (7, 2),
        {"kind": "max_pool", "size": 3, "stride": 1, "padding": "same"},
    ),
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


@pytest.mark.parametrize("case", [c for c, (_, layer) in CASES.items() if layer["kind"] in BIASED])
def test_a_layer_may_have_no_bias(case: str) -> None:
    """Without a bias it computes as with zeros for one, and gives no gradient by any."""
    place, full = place_of(case, bias=False), place_of(case)
    weights, x = weights_of(place), inputs_of(place)
    zeros = Layer(**weights, bias=np.zeros(full.parameters["bias"].shape))
    outputs = [
        OPERATIONS[p.kind].forward(p, w, x, Setting())[0]
        for p, w in ((place, weights), (full, zeros))
    ]
    np.testing.assert_array_equal(*outputs)
    wanted = gradients(full, zeros, x, Setting())
    del wanted["bias"]
    assert_same(gradients(place, weights, x, Setting()), wanted, 0)


@pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_everything_has_the_precision_of_the_weights(case: str, dtype: str, training: bool) -> None:  # noqa: FBT001
    """No constant widens float32, and nothing is rounded to it: outputs, gradients, new state."""
    place, setting = place_of(case), Setting(training=training)
    weights, x = weights_of(place).map(lambda array: array.astype(dtype)), inputs_of(place)
    x = x if place.kind == "embedding" else x.astype(dtype)
    outputs, kept, state = OPERATIONS[place.kind].forward(place, weights, x, setting)
    above = above_of(place, len(x)).astype(dtype)
    by_x, found = OPERATIONS[place.kind].backward(place, weights, kept, above, setting)
    every = [outputs, *state.values(), *found.values(), *([] if by_x is None else [by_x])]
    assert {str(array.dtype) for array in every} == {dtype}


@pytest.mark.parametrize("case", CASES)
def test_float32_is_the_same_but_for_its_rounding(case: str) -> None:
    """In float32 outputs and gradients differ from those in float64 by float32's rounding only."""
    place = place_of(case)
    weights, x = weights_of(place), inputs_of(place)
    wanted = gradients(place, weights, x, Setting())
    x = x if place.kind == "embedding" else x.astype(np.float32)
    rounded = weights.map(lambda array: array.astype(np.float32))
    assert_same(gradients(place, rounded, x, Setting()), wanted, 1e-5)


@pytest.mark.parametrize("case", CASES)
def test_nothing_given_is_changed(case: str) -> None:
    """An operation leaves inputs, weights and what comes from above as they were."""
    place = place_of(case)
    weights, x, above = weights_of(place), inputs_of(place), above_of(place, ROWS)
    for array in (x, above, *weights.values()):
        array.flags.writeable = False
    _, kept, _ = OPERATIONS[place.kind].forward(place, weights, x, Setting())
    OPERATIONS[place.kind].backward(place, weights, kept, above, Setting())


WITH_PRODUCTS = ("dense", "conv1d", "conv2d", "simple_rnn", "lstm", "gru", "attention")


@pytest.mark.parametrize("case", [c for c, (_, x) in CASES.items() if x["kind"] in WITH_PRODUCTS])
def test_every_product_is_that_of_the_setting(case: str) -> None:
    """With products that give 0, kernels and inputs have no effect, and no gradient at all."""
    place = place_of(case)
    setting = Setting(multiply=lambda a, b: np.zeros_like(np.matmul(a, b)))
    weights = weights_of(place)
    doubled = Layer(**{name: a if name == "bias" else 2 * a for name, a in weights.items()})
    x, other = inputs_of(place), inputs_of(place, 2 * ROWS)[ROWS:]
    operation = OPERATIONS[place.kind]
    outputs = [
        operation.forward(place, *given, setting)[0] for given in ((weights, x), (doubled, other))
    ]
    np.testing.assert_array_equal(*outputs)
    found = gradients(place, weights, x, setting)
    assert not any(np.any(array) for name, array in found.items() if name != "bias")


@pytest.mark.parametrize(
    "module", [attention, norms, operations, recurrence, tables, windows], ids=lambda m: m.__name__
)
def test_no_operation_multiplies_matrices_by_itself(module: ModuleType) -> None:
    """No module of operations has a product of NumPy's: a rounding one would not be asked."""
    nodes = list(ast.walk(ast.parse(inspect.getsource(module))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert not any(isinstance(node, ast.MatMult) for node in nodes)
    assert not names & {"matmul", "dot", "vdot", "inner", "einsum", "tensordot", "linalg"}


def forward(case: str, weights: Layer, x: Array, setting: Setting | None = None) -> Array:
    place = place_of(case)
    return OPERATIONS[place.kind].forward(place, weights, x, setting or Setting())[0]


def backward(case: str, weights: Layer, x: Array, above: Array) -> Array:
    """Return the gradient by x."""
    place = place_of(case)
    operation = OPERATIONS[place.kind]
    _, kept, _ = operation.forward(place, weights, x, Setting())
    by_x, _ = operation.backward(place, weights, kept, above, Setting())
    assert by_x is not None
    return by_x


def along(length: int, size: int, stride: int, padding: str) -> list[list[int]]:
    """Return the places of each window along an axis, those outside included, by the rule of TF.

    same: as many windows as strides begin in the axis; of the padding, the larger half after.
    """
    if padding == "valid":
        starts = range(0, length - size + 1, stride)
        return [list(range(start, start + size)) for start in starts]
    count = len(range(0, length, stride))
    before = max((count - 1) * stride + size - length, 0) // 2
    return [[i * stride - before + u for u in range(size)] for i in range(count)]


def looked_at(place: Place) -> list[list[list[int]]]:
    """Return the windows' places along each axis."""
    layer: Any = place.layer
    axes = len(place.inputs) - 1
    each = zip(place.inputs, layer.sizes(axes), layer.strides(axes), strict=False)
    return [along(length, size, stride, layer.padding) for length, size, stride in each]


@pytest.mark.parametrize("case", [c for c, (_, x) in CASES.items() if x["kind"] == "conv2d"])
def test_a_convolution_is_its_sum_term_by_term(case: str) -> None:
    """A convolution over an image is what loops over its formula give, places outside being 0."""
    place = place_of(case)
    weights, x = weights_of(place), inputs_of(place)
    rows, columns = looked_at(place)
    found = forward(case, weights, x)
    for b, i, j, f in np.ndindex(*found.shape):
        z = weights.bias[f]
        for u, row in enumerate(rows[i]):
            for v, column in enumerate(columns[j]):
                if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                    z += sum(x[b, row, column] * weights.kernel[u, v, :, f])
        assert found[b, i, j, f] == pytest.approx(z, rel=1e-13, abs=1e-13)


def test_a_convolution_pads_after_and_flips_nothing() -> None:
    """The ramp 0...7 under the kernel (1, 2, 4), stride 2: 10, 24, 38, 20, as in TensorFlow."""
    place = place_of("conv1d same, stride 2, uneven")
    kernel = np.zeros((3, 2, 3))
    kernel[:, 0, 0] = [1, 2, 4]
    x = np.stack([np.arange(8.0), np.zeros(8)], axis=-1)[None]
    found = forward("conv1d same, stride 2, uneven", Layer(kernel=kernel, bias=np.zeros(3)), x)
    assert place.outputs == (4, 3)
    assert found[0, :, 0].tolist() == [10, 24, 38, 20]


POOLS = {
    "max_pool": max,
    "average_pool": lambda numbers: sum(numbers) / len(numbers),
}


@pytest.mark.parametrize(
    "case", [c for c, (shape, x) in CASES.items() if x["kind"] in POOLS and len(shape) == 3]
)
def test_a_pool_is_what_loops_over_its_windows_give(case: str) -> None:
    """Each number that leaves a pool is the largest, or the mean, of those inside its window."""
    place = place_of(case)
    x = inputs_of(place)
    rows, columns = looked_at(place)
    found = forward(case, Layer(), x)
    for b, i, j, c in np.ndindex(*found.shape):
        inside = [
            x[b, row, column, c]
            for row in rows[i]
            for column in columns[j]
            if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]
        ]
        assert found[b, i, j, c] == pytest.approx(POOLS[place.kind](inside), rel=1e-14)


def test_a_tie_of_a_max_pool_goes_to_the_first() -> None:
    """Of equal numbers in a window one alone gets the gradient, the first in the order of rows."""
    place = place_of("max_pool")
    x, above = np.ones((1, *place.inputs)), np.ones((1, *place.outputs))
    found = backward("max_pool", Layer(), x, above)
    assert found[0, ::2, ::2].all()
    assert np.sum(found) == np.sum(above)
    everywhere = backward("global_max_pool", Layer(), np.ones((1, 4, 3, 2)), np.ones((1, 2)))
    assert everywhere[0, 0, 0].tolist() == [1, 1]
    assert np.sum(everywhere) == 2


def test_overlapping_windows_add_up() -> None:
    """A number that is the largest of several windows gets the gradient of each."""
    x = np.zeros((1, 7, 2))
    x[0, 3, 0] = 5.0
    above = np.arange(1.0, 8.0)[None, :, None] * np.ones((1, 7, 2))
    assert backward("max_pool of a sequence", Layer(), x, above)[0, 3, 0] == 3 + 4 + 5


def test_the_margin_of_a_max_pool_is_the_lead_of_its_largest() -> None:
    """The margin is the largest less the next; infinite beside padding only; 0 at a tie."""
    place = place_of("max_pool of a sequence")
    x = np.array([[1.0, 4.0, 2.0, 2.0, 2.0, 0.0, 0.5]]).T[None].repeat(2, axis=-1)
    _, kept, _ = OPERATIONS["max_pool"].forward(place, Layer(), x, Setting())
    assert windows.margin(place, kept)[0, :, 0].tolist() == [3, 2, 2, 0, 0, 1.5, 0.5]
    place = place_of("global_max_pool of a sequence")
    _, kept, _ = OPERATIONS["global_max_pool"].forward(place, Layer(), x, Setting())
    assert windows.margin(place, kept).tolist() == [[2, 2]]
    _, kept, _ = OPERATIONS["global_max_pool"].forward(place, Layer(), x[:, :1], Setting())
    assert windows.margin(place, kept).tolist() == [[np.inf, np.inf]]


def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number))


def product(row: Array, kernel: Array, column: int) -> float:
    return sum(float(a) * float(k) for a, k in zip(row, kernel[:, column], strict=True))


def lstm_by_scalars(w: Layer, steps: Array, units: int) -> list[list[float]]:
    h, c, found = [0.0] * units, [0.0] * units, []
    for x in steps:
        z = [
            product(x, w.kernel, n) + product(np.array(h), w.recurrent, n) + w.bias[n]
            for n in range(4 * units)
        ]
        for n in range(units):
            i, f, g, o = z[n], z[units + n], z[2 * units + n], z[3 * units + n]
            c[n] = sigmoid(f) * c[n] + sigmoid(i) * math.tanh(g)
            h[n] = sigmoid(o) * math.tanh(c[n])
        found.append(list(h))
    return found


def gru_by_scalars(w: Layer, steps: Array, units: int) -> list[list[float]]:
    h, found = [0.0] * units, []
    for x in steps:
        a = [product(x, w.kernel, n) + w.bias[0, n] for n in range(3 * units)]
        s = [product(np.array(h), w.recurrent, n) + w.bias[1, n] for n in range(3 * units)]
        for n in range(units):
            z, r = sigmoid(a[n] + s[n]), sigmoid(a[units + n] + s[units + n])
            new = math.tanh(a[2 * units + n] + r * s[2 * units + n])
            h[n] = z * h[n] + (1 - z) * new
        found.append(list(h))
    return found


def rnn_by_scalars(w: Layer, steps: Array, units: int) -> list[list[float]]:
    h, found = [0.0] * units, []
    for x in steps:
        z = [product(x, w.kernel, n) + product(np.array(h), w.recurrent, n) for n in range(units)]
        h = [math.tanh(z[n] + w.bias[n]) for n in range(units)]
        found.append(list(h))
    return found


BY_SCALARS = {"simple_rnn": rnn_by_scalars, "lstm": lstm_by_scalars, "gru": gru_by_scalars}


@pytest.mark.parametrize("kind", BY_SCALARS)
def test_a_recurrent_layer_is_its_formula_number_by_number(kind: str) -> None:
    """Gate by gate and step by step, scalars give the same; without sequences it is the last."""
    weights, x = weights_of(place_of(kind)), inputs_of(place_of(kind))
    every, last = forward(f"{kind}, every step", weights, x), forward(kind, weights, x)
    for b, steps in enumerate(x):
        np.testing.assert_allclose(every[b], BY_SCALARS[kind](weights, steps, 2), rtol=1e-13)
    np.testing.assert_array_equal(last, every[:, -1])


@pytest.mark.parametrize("case", [c for c, (_, x) in CASES.items() if x["kind"] == "attention"])
def test_attention_is_its_formula_head_by_head(case: str) -> None:
    """Each step's shares come from its own scores, over the steps it may see, head by head."""
    place = place_of(case)
    layer: Any = place.layer
    weights, x = weights_of(place), inputs_of(place)
    steps, width = place.inputs
    size = width // layer.heads
    wanted = np.zeros((len(x), steps, width))
    for b, head, step in np.ndindex(len(x), layer.heads, steps):
        mine = slice(head * size, (head + 1) * size)
        query = x[b, step] @ weights["query"][:, mine]
        seen = range(step + 1) if layer.causal else range(steps)
        scores = [query @ (x[b, t] @ weights["key"][:, mine]) / math.sqrt(size) for t in seen]
        together = sum(math.exp(score) for score in scores)
        for t, score in zip(seen, scores, strict=True):
            value = x[b, t] @ weights["value"][:, mine]
            wanted[b, step] += math.exp(score) / together * value @ weights["output"][mine]
    np.testing.assert_allclose(forward(case, weights, x), wanted, rtol=1e-12, atol=1e-13)


def test_a_causal_step_depends_on_no_later_one() -> None:
    """Of causal attention, no step changes with those after it, nor has their gradient."""
    case = "attention, causal"
    place = place_of(case)
    weights, x = weights_of(place), inputs_of(place)
    changed = x.copy()
    changed[:, 2:] += 1.0
    found, other = forward(case, weights, x), forward(case, weights, changed)
    np.testing.assert_array_equal(found[:, :2], other[:, :2])
    above = above_of(place, len(x))
    above[:, 2:] = 0
    assert not backward(case, weights, x, above)[:, 2:].any()


def test_the_largest_scores_do_not_overflow() -> None:
    """Scores of thousands give shares of 0 and 1, and no number that is none."""
    place = place_of("attention")
    weights, x = weights_of(place).map(lambda array: 100 * array), inputs_of(place)
    assert all(np.isfinite(g).all() for g in gradients(place, weights, x, Setting()).values())


def test_a_token_that_stands_twice_gets_both_gradients() -> None:
    """The gradient by a row of the table adds up over all places of its token; else it is 0."""
    place = place_of("embedding")
    weights = weights_of(place)
    tokens = np.array([[1, 3, 1, 1, 0, 3], [3, 0, 0, 0, 0, 0]], np.int32)
    outputs, kept, _ = OPERATIONS["embedding"].forward(place, weights, tokens, Setting())
    np.testing.assert_array_equal(outputs[0, 1], weights["table"][3])
    _, found = OPERATIONS["embedding"].backward(place, weights, kept, np.ones((2, 6, 3)), Setting())
    assert found["table"].tolist() == [[6.0] * 3, [3.0] * 3, [0.0] * 3, [3.0] * 3, [0.0] * 3]


def test_positions_are_added_to_every_row() -> None:
    """Each row gets the same table, place by place."""
    place = place_of("positions")
    weights, x = weights_of(place), inputs_of(place)
    assert forward("positions", weights, x).tolist() == [(r + weights["table"]).tolist() for r in x]


@pytest.mark.parametrize("form", ["biased", "unbiased"])
@pytest.mark.parametrize("case", ["batch_norm", "batch_norm of an image"])
def test_batch_norm_keeps_its_share_of_the_new_statistics(case: str, form: str) -> None:
    """After a step, 1 - rate of the kept and rate of the new: the variance in the form declared."""
    place = place_of(case)
    layer: Any = place.layer
    weights, x = weights_of(place), inputs_of(place)
    forms = Forms.model_validate({"running_variance": form})
    outputs, _, new = OPERATIONS["batch_norm"].forward(place, weights, x, Setting(forms=forms))
    assert new.keys() == {"mean", "variance"}
    for c in range(place.inputs[-1]):
        numbers = [float(number) for number in x[..., c].ravel()]
        biased = statistics.pvariance(numbers)
        variance = biased if form == "biased" else statistics.variance(numbers)
        share, old = layer.rate, {name: weights[name][c] for name in ("mean", "variance")}
        mean = statistics.fmean(numbers)
        assert new["mean"][c] == pytest.approx((1 - share) * old["mean"] + share * mean, rel=1e-13)
        assert new["variance"][c] == pytest.approx(
            (1 - share) * old["variance"] + share * variance, rel=1e-13
        )
        normal = (x[..., c] - mean) / math.sqrt(biased + layer.epsilon)
        wanted = weights["scale"][c] * normal + weights["offset"][c]
        np.testing.assert_allclose(outputs[..., c], wanted, rtol=1e-12, atol=1e-13)


def test_batch_norm_in_use_takes_the_kept_statistics() -> None:
    """In use no row depends on another, and nothing new is kept."""
    place = place_of("batch_norm")
    layer: Any = place.layer
    w, x, setting = weights_of(place), inputs_of(place), Setting(training=False)
    outputs, _, new = OPERATIONS["batch_norm"].forward(place, w, x, setting)
    alone, _, _ = OPERATIONS["batch_norm"].forward(place, w, x[:1], setting)
    wanted = w["scale"] * (x - w["mean"]) / np.sqrt(w["variance"] + layer.epsilon) + w["offset"]
    np.testing.assert_allclose(outputs, wanted, rtol=1e-13, atol=1e-14)
    np.testing.assert_array_equal(outputs[:1], alone)
    assert new == {}


@pytest.mark.parametrize("case", [c for c, (_, x) in CASES.items() if x["kind"] != "batch_norm"])
def test_nothing_else_keeps_a_state(case: str) -> None:
    """Only batch_norm has something new to keep."""
    place = place_of(case)
    found = OPERATIONS[place.kind].forward(place, weights_of(place), inputs_of(place), Setting())
    assert found[2] == {}


def test_layer_norm_is_its_formula_row_by_row() -> None:
    """Each place of each row has mean 0 and the variance v / (v + epsilon) before scale, offset."""
    case = "layer_norm of a sequence"
    place = place_of(case)
    layer: Any = place.layer
    weights, x = weights_of(place), inputs_of(place)
    found = forward(case, weights, x)
    for b, t in np.ndindex(*x.shape[:2]):
        numbers = [float(number) for number in x[b, t]]
        root = math.sqrt(statistics.pvariance(numbers) + layer.epsilon)
        wanted = weights["scale"] * (x[b, t] - statistics.fmean(numbers)) / root + weights["offset"]
        np.testing.assert_allclose(found[b, t], wanted, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", ["batch_norm", "layer_norm"])
def test_a_large_mean_costs_the_variance_nothing(case: str) -> None:
    """Shifted by 2^20, exact numbers give the same: E[x^2] - E[x]^2 would lose half the digits."""
    place = place_of(case)
    weights, x = weights_of(place), np.round(inputs_of(place) * 256) / 256
    shifted = forward(case, weights, x + 2.0**20)
    np.testing.assert_allclose(shifted, forward(case, weights, x), rtol=1e-7, atol=1e-7)


def test_flatten_runs_along_the_channels_first() -> None:
    """The order is height, width, channels: the channels of a place stay together."""
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    assert forward("flatten", Layer(), x).tolist() == [list(range(24))]
