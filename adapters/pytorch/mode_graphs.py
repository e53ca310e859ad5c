"""PyTorch with the whole training step as one CUDA graph: forward, backward and update.

The recipe is that of the notes ("whole-network capture"): warm up on a side stream, capture once,
replay for every step. What differs from step to step is read on the device, by a step number that
the graph itself counts up, so that a replay needs nothing from the host.
https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from samenet.adapter import Array, Batches, Target, Weights
from samenet.adapter.schedules import learning_rates, step_factors
from samenet.adapters.pytorch.graph_step import changed_tensors, make_update
from samenet.adapters.pytorch.network import TorchProgram
from samenet.spec import Network, TrainSpec

WARMUPS = 3
"""As in the notes: lazy set-up of libraries and autograd is over before the capture."""

Step = Callable[[], None]


def capture_step(step: Step, kept_tensors: Sequence[Tensor]) -> Step:
    """Return the step as a graph to replay; the capture itself computes nothing."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        warm_up(step, kept_tensors)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def warm_up(step: Step, kept_tensors: Sequence[Tensor]) -> None:
    """Run the step some times and put back, after each, all that it changed."""
    before = [tensor.detach().clone() for tensor in kept_tensors]
    for _ in range(WARMUPS):
        step()
        with torch.no_grad():
            for tensor, value in zip(kept_tensors, before, strict=True):
                tensor.copy_(value)


class CallBuffers:
    """Where the step finds what a call of one shape asks for, at addresses that never change."""

    def __init__(self, order: Tensor, factors: Tensor, masks: list[Tensor | None]) -> None:
        """Copy the first call's; the losses are what the step writes."""
        self.order = order.clone()
        self.factors = factors.clone()
        self.masks = [None if mask is None else mask.clone() for mask in masks]
        self.losses = torch.zeros_like(factors[:, 0])
        self.place = torch.zeros(1, dtype=torch.int64, device=order.device)

    def fill(self, order: Tensor, factors: Tensor, masks: list[Tensor | None]) -> None:
        """Take over another call of the same shape, from its first step on."""
        self.order.copy_(order)
        self.factors.copy_(factors)
        for buffer, mask in zip(self.masks, masks, strict=True):
            if buffer is not None and mask is not None:
                buffer.copy_(mask)
        self.place.zero_()

    def current(self, values: Tensor) -> Tensor:
        """Return what stands at the current step."""
        return values.index_select(0, self.place)[0]


class GraphProgram(TorchProgram):
    """A graph per shape of a call; all of them work on the same parameters and optimiser state."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make the optimiser's state now: a graph cannot, it would make it again in every step."""
        super().__init__(network, training, weights, target)
        self.rates = learning_rates(training)
        self.change, state = make_update(training, self.trained)
        self.kept = changed_tensors(self.model, state)
        self.replays: dict[tuple[int, ...], tuple[CallBuffers, Step]] = {}

    def train(self, batches: Batches) -> None:
        """Replay the step as often as the call has steps."""
        order = self.rows(batches.order)
        factors = self.resident(step_factors(self.training, self.rates, batches))
        masks = self.call_masks(batches)
        if order.shape not in self.replays:
            buffers = CallBuffers(order, factors, masks)
            step = self.step_on(buffers)
            self.replays[order.shape] = buffers, capture_step(step, [*self.kept, buffers.place])
        buffers, replay = self.replays[order.shape]
        buffers.fill(order, factors, masks)
        for _ in range(len(order)):
            replay()
        self.call_losses = buffers.losses

    def losses(self) -> Array:
        """Return the loss before each update of the latest call."""
        return self.call_losses.cpu().numpy().copy()

    def step_on(self, buffers: CallBuffers) -> Step:
        """Return one whole training step, all of it on the device."""

        def step() -> None:
            rows = buffers.current(buffers.order)
            masks = [None if mask is None else buffers.current(mask) for mask in buffers.masks]
            loss = self.loss(self.outputs(self.inputs[rows], masks), self.targets[rows])
            self.model.zero_grad()  # to None: the backward pass of a graph makes its own
            loss.backward()
            self.change(buffers.current(buffers.factors))
            buffers.losses.index_copy_(0, buffers.place, loss.detach().reshape(1))
            buffers.place.add_(1)

        return step
