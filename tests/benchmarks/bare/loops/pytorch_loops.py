"""Bare PyTorch on resident tensors: the usual loop, and the whole step as one compiled graph."""

from __future__ import annotations

import torch
from case import Array, Bare, Case, nothing
from torch import Tensor
from torch.func import grad_and_value
from torch.nn import functional as F
from torch.optim.sgd import sgd

LOOPS = {"pytorch:eager": "eager", "pytorch:compiled": "compiled"}


def eager(case: Case) -> Bare:
    """Forward, loss, backward, step, without nn.Module and the classes of torch.optim.

    Best of what is documented, by processor time (S / M, with Adam): this 148 / 604 us a step,
    torch.autograd.grad in place of backward 153 / 605, all parameters in one tensor 149 / 605,
    nn.Sequential and torch.optim.Adam(fused=True) 212 / 656. The operator that the functional form
    calls, torch._fused_adam_, alone: 133 / 586; it is private.
    """
    parameters = [
        torch.tensor(part.T.copy(), requires_grad=True) for pair in case.weights for part in pair
    ]
    w1, b1, w2, b2, w3, b3 = parameters
    values = [p.detach() for p in parameters]
    inputs, targets = torch.tensor(case.inputs), torch.tensor(case.targets, dtype=torch.int64)
    losses: list[Tensor] = []
    settings = {"weight_decay": 0.0, "momentum": 0.0, "dampening": 0.0, "lr": case.rate}
    unused = [None] * len(values)

    def train(order: Array) -> None:
        losses.clear()
        rows = torch.tensor(order, dtype=torch.int64)
        for x, y in zip(inputs[rows], targets[rows], strict=True):
            x = torch.relu(F.linear(x, w1, b1))
            x = torch.relu(F.linear(x, w2, b2))
            loss = F.cross_entropy(F.linear(x, w3, b3), y)
            for p in parameters:
                p.grad = None
            loss.backward()
            gradients = [p.grad for p in parameters]
            sgd(values, gradients, unused, fused=True, nesterov=False, maximize=False, **settings)
            losses.append(loss.detach())

    return Bare(train, nothing, lambda: torch.stack(losses), lambda: [p.numpy().T for p in values])


def compiled(case: Case) -> Bare:
    """The gradient as a function, so that forward, backward and update fit one graph."""
    parameters = [torch.tensor(part.T.copy()) for pair in case.weights for part in pair]
    inputs, targets = torch.tensor(case.inputs), torch.tensor(case.targets, dtype=torch.int64)
    rate = case.rate
    losses: list[Tensor] = []

    def batch_loss(parameters: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        w1, b1, w2, b2, w3, b3 = parameters
        values = F.relu(F.linear(x, w1, b1))
        values = F.relu(F.linear(values, w2, b2))
        return F.cross_entropy(F.linear(values, w3, b3), y)

    @torch.compile(fullgraph=True, dynamic=False)
    def step(rows: Tensor) -> Tensor:
        gradients, loss = grad_and_value(batch_loss)(parameters, inputs[rows], targets[rows])
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(rate * gradient)
        return loss

    def train(order: Array) -> None:
        losses[:] = [step(rows) for rows in torch.tensor(order, dtype=torch.int64)]

    return Bare(
        train, nothing, lambda: torch.stack(losses), lambda: [p.numpy().T for p in parameters]
    )
