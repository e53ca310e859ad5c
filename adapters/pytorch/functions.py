"""Activations and losses as PyTorch has them, with every constant taken from the spec."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from samenet.spec import Activation, Loss

Criterion = Callable[[Tensor, Tensor], Tensor]

IDENTITY_FROM = 40.0
"""Above it, softplus(z) and z are one number in float64 too, and exp(z) is far from overflow in
float32. PyTorch's own threshold, 20, shows in float64."""

ACTIVATIONS: dict[str, Callable[[Activation], nn.Module]] = {
    "sigmoid": lambda a: nn.Sigmoid(),
    "tanh": lambda a: nn.Tanh(),
    "relu": lambda a: nn.ReLU(),
    "leaky_relu": lambda a: nn.LeakyReLU(a.slope),
    "elu": lambda a: nn.ELU(),
    "selu": lambda a: nn.SELU(),
    "gelu": lambda a: nn.GELU(),
    "silu": lambda a: nn.SiLU(),
    "softplus": lambda a: nn.Softplus(threshold=IDENTITY_FROM),
    "identity": lambda a: nn.Identity(),
}


def cross_entropy(spec: Loss) -> Criterion:
    """Return the loss that takes class numbers as well as one-hot rows."""
    if not spec.label_smoothing:
        return F.cross_entropy
    return partial(F.cross_entropy, label_smoothing=spec.label_smoothing)


LOSSES: dict[str, Callable[[Loss], Criterion]] = {
    "binary_cross_entropy": lambda s: F.binary_cross_entropy_with_logits,
    "categorical_cross_entropy": cross_entropy,
    "sparse_categorical_cross_entropy": cross_entropy,
    "mean_squared_error": lambda s: F.mse_loss,
    "mean_absolute_error": lambda s: F.l1_loss,
    "huber": lambda s: partial(F.huber_loss, delta=s.delta),
}


def smooth_targets(targets: Tensor, spec: Loss) -> Tensor:
    """Return the targets as the loss is to see them; the others smooth them by themselves."""
    if spec.name != "binary_cross_entropy" or not spec.label_smoothing:
        return targets
    return (1 - spec.label_smoothing) * targets + spec.label_smoothing / 2
