"""Bare NumPy: a textbook's loop, and one that writes into arrays made once."""

from __future__ import annotations

import numpy as np
from case import Array, Bare, Case, nothing

LOOPS = {"numpy:plain": "plain", "numpy:buffers": "buffers"}


def plain(case: Case) -> Bare:
    """Forward, backward and update as in a textbook, with matrices for whole batches."""
    kernels, biases = ([part.copy() for part in parts] for parts in zip(*case.weights, strict=True))
    inputs, rate = case.inputs, case.rate
    targets = np.eye(len(biases[-1]), dtype=np.float32)[case.targets]
    losses: list[float] = []

    def train(order: Array) -> None:
        losses.clear()
        for rows in order:
            x, y = inputs[rows], targets[rows]
            z1 = x @ kernels[0] + biases[0]
            a1 = np.maximum(z1, 0)
            z2 = a1 @ kernels[1] + biases[1]
            a2 = np.maximum(z2, 0)
            z3 = a2 @ kernels[2] + biases[2]

            shifted = z3 - z3.max(axis=1, keepdims=True)
            exponentials = np.exp(shifted)
            sums = exponentials.sum(axis=1, keepdims=True)
            losses.append(float(np.mean(np.log(sums[:, 0]) - (y * shifted).sum(axis=1))))

            d3 = (exponentials / sums - y) / len(x)
            d2 = (d3 @ kernels[2].T) * (z2 > 0)
            d1 = (d2 @ kernels[1].T) * (z1 > 0)
            for i, (values, delta) in enumerate(((x, d1), (a1, d2), (a2, d3))):
                kernels[i] -= rate * (values.T @ delta)
                biases[i] -= rate * delta.sum(axis=0)

    return Bare(
        train,
        nothing,
        lambda: np.array(losses),
        lambda: [part for pair in zip(kernels, biases, strict=True) for part in pair],
    )


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
    zero, scale = np.float32(0), np.float32(case.rate / rows_each)
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

            np.multiply(z3, scale, z3)  # from here on the rate is in: gradients are steps
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
            np.subtract(w1, g1, w1)
            np.subtract(w2, g2, w2)
            np.subtract(w3, g3, w3)
        results[0] = losses

    return Bare(
        train,
        nothing,
        lambda: results[0],
        lambda: [part for layer in layers for part in (layer[:-1], layer[-1])],
    )
