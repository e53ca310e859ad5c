"""The update of a step in the eager mode: PyTorch's own optimisers and what comes before them.

What an optimiser has itself it does itself; the rest costs only those who ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from samenet.adapter import Batches
from samenet.adapter.schedules import learning_rates, rates_of
from samenet.spec import SGD, Adagrad, Adam, AdamW, Moments, Optimizer, RMSprop, TrainSpec


def native_decay(spec: Optimizer) -> float:
    """Return what PyTorch's argument `weight_decay` is to be: coupled, or decoupled in AdamW.

    The coupled one comes after clipping, so it is an L2 penalty only where nothing is clipped.
    """
    if isinstance(spec, Moments) and spec.weight_decay:
        return spec.weight_decay
    return 0.0 if spec.clip_norm else spec.l2


def groups(spec: Optimizer, model: nn.Module) -> list[Any]:
    """Return all parameters, or kernels and biases apart if only kernels are to shrink."""
    parameters = list(model.parameters())
    decay = native_decay(spec)
    if not decay:
        return parameters
    kernels = [p for p in parameters if p.ndim == 2]
    biases = [p for p in parameters if p.ndim == 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]


def sgd(spec: SGD, model: nn.Module, *, capturable: bool) -> torch.optim.Optimizer:
    """Return PyTorch's SGD, which has no step to count."""
    del capturable
    return torch.optim.SGD(
        groups(spec, model),
        spec.learning_rate,
        spec.momentum,
        nesterov=spec.nesterov,
        fused=True,
    )


def adam(spec: Adam | AdamW, model: nn.Module, *, capturable: bool) -> torch.optim.Optimizer:
    """Return PyTorch's AdamW if the weights decay, else its Adam."""
    kind = torch.optim.AdamW if spec.weight_decay else torch.optim.Adam
    return kind(
        groups(spec, model),
        spec.learning_rate,
        (spec.beta1, spec.beta2),
        spec.epsilon,
        fused=True,
        capturable=capturable,
    )


def rmsprop(spec: RMSprop, model: nn.Module, *, capturable: bool) -> torch.optim.Optimizer:
    """Return PyTorch's RMSprop, of which there is no fused one."""
    return torch.optim.RMSprop(
        groups(spec, model),
        spec.learning_rate,
        spec.rho,
        spec.epsilon,
        foreach=True,
        capturable=capturable,
    )


def adagrad(spec: Adagrad, model: nn.Module, *, capturable: bool) -> torch.optim.Optimizer:
    """Return PyTorch's Adagrad; older versions have a fused one for the CPU alone."""
    del capturable
    on_cpu = next(model.parameters()).device.type == "cpu"
    return torch.optim.Adagrad(
        groups(spec, model),
        spec.learning_rate,
        initial_accumulator_value=spec.initial_accumulator,
        eps=spec.epsilon,
        fused=on_cpu,
        foreach=not on_cpu,
    )


RULES: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


def native(spec: Optimizer, model: nn.Module, *, capturable: bool = False) -> torch.optim.Optimizer:
    """Return PyTorch's own optimiser, fused where there is one, with the constants of the spec.

    A capturable one counts its steps on the device, where a CUDA graph can do so too.
    """
    return RULES[spec.name](spec, model, capturable=capturable)


class Updates:
    """An optimiser, and the changes before its step in the order of samenet.spec.training.Rule."""

    def __init__(self, training: TrainSpec, model: nn.Module, *, capturable: bool = False) -> None:
        """Choose once what every step will need; usually nothing."""
        self.spec = training.optimizer
        self.rates = learning_rates(training)
        self.parameters = list(model.parameters())
        self.kernels = [p.detach() for p in self.parameters if p.ndim == 2]  # the same memory
        self.optimizer = native(self.spec, model, capturable=capturable)
        self.norm_max = self.spec.clip_norm or math.inf
        wanted = {
            self.set_rate: len(self.rates) > 1,
            self.penalise: self.spec.l2 and self.spec.clip_norm,
            self.clip: self.spec.clip_norm,
            self.decay: self.spec.weight_decay and not isinstance(self.spec, Moments),
        }
        self.changes: list[Callable[[float], object]] = [c for c, asked in wanted.items() if asked]

    def rates_of(self, batches: Batches) -> list[float]:
        """Return the learning rate of each step of a call."""
        if len(self.rates) == 1:
            return [self.spec.learning_rate] * len(batches.order)
        found: list[float] = rates_of(self.rates, batches).tolist()
        return found

    def set_rate(self, rate: float) -> None:
        """Hand the optimiser the rate of this step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def penalise(self, rate: float) -> None:
        """Add the gradient of the L2 penalty to those of the kernels."""
        del rate
        gradients: list[Any] = [p.grad for p in self.parameters if p.ndim == 2]
        torch._foreach_add_(gradients, self.kernels, alpha=self.spec.l2)

    def clip(self, rate: float) -> Tensor:
        """Shorten all gradients together to the norm allowed."""
        del rate
        return nn.utils.clip_grad_norm_(self.parameters, self.norm_max, foreach=True)

    def decay(self, rate: float) -> None:
        """Shrink the kernels apart from the gradient; the factor 1 - rate * decay would round."""
        torch._foreach_add_(self.kernels, self.kernels, alpha=-rate * self.spec.weight_decay)
