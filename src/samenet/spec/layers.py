"""The kinds of layers: what each is, its formula, the shape it gives and the numbers it holds.

Shapes are those of one row, channels last: (features,), a sequence (steps, features), an image
(height, width, channels), or token numbers (steps,). x is what enters a layer, B the rows of a
batch. Every kind has one class here, and one row in each framework's table; the oracle and the
NumPy adapter have its forward and backward pass by hand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from samenet.spec.parsing import FrozenModel, GrownModel, parse_call

Shape = tuple[int, ...]

ActivationName = Literal[
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "identity"
]
SLOPE_DEFAULT = 0.01


class Activation(FrozenModel):
    """An elementwise function; written `"relu"` or `"leaky_relu(slope=0.01)"` in task files.

    sigmoid 1/(1+exp(-z)); tanh; relu max(z, 0); leaky_relu z if z > 0 else slope*z;
    elu z if z > 0 else exp(z)-1 (Clevert 2015); selu (Klambauer 2017); gelu z*Phi(z) with the exact
    normal distribution function (Hendrycks 2016); silu z*sigmoid(z); softplus log(1+exp(z)).
    """

    name: ActivationName
    slope: float = SLOPE_DEFAULT
    """Only of leaky_relu: any finite number."""

    @model_validator(mode="after")
    def _only_leaky_relu_has_a_slope(self) -> Activation:
        if (
            self.name != "leaky_relu"
            and "slope" in self.model_fields_set
            and self.slope != SLOPE_DEFAULT
        ):
            raise ValueError(f"{self.name} has no slope")
        return self

    def __str__(self) -> str:
        """Return the form used in task files."""
        return f"leaky_relu(slope={self.slope})" if self.name == "leaky_relu" else self.name


IDENTITY = Activation(name="identity")
Function = Annotated[Activation, BeforeValidator(parse_call)]

Role = Literal["kernel", "recurrent", "bias", "table", "scale", "state"]
"""What a named array is for.

kernel and recurrent are penalised and decayed, the others are not; state is kept, not trained.
"""
DECAYED: frozenset[Role] = frozenset({"kernel", "recurrent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One named array of a layer."""

    shape: Shape
    role: Role
    fan_in: int = 1
    """How many numbers enter one sum of the layer, by which initialisers scale; 1 if none does."""
    fan_out: int = 1
    start: float = 0.0
    """What biases, scales and states begin with."""

    @property
    def size(self) -> int:
        """Return how many numbers it holds."""
        return math.prod(self.shape)

    @property
    def is_decayed(self) -> bool:
        """Return whether a penalty or weight decay acts on it."""
        return self.role in DECAYED

    @property
    def is_trained(self) -> bool:
        """Return whether a gradient moves it."""
        return self.role != "state"


class WrongShapeError(ValueError):
    """What enters a layer does not fit it; says what was expected."""


class LayerSpec(GrownModel):
    """What every kind tells of itself."""

    kind: str

    def output_shape(self, shape: Shape) -> Shape:
        """Return what leaves the layer; raises WrongShapeError if `shape` does not fit it."""
        raise NotImplementedError

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return the named arrays that the layer holds where `shape` enters it."""
        del shape
        return {}

    def operations(self, shape: Shape) -> int:
        """Return multiplications and additions of the forward pass of one row."""
        return 0 * len(shape)


class Dense(LayerSpec):
    """A fully connected layer: `activation(x @ kernel + bias)` of the last axis, then dropout."""

    kind: Literal["dense"] = "dense"
    newer: ClassVar[frozenset[str]] = frozenset({"kind"})
    units: int = Field(ge=1, le=65_536)
    activation: Function = IDENTITY
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape with the last axis replaced."""
        if not shape:
            raise WrongShapeError("a dense layer needs features")
        return (*shape[:-1], self.units)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return kernel (features, units) and bias (units,)."""
        return {
            "kernel": _kernel((shape[-1], self.units)),
            "bias": Parameter(shape=(self.units,), role="bias"),
        }

    def operations(self, shape: Shape) -> int:
        """Count the products of one row."""
        return 2 * math.prod(shape) * self.units


def _kernel(shape: Shape) -> Parameter:
    places = math.prod(shape[:-2])
    return Parameter(
        shape=shape, role="kernel", fan_in=places * shape[-2], fan_out=places * shape[-1]
    )


Padding = Literal["same", "valid"]


def windows(length: int, size: int, stride: int, padding: Padding) -> int:
    """Return how many windows fit along an axis.

    same: ceil(length / stride), zeros around, the odd one after; valid: only whole windows.
    https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    """
    if padding == "same":
        return -(-length // stride)
    return (length - size) // stride + 1


def padding_of(length: int, size: int, stride: int, padding: Padding) -> tuple[int, int]:
    """Return how many zeros (of a max pool: minus infinities) stand before and after an axis."""
    if padding == "valid":
        return 0, 0
    total = max((windows(length, size, stride, padding) - 1) * stride + size - length, 0)
    return total // 2, total - total // 2


def _windowed(layer: _Windowed, shape: Shape) -> Shape:
    axes = len(shape) - 1
    found = []
    for length, size, stride in zip(shape, layer.sizes(axes), layer.strides(axes), strict=False):
        count = windows(length, size, stride, layer.padding)
        if count < 1:
            raise WrongShapeError(f"at least {size} along every axis for its windows")
        found.append(count)
    return tuple(found)


class _Windowed(LayerSpec):
    """A kind that looks through windows of `size` every `stride` along each axis but the last."""

    axes: ClassVar[int] = 0
    """How many axes a convolution goes along; a pool takes what comes."""
    size: int | tuple[int, ...] = 2
    stride: int | tuple[int, ...] = 0
    """How far windows stand apart; 0 for their size."""
    padding: Padding = "valid"

    @field_validator("size", "stride", mode="before")
    @classmethod
    def _sensible(cls, value: Any, info: ValidationInfo) -> Any:
        several = isinstance(value, list | tuple)
        if info.field_name == "stride" and value == 0 and not several and not cls.axes:
            return 0
        numbers = list(value) if several else [value]
        whole = all(isinstance(n, int) and not isinstance(n, bool) for n in numbers)
        if not whole or not 1 <= len(numbers) <= 2 or not all(1 <= n <= 1024 for n in numbers):
            raise ValueError("must be a whole number from 1 to 1024, or one for each axis")
        return tuple(numbers) if several else value

    def sizes(self, axes: int) -> Shape:
        """Return the window's extent along each of so many axes."""
        return _along(self.size, axes, "size")

    def strides(self, axes: int) -> Shape:
        """Return how far windows stand apart along each of so many axes."""
        return _along(self.stride, axes, "stride") if self.stride else self.sizes(axes)

    def paddings(self, shape: Shape) -> list[tuple[int, int]]:
        """Return what stands before and after each axis but the last."""
        axes = len(shape) - 1
        pairs = zip(shape, self.sizes(axes), self.strides(axes), strict=False)
        return [padding_of(length, size, stride, self.padding) for length, size, stride in pairs]


def _along(value: int | tuple[int, ...], axes: int, name: str) -> Shape:
    found = (value,) * axes if isinstance(value, int) else value
    if len(found) != axes:
        raise WrongShapeError(f"as many axes before the last as its {name} has numbers")
    return found


class _Convolution(_Windowed):
    """z[b, i, f] = sum of x[b, i s + u - p, c] K[u, c, f], + bias[f]: a cross-correlation.

    s is the stride, p what is padded before; nothing is flipped. Then activation and dropout.
    """

    filters: int = Field(ge=1, le=65_536)
    size: int | tuple[int, ...] = 3
    stride: int | tuple[int, ...] = 1
    """How far windows stand apart."""
    padding: Padding = "same"
    activation: Function = IDENTITY
    dropout: float = Field(default=0.0, ge=0, lt=1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return (places..., filters)."""
        if len(shape) != self.axes + 1:
            wanted = "an image (height, width, channels)" if self.axes == 2 else _SEQUENCE
            raise WrongShapeError(wanted)
        return (*_windowed(self, shape), self.filters)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return kernel (sizes..., channels, filters) and bias (filters,)."""
        return {
            "kernel": _kernel((*self.sizes(self.axes), shape[-1], self.filters)),
            "bias": Parameter(shape=(self.filters,), role="bias"),
        }

    def operations(self, shape: Shape) -> int:
        """Count the products of one row."""
        window = math.prod(self.sizes(self.axes)) * shape[-1]
        return 2 * math.prod(self.output_shape(shape)) * window


_SEQUENCE = "a sequence (steps, features)"


class Conv1D(_Convolution):
    """A convolution along the steps of a sequence (steps, channels)."""

    axes: ClassVar[int] = 1
    kind: Literal["conv1d"] = "conv1d"


class Conv2D(_Convolution):
    """A convolution over an image (height, width, channels)."""

    axes: ClassVar[int] = 2
    kind: Literal["conv2d"] = "conv2d"


def _places(shape: Shape) -> Shape:
    if len(shape) < 2:
        raise WrongShapeError("a sequence (steps, features) or an image (height, width, channels)")
    return shape


class MaxPool(_Windowed):
    """The largest number of each window, channel by channel; padded with minus infinity.

    Its gradient goes to the largest; to which of several equal ones changes no weight.
    """

    kind: Literal["max_pool"] = "max_pool"

    def output_shape(self, shape: Shape) -> Shape:
        """Return (windows..., channels)."""
        return (*_windowed(self, _places(shape)), shape[-1])


class AveragePool(_Windowed):
    """The mean of each window, channel by channel; whole windows only.

    With padding, frameworks do not agree what counts (layers: Keras' PyTorch backend repeats the
    edge), so there is none.
    """

    kind: Literal["average_pool"] = "average_pool"
    padding: Literal["valid"] = "valid"

    def output_shape(self, shape: Shape) -> Shape:
        """Return (windows..., channels)."""
        return (*_windowed(self, _places(shape)), shape[-1])


class GlobalAveragePool(LayerSpec):
    """The mean over all places, channel by channel."""

    kind: Literal["global_average_pool"] = "global_average_pool"

    def output_shape(self, shape: Shape) -> Shape:
        """Return (channels,)."""
        return _places(shape)[-1:]


class GlobalMaxPool(LayerSpec):
    """The largest number over all places, channel by channel."""

    kind: Literal["global_max_pool"] = "global_max_pool"

    def output_shape(self, shape: Shape) -> Shape:
        """Return (channels,)."""
        return _places(shape)[-1:]


class Flatten(LayerSpec):
    """All numbers of a row in one axis, in the order height, width, channels."""

    kind: Literal["flatten"] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        """Return (numbers,)."""
        return (math.prod(shape),)


class BatchNorm(LayerSpec):
    """scale (x - m) / sqrt(v + epsilon) + offset, channel by channel (Ioffe & Szegedy 2015).

    In training m and v are mean and variance (of B, not B - 1) over the batch and all places;
    then kept = (1 - rate) kept + rate new. In use they are the kept ones. Whether the kept
    variance is that of B or of B - 1 is one of samenet.spec.Forms.
    """

    kind: Literal["batch_norm"] = "batch_norm"
    rate: float = Field(gt=0, le=1)
    """The share of the new: 0.1 is PyTorch's momentum 0.1 and Keras' momentum 0.9."""
    epsilon: float = Field(gt=0, le=1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        return shape

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return scale, offset, mean and variance, each (channels,)."""
        channels = shape[-1:]
        return {
            "scale": Parameter(shape=channels, role="scale", start=1.0),
            "offset": Parameter(shape=channels, role="bias"),
            "mean": Parameter(shape=channels, role="state"),
            "variance": Parameter(shape=channels, role="state", start=1.0),
        }


class LayerNorm(LayerSpec):
    """scale (x - m) / sqrt(v + epsilon) + offset over the last axis (Ba et al. 2016)."""

    kind: Literal["layer_norm"] = "layer_norm"
    epsilon: float = Field(gt=0, le=1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        if shape[-1] < 2:
            raise WrongShapeError("at least two features: one alone is always its own mean")
        return shape

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return scale and offset, each (features,)."""
        return {
            "scale": Parameter(shape=shape[-1:], role="scale", start=1.0),
            "offset": Parameter(shape=shape[-1:], role="bias"),
        }


class Dropout(LayerSpec):
    """In training, each number is 0 with probability `rate`, else times 1 / (1 - rate).

    Srivastava et al. 2014, in the inverted form of all frameworks. In the same-network comparison
    the masks are drawn once, in NumPy, and handed to every framework.
    """

    kind: Literal["dropout"] = "dropout"
    dropout: float = Field(alias="rate", gt=0, lt=1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        return shape


class Embedding(LayerSpec):
    """table[token]: a row of `width` numbers for every token number."""

    kind: Literal["embedding"] = "embedding"
    width: int = Field(ge=1, le=65_536)
    vocabulary: int = Field(default=0, ge=0, le=10_000_000)
    """How many tokens there are; 0 for what the data say."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return (steps, width)."""
        if len(shape) != 1:
            raise WrongShapeError("token numbers (steps,): it can only be the first layer")
        return (*shape, self.width)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return the table (vocabulary, width)."""
        del shape
        size = (self.vocabulary, self.width)
        return {"table": Parameter(shape=size, role="table", fan_in=1, fan_out=self.width)}


class Positions(LayerSpec):
    """x + table: a trained row of numbers for every place of a sequence (Vaswani et al. 2017)."""

    kind: Literal["positions"] = "positions"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        return _sequence(shape)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return the table (steps, features)."""
        return {"table": Parameter(shape=shape, role="table", fan_out=shape[-1])}


def _sequence(shape: Shape) -> Shape:
    if len(shape) != 2:
        raise WrongShapeError(_SEQUENCE)
    return shape


class _Recurrent(LayerSpec):
    """A kind that goes along a sequence, step by step, from h = 0 (and c = 0)."""

    gates: ClassVar[int]
    biases: ClassVar[int] = 1
    units: int = Field(ge=1, le=65_536)
    sequences: bool = False
    """Whether it gives h of every step, (steps, units), or of the last one, (units,)."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return (units,), or (steps, units)."""
        steps, _ = _sequence(shape)
        return (steps, self.units) if self.sequences else (self.units,)

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return kernel (features, gates), recurrent (units, gates), bias; gates side by side."""
        wide = self.gates * self.units
        bias = (wide,) if self.biases == 1 else (self.biases, wide)
        return {
            "kernel": _kernel((shape[-1], wide)),
            "recurrent": Parameter(
                shape=(self.units, wide), role="recurrent", fan_in=self.units, fan_out=wide
            ),
            "bias": Parameter(shape=bias, role="bias"),
        }

    def operations(self, shape: Shape) -> int:
        """Count the products of one row."""
        steps, features = shape
        return 2 * steps * (features + self.units) * self.gates * self.units


class SimpleRNN(_Recurrent):
    """h = tanh(x K + h R + b) at every step (Elman 1990)."""

    gates: ClassVar[int] = 1
    kind: Literal["simple_rnn"] = "simple_rnn"


class LSTM(_Recurrent):
    """i, f, o = sigmoid and g = tanh of x K + h R + b; c = f c + i g; h = o tanh(c).

    Gates stand in the order i, f, g, o (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
    """

    gates: ClassVar[int] = 4
    kind: Literal["lstm"] = "lstm"


class GRU(_Recurrent):
    """z, r = sigmoid(x K + b0 + h R + b1); n = tanh(x K + b0 + r (h R + b1)); h = z h + (1 - z) n.

    Gates stand in the order z, r, n; the bias is (2, 3 units), b0 then b1. Cho et al. 2014, with
    the reset after the product, which is Keras' reset_after=True and PyTorch's only form.
    """

    gates: ClassVar[int] = 3
    biases: ClassVar[int] = 2
    kind: Literal["gru"] = "gru"


class Attention(LayerSpec):
    """Each head: softmax(q k' / sqrt(width / heads)) v; heads side by side, times `output`.

    q, k, v are x times `query`, `key`, `value` (Vaswani et al. 2017). No biases: that of the keys
    has no effect at all, so that nothing could be compared. `causal`: a step sees itself and those
    before it.
    """

    kind: Literal["attention"] = "attention"
    heads: int = Field(ge=1, le=1024)
    causal: bool = False

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        _, width = _sequence(shape)
        if width % self.heads:
            raise WrongShapeError(f"a number of features that {self.heads} heads can share")
        return shape

    def parameters(self, shape: Shape) -> dict[str, Parameter]:
        """Return query, key, value and output, each (width, width)."""
        return {
            name: _kernel((shape[-1], shape[-1])) for name in ("query", "key", "value", "output")
        }

    def operations(self, shape: Shape) -> int:
        """Count the products of one row."""
        steps, width = shape
        return 8 * steps * width * width + 4 * steps * steps * width


class ActivationLayer(LayerSpec):
    """A function of every number, as a layer of its own."""

    kind: Literal["activation"] = "activation"
    activation: Function

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        return shape


class Residual(LayerSpec):
    """x + f(x), f being a chain of layers that keeps the shape (He et al. 2016)."""

    kind: Literal["residual"] = "residual"
    layers: tuple[AnyLayer, ...] = Field(min_length=1, max_length=64)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged; the chain is looked at where it is walked."""
        return shape


LAYER_NORM_EPSILON = 2.0**-16
"""What an encoder's norms have; exact in binary, and near PyTorch's 1e-5."""


class Encoder(LayerSpec):
    """A block of a transformer, norms first: two residuals (Xiong et al. 2020).

    The first is layer_norm, attention; the second layer_norm, dense (`inner` units, gelu), dense.
    It stands for these layers and is nothing of its own: `walk` opens it up.
    """

    kind: Literal["encoder"] = "encoder"
    heads: int = Field(ge=1, le=1024)
    inner: int = Field(default=0, ge=0, le=65_536)
    """The width between its two dense layers; 0 for four times the width of what enters."""
    causal: bool = False
    """Whether a step sees only itself and those before it."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged; the chain is looked at where it is walked."""
        return _sequence(shape)

    def chain(self, shape: Shape) -> tuple[Residual, Residual]:
        """Return the layers that it stands for where `shape` enters."""
        width = _sequence(shape)[-1]
        norm = LayerNorm(epsilon=LAYER_NORM_EPSILON)
        inner = Dense(units=self.inner or 4 * width, activation=Activation(name="gelu"))
        return (
            Residual(layers=(norm, Attention(heads=self.heads, causal=self.causal))),
            Residual(layers=(norm, inner, Dense(units=width))),
        )


class Fork(LayerSpec):
    """Where a residual begins: what enters is kept. Never written; see `walk`."""

    kind: Literal["fork"] = "fork"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        return shape


class Join(LayerSpec):
    """Where a residual ends: what was kept is added. Never written; see `walk`."""

    kind: Literal["join"] = "join"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape unchanged."""
        return shape


def kind_of(value: Any) -> str:
    """Return the kind of a layer, or of its plain data; without a kind it is dense.

    So it was in the first task files.
    """
    if not isinstance(value, dict):
        return str(getattr(value, "kind", "dense"))
    return str(value.get("kind", "dense"))


AnyLayer = Annotated[
    Annotated[Dense, Tag("dense")]
    | Annotated[Conv1D, Tag("conv1d")]
    | Annotated[Conv2D, Tag("conv2d")]
    | Annotated[MaxPool, Tag("max_pool")]
    | Annotated[AveragePool, Tag("average_pool")]
    | Annotated[GlobalAveragePool, Tag("global_average_pool")]
    | Annotated[GlobalMaxPool, Tag("global_max_pool")]
    | Annotated[Flatten, Tag("flatten")]
    | Annotated[BatchNorm, Tag("batch_norm")]
    | Annotated[LayerNorm, Tag("layer_norm")]
    | Annotated[Dropout, Tag("dropout")]
    | Annotated[Embedding, Tag("embedding")]
    | Annotated[Positions, Tag("positions")]
    | Annotated[SimpleRNN, Tag("simple_rnn")]
    | Annotated[LSTM, Tag("lstm")]
    | Annotated[GRU, Tag("gru")]
    | Annotated[Attention, Tag("attention")]
    | Annotated[ActivationLayer, Tag("activation")]
    | Annotated[Residual, Tag("residual")]
    | Annotated[Encoder, Tag("encoder")],
    Discriminator(kind_of),
]
KINDS = (
    *("dense", "conv1d", "conv2d", "max_pool", "average_pool"),
    *("global_average_pool", "global_max_pool", "flatten", "batch_norm", "layer_norm"),
    *("dropout", "embedding", "positions", "simple_rnn", "lstm", "gru", "attention"),
    *("activation", "residual"),
)
"""All but `encoder`, which is only written: it stands for residuals of these."""
Residual.model_rebuild()


ON_NUMBERS = frozenset(
    {"dense", "activation", "dropout", "batch_norm", "layer_norm", "flatten", "residual"}
)
"""The kinds that fit rows of numbers without places."""


def every_layer(layers: Sequence[LayerSpec], prefix: str = "") -> Iterator[tuple[str, LayerSpec]]:
    """Yield every layer as it is written, with its path; those inside residuals after them."""
    for number, layer in enumerate(layers, start=1):
        yield f"{prefix}{number}", layer
        if isinstance(layer, Residual):
            yield from every_layer(layer.layers, f"{prefix}{number}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One layer where it stands in a network."""

    path: str
    """As a person counts: "3", or "5.1" for the first layer inside the fifth."""
    layer: Any
    """The spec of its kind's class; which one, `kind` says."""
    inputs: Shape
    outputs: Shape
    parameters: Mapping[str, Parameter]

    @property
    def kind(self) -> str:
        """Return the layer's kind; of a residual's two ends, "fork" and "join"."""
        return str(self.layer.kind)

    @property
    def activation(self) -> Activation:
        """Return the function after what the layer computes; most kinds have none."""
        found: Activation = getattr(self.layer, "activation", IDENTITY)
        return found

    @property
    def dropout(self) -> float:
        """Return the share of what comes then that each training step sets to 0."""
        return float(getattr(self.layer, "dropout", 0.0))

    @property
    def operations(self) -> int:
        """Return multiplications and additions of the forward pass of one row."""
        return int(self.layer.operations(self.inputs))

    def __str__(self) -> str:
        """Return how a person finds it: 'layer 3 (conv2d)'."""
        return f"layer {self.path} ({self.kind})"


def walk(layers: Sequence[LayerSpec], shape: Shape, prefix: str = "") -> Iterator[Place]:
    """Yield every layer in the order in which a row passes, residuals opened up.

    A residual is a `Fork`, its chain, and a `Join`: a program keeps what enters a fork on a stack
    and adds it at the join. Raises WrongShapeError, with layer, shape and what was expected.
    """
    for number, layer in enumerate(layers, start=1):
        path = f"{prefix}{number}"
        if isinstance(layer, Residual):
            yield _place(path, Fork(), shape)
            inside = shape
            for place in walk(layer.layers, shape, f"{path}."):
                inside = place.outputs
                yield place
            if inside != shape:
                raise WrongShapeError(
                    f"layer {path} (residual) gets {describe(shape)}, and its chain gives "
                    f"{describe(inside)}: it must give the same shape back"
                )
            yield _place(path, Join(), shape)
        elif isinstance(layer, Encoder):
            _place(path, layer, shape)  # a sequence, or a sentence
            yield from walk(layer.chain(shape), shape, f"{path}.")
        else:
            place = _place(path, layer, shape)
            shape = place.outputs
            yield place


def _place(path: str, layer: LayerSpec, shape: Shape) -> Place:
    try:
        outputs = layer.output_shape(shape)
        parameters = layer.parameters(shape)
    except WrongShapeError as error:
        raise WrongShapeError(
            f"layer {path} ({layer.kind}) gets {describe(shape)} and needs {error}"
        ) from None
    return Place(path=path, layer=layer, inputs=shape, outputs=outputs, parameters=parameters)


def describe(shape: Shape) -> str:
    """Return a shape as a person writes it: '8 × 8 × 16', '64 numbers'."""
    return f"{shape[0]} numbers" if len(shape) == 1 else " × ".join(map(str, shape))


MAIN_NUMBERS = ("units", "filters", "width", "heads")
"""What says most of a layer, where a network is told in one line."""


def summarize_layers(layers: Sequence[LayerSpec]) -> str:
    """Return the layers in one line: '32', 'conv2d 16 → max_pool → residual (conv2d 16)'."""
    texts = []
    for layer in layers:
        numbers = [getattr(layer, name) for name in MAIN_NUMBERS if hasattr(layer, name)]
        words = [] if isinstance(layer, Dense) else [layer.kind]
        if isinstance(layer, Residual):
            words.append(f"({summarize_layers(layer.layers)})")
        if isinstance(layer, ActivationLayer):
            words = [str(layer.activation)]
        texts.append(" ".join([*words, *map(str, numbers)]))
    return " → ".join(texts)


def all_layers(layers: Sequence[LayerSpec]) -> Iterator[LayerSpec]:
    """Yield every layer of a network, of a residual itself and then those of its chain.

    Of an encoder come the layers that it stands for, of any width: that of what enters is unknown.
    """
    for layer in layers:
        if isinstance(layer, Encoder):
            yield from all_layers(layer.chain((1, layer.heads)))
            continue
        yield layer
        if isinstance(layer, Residual):
            yield from all_layers(layer.layers)


UNSHIFTED = frozenset({"flatten", "average_pool", "global_average_pool", "join", "activation"})
"""Through these a constant per channel stays a constant: they are linear, or do nothing."""


def without_idle_biases(places: Sequence[Place]) -> tuple[Place, ...]:
    """Return the places without the biases that do nothing.

    What batch_norm gets less its mean does not change with a bias before it: the bias has no
    gradient, Adam would divide rounding by rounding, and no two frameworks would agree.
    """
    return tuple(
        replace(place, parameters=_others(place.parameters)) if _is_idle(places[i:]) else place
        for i, place in enumerate(places)
    )


def _others(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    return {name: found for name, found in parameters.items() if name != "bias"}


def _is_idle(rest: Sequence[Place]) -> bool:
    """Return whether the bias of the first of these places is taken away again by a batch norm."""
    if rest[0].kind not in ("dense", "conv1d", "conv2d"):
        return False
    for before, after in itertools.pairwise(rest):
        if before.activation != IDENTITY or before.dropout:
            return False
        if after.kind == "batch_norm":
            return True
        if after.kind not in UNSHIFTED:
            return False
    return False
