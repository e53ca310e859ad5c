"""Dense layers: one matrix product, of rows of features or of every place of a sequence."""

from __future__ import annotations

from samenet.adapter import Array
from samenet.adapters.numpy.layers.transform import Given, Transform


class Dense(Transform):
    """z = x K + b for rows x (B, fan_in), K (fan_in, fan_out), b (fan_out,) or none.

    By K it is x' delta, by b the sum of delta over the rows, by x delta K' (Rumelhart et al. 1986).
    """

    def __init__(self, given: Given) -> None:
        """Hold kernel and bias."""
        super().__init__(given)
        self.kernel = given.arrays["kernel"]
        self.bias = given.arrays.get("bias")
        self.trained = tuple(given.arrays)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return the weighted sums (B, fan_out)."""
        z = x @ self.kernel
        return (z if self.bias is None else z + self.bias), x

    def backward(self, delta: Array, kept: Array) -> tuple[Array | None, list[Array]]:
        """Return the three gradients."""
        gradients = [kept.T @ delta]
        if self.bias is not None:
            gradients.append(delta.sum(axis=0))
        return (delta @ self.kernel.T if self.passes_on else None), gradients


class DensePlaces(Dense):
    """The same at every place of x (B, places..., fan_in): all of them are rows of one product."""

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return the weighted sums (B, places..., fan_out)."""
        z, rows = super().forward(x.reshape(-1, x.shape[-1]))
        return z.reshape(*x.shape[:-1], -1), rows

    def backward(self, delta: Array, kept: Array) -> tuple[Array | None, list[Array]]:
        """Return the three gradients."""
        back, gradients = super().backward(delta.reshape(-1, delta.shape[-1]), kept)
        return (None if back is None else back.reshape(*delta.shape[:-1], -1)), gradients


def dense(given: Given) -> Dense:
    """Return the transform of a dense layer, for rows or for places as its input has them."""
    return Dense(given) if len(given.place.inputs) == 1 else DensePlaces(given)
