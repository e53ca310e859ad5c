"""Usual networks by a name and their sizes: `model = "cnn(16, 32)"` in a task file.

A preset is nothing but a short way to write a list of layers: it is replaced by that list when the
file is read, so a plan, a page and what `samenet init` writes show the layers themselves. All
constants are exact in binary.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from samenet._text import quote_value

Layers = list[dict[str, Any]]

RATE = 0.125
"""The share of the new in batch_norm's kept statistics."""
BATCH_NORM_EPSILON = 2.0**-10
LAYER_NORM_EPSILON = 2.0**-16

_CALL = re.compile(r"(?P<name>\w+)\((?P<sizes>[\d,\s]*)\)")


class Preset(NamedTuple):
    """How a usual network is written, and what it stands for."""

    example: str
    about: str
    """In one sentence, for documentation and messages."""
    sizes: tuple[int, int | None]
    """The fewest numbers it takes, and the most; None for any number."""
    layers: Callable[[tuple[int, ...]], Layers]
    """Takes the sizes, for rows of numbers."""
    is_over_steps: bool = False
    """Whether it goes along a sequence: of tokens an embedding then comes first."""


def _mlp(widths: tuple[int, ...]) -> Layers:
    """Return dense layers, relu."""
    return [{"kind": "dense", "units": width, "activation": "relu"} for width in widths]


def _cnn(filters: tuple[int, ...]) -> Layers:
    """Return a convolution of 3 × 3 and a pool of 2 × 2 for each number, then a dense layer."""
    blocks: Layers = []
    for count in filters:
        blocks += [_conv(count, activation="relu"), {"kind": "max_pool", "size": 2}]
    head = {"kind": "dense", "units": 2 * filters[-1], "activation": "relu"}
    return [*blocks, {"kind": "flatten"}, head]


def _conv(filters: int, **more: Any) -> dict[str, Any]:
    return {"kind": "conv2d", "filters": filters, "size": 3, "padding": "same", **more}


def _resnet(sizes: tuple[int, ...]) -> Layers:
    """Return a stem, so many residual blocks of one width, and a global pool (He et al. 2016)."""
    filters, blocks = sizes
    norm: dict[str, Any] = {"kind": "batch_norm", "rate": RATE, "epsilon": BATCH_NORM_EPSILON}
    relu = {"kind": "activation", "activation": "relu"}
    inside = [_conv(filters), norm, relu, _conv(filters), norm]
    block: Layers = [{"kind": "residual", "layers": inside}, relu]
    return [_conv(filters), norm, relu, *(block * blocks), {"kind": "global_average_pool"}]


def _recurrent(kind: str) -> Callable[[tuple[int, ...]], Layers]:
    """Return layers over the steps of a sequence; all but the last give every step on."""

    def layers(units: tuple[int, ...]) -> Layers:
        *inner, last = units
        chain: Layers = [{"kind": kind, "units": count, "sequences": True} for count in inner]
        chain.append({"kind": kind, "units": last})
        return chain

    return layers


def _transformer(sizes: tuple[int, ...]) -> Layers:
    """Return encoder blocks, norms first, and the mean over the steps (Vaswani et al. 2017)."""
    width, heads, blocks = sizes
    encoders = [{"kind": "encoder", "heads": heads, "inner": 4 * width} for _ in range(blocks)]
    norm = {"kind": "layer_norm", "epsilon": LAYER_NORM_EPSILON}
    ends: Layers = [norm, {"kind": "global_average_pool"}]
    return [{"kind": "dense", "units": width}, {"kind": "positions"}, *encoders, *ends]


PRESETS: dict[str, Preset] = {
    "mlp": Preset(
        "mlp(64, 32)",
        "dense layers of these widths with relu",
        (1, None),
        _mlp,
    ),
    "cnn": Preset(
        "cnn(16, 32)",
        "for each number of filters a conv2d of 3 × 3 with relu and a max_pool of 2; flatten; "
        "a dense layer with relu, twice as wide as the last number",
        (1, None),
        _cnn,
    ),
    "resnet": Preset(
        "resnet(16, 2)",
        "filters, blocks: conv2d, batch_norm, relu; blocks of two conv2d with batch_norm, added to "
        "what enters, relu; global_average_pool",
        (2, 2),
        _resnet,
    ),
    "lstm": Preset(
        "lstm(64)",
        "an lstm of so many units, or several one after the other; of tokens an embedding as wide "
        "as the first comes before",
        (1, None),
        _recurrent("lstm"),
        is_over_steps=True,
    ),
    "gru": Preset(
        "gru(64)",
        "the same with gru",
        (1, None),
        _recurrent("gru"),
        is_over_steps=True,
    ),
    "transformer": Preset(
        "transformer(64, 4, 2)",
        "width, heads, blocks: embedding (of numbers a dense layer), positions, encoder blocks "
        "whose inner width is four times the width, layer_norm, global_average_pool",
        (3, 3),
        _transformer,
        is_over_steps=True,
    ),
}
"""By name; each is what a task file may say instead of a list of layers."""


def expand_preset(text: str, *, tokens: bool = False) -> Layers:
    """Return the layers of a text such as "cnn(16, 32)"; ValueError says what it could be."""
    match = _CALL.fullmatch(text.strip())
    name = match["name"] if match else text.partition("(")[0].strip()
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(PRESETS)}"
        raise ValueError(f"there is no model {quote_value(name)}; {hint}")
    preset = PRESETS[name]
    sizes = tuple(int(part) for part in match["sizes"].split(",") if part.strip()) if match else ()
    least, most = preset.sizes
    too_many = len(sizes) > (most or 16)
    if len(sizes) < least or too_many or not all(1 <= size <= 65_536 for size in sizes):
        example = f"{preset.example}, whole numbers from 1 to 65536"
        raise ValueError(f"{quote_value(text)} is not written like {example}")
    layers = preset.layers(sizes)
    if tokens and preset.is_over_steps:
        rest = layers[1:] if layers[0]["kind"] == "dense" else layers
        return [{"kind": "embedding", "width": sizes[0]}, *rest]
    return layers
