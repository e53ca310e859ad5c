"""What is trained: the abstract network and its training, as frozen data without arrays.

A network is a chain of dense layers. The last layer is linear; sigmoid or softmax is the *link*
that the loss applies to its outputs, so a double softmax cannot be written down.
Every constant of a formula is in the spec: no framework default is reachable from here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from samenet.errors import UsageError

PARAMETERS_MAX = 50_000_000
"""Above this number of weights a run would exhaust a small machine before its first step."""


class Frozen(BaseModel):
    """Base of all specs: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


SpecType = TypeVar("SpecType", bound=Frozen)


class Kind(StrEnum):
    """What the network predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


ActivationName = Literal[
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "identity"
]

_LEAKY = re.compile(r"leaky_relu\(slope=(?P<slope>[^)]*)\)")


class Activation(Frozen):
    """An elementwise function; written `"relu"` or `"leaky_relu(slope=0.01)"` in task files.

    sigmoid 1/(1+exp(-z)); tanh; relu max(z, 0); leaky_relu z if z > 0 else slope*z;
    elu z if z > 0 else exp(z)-1 (Clevert 2015); selu (Klambauer 2017); gelu z*Phi(z) with the exact
    normal distribution function (Hendrycks 2016); silu z*sigmoid(z); softplus log(1+exp(z)).
    """

    name: ActivationName
    slope: float = Field(default=0.01, ge=0, lt=1)

    def __str__(self) -> str:
        """Return the form used in task files."""
        return f"leaky_relu(slope={self.slope})" if self.name == "leaky_relu" else self.name


def _activation_from_text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _LEAKY.fullmatch(value.replace(" ", ""))
    return {"name": "leaky_relu", "slope": match["slope"]} if match else {"name": value}


class Dense(Frozen):
    """A fully connected layer: `activation(inputs @ kernel + bias)`."""

    units: int = Field(ge=1, le=65_536)
    activation: Annotated[Activation, BeforeValidator(_activation_from_text)]


class Network(Frozen):
    """A network whose input and output widths are known: what an adapter builds.

    `layers` includes the linear head; kernel `i` has shape (widths[i], widths[i + 1]).
    """

    inputs: int = Field(ge=1)
    layers: tuple[Dense, ...] = Field(min_length=1)

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


class ModelSpec(Frozen):
    """The hidden layers; the linear head follows from the task. Without any: the single neuron."""

    layers: tuple[Dense, ...] = Field(default=(), max_length=64)

    def network(self, *, inputs: int, outputs: int) -> Network:
        """Return the network for data of the given widths.

        Raises UsageError if it would hold more than PARAMETERS_MAX weights.
        """
        head = Dense(units=outputs, activation=Activation(name="identity"))
        network = Network(inputs=inputs, layers=(*self.layers, head))
        if network.parameters > PARAMETERS_MAX:
            raise UsageError(
                f"This network has {network.parameters:,} weights; "
                f"samenet trains at most {PARAMETERS_MAX:,}. Use fewer or narrower layers."
            )
        return network


Loss = Literal["binary_cross_entropy", "sparse_categorical_cross_entropy", "mean_squared_error"]
"""Each is the mean over the batch (and over the outputs of a regression), taken from logits:

binary_cross_entropy              softplus(z) - y*z, the stable form of Bernoulli log likelihood
sparse_categorical_cross_entropy  logsumexp(z) - z[y]
mean_squared_error                (z - y)^2, without the factor 1/2
"""

LOSS_OF_KIND: dict[Kind, Loss] = {
    Kind.BINARY: "binary_cross_entropy",
    Kind.MULTICLASS: "sparse_categorical_cross_entropy",
    Kind.REGRESSION: "mean_squared_error",
}

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0, lt=1)]


class SGD(Frozen):
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum.

    buffer = momentum * buffer + gradient        (buffer starts at 0)
    weight -= learning_rate * buffer             (nesterov: gradient + momentum * buffer)

    Source: Sutskever et al. 2013, in the form of torch.optim.SGD with dampening 0. With a constant
    rate it is the same sequence as Keras' `velocity = momentum * velocity - rate * gradient`.
    """

    name: Literal["sgd"] = "sgd"
    learning_rate: Rate
    momentum: Decay = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> SGD:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self


class Adam(Frozen):
    """Adam (Kingma & Ba 2015) with step t = 1, 2, ...

    m = beta1 * m + (1 - beta1) * g;   v = beta2 * v + (1 - beta2) * g^2
    form "standard" (algorithm 1; torch, optax):
        weight -= rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
    form "epsilon_hat" (the paper's end of section 2; Keras, scikit-learn):
        weight -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)

    The two differ only in what epsilon is added to. An adapter declares the form its framework has
    and is checked against that form; with epsilon 2^-40 they differ by less than 2e-6.
    """

    name: Literal["adam"] = "adam"
    learning_rate: Rate
    beta1: Decay
    beta2: Decay
    epsilon: float = Field(gt=0)


Optimizer = Annotated[SGD | Adam, Field(discriminator="name")]

ADAM_FORMS = ("standard", "epsilon_hat")


class TrainSpec(Frozen):
    """How a network is trained: everything that two frameworks could otherwise do differently."""

    loss: Loss
    optimizer: Optimizer
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1, le=100_000)


class Step(NamedTuple):
    """One place in a validation error: where, what was received, what is wrong."""

    key: str
    received: Any
    problem: str


_PLAIN = {"extra_forbidden": "is not a known key", "missing": "is missing"}


def explain(error: ValidationError) -> list[Step]:
    """Return the problems of a pydantic error as plain places and sentences."""
    return [
        Step(
            key=".".join(str(part) for part in item["loc"] if part not in ("sgd", "adam")),
            received=item.get("input"),
            problem=_PLAIN.get(item["type"], item["msg"].removeprefix("Value error, ")),
        )
        for item in error.errors()
    ]


def parse(kind: type[SpecType], values: Any, *, where: str) -> SpecType:
    """Return the spec, or raise UsageError: the place, the received value, what is allowed."""
    return _guarded(lambda: kind.model_validate(values), where=where)


def _guarded(build: Callable[[], SpecType], *, where: str) -> SpecType:
    try:
        return build()
    except ValidationError as error:
        lines = [f"{s.key or 'file'}: {s.problem}{_got(s.received)}" for s in explain(error)]
        raise UsageError(f"{where}: " + "; ".join(lines)) from None


def _got(received: Any) -> str:
    plain = isinstance(received, str | int | float | bool)
    return f" (got {received!r})" if plain else ""
