"""A Keras model of a network, on any backend: its layers, stacked or joined, and its masks."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from samenet.adapters.keras import layers as kinds
from samenet.spec import Network


def rows_of(network: Network) -> keras.KerasTensor:
    """Return what enters: rows of numbers, or of token numbers."""
    return keras.Input(network.input_shape, dtype="int32" if network.vocabulary else None)


def model_of(network: Network, layers: Sequence[keras.layers.Layer | None]) -> keras.Model:
    """Return the model as Keras users write it, Sequential if it is a chain; it gives logits."""
    if any(place.kind in kinds.BRANCHES for place in network.places):
        rows = rows_of(network)
        return keras.Model(rows, connected(network, layers, rows))
    held = [layer for layer in layers if layer is not None]
    return keras.Sequential([rows_of(network), *held])


def with_masks(network: Network, layers: Sequence[keras.layers.Layer | None]) -> keras.Model:
    """Return the model of the same layers for training with dropout: its masks are more inputs."""
    rows = rows_of(network)
    masks = [keras.Input(place.outputs) for place in network.places if place.dropout]
    return keras.Model([rows, *masks], connected(network, layers, rows, masks))


def connected(
    network: Network,
    layers: Sequence[keras.layers.Layer | None],
    values: keras.KerasTensor,
    masks: Sequence[keras.KerasTensor] = (),
) -> keras.KerasTensor:
    """Return what leaves the network; with masks, what leaves a place is multiplied by its own."""
    left = iter(masks)
    calls = kinds.calls(network, layers, training=False)
    for place, call in zip(network.places, calls, strict=True):
        values = call(values)
        if masks and place.dropout:
            values = keras.layers.multiply([values, next(left)])
    return values
