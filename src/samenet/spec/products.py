"""The matrix products of a training step, from the network's shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from samenet.spec.network import Network

STEP_QUANTITY = "step"
"""The quantity of all products of one training step together."""

MEMORY_QUANTITY = "memory"
"""The quantity of reading and writing memory."""


class MatrixProduct(NamedTuple):
    """One matrix product, (rows, inner) by (inner, columns)."""

    name: str
    rows: int
    inner: int
    columns: int

    @property
    def quantity(self) -> str:
        """Return its name in records."""
        return f"{self.name}: {self.rows} x {self.inner} x {self.columns}"

    @property
    def operations(self) -> int:
        """Return its multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns


def matrix_products(shapes: Sequence[tuple[int, int]], batch_size: int) -> list[MatrixProduct]:
    """Return the products of one training step, layers counted from 1."""
    step: list[MatrixProduct] = []
    for layer, (fan_in, fan_out) in enumerate(shapes, start=1):
        step.append(MatrixProduct(f"forward {layer}", batch_size, fan_in, fan_out))
        step.append(MatrixProduct(f"kernel gradient {layer}", fan_in, batch_size, fan_out))
        if layer > 1:
            step.append(MatrixProduct(f"input gradient {layer}", batch_size, fan_out, fan_in))
    return step


def products_of_network(network: Network, batch_size: int) -> list[MatrixProduct]:
    """Return the products of one training step of a network."""
    return matrix_products(network.shapes, batch_size)
