"""The update of a step as a CUDA graph can hold it: nothing of it depends on the host.

With one learning rate it is PyTorch's own optimiser, fused and capturable. With a schedule the
update is written out, because the fused kernels read a rate in float32 alone, in float64 too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from samenet.adapter.schedules import learning_rates
from samenet.adapters.pytorch.inplace_optimizers import new_state, update
from samenet.adapters.pytorch.optimizers import Updates
from samenet.spec import TrainSpec

Change = Callable[[Tensor], None]
"""Takes one row of adapter.schedules.step_factors and updates the parameters by their gradients."""


def changed(training: TrainSpec, model: nn.Module) -> tuple[Change, list[Tensor]]:
    """Return the update and the tensors that it keeps between steps."""
    if len(learning_rates(training)) > 1:
        return written(training, model)
    updates = Updates(training, model, capturable=next(model.parameters()).is_cuda)
    state = settled(updates.optimizer, model)
    rate = training.optimizer.learning_rate

    def change(factors: Tensor) -> None:
        del factors  # the rate is constant, the optimiser counts its steps on the device
        for part in updates.changes:
            part(rate)
        updates.optimizer.step()

    return change, state


def written(training: TrainSpec, model: nn.Module) -> tuple[Change, list[Tensor]]:
    """Return the update that the compiled mode has, too."""
    parameters = [p.detach() for p in model.parameters()]  # the same memory
    state = new_state(training.optimizer, parameters)

    def change(factors: Tensor) -> None:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        update(training.optimizer, parameters, state, gradients, factors)

    return change, [tensor for tensors in state for tensor in tensors]


def settled(optimizer: torch.optim.Optimizer, model: nn.Module) -> list[Tensor]:
    """Let the optimiser make its state, by a step with no gradient, and return it as at the start.

    A momentum that starts at zero is the one that starts with the first gradient; sums of squares
    are left where they start.
    """
    start = [p.detach().clone() for p in model.parameters()]
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    decays = [group.get("weight_decay", 0.0) for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.0  # it would enter a momentum
    optimizer.step()
    for group, decay in zip(optimizer.param_groups, decays, strict=True):
        group["weight_decay"] = decay
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), start, strict=True):
            parameter.copy_(value)
        kept_values = [v for state in optimizer.state.values() for v in state.items()]
        for name, value in kept_values:
            if name == "step":
                value.zero_()
    return [value for _, value in kept_values if isinstance(value, Tensor)]


def kept(model: nn.Module, state: Sequence[Tensor]) -> list[Tensor]:
    """Return everything that a step changes."""
    return [*(p.detach() for p in model.parameters()), *state]
