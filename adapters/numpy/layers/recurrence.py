"""Layers that go along a sequence, step by step, and back again (Werbos 1990).

Shapes: x is (B, T, D), there are H units. Steps come first inside, so that each is one block of
memory. The products with x of all steps are one; so are the gradients by the kernels, whose sums
run over steps and rows alike. Only the products with h are left to the loop.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from samenet.adapter import Array
from samenet.adapters.numpy.layers.transform import Given, Transform


class Recurrent(Transform):
    """What the three kinds have in common: K (D, G H), R (H, G H), and G gates side by side."""

    trained = ("kernel", "recurrent", "bias")

    def __init__(self, given: Given) -> None:
        """Hold kernel, recurrent kernel and bias."""
        super().__init__(given)
        self.kernel = given.arrays["kernel"]
        self.recurrent = given.arrays["recurrent"]
        self.bias = given.arrays["bias"]
        self.units = len(self.recurrent)
        self.sequences = len(given.place.outputs) == 2

    def steps_of(self, x: Array) -> Array:
        """Return x with the steps first and in one block: (T, B, D)."""
        return np.ascontiguousarray(x.swapaxes(0, 1))

    def sums_of(self, steps: Array, bias: Array) -> Array:
        """Return x K + b of all steps: (T, B, G H)."""
        rows = steps.reshape(-1, steps.shape[-1])
        return (rows @ self.kernel + bias).reshape(*steps.shape[:2], -1)

    def states(self, steps: Array) -> Array:
        """Return room for h before the first step, which is 0, and after each: (T + 1, B, H)."""
        length, batch, _ = steps.shape
        states = np.empty((length + 1, batch, self.units), steps.dtype)
        states[0] = 0
        return states

    def outputs(self, states: Array) -> Array:
        """Return h of every step, (B, T, H), or of the last one, (B, H)."""
        return states[1:].swapaxes(0, 1) if self.sequences else states[-1]

    def arriving(self, delta: Array, length: int) -> Array:
        """Return what flows back into h of each step from outside: (T, B, H)."""
        if self.sequences:
            return np.ascontiguousarray(delta.swapaxes(0, 1))
        found = np.zeros((length, *delta.shape), delta.dtype)
        found[-1] = delta
        return found

    def gradients(
        self, steps: Array, states: Array, by_x: Array, by_h: Array
    ) -> tuple[Array | None, list[Array]]:
        """Return the gradients by x, K, R and b, from those by x K + b and by h R: (T, B, G H)."""
        rows = by_x.reshape(-1, by_x.shape[-1])
        kernel = steps.reshape(len(rows), -1).T @ rows
        recurrent = states[:-1].reshape(len(rows), -1).T @ by_h.reshape(rows.shape)
        back = (
            (rows @ self.kernel.T).reshape(steps.shape).swapaxes(0, 1) if self.passes_on else None
        )
        return back, [kernel, recurrent, rows.sum(axis=0)]


class SimpleRNN(Recurrent):
    """h = tanh(x K + h R + b) (Elman 1990)."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Go through all steps."""
        steps = self.steps_of(x)
        sums = self.sums_of(steps, self.bias)
        h = self.states(steps)
        for t, z in enumerate(sums):
            np.tanh(z + h[t] @ self.recurrent, out=h[t + 1])
        return self.outputs(h), (steps, h)

    def backward(self, delta: Array, kept: Any) -> tuple[Array | None, list[Array]]:
        """Go back: the gradient by z is that by h times 1 - h^2."""
        steps, h = kept
        arriving = self.arriving(delta, len(steps))
        slopes = 1 - h[1:] * h[1:]
        by_z = np.empty_like(slopes)
        later = np.zeros_like(h[0])
        for t in reversed(range(len(steps))):
            np.multiply(arriving[t] + later, slopes[t], out=by_z[t])
            later = by_z[t] @ self.recurrent.T
        return self.gradients(steps, h, by_z, by_z)


class LSTM(Recurrent):
    """i, f, o = sigmoid and g = tanh of x K + h R + b; c = f c + i g; h = o tanh(c).

    Gates in the order i, f, g, o (Hochreiter & Schmidhuber 1997; Gers et al. 2000). All four are a
    stretched tanh, sigmoid(z) = (1 + tanh(z / 2)) / 2: so one call does it, and none overflows.
    """

    def __init__(self, given: Given) -> None:
        """Make the rows that stretch the gates, 1/2 and 1/2, and of g 1 and 0."""
        super().__init__(given)
        self.stretch = np.repeat(np.array([0.5, 0.5, 1, 0.5], self.kernel.dtype), self.units)
        self.offset = np.repeat(np.array([0.5, 0.5, 0, 0.5], self.kernel.dtype), self.units)

    def parts(self, gates: Array) -> list[Array]:
        """Return the four gates of something (..., 4 H), as views."""
        return [gates[..., k * self.units : (k + 1) * self.units] for k in range(4)]

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Go through all steps; the sums become the gates where they are."""
        steps = self.steps_of(x)
        gates = self.sums_of(steps, self.bias)
        h, c = self.states(steps), self.states(steps)
        bent = np.empty_like(h[1:])  # tanh(c)
        for t, a in enumerate(gates):
            a += h[t] @ self.recurrent
            a *= self.stretch
            np.tanh(a, out=a)
            a *= self.stretch
            a += self.offset
            i, f, g, o = self.parts(a)
            np.multiply(f, c[t], out=c[t + 1])
            c[t + 1] += i * g
            np.tanh(c[t + 1], out=bent[t])
            np.multiply(o, bent[t], out=h[t + 1])
        return self.outputs(h), (steps, gates, h, c, bent)

    def backward(self, delta: Array, kept: Any) -> tuple[Array | None, list[Array]]:
        """Go back through h and c; what does not depend on the later steps is made at once."""
        steps, gates, h, c, bent = kept
        arriving = self.arriving(delta, len(steps))
        i, f, g, o = self.parts(gates)
        by_z = gates - gates * gates  # the slopes a (1 - a), of g 1 - g^2, and then times ...
        slope_i, slope_f, slope_g, slope_o = self.parts(by_z)
        np.subtract(1, g * g, out=slope_g)
        slope_i *= g
        slope_f *= c[:-1]
        slope_g *= i
        slope_o *= bent
        of_h = o * (1 - bent * bent)  # the derivative of h by c
        by_h, by_c = np.zeros_like(h[0]), np.zeros_like(h[0])
        for t in reversed(range(len(steps))):
            by_h += arriving[t]
            by_c += by_h * of_h[t]
            z = by_z[t].reshape(len(by_h), 4, self.units)
            z[:, :3] *= by_c[:, None]
            z[:, 3] *= by_h
            by_h = by_z[t] @ self.recurrent.T
            by_c *= f[t]
        return self.gradients(steps, h, by_z, by_z)


class GRU(Recurrent):
    """z, r = sigmoid(x K + b0 + h R + b1); n = tanh(x K + b0 + r (h R + b1)); h = z h + (1 - z) n.

    Gates in the order z, r, n; b is (2, 3 H) (Cho et al. 2014, reset after the product).
    """

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Go through all steps."""
        wide = 2 * self.units
        steps = self.steps_of(x)
        sums = self.sums_of(steps, self.bias[0])
        h = self.states(steps)
        gates = np.empty_like(sums[..., :wide])  # z and r
        inner = np.empty_like(h[1:])  # (h R + b1) of n
        new = np.empty_like(h[1:])  # n
        for t, z in enumerate(sums):
            product = h[t] @ self.recurrent + self.bias[1]
            inner[t] = product[:, wide:]
            np.tanh(0.5 * (z[:, :wide] + product[:, :wide]), out=gates[t])
            gates[t] += 1
            gates[t] *= 0.5  # sigmoid(z) = (1 + tanh(z / 2)) / 2
            update, reset = gates[t, :, : self.units], gates[t, :, self.units :]
            np.tanh(z[:, wide:] + reset * inner[t], out=new[t])
            np.add(new[t], update * (h[t] - new[t]), out=h[t + 1])
        return self.outputs(h), (steps, gates, inner, new, h)

    def backward(self, delta: Array, kept: Any) -> tuple[Array | None, list[Array]]:
        """Go back; by x K + b0 and by h R + b1 the gradients differ in n alone, by the factor r."""
        steps, gates, inner, new, h = kept
        units = self.units
        arriving = self.arriving(delta, len(steps))
        update, reset = gates[..., :units], gates[..., units:]
        by_x = np.empty((*gates.shape[:2], 3 * units), gates.dtype)
        by_x[..., :units] = (h[:-1] - new) * update * (1 - update)
        by_x[..., units : 2 * units] = inner * reset * (1 - reset)
        by_x[..., 2 * units :] = (1 - update) * (1 - new * new)
        by_r = np.empty_like(by_x)
        by_h = np.zeros_like(h[0])
        for t in reversed(range(len(steps))):
            by_h += arriving[t]
            z, r, n = (by_x[t, :, k * units : (k + 1) * units] for k in range(3))
            z *= by_h
            n *= by_h
            r *= n
            by_r[t] = by_x[t]
            by_r[t, :, 2 * units :] *= reset[t]
            by_h *= update[t]
            by_h += by_r[t] @ self.recurrent.T
        back, (kernel, recurrent, bias) = self.gradients(steps, h, by_x, by_r)
        return back, [kernel, recurrent, np.stack([bias, by_r.sum(axis=(0, 1))])]
