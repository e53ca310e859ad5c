"""The update of a step as a CUDA graph can hold it: nothing of it depends on the host.

With one learning rate it is PyTorch's own optimiser, fused and capturable; its memory is made ahead
of the capture, which could not make it. With a schedule the update is written out, because the
fused kernels read a rate in float32 alone, in float64 too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from samenet.adapter.schedules import learning_rates
from samenet.adapters.pytorch.chain import Trained
from samenet.adapters.pytorch.inplace_optimizers import new_state, update
from samenet.adapters.pytorch.optimizers import Updates
from samenet.spec import TrainSpec

Change = Callable[[Tensor], None]
"""Takes one row of adapter.schedules.step_factors and updates the parameters by their gradients."""


def make_update(training: TrainSpec, trained: Sequence[Trained]) -> tuple[Change, list[Tensor]]:
    """Return the update and the tensors that it keeps between steps."""
    if len(learning_rates(training)) > 1:
        return written_update(training, trained)
    updates = Updates(training, trained)
    rate = training.optimizer.learning_rate
    # the rate is constant, and the optimiser counts its steps on the device
    return lambda factors: updates.step(rate), updates.state()


def written_update(training: TrainSpec, trained: Sequence[Trained]) -> tuple[Change, list[Tensor]]:
    """Return the update that the compiled mode has, too."""
    parameters = [p.detach() for p, _ in trained]  # the same memory
    decayed = [is_decayed for _, is_decayed in trained]
    state = new_state(training.optimizer, parameters)

    def change(factors: Tensor) -> None:
        gradients = [p.grad for p, _ in trained if p.grad is not None]
        update(training.optimizer, parameters, decayed, state, gradients, factors)

    return change, [tensor for tensors in state for tensor in tensors]


def changed_tensors(model: nn.Module, state: Sequence[Tensor]) -> list[Tensor]:
    """Return everything that a step changes: parameters, kept statistics, the optimiser's state."""
    return [*(p.detach() for p in model.parameters()), *model.buffers(), *state]
