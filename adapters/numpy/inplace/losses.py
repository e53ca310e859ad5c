"""Losses in place: the linear outputs z become the gradient of the loss by them.

Outputs and targets y are (outputs, rows), a line for each class or target: what softmax takes the
maximum and the sum of lies in few long lines, which NumPy vectorises, not in many short ones. The
gradient lacks a factor, which is multiplied in together with 1 / rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy

from samenet.adapter import Array
from samenet.adapters.numpy.inplace.operations import (
    Operation,
    copy,
    largest_of_columns,
    number,
    sum_of_products,
)
from samenet.spec import Loss


class LossInPlace(NamedTuple):
    """The operations; the factor that the gradient lacks; loss = (total - fit) * factor / rows.

    `total` and `fit` are single numbers, kept as arrays that the operations write to.
    """

    operations: list[Operation]
    factor: float
    total: Array
    fit: Array


def softmax_cross_entropy(z: Array, y: Array, loss: Loss) -> LossInPlace:
    """sum(log(sum(exp(z)))) - sum(y z), z less the row's largest; gradient softmax - y."""
    del loss  # the targets are smoothed already
    outputs, rows = z.shape
    line = np.empty((1, rows), z.dtype)
    ones = np.ones((1, outputs), z.dtype)
    total = number(0, z)
    fit = number(0, z)
    operations: list[Operation] = [
        largest_of_columns(z, line),
        (np.subtract, z, line, z),
        sum_of_products(y, z, fit),
        (np.exp, z, z),
        (np.dot, ones, z, line),  # a product adds up in half the time of a sum
        (np.divide, z, line, z),
        (np.subtract, z, y, z),
        (np.log, line, line),
        sum_of_products(line, np.ones_like(line), total),
    ]
    return LossInPlace(operations, 1.0, total, fit)


def binary_cross_entropy(z: Array, y: Array, loss: Loss) -> LossInPlace:
    """sum(softplus(z) - y z); gradient sigmoid(z) - y."""
    del loss  # the targets are smoothed already
    part = np.empty_like(z)
    fitted = np.empty_like(z)
    total = number(0, z)
    operations: list[Operation] = [
        (np.logaddexp, z, number(0, z), part),
        (np.multiply, y, z, fitted),
        (np.subtract, part, fitted, part),  # row by row: large numbers that cancel
        sum_of_products(part, np.ones_like(z), total),
        (scipy.special.expit, z, z),
        (np.subtract, z, y, z),
    ]
    return LossInPlace(operations, 1.0, total, number(0, z))


def mean_squared_error(z: Array, y: Array, loss: Loss) -> LossInPlace:
    """sum(e^2) with e = z - y; gradient 2 e."""
    del loss  # it has no constants
    total = number(0, z)
    fit = number(0, z)
    operations = [(np.subtract, z, y, z), sum_of_products(z, z, total), (np.add, z, z, z)]
    return LossInPlace(operations, 1 / len(z), total, fit)


def mean_absolute_error(z: Array, y: Array, loss: Loss) -> LossInPlace:
    """sum(|e|) with e = z - y; gradient sign(e)."""
    del loss  # it has no constants
    part = np.empty_like(z)
    total = number(0, z)
    fit = number(0, z)
    operations: list[Operation] = [
        (np.subtract, z, y, z),
        (np.absolute, z, part),
        sum_of_products(part, np.ones_like(z), total),
        (np.sign, z, z),
    ]
    return LossInPlace(operations, 1 / len(z), total, fit)


def huber(z: Array, y: Array, loss: Loss) -> LossInPlace:
    """sum(n (e - n/2)) with e = z - y and n = e, clipped to delta; gradient n."""
    near = np.empty_like(z)
    total = number(0, z)
    fit = number(0, z)
    operations: list[Operation] = [
        (np.subtract, z, y, z),
        (np.minimum, z, number(loss.delta, z), near),
        (np.maximum, near, number(-loss.delta, z), near),
        sum_of_products(near, z, total),
        copy(near, z),
        (np.multiply, near, number(0.5, z), near),
        sum_of_products(near, z, fit),
    ]
    return LossInPlace(operations, 1 / len(z), total, fit)


LOSSES: dict[str, Callable[[Array, Array, Loss], LossInPlace]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": softmax_cross_entropy,
    "sparse_categorical_cross_entropy": softmax_cross_entropy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
}
