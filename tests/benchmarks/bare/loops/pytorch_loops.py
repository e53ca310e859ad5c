"""Bare PyTorch on resident tensors: the usual loop, and the whole step as one compiled graph."""

from __future__ import annotations

import torch
from case import Array, Bare, Case, nothing
from torch import Tensor, nn
from torch.func import grad_and_value
from torch.nn import functional as F

LOOPS = {"pytorch:eager": "eager", "pytorch:compiled": "compiled"}


def eager(case: Case) -> Bare:
    """Forward, loss, backward, step."""
    model = nn.Sequential(
        nn.Linear(*case.weights[0][0].shape),
        nn.ReLU(),
        nn.Linear(*case.weights[1][0].shape),
        nn.ReLU(),
        nn.Linear(*case.weights[2][0].shape),
    )
    with torch.no_grad():
        for linear, (kernel, bias) in zip(model[::2], case.weights, strict=True):
            linear.weight.copy_(torch.tensor(kernel.T))
            linear.bias.copy_(torch.tensor(bias))
    optimizer = torch.optim.SGD(model.parameters(), case.rate, fused=True)
    inputs, targets = torch.tensor(case.inputs), torch.tensor(case.targets, dtype=torch.int64)
    losses: list[Tensor] = []

    def train(order: Array) -> None:
        losses.clear()
        rows = torch.tensor(order, dtype=torch.int64)
        for x, y in zip(inputs[rows], targets[rows], strict=True):
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())

    return Bare(
        train,
        nothing,
        lambda: torch.stack(losses),
        lambda: [p.detach().numpy().T for p in model.parameters()],
    )


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
