"""Each kind of layer as PyTorch's own module has it, and as the adapter has it, beside the oracle.

`python pytorch_own_layers.py` prints one JSON line: per case, precision and way of computing it,
the distances of the outputs, of the gradients of a random sum of them, by the inputs and by every
weight, and of what a batch norm keeps. The ways:

    own        PyTorch's module alone; its weights are copied in here, by hand
    steps      the operation that the adapter trains with, its weights loaded and read by its table
    modules    the modules that the adapter predicts with; beside the oracle in use, outputs alone
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samenet.adapter import Layer
from samenet.adapters.pytorch.chain import Part, parts_of, sequential, steps_of
from samenet.certificate.oracle.operations import OPERATIONS, Setting
from samenet.spec import Forms, Network
from samenet.spec.layers import Place

ROWS, TOKENS = 6, 7
FORMS = Forms(running_variance="unbiased")
EPSILON = {"epsilon": 2.0**-10}
Arrays = dict[str, np.ndarray]

CASES: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    "dense": ({"kind": "dense", "units": 4}, (5,)),
    "dense of a sequence": ({"kind": "dense", "units": 4}, (3, 5)),
    "dense of an image": ({"kind": "dense", "units": 4}, (3, 2, 5)),
    "conv1d": ({"kind": "conv1d", "filters": 4}, (7, 2)),
    "conv1d, uneven": ({"kind": "conv1d", "filters": 4, "size": 2}, (7, 2)),
    "conv2d": ({"kind": "conv2d", "filters": 4}, (6, 5, 2)),
    "conv2d of grey": ({"kind": "conv2d", "filters": 4}, (6, 6, 1)),
    "conv2d, uneven": ({"kind": "conv2d", "filters": 3, "stride": 2}, (8, 7, 2)),
    "conv2d, oblong": ({"kind": "conv2d", "filters": 3, "size": [2, 4]}, (6, 5, 2)),
    "conv2d, valid": (
        {"kind": "conv2d", "filters": 3, "size": 5, "stride": [1, 2], "padding": "valid"},
        (8, 9, 1),
    ),
    "max_pool": ({"kind": "max_pool"}, (7, 6, 3)),
    "max_pool, uneven": (
        {"kind": "max_pool", "size": 3, "stride": 2, "padding": "same"},
        (8, 7, 3),
    ),
    "max_pool, even": ({"kind": "max_pool", "size": 3, "stride": 1, "padding": "same"}, (8, 7, 3)),
    "max_pool of a sequence": ({"kind": "max_pool", "size": 2}, (8, 3)),
    "max_pool of a sequence, uneven": (
        {"kind": "max_pool", "size": 2, "stride": 1, "padding": "same"},
        (5, 3),
    ),
    "average_pool": ({"kind": "average_pool"}, (7, 6, 3)),
    "average_pool, overlapping": ({"kind": "average_pool", "size": 3, "stride": 2}, (8, 7, 3)),
    "average_pool of a sequence": ({"kind": "average_pool", "size": 3, "stride": 1}, (7, 3)),
    "global_average_pool": ({"kind": "global_average_pool"}, (4, 5, 3)),
    "global_average_pool of a sequence": ({"kind": "global_average_pool"}, (4, 3)),
    "global_max_pool": ({"kind": "global_max_pool"}, (4, 5, 3)),
    "global_max_pool of a sequence": ({"kind": "global_max_pool"}, (4, 3)),
    "flatten": ({"kind": "flatten"}, (4, 5, 3)),
    "batch_norm": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (3,)),
    "batch_norm of a sequence": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (5, 3)),
    "batch_norm of an image": ({"kind": "batch_norm", "rate": 0.125, **EPSILON}, (4, 5, 3)),
    "layer_norm": ({"kind": "layer_norm", **EPSILON}, (6,)),
    "layer_norm of a sequence": ({"kind": "layer_norm", **EPSILON}, (4, 6)),
    "layer_norm of an image": ({"kind": "layer_norm", **EPSILON}, (2, 4, 6)),
    "embedding": ({"kind": "embedding", "width": 3}, (9,)),
    "positions": ({"kind": "positions"}, (4, 3)),
    "simple_rnn": ({"kind": "simple_rnn", "units": 4}, (5, 3)),
    "simple_rnn, sequences": ({"kind": "simple_rnn", "units": 4, "sequences": True}, (5, 3)),
    "lstm": ({"kind": "lstm", "units": 4}, (5, 3)),
    "lstm, sequences": ({"kind": "lstm", "units": 4, "sequences": True}, (5, 3)),
    "lstm, one step": ({"kind": "lstm", "units": 4}, (1, 3)),
    "gru": ({"kind": "gru", "units": 4}, (5, 3)),
    "gru, sequences": ({"kind": "gru", "units": 4, "sequences": True}, (5, 3)),
    "attention": ({"kind": "attention", "heads": 2}, (5, 6)),
    "attention, causal": ({"kind": "attention", "heads": 3, "causal": True}, (5, 6)),
    "attention, one head": ({"kind": "attention", "heads": 1}, (5, 6)),
}


def network_of(name: str) -> Network:
    """Return a network whose first layer is that of a case."""
    layer, inputs = CASES[name]
    tail = [{"kind": "flatten"}, {"kind": "dense", "units": 1}]
    vocabulary = TOKENS if layer["kind"] == "embedding" else 0
    return Network.model_validate(
        {"inputs": inputs, "layers": [layer, *tail], "vocabulary": vocabulary}
    )


# PyTorch's own module of a kind: a function of the place and of the oracle's arrays, which returns
# it as a function of rows with channels behind, and by the arrays' names the gradients to compare.

Own = tuple[Callable[[Tensor], Tensor], Callable[[], Arrays]]


def put(parameter: Tensor, values: np.ndarray) -> None:
    """Copy numbers into a parameter of the same shape."""
    assert parameter.shape == values.shape
    with torch.no_grad():
        parameter.copy_(torch.tensor(values))


def grad(parameter: Any) -> np.ndarray:
    """Return the gradient of a parameter."""
    return np.asarray(parameter.grad.numpy())


def to_front(x: Tensor) -> Tensor:
    """Return rows with channels before the places."""
    return torch.movedim(x, -1, 1)


def to_back(x: Tensor) -> Tensor:
    """Return rows with channels behind the places."""
    return torch.movedim(x, 1, -1)


def own_dense(place: Place, arrays: Layer) -> Own:
    module = nn.Linear(place.inputs[-1], place.outputs[-1], dtype=dtype_of(arrays))
    put(module.weight, arrays["kernel"].T)
    put(module.bias, arrays["bias"])
    return module, lambda: {"kernel": grad(module.weight).T, "bias": grad(module.bias)}


def own_convolution(place: Place, arrays: Layer) -> Own:
    """Even or no padding by the module, which is all that it has; uneven by F.pad."""
    layer: Any = place.layer
    axes = layer.axes
    kind: Any = nn.Conv2d if axes == 2 else nn.Conv1d
    module = kind(
        *(place.inputs[-1], layer.filters, layer.sizes(axes), layer.strides(axes)),
        dtype=dtype_of(arrays),
    )
    put(module.weight, arrays["kernel"].transpose((3, 2, 0, 1) if axes == 2 else (2, 1, 0)))
    put(module.bias, arrays["bias"])
    around = [number for ends in layer.paddings(place.inputs)[::-1] for number in ends]
    back = (2, 3, 1, 0) if axes == 2 else (2, 1, 0)
    return (
        lambda x: to_back(module(F.pad(to_front(x), around))),
        lambda: {"kernel": grad(module.weight).transpose(back), "bias": grad(module.bias)},
    )


def own_pool(place: Place, arrays: Layer) -> Own:
    layer: Any = place.layer
    axes = len(place.inputs) - 1
    sizes, strides = layer.sizes(axes), layer.strides(axes)
    if place.kind == "average_pool":
        mean = (nn.AvgPool1d if axes == 1 else nn.AvgPool2d)(sizes, strides)
        return lambda x: to_back(mean(to_front(x))), dict
    largest = (nn.MaxPool1d if axes == 1 else nn.MaxPool2d)(sizes, strides)
    around = [number for ends in layer.paddings(place.inputs)[::-1] for number in ends]
    return lambda x: to_back(largest(F.pad(to_front(x), around, value=-torch.inf))), dict


def own_global_pool(place: Place, arrays: Layer) -> Own:
    axes, kind = len(place.inputs) - 1, place.kind
    average: Any = nn.AdaptiveAvgPool1d if axes == 1 else nn.AdaptiveAvgPool2d
    largest: Any = nn.AdaptiveMaxPool1d if axes == 1 else nn.AdaptiveMaxPool2d
    module = (average if kind == "global_average_pool" else largest)(1)
    return lambda x: module(to_front(x)).flatten(1), dict


def own_flatten(place: Place, arrays: Layer) -> Own:
    return nn.Flatten(), dict


def own_batch_norm(place: Place, arrays: Layer) -> Own:
    layer: Any = place.layer
    kind: Any = nn.BatchNorm2d if len(place.inputs) == 3 else nn.BatchNorm1d
    module = kind(place.inputs[-1], layer.epsilon, layer.rate, dtype=dtype_of(arrays))
    put(module.weight, arrays["scale"])
    put(module.bias, arrays["offset"])
    put(module.running_mean, arrays["mean"])
    put(module.running_var, arrays["variance"])
    return (
        lambda x: to_back(module(to_front(x))),
        lambda: {
            "scale": grad(module.weight),
            "offset": grad(module.bias),
            "mean": module.running_mean.numpy(),
            "variance": module.running_var.numpy(),
        },
    )


def own_layer_norm(place: Place, arrays: Layer) -> Own:
    layer: Any = place.layer
    module = nn.LayerNorm(place.inputs[-1], layer.epsilon, dtype=dtype_of(arrays))
    put(module.weight, arrays["scale"])
    put(module.bias, arrays["offset"])
    return module, lambda: {"scale": grad(module.weight), "offset": grad(module.bias)}


def own_embedding(place: Place, arrays: Layer) -> Own:
    module = nn.Embedding(*arrays["table"].shape, dtype=dtype_of(arrays))
    put(module.weight, arrays["table"])
    return module, lambda: {"table": grad(module.weight)}


def own_positions(place: Place, arrays: Layer) -> Own:
    """PyTorch has no such layer: an embedding of the numbers of the places, added."""
    module = nn.Embedding(*arrays["table"].shape, dtype=dtype_of(arrays))
    put(module.weight, arrays["table"])
    places = torch.arange(len(arrays["table"]))
    return lambda x: x + module(places), lambda: {"table": grad(module.weight)}


def own_recurrent(place: Place, arrays: Layer) -> Own:
    """One bias goes to the inputs, and the second is 0; both have the gradient of the one."""
    layer: Any = place.layer
    kind: Any = nn.LSTM if place.kind == "lstm" else nn.RNN
    module = kind(place.inputs[-1], layer.units, batch_first=True, dtype=dtype_of(arrays))
    put(module.weight_ih_l0, arrays["kernel"].T)
    put(module.weight_hh_l0, arrays["recurrent"].T)
    put(module.bias_ih_l0, arrays["bias"])
    nn.init.zeros_(module.bias_hh_l0)
    return (
        lambda x: module(x)[0] if layer.sequences else module(x)[0][:, -1],
        lambda: {
            "kernel": grad(module.weight_ih_l0).T,
            "recurrent": grad(module.weight_hh_l0).T,
            "bias": grad(module.bias_ih_l0),
        },
    )


def swapped(array: np.ndarray) -> np.ndarray:
    """Return gates z, r, n as r, z, n, or the other way round; they stand on the last axis."""
    first, second, third = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, third], axis=-1)


def own_gru(place: Place, arrays: Layer) -> Own:
    layer: Any = place.layer
    module = nn.GRU(place.inputs[-1], layer.units, batch_first=True, dtype=dtype_of(arrays))
    put(module.weight_ih_l0, swapped(arrays["kernel"]).T)
    put(module.weight_hh_l0, swapped(arrays["recurrent"]).T)
    put(module.bias_ih_l0, swapped(arrays["bias"][0]))
    put(module.bias_hh_l0, swapped(arrays["bias"][1]))
    return (
        lambda x: module(x)[0] if layer.sequences else module(x)[0][:, -1],
        lambda: {
            "kernel": swapped(grad(module.weight_ih_l0).T),
            "recurrent": swapped(grad(module.weight_hh_l0).T),
            "bias": swapped(np.stack([grad(module.bias_ih_l0), grad(module.bias_hh_l0)])),
        },
    )


def own_attention(place: Place, arrays: Layer) -> Own:
    layer: Any = place.layer
    steps, width = place.inputs
    module = nn.MultiheadAttention(
        width, layer.heads, bias=False, batch_first=True, dtype=dtype_of(arrays)
    )
    put(module.in_proj_weight, np.vstack([arrays[n].T for n in ("query", "key", "value")]))
    put(module.out_proj.weight, arrays["output"].T)
    forbidden = torch.triu(torch.ones(steps, steps, dtype=torch.bool), 1) if layer.causal else None

    def gradients() -> Arrays:
        names = ("query", "key", "value")
        parts = np.split(grad(module.in_proj_weight), 3)
        found = {name: part.T for name, part in zip(names, parts, strict=True)}
        return {**found, "output": grad(module.out_proj.weight).T}

    return lambda x: module(x, x, x, attn_mask=forbidden)[0], gradients


OWN: dict[str, Callable[[Place, Layer], Own]] = {
    "dense": own_dense,
    "conv1d": own_convolution,
    "conv2d": own_convolution,
    "max_pool": own_pool,
    "average_pool": own_pool,
    "global_average_pool": own_global_pool,
    "global_max_pool": own_global_pool,
    "flatten": own_flatten,
    "batch_norm": own_batch_norm,
    "layer_norm": own_layer_norm,
    "embedding": own_embedding,
    "positions": own_positions,
    "simple_rnn": own_recurrent,
    "lstm": own_recurrent,
    "gru": own_gru,
    "attention": own_attention,
}


def dtype_of(arrays: Layer) -> torch.dtype:
    """Return the precision of a layer's arrays."""
    return torch.tensor(next(iter(arrays.values()))).dtype


def part_with(name: str, arrays: Layer, dtype: str) -> Part:
    """Return the adapter's layer with these numbers; they must be read back as they were."""
    part = next(parts_of(network_of(name)))
    sequential([part]).to(getattr(torch, dtype)).eval()
    part.connect()
    part.load(arrays)
    for array, found in part.read().items():
        np.testing.assert_array_equal(found, arrays[array])
    return part


def behind(part: Part, outputs: Tensor) -> Tensor:
    """Return what leaves a layer of the adapter with channels behind."""
    return to_back(outputs) if part.channels == "before" and outputs.ndim > 2 else outputs


def by_steps(part: Part) -> Own:
    """Return the adapter's operation, and the gradients that its table reads."""
    (step,) = steps_of([part], "training")

    def gradients() -> Arrays:
        kept = dict(part.tensors)
        part.tensors.update(
            {n: t if t.grad is None else t.grad for n, t in kept.items()},
        )
        found = dict(part.read().items())
        part.tensors.update(kept)
        return found

    return lambda x: behind(part, step.operation(x, *step.tensors)), gradients


def distance(found: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest difference over the largest number; infinite if shapes differ."""
    if found.shape != exact.shape:
        return float("inf")
    return float(np.max(np.abs(found - exact)) / max(1.0, np.max(np.abs(exact))))


def compare(name: str, dtype: str) -> dict[str, dict[str, float]]:
    """Return the distances of a case by the way of computing it."""
    place = network_of(name).places[0]
    draw = np.random.default_rng(len(name))
    exact = {n: draw.normal(size=p.shape) for n, p in place.parameters.items()}
    if "variance" in exact:
        exact["variance"] = exact["variance"] ** 2 + 0.5
    exact = {n: a.astype(np.float32).astype(np.float64) for n, a in exact.items()}
    arrays = Layer(**{n: a.astype(dtype) for n, a in exact.items()})
    rows = draw.normal(size=(ROWS, *place.inputs)).astype(np.float32).astype(np.float64)
    if place.kind == "embedding":
        rows = draw.integers(0, TOKENS, (ROWS, *place.inputs)).astype(np.int32)
    weights, operation = Layer(**exact), OPERATIONS[place.kind]
    values, kept, state = operation.forward(place, weights, rows, Setting(forms=FORMS))
    above = draw.normal(size=values.shape)
    by_inputs, by_weights = operation.backward(place, weights, kept, above, Setting(forms=FORMS))
    in_use, _, _ = operation.forward(place, weights, rows, Setting(forms=FORMS, training=False))

    part = part_with(name, arrays, dtype)
    found: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        modules = sequential([part])
        outputs = behind(part, modules(tensor(rows, dtype))).numpy()
        found["modules"] = {"forward": distance(outputs, in_use), "gradient": 0.0, "size": 1.0}
    ways = {"own": OWN[place.kind](place, arrays), "steps": by_steps(part)}
    for way, (compute, gradients) in ways.items():
        x = tensor(rows, dtype)
        if place.kind != "embedding":
            x.requires_grad_()
        result = compute(x)
        (result * torch.tensor(above, dtype=result.dtype)).sum().backward()
        wanted = {**by_weights, **state}
        got = gradients()
        if place.kind != "embedding":
            got, wanted = {**got, "x": grad(x)}, {**wanted, "x": by_inputs}
        assert got.keys() == wanted.keys(), (name, way, got.keys(), wanted.keys())
        found[way] = {
            "forward": distance(result.detach().numpy(), values),
            "gradient": max(distance(got[array], wanted[array]) for array in wanted),
            "size": max(float(np.max(np.abs(array))) for array in wanted.values()),
        }
    return found


def tensor(rows: np.ndarray, dtype: str) -> Tensor:
    """Return rows as the adapter keeps them."""
    kind = torch.int64 if rows.dtype.kind == "i" else getattr(torch, dtype)
    return torch.tensor(rows, dtype=kind)


if __name__ == "__main__":
    print(
        json.dumps(
            {
                f"{name} | {dtype} | {way}": distances
                for name in CASES
                for dtype in ("float64", "float32")
                for way, distances in compare(name, dtype).items()
            }
        )
    )
