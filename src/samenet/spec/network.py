"""What is trained: the abstract network, as frozen data without arrays.

A network is a chain of dense layers. The last layer is linear; sigmoid or softmax is the *link*
that the loss applies to its outputs, so a double softmax cannot be written down.
How it is trained: samenet.spec.training.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    model_validator,
)

from samenet.errors import UsageError
from samenet.spec.parsing import FrozenModel, parse_call

PARAMETERS_MAX = 50_000_000
"""Above this number of weights a run would exhaust a small machine before its first step."""


class TaskKind(StrEnum):
    """What the network predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


ActivationName = Literal[
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "identity"
]

InitializerName = Literal[
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"
]


class Activation(FrozenModel):
    """An elementwise function; written `"relu"` or `"leaky_relu(slope=0.01)"` in task files.

    sigmoid 1/(1+exp(-z)); tanh; relu max(z, 0); leaky_relu z if z > 0 else slope*z;
    elu z if z > 0 else exp(z)-1 (Clevert 2015); selu (Klambauer 2017); gelu z*Phi(z) with the exact
    normal distribution function (Hendrycks 2016); silu z*sigmoid(z); softplus log(1+exp(z)).
    """

    name: ActivationName
    slope: float = 0.01
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


SLOPE_DEFAULT = 0.01


class Dense(FrozenModel):
    """A fully connected layer: `activation(inputs @ kernel + bias)`, then dropout.

    With dropout p > 0, in training only, each value is set to 0 with probability p and otherwise
    multiplied by 1 / (1 - p) (Srivastava et al. 2014, in the inverted form of all frameworks). In
    the same-network comparison the masks are drawn once, in NumPy, and handed to every framework.
    """

    units: int = Field(ge=1, le=65_536)
    activation: Annotated[Activation, BeforeValidator(parse_call)]
    dropout: float = Field(default=0.0, ge=0, lt=1)


class Network(FrozenModel):
    """A network whose input and output widths are known: what an adapter builds.

    `layers` includes the linear head; kernel `i` has shape (widths[i], widths[i + 1]).
    """

    inputs: int = Field(ge=1)
    layers: tuple[Dense, ...] = Field(min_length=1)
    initializer: InitializerName = "glorot_uniform"

    @property
    def widths(self) -> tuple[int, ...]:
        """Return the widths from the inputs to the outputs, e.g. (64, 64, 32, 10)."""
        return (self.inputs, *(layer.units for layer in self.layers))

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Return (fan_in, fan_out) of every kernel."""
        return tuple(zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def parameters(self) -> int:
        """Return the number of weights and biases."""
        return sum(fan_in * fan_out + fan_out for fan_in, fan_out in self.shapes)

    @property
    def has_dropout(self) -> bool:
        """Return whether any layer drops values in training."""
        return any(layer.dropout for layer in self.layers)


class ModelSpec(FrozenModel):
    """The hidden layers; the linear head follows from the task. Without any: the single neuron."""

    layers: tuple[Dense, ...] = Field(default=(), max_length=64)
    initializer: InitializerName = "glorot_uniform"
    """How the kernels of the same-network comparison are drawn (biases start at zero):

    glorot  variance 2 / (fan_in + fan_out)   (Glorot & Bengio 2010, equation 16)
    he      variance 2 / fan_in               (He et al. 2015, equation 10)
    lecun   variance 1 / fan_in               (LeCun et al. 1998, equation 16)

    uniform on +-sqrt(3 * variance), or normal (not truncated) with that variance."""

    def network(self, *, inputs: int, outputs: int) -> Network:
        """Return the network for data of the given widths.

        Raises UsageError if it would hold more than PARAMETERS_MAX weights.
        """
        head = Dense(units=outputs, activation=Activation(name="identity"))
        network = Network(inputs=inputs, layers=(*self.layers, head), initializer=self.initializer)
        if network.parameters > PARAMETERS_MAX:
            raise UsageError(
                f"This network has {network.parameters:,} weights; "
                f"samenet trains at most {PARAMETERS_MAX:,}. Use fewer or narrower layers."
            )
        return network
