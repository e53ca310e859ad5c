"""Every kind of layer with its forward and backward pass by hand, one module per family."""

from __future__ import annotations

from collections.abc import Callable

from samenet.adapters.numpy.layers import (
    attention,
    norms,
    products,
    recurrence,
    tables,
    windows,
)
from samenet.adapters.numpy.layers.chain import Drop, Elementwise, Flatten, Fork, Join
from samenet.adapters.numpy.layers.transform import Given, Transform

MAKE: dict[str, Callable[[Given], Transform]] = {
    "dense": products.dense,
    "conv1d": windows.Convolution,
    "conv2d": windows.Convolution,
    "max_pool": windows.MaxPool,
    "average_pool": windows.AveragePool,
    "global_average_pool": windows.GlobalAveragePool,
    "global_max_pool": windows.GlobalMaxPool,
    "flatten": Flatten,
    "batch_norm": norms.BatchNorm,
    "layer_norm": norms.LayerNorm,
    "embedding": tables.Embedding,
    "positions": tables.Positions,
    "simple_rnn": recurrence.SimpleRNN,
    "lstm": recurrence.LSTM,
    "gru": recurrence.GRU,
    "attention": attention.Attention,
}
"""What makes the transform of a place, by the place's kind."""

__all__ = ["MAKE", "Drop", "Elementwise", "Flatten", "Fork", "Given", "Join", "Transform"]
