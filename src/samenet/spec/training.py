"""How a network is trained: loss, optimiser, schedule, as frozen data without arrays.

Every constant of a formula is in the spec: no framework default is reachable from here. The
docstring of an optimiser *is* its formula: g the gradient, w the weights, t = 1, 2, ... the step.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from samenet.spec.network import TaskKind
from samenet.spec.parsing import FrozenModel, parse_call

LossName = Literal[
    "binary_cross_entropy",
    "categorical_cross_entropy",
    "sparse_categorical_cross_entropy",
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
]

LOSSES_OF_KIND: dict[TaskKind, tuple[LossName, ...]] = {
    TaskKind.BINARY: ("binary_cross_entropy",),
    TaskKind.MULTICLASS: ("sparse_categorical_cross_entropy", "categorical_cross_entropy"),
    TaskKind.REGRESSION: ("mean_squared_error", "mean_absolute_error", "huber"),
}
"""The losses that a task of a kind can train with; the first is the usual one."""


class Loss(FrozenModel):
    """The mean over the batch (and over the outputs of a regression), taken from logits z.

    Written `"mean_squared_error"` or `"huber(delta=0.5)"` in task files.

    binary_cross_entropy              softplus(z) - y*z, the stable form of Bernoulli log likelihood
    categorical_cross_entropy         logsumexp(z) - sum(y*z), y one-hot
    sparse_categorical_cross_entropy  the same, y a class number
    mean_squared_error                (z - y)^2, without the factor 1/2
    mean_absolute_error               |z - y|
    huber                             e = z - y: e^2/2 if |e| <= delta else delta*(|e| - delta/2)
                                      (Huber 1964)

    Label smoothing a replaces y by (1 - a)*y + a/2 (binary) or (1 - a)*y + a/classes (Szegedy et
    al. 2016).
    """

    name: LossName
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    delta: float = Field(default=1.0, gt=0)

    @model_validator(mode="after")
    def _only_what_it_has(self) -> Self:
        if self.label_smoothing and not self.name.endswith("cross_entropy"):
            raise ValueError(f"{self.name} has no label_smoothing")
        if self.delta != 1.0 and self.name != "huber":
            raise ValueError(f"{self.name} has no delta")
        return self

    def __str__(self) -> str:
        """Return the form used in task files."""
        if self.name == "huber":
            return f"huber(delta={self.delta})"
        smooth = f"(label_smoothing={self.label_smoothing})" if self.label_smoothing else ""
        return f"{self.name}{smooth}"


Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class OptimizerRule(FrozenModel):
    """What all optimisers share; r_t is `learning_rate` times the factor of the schedule.

    l2            g += l2 * w of the kernels, before clipping: the penalty l2/2 * |w|^2 is part of
                  what is minimised, though not of the loss that is reported
    clip_norm     g *= min(1, clip_norm / |g|), |g| over all kernels and biases together (Pascanu et
                  al. 2013, algorithm 1); form "epsilon" (torch): clip_norm / (|g| + 1e-6)
    weight_decay  w *= 1 - r_t * weight_decay of the kernels, before the step: decoupled
                  (Loshchilov & Hutter 2019, algorithm 2)

    Biases are neither penalised nor decayed.
    """

    learning_rate: Positive
    l2: float = Field(default=0.0, ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    clip_norm: Positive | None = None

    @model_validator(mode="after")
    def _one_decay(self) -> Self:
        if self.l2 and self.weight_decay:
            raise ValueError("l2 and weight_decay are two ways to the same end: choose one")
        return self


class SGD(OptimizerRule):
    """Stochastic gradient descent, with heavy-ball or Nesterov momentum mu (Sutskever et al. 2013).

    form "rate_outside" (torch.optim.SGD with dampening 0, optax):
        b = mu*b + g;          w -= r_t * b    (nesterov: r_t * (g + mu*b));    b starts at 0
    form "rate_inside" (keras.optimizers.SGD, scikit-learn):
        v = mu*v - r_t * g;    w += v          (nesterov: mu*v - r_t * g);      v starts at 0

    With a constant rate both are the same sequence.
    """

    name: Literal["sgd"] = "sgd"
    momentum: Fraction = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs a momentum above 0")
        return self


class AdamConstants(OptimizerRule):
    """The constants of Adam and AdamW."""

    beta1: Fraction
    beta2: Fraction
    epsilon: Positive


class Adam(AdamConstants):
    """Adam (Kingma & Ba 2015).

    m = beta1*m + (1 - beta1)*g;   v = beta2*v + (1 - beta2)*g^2;   both start at 0
    form "standard" (algorithm 1; torch, optax):
        w -= r_t * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
    form "epsilon_hat" (the paper's end of section 2; Keras, scikit-learn):
        w -= r_t * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)

    The two differ only in what epsilon is added to. An adapter declares the form its framework has
    and is checked against that form; with epsilon 2^-40 they differ by less than 2e-6.
    """

    name: Literal["adam"] = "adam"


class AdamW(AdamConstants):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2): see Rule, Adam."""

    name: Literal["adamw"] = "adamw"
    weight_decay: Positive


class RMSprop(OptimizerRule):
    """RMSprop (Tieleman & Hinton 2012, lecture 6.5), neither centred nor with momentum.

    v = rho*v + (1 - rho)*g^2;   v starts at 0
    form "epsilon_outside" (torch):         w -= r_t * g / (sqrt(v) + epsilon)
    form "epsilon_inside" (Keras, optax):   w -= r_t * g / sqrt(v + epsilon)
    """

    name: Literal["rmsprop"] = "rmsprop"
    rho: Fraction
    epsilon: Positive


class Adagrad(OptimizerRule):
    """Adagrad (Duchi, Hazan & Singer 2011).

    a += g^2;   a starts at initial_accumulator
    form "epsilon_outside" (torch):         w -= r_t * g / (sqrt(a) + epsilon)
    form "epsilon_inside" (Keras, optax):   w -= r_t * g / sqrt(a + epsilon)
    """

    name: Literal["adagrad"] = "adagrad"
    initial_accumulator: float = Field(default=0.0, ge=0)
    epsilon: Positive


Optimizer = Annotated[SGD | Adam | AdamW | RMSprop | Adagrad, Field(discriminator="name")]

OPTIMIZERS: dict[str, type[OptimizerRule]] = {
    kind.model_fields["name"].default: kind for kind in get_args(get_args(Optimizer)[0])
}
"""Every optimiser by the name that a task file gives it."""


class Schedule(FrozenModel):
    """What the learning rate is multiplied by at step t = 0, 1, ...; u = t - warmup_steps.

    warm-up       (t + 1) / warmup_steps while t < warmup_steps (Goyal et al. 2017), then
    constant      1
    step          drop ^ floor(u / every)
    exponential   drop ^ (u / every)
    cosine        final + (1 - final) * (1 + cos(pi * u / steps)) / 2 (Loshchilov & Hutter 2017)

    From u = `steps` on it holds its last value.
    """

    name: Literal["constant", "step", "exponential", "cosine"] = "constant"
    warmup_steps: int = Field(default=0, ge=0, le=1_000_000)
    steps: int = Field(default=0, ge=0, le=10_000_000)
    every: int = Field(default=1, ge=1, le=10_000_000)
    drop: float = Field(default=0.5, gt=0, le=1)
    final: float = Field(default=0.0, ge=0, le=1)

    @model_validator(mode="after")
    def _needs_its_length(self) -> Self:
        if self.name != "constant" and self.steps == 0:
            raise ValueError(f"the schedule {self.name} needs steps, the number of its updates")
        return self


def _schedule_from_text(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class TrainSpec(FrozenModel):
    """How a network is trained: everything that two frameworks could otherwise do differently."""

    loss: Annotated[Loss, BeforeValidator(parse_call)]
    optimizer: Optimizer
    schedule: Annotated[Schedule, BeforeValidator(_schedule_from_text)] = Schedule()
    batch_size: int = Field(ge=1, le=100_000_000)
    epochs: int = Field(ge=1, le=100_000)


def needs_one_hot(training: TrainSpec) -> bool:
    """Return whether class numbers have to be handed over as one-hot rows."""
    return training.loss.name == "categorical_cross_entropy"


Side = Literal["left", "middle", "right"]
"""Which slope a function has exactly at a kink; "middle" is the mean of both sides."""

RoundedConstant = Literal[
    "learning_rate",
    "l2",
    "weight_decay",
    "clip_norm",
    "momentum",
    "beta1",
    "beta2",
    "bias_correction",
    "rho",
    "epsilon",
    "initial_accumulator",
]
"""A key of an optimiser; "bias_correction" is beta1 and beta2 in 1 - beta^t of Adam alone."""


class Forms(FrozenModel):
    """Which form of a formula a framework has, where several are in use.

    What those of an optimiser mean stands in its docstring, or in that of Rule. The oracle has them
    all, and an adapter is held to exactly those that it declares.
    """

    adam: Literal["standard", "epsilon_hat"] = "standard"
    momentum: Literal["rate_outside", "rate_inside"] = "rate_outside"
    rmsprop: Literal["epsilon_outside", "epsilon_inside"] = "epsilon_outside"
    adagrad: Literal["epsilon_outside", "epsilon_inside"] = "epsilon_outside"
    clipping: Literal["exact", "epsilon"] = "exact"
    running_variance: Literal["biased", "unbiased"] = "biased"
    """What batch_norm keeps: the variance over n numbers, sum / n, or sum / (n - 1)."""
    rounded: tuple[RoundedConstant, ...] = ()
    """Constants that a computation in float64 sees as the nearest float32 number. In float32 every
    framework sees them so; one that is exact in binary, such as 2^-10, is not changed by it."""
    relu_at_0: Side = "left"
    leaky_relu_at_0: Side = "left"
    selu_at_0: Side = "left"
    absolute_error_at_0: Side = "middle"

    @model_serializer(mode="wrap")
    def _without_younger_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what plans of before did not have: their seal is the hash of their text."""
        usual = {name: type(self).model_fields[name].default for name in _YOUNGER_FORMS}
        return {
            key: value
            for key, value in dump(self).items()
            if key not in usual or getattr(self, key) != usual[key]
        }


_YOUNGER_FORMS = (
    "running_variance",
    "rounded",
    "relu_at_0",
    "leaky_relu_at_0",
    "selu_at_0",
    "absolute_error_at_0",
)
