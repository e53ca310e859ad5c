"""Bare NumPy: a textbook's loop, and one that writes into arrays made once."""

from __future__ import annotations

import numpy as np
from case import Array, Bare, Case, Steps, nothing

LOOPS = {
    "numpy:plain": {
        "one-hot targets": {},
        "class numbers": {"numbers": True},
        "one-hot targets, vdot": {"vdot": True},
    },
    "numpy:buffers": {"a matrix per layer": {}},
}


class PlainRule:
    """SGD or Adam as in a textbook, arrays made anew."""

    def __init__(self, case: Case, parameters: list[Array]) -> None:
        """Adam's moments start at zero."""
        self.case, self.steps, self.parameters = case, Steps(case), parameters
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]

    def update(self, gradients: list[Array]) -> None:
        """Take one step."""
        if self.case.adam is None:
            for p, g in zip(self.parameters, gradients, strict=True):
                p -= self.case.rate * g
            return
        (rate, root), (beta1, beta2, epsilon) = self.steps.factors(1)[0], self.case.adam
        for p, (m, v), g in zip(self.parameters, self.moments, gradients, strict=True):
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g * g - v)
            p -= rate * m / (np.sqrt(v) / root + epsilon)


def plain(case: Case, *, numbers: bool = False, vdot: bool = False) -> Bare:
    """Forward, backward and update as in a textbook, with matrices for whole batches."""
    parameters = [part.copy() for pair in case.weights for part in pair]
    w1, b1, w2, b2, w3, b3 = parameters
    rule = PlainRule(case, parameters)
    inputs, every = case.inputs, np.arange(case.batch_size)
    targets = case.targets if numbers else np.eye(len(b3), dtype=np.float32)[case.targets]
    losses: list[float] = []

    def train(order: Array) -> None:
        losses.clear()
        for rows in order:
            x, y = inputs[rows], targets[rows]
            z1 = x @ w1 + b1
            a1 = np.maximum(z1, 0)
            z2 = a1 @ w2 + b2
            a2 = np.maximum(z2, 0)
            z3 = a2 @ w3 + b3

            shifted = z3 - z3.max(axis=1, keepdims=True)
            exponentials = np.exp(shifted)
            sums = exponentials.sum(axis=1, keepdims=True)
            if vdot:
                losses.append(float((np.log(sums).sum() - np.vdot(y, shifted)) / len(x)))
            else:
                fit = shifted[every, y] if numbers else (y * shifted).sum(axis=1)
                losses.append(float(np.mean(np.log(sums[:, 0]) - fit)))

            d3 = exponentials / sums
            if numbers:
                d3[every, y] -= 1
            else:
                d3 -= y
            d3 /= len(x)
            d2 = (d3 @ w3.T) * (z2 > 0)
            d1 = (d2 @ w2.T) * (z1 > 0)
            pairs = ((x, d1), (a1, d2), (a2, d3))
            rule.update([g for values, d in pairs for g in (values.T @ d, d.sum(axis=0))])

    return Bare(train, nothing, lambda: np.array(losses), lambda: parameters)


class InPlaceRule:
    """SGD or Adam into arrays made once; the gradients become the steps."""

    def __init__(self, case: Case, layers: list[Array]) -> None:
        """Adam's moments start at zero."""
        self.case, self.steps, self.layers = case, Steps(case), layers
        self.moments = [tuple(np.zeros_like(layer) for _ in range(3)) for layer in layers]
        self.epsilon, self.size = np.empty((), np.float32), np.empty((), np.float32)

    def update(self, gradients: list[Array]) -> None:
        """Take one step."""
        if self.case.adam is None:  # the rate is in the gradients
            for layer, g in zip(self.layers, gradients, strict=True):
                np.subtract(layer, g, layer)
            return
        (rate, root), (beta1, beta2, epsilon) = self.steps.factors(1)[0], self.case.adam
        fade1, fade2 = np.float32(beta1), np.float32(beta2)
        self.epsilon[...] = epsilon * root / (1 - beta2) ** 0.5
        self.size[...] = rate * (1 - beta1) * root / (1 - beta2) ** 0.5
        for layer, (m, v, scratch), g in zip(self.layers, self.moments, gradients, strict=True):
            np.multiply(m, fade1, m)
            np.add(m, g, m)
            np.square(g, scratch)
            np.multiply(v, fade2, v)
            np.add(v, scratch, v)
            np.sqrt(v, scratch)
            np.add(scratch, self.epsilon, scratch)
            np.divide(m, scratch, scratch)
            np.multiply(scratch, self.size, scratch)
            np.subtract(layer, scratch, layer)


def buffers(case: Case) -> Bare:
    """The same in place. A column of ones beside what enters a layer makes its bias a row more."""
    rows_each, classes = case.batch_size, len(case.weights[-1][1])
    layers = [np.vstack([kernel, bias]) for kernel, bias in case.weights]
    w1, w2, w3 = layers
    k2, k3 = w2[:-1].T, w3[:-1].T
    g1, g2, g3 = (np.empty_like(layer) for layer in layers)
    inputs = np.hstack([case.inputs, np.ones((len(case.inputs), 1), np.float32)])
    one_hot = np.ascontiguousarray(np.eye(classes, dtype=np.float32)[case.targets].T)
    x, a1, a2 = (np.ones((rows_each, len(layer)), np.float32) for layer in layers)
    z1, z2 = a1[:, :-1], a2[:, :-1]
    d1, d2 = np.empty(z1.shape, np.float32), np.empty(z2.shape, np.float32)
    on1, on2 = np.empty(z1.shape, bool), np.empty(z2.shape, bool)
    z3, y = np.empty((classes, rows_each), np.float32), np.empty((classes, rows_each), np.float32)
    line, ones = np.empty((1, rows_each), np.float32), np.ones((1, classes), np.float32)
    rate = case.rate if case.adam is None else 1.0
    zero, scale = np.float32(0), np.float32(rate / rows_each)
    rule = InPlaceRule(case, layers)
    results = [np.empty(0)]

    def train(order: Array) -> None:
        losses = np.empty(len(order))
        for step, rows in enumerate(order):
            np.take(inputs, rows, 0, x, "clip")
            np.take(one_hot, rows, 1, y, "clip")
            np.matmul(x, w1, z1)
            np.maximum(z1, zero, out=z1)
            np.matmul(a1, w2, z2)
            np.maximum(z2, zero, out=z2)
            np.matmul(w3.T, a2.T, z3)

            np.maximum.reduce(z3, 0, None, line, keepdims=True)
            np.subtract(z3, line, z3)
            fit = np.vdot(y, z3)
            np.exp(z3, z3)
            np.matmul(ones, z3, line)
            np.divide(z3, line, z3)
            np.subtract(z3, y, z3)
            np.log(line, line)
            losses[step] = (line.sum() - fit) / rows_each

            np.multiply(z3, scale, z3)  # of SGD the rate is in: its gradients are steps
            d3 = z3.T
            np.matmul(a2.T, d3, g3)
            np.matmul(d3, k3, d2)
            np.greater(z2, zero, on2)
            np.multiply(d2, on2, d2)
            np.matmul(a1.T, d2, g2)
            np.matmul(d2, k2, d1)
            np.greater(z1, zero, on1)
            np.multiply(d1, on1, d1)
            np.matmul(x.T, d1, g1)
            rule.update([g1, g2, g3])
        results[0] = losses

    return Bare(
        train,
        nothing,
        lambda: results[0],
        lambda: [part for layer in layers for part in (layer[:-1], layer[-1])],
    )
