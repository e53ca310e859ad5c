"""The matrix products of a training step, from the network's shape alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from samenet.spec.layers import Attention, Place
from samenet.spec.network import Network

STEP_QUANTITY = "step"
"""The quantity of all products of one training step together."""

MEMORY_QUANTITY = "memory"
"""The quantity of reading and writing memory."""


class MatrixProduct(NamedTuple):
    """One matrix product, (rows, inner) by (inner, columns), done so many times a step."""

    name: str
    rows: int
    inner: int
    columns: int
    times: int = 1

    @property
    def quantity(self) -> str:
        """Return its name in records."""
        often = f", {self.times} times" if self.times > 1 else ""
        return f"{self.name}: {self.rows} x {self.inner} x {self.columns}{often}"

    @property
    def operations(self) -> int:
        """Return its multiplications and additions, all times together."""
        return 2 * self.rows * self.inner * self.columns * self.times


def matrix_products(shapes: Sequence[tuple[int, int]], batch_size: int) -> list[MatrixProduct]:
    """Return the products of one training step of dense layers, counted from 1."""
    forward = [
        MatrixProduct(str(number), batch_size, fan_in, fan_out)
        for number, (fan_in, fan_out) in enumerate(shapes, start=1)
    ]
    return _with_gradients(forward, first="1")


def products_of_network(network: Network, batch_size: int) -> list[MatrixProduct]:
    """Return the products of one training step of a network.

    A convolution is the product of its windows by its kernel; a recurrent layer multiplies all
    steps' inputs at once, and its state step by step; attention has four projections, and a
    product for scores and one for values in every head.
    """
    forward = [p for place in network.places for p in _forward(place, batch_size)]
    return _with_gradients(forward, first=forward[0].name)


def _with_gradients(forward: Sequence[MatrixProduct], first: str) -> list[MatrixProduct]:
    """Return each product with those of its gradients; nothing flows below the first layer."""
    step: list[MatrixProduct] = []
    for name, rows, inner, columns, times in forward:
        step.append(MatrixProduct(f"forward {name}", rows, inner, columns, times))
        step.append(MatrixProduct(f"kernel gradient {name}", inner, rows, columns, times))
        if name != first:
            step.append(MatrixProduct(f"input gradient {name}", rows, columns, inner, times))
    return step


def _forward(place: Place, batch_size: int) -> list[MatrixProduct]:
    """Return the products of a layer's forward pass; most kinds have none."""
    kernels = [p.shape for p in place.parameters.values() if p.role == "kernel"]
    name, steps = place.path, place.inputs[0]
    if place.kind in ("dense", "conv1d", "conv2d"):
        rows = batch_size * math.prod(place.outputs[:-1])
        (shape,) = kernels
        return [MatrixProduct(name, rows, math.prod(shape[:-1]), shape[-1])]
    if place.kind in ("simple_rnn", "lstm", "gru"):
        units, gates = place.parameters["recurrent"].shape
        return [
            MatrixProduct(name, batch_size * steps, place.inputs[-1], gates),
            MatrixProduct(f"{name} recurrent", batch_size, units, gates, steps),
        ]
    if isinstance(place.layer, Attention):
        width = place.inputs[-1]
        share, heads = width // place.layer.heads, batch_size * place.layer.heads
        return [
            MatrixProduct(f"{name} projection", batch_size * steps, width, width, len(kernels)),
            MatrixProduct(f"{name} scores", steps, share, steps, heads),
            MatrixProduct(f"{name} values", steps, steps, share, heads),
        ]
    return []


FASTEST_CONVOLUTION = 4
"""By so much F(4 x 4, 3 x 3) has fewer multiplications than the windows' product; it is the most
that libraries use (Lavin & Gray 2016, https://arxiv.org/abs/1509.09308)."""


def least_operations(network: Network, batch_size: int) -> float:
    """Return operations that no right step can do without, however its library multiplies."""
    windowed = {p.path for p in network.places if p.kind in ("conv1d", "conv2d")}
    causal = {p.path for p in network.places if getattr(p.layer, "causal", False)}
    total = 0.0
    for product in products_of_network(network, batch_size):
        words = product.name.replace("gradient ", "").split()
        share = FASTEST_CONVOLUTION if words[1] in windowed else 1
        if words[1] in causal and words[-1] in ("scores", "values"):
            share = 2  # half of the scores are never looked at
        total += product.operations / share
    return total
