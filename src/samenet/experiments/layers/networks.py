"""The networks that single layers are timed in: every kind at three sizes, defined once, here.

A network is the layer and what has to stand around it, and nothing else:

    before it   the least that has weights, so that the gradient has to pass through the layer as it
                does inside a network: a dense layer that spreads one number per place over the
                channels, two operations per number. In two kinds it is positions, on all channels:
                before a mean over all places, whose gradients are all equal, the sum of thousands
                of equal numbers would be what is proved; and attention would see but one number per
                step. Nothing stands before a layer that takes rows (dense) or token numbers
                (embedding): there the gradient goes to its weights alone.
    after it    flatten, where there are places, and the linear head of one output

Sizes are per kind: S is mostly what a framework does around the arithmetic, L mostly arithmetic, M
between them: about 0.1, 2 and 20 milliseconds of training step on one thread of a server. Heads of
attention are 16 wide: the root of a power of 4 is exact in binary.

There is nothing to learn: inputs and targets are random. All rows to train on are one batch, so
that a call is one step, and the rate is so small that weights stay what they are about.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from samenet._text import quote_value
from samenet.analysis.subset import LAYERS_SOURCE, is_single_layer
from samenet.errors import UsageError
from samenet.spec.layers import KINDS, Shape
from samenet.spec.network import Network, TaskKind
from samenet.spec.parsing import parse
from samenet.spec.presets import BATCH_NORM_EPSILON, LAYER_NORM_EPSILON, RATE
from samenet.spec.task import Task

Values = dict[str, Any]
"""The plain data of a layer, as a task file has them."""

SIZES = ("S", "M", "L")


class Size(NamedTuple):
    """One size of a kind: what enters the layer, how many rows, and what the layer has."""

    shape: Shape
    """Of a row at the layer: channels last; of token numbers (steps,)."""
    batch_size: int
    layer: Values
    """Without its kind."""
    vocabulary: int = 0


IMAGES = (((8, 8, 8), 16), ((16, 16, 8), 32), ((16, 16, 16), 128))
SEQUENCES = (((16, 32), 16), ((32, 64), 32), ((32, 128), 64))
RECURRENT = (((8, 8), 16, 16), ((32, 32), 32, 64), ((64, 64), 32, 128))
"""Of what enters, rows, and units."""


def _on(places: Iterable[tuple[Shape, int]], **layer: Any) -> tuple[Size, ...]:
    """Return a kind with the same settings at each of three sizes."""
    return tuple(Size(shape, rows, layer) for shape, rows in places)


def _recurrent() -> tuple[Size, ...]:
    return tuple(Size(shape, rows, {"units": units}) for shape, rows, units in RECURRENT)


TABLE: dict[str, tuple[Size, ...]] = {
    "dense": (
        Size((32,), 32, {"units": 32}),
        Size((256,), 64, {"units": 256}),
        Size((1024,), 128, {"units": 1024}),
    ),
    "conv1d": (
        Size((32, 8), 16, {"filters": 8}),
        Size((64, 16), 32, {"filters": 32}),
        Size((128, 32), 64, {"filters": 64}),
    ),
    "conv2d": (
        Size((8, 8, 8), 16, {"filters": 8}),
        Size((16, 16, 8), 32, {"filters": 16}),
        Size((16, 16, 16), 64, {"filters": 32}),
    ),
    "max_pool": _on(IMAGES, size=2),
    "average_pool": _on(IMAGES, size=2),
    "global_average_pool": _on(SEQUENCES),
    "global_max_pool": _on(IMAGES),
    "flatten": _on(IMAGES),
    "batch_norm": _on(IMAGES, rate=RATE, epsilon=BATCH_NORM_EPSILON),
    "layer_norm": _on(SEQUENCES, epsilon=LAYER_NORM_EPSILON),
    "dropout": _on(IMAGES, rate=0.5),
    "embedding": (
        Size((16,), 16, {"width": 16}, vocabulary=100),
        Size((32,), 32, {"width": 64}, vocabulary=1_000),
        Size((32,), 64, {"width": 128}, vocabulary=10_000),
    ),
    "positions": _on(SEQUENCES),
    "simple_rnn": _recurrent(),
    "lstm": _recurrent(),
    "gru": _recurrent(),
    "attention": tuple(Size(shape, rows, {"heads": shape[-1] // 16}) for shape, rows in SEQUENCES),
    "activation": _on(IMAGES, activation="gelu"),
    "residual": tuple(
        Size(shape, rows, {"layers": [{"kind": "dense", "units": shape[-1]}]})
        for shape, rows in SEQUENCES
    ),
}
"""By kind, in the order of the spec: small, medium, large."""

BEFORE: dict[str, Values | None] = {
    "dense": None,
    "embedding": None,
    "global_average_pool": {"kind": "positions"},
    "attention": {"kind": "positions"},
}
"""What stands before a layer, if not a dense layer from one number per place to all channels."""

WITHOUT_PLACES = (
    *("dense", "flatten", "global_average_pool", "global_max_pool"),
    *("simple_rnn", "lstm", "gru"),
)
"""What gives numbers without places, which the head takes as they are."""

LEARNING_RATE = 2.0**-14
TEST_ROWS = 16
SEED = 0


def layer_tasks(kinds: Sequence[str] = (), sizes: Sequence[str] = ()) -> tuple[Task, ...]:
    """Return the networks of some kinds in some sizes as tasks; without any, of all.

    Raises UsageError for a kind or a size that there is not.
    """
    kinds = [_known("layer", kind, KINDS) for kind in kinds] or list(TABLE)
    sizes = [_known("size", size.upper(), SIZES) for size in sizes] or list(SIZES)
    return tuple(
        _task(kind, size) for kind in dict.fromkeys(kinds) for size in SIZES if size in sizes
    )


def _known(what: str, name: str, names: Sequence[str]) -> str:
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
    raise UsageError(f"There is no {what} {quote_value(name)}; {hint}.")


def _task(kind: str, size_name: str) -> Task:
    size = TABLE[kind][SIZES.index(size_name)]
    shape = size.shape
    before = BEFORE.get(kind, {"kind": "dense", "units": shape[-1]})
    if kind not in BEFORE:
        shape = (*shape[:-1], 1)
    after = [] if kind in WITHOUT_PLACES else [{"kind": "flatten"}]
    options: Values = {"rows": size.batch_size + TEST_ROWS, "numbers": math.prod(shape)}
    if size.vocabulary:
        options["vocabulary"] = size.vocabulary
    values = {
        "name": f"{kind}-{size_name}",
        "title": f"{kind} {size_name}: {describe_size(size)}",
        "kind": TaskKind.REGRESSION,
        "data": {
            "source": LAYERS_SOURCE,
            "options": {**options, "seed": SEED},
            "test_rows": TEST_ROWS,
            "shape": shape if kind != "dense" else (),
            "vocabulary": size.vocabulary,
        },
        "model": {"layers": [*filter(None, [before]), {"kind": kind, **size.layer}, *after]},
        "training": {
            "loss": "mean_squared_error",
            "batch_size": size.batch_size,
            "epochs": 1,
            "optimizer": {"name": "sgd", "learning_rate": LEARNING_RATE},
        },
    }
    return parse(Task, values, where="samenet layers")


def describe_size(size: Size) -> str:
    """Return a size as tables show it: '16 × 16 × 16 to 16 filters, batch 32'."""
    entering = " × ".join(map(str, size.shape))
    if size.vocabulary:
        entering += f" of {size.vocabulary:,} tokens".replace(",", " ")
    shown = [f"{value} {name}" for name, value in size.layer.items() if name in SHOWN]
    return f"{' to '.join([entering, *shown])}, batch {size.batch_size}"


SHOWN = ("units", "filters", "width", "heads")
"""The settings of a layer that are part of its size."""


def kind_of(task: Task) -> str:
    """Return the kind of layer that a task is about."""
    return task.name.rpartition("-")[0]


def size_of(task: Task) -> str:
    """Return the size of it: S, M or L."""
    return task.name.rpartition("-")[2]


def single_layers(tasks: Iterable[Task]) -> list[Task]:
    """Return those tasks of a run that are single layers."""
    return [task for task in tasks if is_single_layer(task)]


def network_of(task: Task) -> Network:
    """Return the network of a single layer."""
    data = task.data
    inputs = data.shape or int(data.options["numbers"])
    return task.model.network(inputs=inputs, outputs=1, vocabulary=data.vocabulary)
