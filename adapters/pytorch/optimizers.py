"""The update of a step in the modes that are not compiled: PyTorch's own, in functional form.

What a class of torch.optim does in `step` is to call the function of the same name on the tensors
that it keeps; here these are ours, and the function is called without the class. The numbers are
the same bits. What is saved: bookkeeping in every step, and `torch._dynamo` with SymPy, which the
first such class of a process imports and which takes as long as importing PyTorch itself.
https://docs.pytorch.org/docs/stable/optim.aliases.html

What an optimiser has itself it does itself; the rest costs only those who ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.adagrad import adagrad as torch_adagrad
from torch.optim.adam import adam as torch_adam
from torch.optim.adamw import adamw as torch_adamw
from torch.optim.rmsprop import rmsprop as torch_rmsprop
from torch.optim.sgd import sgd as torch_sgd

from samenet.adapter import Batches
from samenet.adapter.schedules import learning_rates, rates_of
from samenet.adapters.pytorch.chain import Trained
from samenet.adapters.pytorch.inplace_optimizers import new_state
from samenet.spec import SGD, Adagrad, Adam, AdamConstants, AdamW, Optimizer, RMSprop, TrainSpec


class Group(NamedTuple):
    """Parameters that shrink alike, and what the optimiser keeps about them."""

    parameters: list[nn.Parameter]
    """Where autograd leaves the gradients."""
    values: list[Tensor]
    """The same memory outside autograd: what is updated."""
    decay: float
    """PyTorch's argument `weight_decay`."""
    slots: list[list[Tensor]]
    """A list for each kind of memory (momenta, sums of squares), with a tensor per parameter."""
    steps: list[Tensor]
    """How many steps were taken; PyTorch counts for each parameter."""


def native_decay(spec: Optimizer) -> float:
    """Return what PyTorch's argument `weight_decay` is to be: coupled, or decoupled in AdamW.

    The coupled one comes after clipping, so it is an L2 penalty only where nothing is clipped.
    """
    if isinstance(spec, AdamConstants) and spec.weight_decay:
        return spec.weight_decay
    return 0.0 if spec.clip_norm else spec.l2


def groups(spec: Optimizer, trained: Sequence[Trained]) -> list[Group]:
    """Return all parameters, or kernels and others apart if only kernels are to shrink.

    A momentum that starts at zero is the one that starts with the first gradient.
    """
    decay = native_decay(spec)
    if not decay:
        return [group(spec, [p for p, _ in trained], 0.0)]
    kernels = [p for p, is_decayed in trained if is_decayed]
    others = [p for p, is_decayed in trained if not is_decayed]
    apart = [group(spec, kernels, decay)]
    return [*apart, group(spec, others, 0.0)] if others else apart


def group(spec: Optimizer, parameters: list[nn.Parameter], decay: float) -> Group:
    """Return parameters with an optimiser's memory at its start, on their device."""
    values = [p.detach() for p in parameters]
    slots = [list(slot) for slot in zip(*new_state(spec, values), strict=True)]
    device = values[0].device
    if isinstance(spec, Adagrad) and device.type != "cpu":
        device = torch.device("cpu")  # the unfused one reads it there
    steps = [torch.zeros((), dtype=torch.float32, device=device) for _ in values]
    return Group(parameters, values, decay, slots, steps)


def sgd(spec: SGD, of: Group, gradients: list[Tensor], rate: float) -> None:
    """Take a step of PyTorch's SGD, which does not count its steps."""
    momenta: list[Tensor | None] = [*of.slots[0]] if of.slots else [None] * len(of.values)
    torch_sgd(
        of.values,
        gradients,
        momenta,
        fused=True,
        weight_decay=of.decay,
        momentum=spec.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=spec.nesterov,
        maximize=False,
    )


def adam(spec: Adam | AdamW, of: Group, gradients: list[Tensor], rate: float) -> None:
    """Take a step of PyTorch's AdamW if the weights decay, else of its Adam."""
    step = torch_adamw if spec.weight_decay else torch_adam
    means, squares = of.slots
    step(
        of.values,
        gradients,
        means,
        squares,
        [],  # the largest squares, of AMSGrad
        of.steps,
        fused=True,
        capturable=of.values[0].is_cuda,
        amsgrad=False,
        beta1=spec.beta1,
        beta2=spec.beta2,
        lr=rate,
        weight_decay=of.decay,
        eps=spec.epsilon,
        maximize=False,
    )


def rmsprop(spec: RMSprop, of: Group, gradients: list[Tensor], rate: float) -> None:
    """Take a step of PyTorch's RMSprop, of which there is no fused one."""
    (squares,) = of.slots
    torch_rmsprop(
        of.values,
        gradients,
        squares,
        [],  # the means that a centred one subtracts
        [],  # momenta
        of.steps,
        foreach=True,
        capturable=of.values[0].is_cuda,
        lr=rate,
        alpha=spec.rho,
        eps=spec.epsilon,
        weight_decay=of.decay,
        momentum=0.0,
        centered=False,
    )


def adagrad(spec: Adagrad, of: Group, gradients: list[Tensor], rate: float) -> None:
    """Take a step of PyTorch's Adagrad; older versions have a fused one for the CPU alone."""
    on_cpu = of.values[0].device.type == "cpu"
    (sums,) = of.slots
    torch_adagrad(
        of.values,
        gradients,
        sums,
        of.steps,
        fused=on_cpu,
        foreach=not on_cpu,
        lr=rate,
        weight_decay=of.decay,
        lr_decay=0.0,
        eps=spec.epsilon,
        maximize=False,
    )


RULES: dict[str, Callable[[Any, Group, list[Tensor], float], None]] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": adam,
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


class Updates:
    """An optimiser, and the changes before its step in the order of `OptimizerRule`."""

    def __init__(self, training: TrainSpec, trained: Sequence[Trained]) -> None:
        """Choose once what every step will need; usually nothing beside the optimiser."""
        self.spec = training.optimizer
        self.rates = learning_rates(training)
        self.parameters = [parameter for parameter, _ in trained]
        self.decayed = [parameter for parameter, is_decayed in trained if is_decayed]
        self.kernels = [p.detach() for p in self.decayed]  # the same memory
        self.groups = groups(self.spec, trained)
        self.rule = RULES[self.spec.name]
        self.norm_max = self.spec.clip_norm or math.inf
        wanted = {
            self.penalise: self.spec.l2 and self.spec.clip_norm,
            self.clip: self.spec.clip_norm,
            self.decay: self.spec.weight_decay and not isinstance(self.spec, AdamConstants),
        }
        self.changes: list[Callable[[float], object]] = [c for c, asked in wanted.items() if asked]

    def state(self) -> list[Tensor]:
        """Return the tensors that are kept between steps, beside the parameters."""
        return [
            tensor for of in self.groups for tensors in (*of.slots, of.steps) for tensor in tensors
        ]

    def rates_of(self, batches: Batches) -> list[float]:
        """Return the learning rate of each step of a call."""
        if len(self.rates) == 1:
            return [self.spec.learning_rate] * len(batches.order)
        found: list[float] = rates_of(self.rates, batches).tolist()
        return found

    def zero_grad(self) -> None:
        """Forget the gradients, so that a backward pass leaves its own and adds to none."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self, rate: float) -> None:
        """Take one step against the gradients that a backward pass has left."""
        for change in self.changes:
            change(rate)
        for of in self.groups:
            gradients: list[Any] = [p.grad for p in of.parameters]
            self.rule(self.spec, of, gradients, rate)

    def penalise(self, rate: float) -> None:
        """Add the gradient of the L2 penalty to those of the kernels."""
        del rate
        gradients: list[Any] = [p.grad for p in self.decayed]
        torch._foreach_add_(gradients, self.kernels, alpha=self.spec.l2)

    def clip(self, rate: float) -> Tensor:
        """Shorten all gradients together to the norm allowed."""
        del rate
        return nn.utils.clip_grad_norm_(self.parameters, self.norm_max, foreach=True)

    def decay(self, rate: float) -> None:
        """Shrink the kernels apart from the gradient; the factor 1 - rate * decay would round."""
        torch._foreach_add_(self.kernels, self.kernels, alpha=-rate * self.spec.weight_decay)
