"""The matrix products of a training step, from the network's shape alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from samenet.spec.network import Network

STEP, MEMORY = "step", "memory"
"""The quantities beside single products: all products of one step; reading and writing memory."""


class Product(NamedTuple):
    """One matrix product, (rows, inner) by (inner, columns)."""

    name: str
    rows: int
    inner: int
    columns: int

    @property
    def quantity(self) -> str:
        """Return how it is recorded."""
        return f"{self.name}: {self.rows} x {self.inner} x {self.columns}"

    @property
    def operations(self) -> int:
        """Return its multiplications and additions."""
        return 2 * self.rows * self.inner * self.columns


def products(shapes: Sequence[tuple[int, int]], batch_size: int) -> list[Product]:
    """Return the products of one training step, layers counted from 1."""
    found: list[Product] = []
    for place, (fan_in, fan_out) in enumerate(shapes, start=1):
        found.append(Product(f"forward {place}", batch_size, fan_in, fan_out))
        found.append(Product(f"kernel gradient {place}", fan_in, batch_size, fan_out))
        if place > 1:
            found.append(Product(f"input gradient {place}", batch_size, fan_out, fan_in))
    return found


def of_network(network: Network, batch_size: int) -> list[Product]:
    """Return the products of one training step of a network."""
    return products(network.shapes, batch_size)
