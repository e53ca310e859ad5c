"""One row per kind of layer: the modules that PyTorch's users write, the operation, the weights.

PyTorch wants channels before places where it looks through windows, (B, C, H, W) or (B, C, T), and
behind them elsewhere; which of the two a kind wants stands in its row, and `chain` turns what
passes between them. A turn is a view: an image in memory as (B, H, W, C), seen as (B, C, H, W), is
what PyTorch calls channels_last, and the form in which its convolutions are fastest (on one core,
0.6 of the time of the other form for 32 x 32 x 3 and filters 32 and 64; equal for 28 x 28 x 1).
https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samenet.spec.layers import Place

Operation = Callable[..., Tensor]
"""Takes what enters a layer, then its tensors: the trained ones first, as the module has them."""

Channels = Literal["before", "behind"]
"""Where channels stand: before the places of an image or a sequence, or behind them."""


Phase = Literal["training", "use"]


class Piece(NamedTuple):
    """The same numbers on both sides: `tensor[rows]`, its axes permuted, is `array[part]`."""

    tensor: str
    """As the module names it."""
    array: str
    """As the spec names it."""
    axes: tuple[int, ...] = ()
    """The tensor's axes in the order of the array's; empty if that is their own."""
    rows: slice = slice(None)
    part: tuple[Any, ...] = (...,)

    def of(self, tensor: Tensor) -> Tensor:
        """Return the numbers in the order of the array, in the memory of the tensor."""
        rows = tensor[self.rows]
        return rows.permute(self.axes) if self.axes else rows


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A row of the table."""

    modules: Callable[[Place], Sequence[nn.Module]]
    """The layer as users write it; one of the modules has the tensors, or none."""
    operation: Callable[[Place, Phase], Operation]
    """What it computes, in training or in use."""
    pieces: Callable[[Place], Sequence[Piece]] = lambda place: ()
    """How the spec's arrays lie in the tensors. One of which no piece tells is 0, and not trained:
    nn.LSTM and nn.RNN add a second bias, which would move the sum of both twice as far."""
    channels: Channels | None = None
    """Where it wants them; None: wherever they are."""


TURNED = (1, 0)
"""Linear layers hold their kernels as (outputs, inputs)."""


def kernel_and_bias(place: Place, axes: tuple[int, ...]) -> list[Piece]:
    """Return the pieces of a layer that may be without a bias: one directly before a batch_norm."""
    pieces = [Piece("weight", "kernel", axes), Piece("bias", "bias")]
    return [piece for piece in pieces if piece.array in place.parameters]


def has_bias(place: Place) -> bool:
    """Return whether the layer has a bias."""
    return "bias" in place.parameters


class Windows(NamedTuple):
    """The windows of a convolution or a pool, in PyTorch's words."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    """At both ends of every axis, if that can be said so."""
    around: tuple[int, ...]
    """Else, of every axis, the last one first, what is put before and behind it beforehand."""


def windows_of(place: Place) -> Windows:
    """Return the windows; "same" puts an odd zero behind, which no padding=1 does."""
    layer: Any = place.layer
    axes = len(place.inputs) - 1
    ends = layer.paddings(place.inputs)
    even = all(before == behind for before, behind in ends)
    return Windows(
        size=tuple(layer.sizes(axes)),
        stride=tuple(layer.strides(axes)),
        padding=tuple(before if even else 0 for before, _ in ends),
        around=() if even else tuple(number for pair in reversed(ends) for number in pair),
    )


def windowed(
    place: Place, layer: Callable[[Windows], nn.Module], value: float
) -> Sequence[nn.Module]:
    """Return a layer of windows, after one that puts `value` around what enters, if need be."""
    windows = windows_of(place)
    pad: Any = nn.ConstantPad2d if len(place.inputs) == 3 else nn.ConstantPad1d
    before = [pad(windows.around, value)] if windows.around else []
    return [*before, layer(windows)]


def through_windows(place: Place, operation: Callable[..., Tensor], value: float) -> Operation:
    """Return an operation on windows, on what enters with `value` around it, if need be."""
    windows = windows_of(place)
    looked = partial(operation, stride=windows.stride, padding=windows.padding)
    if not windows.around:
        return looked
    return lambda inputs, *tensors: looked(F.pad(inputs, windows.around, value=value), *tensors)


def convolution_modules(place: Place) -> Sequence[nn.Module]:
    """Return nn.Conv1d or nn.Conv2d, the kernel of an image in the order of its rows."""
    made: Any = nn.Conv1d if place.kind == "conv1d" else nn.Conv2d
    channels, filters, bias = place.inputs[-1], place.outputs[-1], has_bias(place)
    modules = windowed(
        place, lambda of: made(channels, filters, of.size, of.stride, of.padding, bias=bias), 0.0
    )
    if place.kind == "conv2d":
        modules[-1].to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return modules


def convolution(place: Place, phase: Phase) -> Operation:
    """Return a cross-correlation."""
    del phase
    return through_windows(place, F.conv1d if place.kind == "conv1d" else F.conv2d, 0.0)


def pool_modules(place: Place) -> Sequence[nn.Module]:
    """Return the pool of images or of sequences."""
    image = len(place.inputs) == 3
    if place.kind == "max_pool":
        largest: Any = nn.MaxPool2d if image else nn.MaxPool1d
        return windowed(place, lambda of: largest(of.size, of.stride, of.padding), -torch.inf)
    mean: Any = nn.AvgPool2d if image else nn.AvgPool1d
    return windowed(place, lambda of: mean(of.size, of.stride), 0.0)


def pool(place: Place, phase: Phase) -> Operation:
    """Return the largest or the mean of each window."""
    del phase
    image, size = len(place.inputs) == 3, windows_of(place).size
    if place.kind == "max_pool":
        function = F.max_pool2d if image else F.max_pool1d
        return through_windows(place, partial(function, kernel_size=size), -torch.inf)
    mean = F.avg_pool2d if image else F.avg_pool1d
    return through_windows(place, partial(mean, kernel_size=size), 0.0)


def global_pool_modules(place: Place) -> Sequence[nn.Module]:
    """Return an adaptive pool to one place, which is then left out."""
    image = len(place.inputs) == 3
    if place.kind == "global_max_pool":
        return [nn.AdaptiveMaxPool2d(1) if image else nn.AdaptiveMaxPool1d(1), nn.Flatten()]
    return [nn.AdaptiveAvgPool2d(1) if image else nn.AdaptiveAvgPool1d(1), nn.Flatten()]


def global_pool(place: Place, phase: Phase) -> Operation:
    """Return the mean or the largest over all places."""
    del phase
    axes = (2, 3) if len(place.inputs) == 3 else (2,)
    if place.kind == "global_average_pool":
        return lambda inputs: inputs.mean(axes)
    return lambda inputs: inputs.amax(axes)


def batch_norm_modules(place: Place) -> Sequence[nn.Module]:
    """Return nn.BatchNorm2d of an image, else nn.BatchNorm1d."""
    layer: Any = place.layer
    kind = nn.BatchNorm2d if len(place.inputs) == 3 else nn.BatchNorm1d
    return [kind(place.inputs[-1], layer.epsilon, layer.rate)]


def batch_norm(place: Place, phase: Phase) -> Operation:
    """Return the normalisation by the batch, which also moves what is kept; or by what is kept."""
    layer: Any = place.layer
    training = phase == "training"

    def normalise(inputs: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, var: Tensor) -> Any:
        return F.batch_norm(inputs, mean, var, scale, offset, training, layer.rate, layer.epsilon)

    return normalise


def layer_norm_modules(place: Place) -> Sequence[nn.Module]:
    """Return nn.LayerNorm of the last axis."""
    layer: Any = place.layer
    return [nn.LayerNorm(place.inputs[-1], layer.epsilon)]


def layer_norm(place: Place, phase: Phase) -> Operation:
    """Return the normalisation of every place by itself."""
    del phase
    layer: Any = place.layer
    features = place.inputs[-1:]
    return lambda inputs, scale, offset: F.layer_norm(
        inputs, features, scale, offset, layer.epsilon
    )


def embedding_modules(place: Place) -> Sequence[nn.Module]:
    """Return nn.Embedding, whose gradient is dense: of rows that do not occur it is 0."""
    vocabulary, width = place.parameters["table"].shape
    return [nn.Embedding(vocabulary, width)]


class Positions(nn.Module):
    """A trained row for every place of a sequence."""

    def __init__(self, steps: int, width: int) -> None:
        """Make the table."""
        super().__init__()
        self.table = nn.Parameter(torch.zeros(steps, width))

    def forward(self, inputs: Tensor) -> Tensor:
        """Add it."""
        return inputs + self.table


class Steps(nn.Module):
    """What is taken of a recurrent layer's answer, (outputs of all steps, last state)."""

    def __init__(self, *, every: bool) -> None:
        """Take every step or the last one."""
        super().__init__()
        self.every = every

    def forward(self, answer: tuple[Tensor, Any]) -> Tensor:
        """Return outputs."""
        return answer[0] if self.every else answer[0][:, -1]


RECURRENT: dict[str, Callable[..., nn.Module]] = {
    "simple_rnn": nn.RNN,
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


def recurrent_modules(place: Place) -> Sequence[nn.Module]:
    """Return nn.RNN, nn.LSTM or nn.GRU."""
    layer: Any = place.layer
    made = RECURRENT[place.kind](place.inputs[-1], layer.units, batch_first=True)
    return [made, Steps(every=layer.sequences)]


def recurrent(place: Place, phase: Phase) -> Operation:
    """Return the whole sequence in one call, as the modules make it: from zeros, without dropout.

    In float32 an LSTM is one call of oneDNN, forward and backward, on a processor (pull request
    91158 of PyTorch), and one of cuDNN on a GPU.
    """
    layer: Any = place.layer
    training = phase == "training"
    name, units, every = place.kind, layer.units, layer.sequences
    function: Any = {"simple_rnn": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}[name]

    def outputs(inputs: Tensor, *tensors: Tensor) -> Tensor:
        zeros = inputs.new_zeros(1, len(inputs), units)
        start: Any = (zeros, zeros) if name == "lstm" else zeros
        # has_biases, layers, dropout, train, bidirectional, batch_first
        found: Tensor = function(inputs, start, tensors, True, 1, 0.0, training, False, True)[0]
        return found if every else found[:, -1]

    return outputs


def recurrent_pieces(place: Place) -> list[Piece]:
    """Return both kernels and one bias."""
    del place
    return [
        Piece("weight_ih_l0", "kernel", TURNED),
        Piece("weight_hh_l0", "recurrent", TURNED),
        Piece("bias_ih_l0", "bias"),
    ]


def gru_pieces(place: Place) -> list[Piece]:
    """Return them for the gates z, r, n, which PyTorch has in the order r, z, n; two biases."""
    layer: Any = place.layer
    found = []
    for ours, theirs in enumerate((1, 0, 2)):
        gate = slice(ours * layer.units, (ours + 1) * layer.units)
        rows = slice(theirs * layer.units, (theirs + 1) * layer.units)
        found += [
            Piece("weight_ih_l0", "kernel", TURNED, rows, (..., gate)),
            Piece("weight_hh_l0", "recurrent", TURNED, rows, (..., gate)),
            Piece("bias_ih_l0", "bias", (), rows, (0, gate)),
            Piece("bias_hh_l0", "bias", (), rows, (1, gate)),
        ]
    return found


class SelfAttention(nn.MultiheadAttention):
    """PyTorch's module of a sequence with itself."""

    def __init__(self, width: int, heads: int, steps: int, *, causal: bool) -> None:
        """Make it without biases."""
        super().__init__(width, heads, bias=False, batch_first=True)
        self.causal = causal
        mask = nn.Transformer.generate_square_subsequent_mask(steps) if causal else None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:  # type: ignore[override]
        """Return what the heads see, without their weights."""
        mask: Any = self.mask
        outputs, _ = super().forward(
            *(inputs, inputs, inputs), need_weights=False, attn_mask=mask, is_causal=self.causal
        )
        return outputs


def attention_modules(place: Place) -> Sequence[nn.Module]:
    """Return nn.MultiheadAttention."""
    layer: Any = place.layer
    steps, width = place.inputs
    return [SelfAttention(width, layer.heads, steps, causal=layer.causal)]


def attention(place: Place, phase: Phase) -> Operation:
    """Return one product for queries, keys and values, and PyTorch's fused attention.

    It divides by the root of a head's width, as the spec does.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
    """
    del phase
    layer: Any = place.layer
    heads, causal = layer.heads, layer.causal
    shape = (heads, place.inputs[-1] // heads)

    def outputs(inputs: Tensor, packed: Tensor, output: Tensor) -> Tensor:
        parts = F.linear(inputs, packed).chunk(3, -1)
        queries, keys, values = (part.unflatten(-1, shape).transpose(1, 2) for part in parts)
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=causal)
        return F.linear(seen.transpose(1, 2).flatten(2), output)

    return outputs


def attention_pieces(place: Place) -> list[Piece]:
    """Return query, key and value, which PyTorch packs in one tensor, and output."""
    width = place.inputs[-1]
    packed = [
        Piece("in_proj_weight", name, TURNED, slice(i * width, (i + 1) * width))
        for i, name in enumerate(("query", "key", "value"))
    ]
    return [*packed, Piece("out_proj.weight", "output", TURNED)]


def unchanged(place: Place, phase: Phase) -> Operation:
    """Return what a layer does that is nothing but an activation, or a mask."""
    del place, phase
    return lambda inputs: inputs


SCALE_AND_OFFSET = [Piece("weight", "scale"), Piece("bias", "offset")]
NORMS = [*SCALE_AND_OFFSET, Piece("running_mean", "mean"), Piece("running_var", "variance")]

CONVOLUTION = Kind(
    modules=convolution_modules,
    operation=convolution,
    pieces=lambda place: kernel_and_bias(place, (*range(2, 1 + len(place.inputs)), 1, 0)),
    channels="before",
)
POOL = Kind(modules=pool_modules, operation=pool, channels="before")
GLOBAL_POOL = Kind(modules=global_pool_modules, operation=global_pool, channels="before")
RECURRENCE = Kind(
    modules=recurrent_modules,
    operation=recurrent,
    pieces=recurrent_pieces,
    channels="behind",
)
NOTHING = Kind(modules=lambda place: [], operation=unchanged)

ENDS = ("fork", "join")
"""Of a residual; what they do, `chain` does."""

KINDS: dict[str, Kind] = {
    "dense": Kind(
        modules=lambda place: [
            nn.Linear(place.inputs[-1], place.outputs[-1], bias=has_bias(place))
        ],
        operation=lambda place, phase: F.linear,
        pieces=lambda place: kernel_and_bias(place, TURNED),
        channels="behind",
    ),
    "conv1d": CONVOLUTION,
    "conv2d": CONVOLUTION,
    "max_pool": POOL,
    "average_pool": POOL,
    "global_average_pool": GLOBAL_POOL,
    "global_max_pool": GLOBAL_POOL,
    "flatten": Kind(
        modules=lambda place: [nn.Flatten()],
        operation=lambda place, phase: lambda inputs: inputs.flatten(1),
        channels="behind",
    ),
    "batch_norm": Kind(
        modules=batch_norm_modules,
        operation=batch_norm,
        pieces=lambda place: NORMS,
        channels="before",
    ),
    "layer_norm": Kind(
        modules=layer_norm_modules,
        operation=layer_norm,
        pieces=lambda place: SCALE_AND_OFFSET,
        channels="behind",
    ),
    "embedding": Kind(
        modules=embedding_modules,
        operation=lambda place, phase: F.embedding,
        pieces=lambda place: [Piece("weight", "table")],
        channels="behind",
    ),
    "positions": Kind(
        modules=lambda place: [Positions(*place.inputs)],
        operation=lambda place, phase: torch.add,
        pieces=lambda place: [Piece("table", "table")],
        channels="behind",
    ),
    "simple_rnn": RECURRENCE,
    "lstm": RECURRENCE,
    "gru": Kind(
        modules=recurrent_modules,
        operation=recurrent,
        pieces=gru_pieces,
        channels="behind",
    ),
    "attention": Kind(
        modules=attention_modules,
        operation=attention,
        pieces=attention_pieces,
        channels="behind",
    ),
    "activation": NOTHING,
    "dropout": NOTHING,
    **dict.fromkeys(ENDS, NOTHING),
}
