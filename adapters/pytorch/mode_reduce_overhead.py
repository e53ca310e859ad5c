"""PyTorch's compiled step with mode="reduce-overhead": the compiler records CUDA graphs itself.

https://docs.pytorch.org/docs/stable/torch.compiler_cudagraph_trees.html
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch._dynamo import mark_static_address
from torch._dynamo.utils import counters

from samenet.adapter import DataSource, Target, Weights
from samenet.adapters.pytorch.chain import Masks
from samenet.adapters.pytorch.mode_compiled import CompiledProgram
from samenet.spec import Network, TrainSpec


class ReducedProgram(CompiledProgram):
    """The same graph; what stays in place is said to, or every replay would copy it first."""

    cuda_graphs = True

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Mark what the step updates: a graph with other inputs that change is not recorded."""
        super().__init__(network, training, weights, target)
        self.graph_of_step = self.compiled
        self.compiled = self.replayed
        memory = [kept for part in self.state for kept in part]
        for tensor in [*self.parameters, *self.statistics, *memory]:
            mark_static_address(tensor)

    def load(self, source: DataSource) -> None:
        """Keep all rows on the device, where they stay."""
        super().load(source)
        for tensor in (self.inputs, self.targets):
            mark_static_address(tensor)

    def replayed(self, rows: Tensor, factors: Tensor, masks: Masks) -> Tensor:
        """Take one step; its loss is copied before the next replay writes over it."""
        torch.compiler.cudagraph_mark_step_begin()
        loss: Tensor = self.graph_of_step(rows, factors, masks).clone()
        return loss

    def compiler(self) -> str:
        """Return what compiled the step, and whether CUDA graphs were recorded."""
        compiled_by = super().compiler()
        if compiled_by == "none" or counters["inductor"]["cudagraph_skips"]:
            return compiled_by
        return f"{compiled_by}, CUDA graphs"
