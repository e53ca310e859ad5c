"""What is trained: the abstract network, as frozen data without arrays.

A network is a chain of layers, of which a residual holds a chain of its own. The last is linear;
sigmoid or softmax is the *link* that the loss applies to its outputs, so a double softmax cannot be
written down.
How it is trained: samenet.spec.training.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from samenet.errors import UsageError
from samenet.spec.layers import (
    AnyLayer,
    Dense,
    Embedding,
    Place,
    Shape,
    WrongShapeError,
    all_layers,
    describe,
    walk,
    without_idle_biases,
)
from samenet.spec.parsing import FrozenModel
from samenet.spec.presets import expand_preset

PARAMETERS_MAX = 50_000_000
"""Above this number of weights a run would exhaust a small machine before its first step."""


WINDOWED_WORK = 32
"""With it a task of layers is followed for some ten seconds, as one of wide dense layers is; whole
trainings of every kind are followed on the small networks of certificate.layer_cases."""


class TaskKind(StrEnum):
    """What the network predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


InitializerName = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"
]


class Network(FrozenModel):
    """A network whose input and output shapes are known: what an adapter builds.

    `layers` includes the linear head. `inputs` is the shape of one row, or its number of features;
    with a `vocabulary`, a row is that many token numbers, int32 from 0 to `vocabulary` - 1.
    Raises WrongShapeError, with layer, shape and what was expected, if a layer does not fit.
    """

    inputs: int | tuple[int, ...] = Field()
    layers: tuple[AnyLayer, ...] = Field(min_length=1)
    initializer: InitializerName = "glorot_uniform"
    vocabulary: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(length < 1 for length in self.input_shape):
            raise ValueError("inputs must be at least 1")
        self._check_tokens()
        last = self.places[-1]
        if len(last.outputs) != 1:
            before = self.places[-2:-1]
            said = f"{before[0]} gives" if before else "a row is"
            raise WrongShapeError(
                f"{said} {describe(last.inputs)}, and the last layer needs numbers without places: "
                "put flatten, a global pool, or a recurrent layer without sequences before it"
            )
        return self

    def _check_tokens(self) -> None:
        """Raise WrongShapeError unless token numbers, and they alone, enter an embedding."""
        first = self.layers[0]
        if self.vocabulary and len(self.input_shape) != 1:
            raise WrongShapeError(
                f"a row of token numbers has one axis, its steps, and not "
                f"{describe(self.input_shape)}"
            )
        if self.vocabulary and first.kind != "embedding":
            raise WrongShapeError(
                f"layer 1 ({first.kind}) gets {self.input_shape[0]} token numbers and needs an "
                "embedding before it"
            )
        for place in self.places:
            if place.kind != "embedding" or (self.vocabulary and place.path == "1"):
                continue
            raise WrongShapeError(
                f"{place} gets {describe(place.inputs)} and needs token numbers: it can only be "
                "the first layer, and the data must have a vocabulary"
            )

    @property
    def input_shape(self) -> Shape:
        """Return the shape of one row.

        (features,), (steps, features), (height, width, channels); of token numbers (steps,).
        """
        return self.inputs if isinstance(self.inputs, tuple) else (self.inputs,)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Return every layer in the order in which a row passes, with shapes and parameters."""
        layers = [
            layer.model_copy(update={"vocabulary": self.vocabulary})
            if isinstance(layer, Embedding)
            else layer
            for layer in self.layers
        ]
        return without_idle_biases(list(walk(layers, self.input_shape)))

    @property
    def outputs(self) -> int:
        """Return how many numbers leave the network for one row."""
        return self.places[-1].outputs[-1]

    @property
    def is_dense(self) -> bool:
        """Return whether it is a chain of dense layers on rows of features."""
        return len(self.input_shape) == 1 and all(p.kind == "dense" for p in self.places)

    @property
    def family(self) -> Family:
        """Return what decides about its time: attention, recurrence, convolution, or products."""
        return family_of(place.kind for place in self.places)

    @property
    def widths(self) -> tuple[int, ...]:
        """Return the widths of a dense network from inputs to outputs, e.g. (64, 64, 32, 10).

        Raises TypeError of another: it has shapes, not widths.
        """
        if not self.is_dense:
            raise TypeError("only a chain of dense layers has widths")
        return (*self.input_shape, *(place.outputs[-1] for place in self.places))

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Return (fan_in, fan_out) of every kernel of a dense network."""
        return tuple(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def parameters(self) -> int:
        """Return how many numbers are trained."""
        return sum(p.size for x in self.places for p in x.parameters.values() if p.is_trained)

    @property
    def operations(self) -> int:
        """Return multiplications and additions of the forward pass of one row."""
        return sum(place.operations for place in self.places)

    @property
    def work(self) -> int:
        """Return what the oracle's work on one row is measured by: multiplications, forward.

        At least one for every weight. Windows, steps and heads cost it far more a multiplication
        than one large product, so those of other layers than dense ones count WINDOWED_WORK times.
        """
        multiplications = max(self.parameters, self.operations // 2)
        return multiplications if self.is_dense else WINDOWED_WORK * multiplications

    @property
    def has_dropout(self) -> bool:
        """Return whether any layer drops values in training."""
        return any(place.dropout for place in self.places)

    @property
    def has_state(self) -> bool:
        """Return whether a layer keeps what is not trained: the statistics of batch_norm."""
        return any(place.kind == "batch_norm" for place in self.places)


MISFIT = "This network does not fit its data: "


def expand_model(values: Any, *, tokens: bool = False) -> Any:
    """Return the plain data of a model with a preset replaced by its layers.

    Raises ValueError, in words, for a preset that there is not.
    """
    if isinstance(values, str):
        values = {"layers": values}
    if isinstance(values, dict) and isinstance(text := values.get("layers"), str):
        return {**values, "layers": expand_preset(text, tokens=tokens)}
    return values


Family = Literal["dense", "convolution", "recurrent", "attention"]
FAMILIES: dict[Family, frozenset[str]] = {
    "attention": frozenset({"attention"}),
    "recurrent": frozenset({"simple_rnn", "lstm", "gru"}),
    "convolution": frozenset({"conv1d", "conv2d"}),
}
"""By which kinds a network belongs to a family; the first that fits."""


def family_of(kinds: Iterable[str]) -> Family:
    """Return the family of a network that holds these kinds of layers."""
    held = set(kinds)
    return next((family for family, members in FAMILIES.items() if held & members), "dense")


class ModelSpec(FrozenModel):
    """The hidden layers; the linear head follows from the task. Without any: the single neuron."""

    layers: tuple[AnyLayer, ...] = Field(default=(), max_length=64)
    """From the inputs to the outputs, or the text of a preset, such as "cnn(16, 32)"."""
    initializer: InitializerName = "glorot_uniform"
    """How the kernels of the same-network comparison are drawn (biases start at zero):

    glorot  variance 2 / (fan_in + fan_out)   (Glorot & Bengio 2010, equation 16)
    he      variance 2 / fan_in               (He et al. 2015, equation 10)
    lecun   variance 1 / fan_in               (LeCun et al. 1998, equation 16)

    uniform on +-sqrt(3 * variance), or normal (not truncated) with that variance."""

    @model_validator(mode="before")
    @classmethod
    def _without_preset(cls, values: Any) -> Any:
        return expand_model(values)

    def why_not(self, *, inputs: int | tuple[int, ...], vocabulary: int = 0) -> str:
        """Return why the layers do not fit data of this shape, as part of a sentence, or ""."""
        try:
            self.network(inputs=inputs, outputs=1, vocabulary=vocabulary)
        except UsageError as error:
            return str(error).removeprefix(MISFIT).removesuffix(".")
        return ""

    @property
    def kinds(self) -> frozenset[str]:
        """Return which kinds of layers the network will hold, whatever its data."""
        return frozenset({"dense"} | {layer.kind for layer in all_layers(self.layers)})

    @property
    def family(self) -> Family:
        """Return the family that the network will be of, whatever its data."""
        return family_of(self.kinds)

    @property
    def hidden(self) -> tuple[Dense, ...] | None:
        """Return the layers of a network of dense layers alone; None if there are others."""
        dense = tuple(layer for layer in self.layers if isinstance(layer, Dense))
        return dense if len(dense) == len(self.layers) else None

    def other_layer(self) -> str:
        """Return where the first layer stands that is not dense, as 'layer 2 (lstm)'; or ""."""
        for number, layer in enumerate(self.layers, start=1):
            if not isinstance(layer, Dense):
                return f"layer {number} ({layer.kind})"
        return ""

    def network(
        self, *, inputs: int | tuple[int, ...], outputs: int, vocabulary: int = 0
    ) -> Network:
        """Return the network for data of the given shape.

        Raises UsageError if a layer does not fit, or if it would hold more than PARAMETERS_MAX
        weights.
        """
        head = Dense(units=outputs)
        try:
            network = Network(
                inputs=inputs,
                layers=(*self.layers, head),
                initializer=self.initializer,
                vocabulary=vocabulary,
            )
        except ValidationError as error:
            raise UsageError(f"{MISFIT}{_first(error)}.") from None
        if network.parameters > PARAMETERS_MAX:
            raise UsageError(
                f"This network has {network.parameters:,} weights; "
                f"samenet trains at most {PARAMETERS_MAX:,}. Use fewer or narrower layers."
            )
        return network


def _first(error: ValidationError) -> str:
    return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
