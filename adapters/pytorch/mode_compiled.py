"""PyTorch with the whole training step as one compiled graph: forward, backward and update.

Compiling only the loss is slower than the eager loop for small networks (pytorch issue 119611);
torch.func gives the gradient as a function, so that everything fits one graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._dynamo import config
from torch._dynamo.utils import counters
from torch.func import grad_and_value

from samenet.adapter import Batches, Target, Weights
from samenet.adapter.schedules import learning_rates, step_factors
from samenet.adapters.pytorch.chain import Masks, Part, Step, pass_through
from samenet.adapters.pytorch.inplace_optimizers import new_state, update
from samenet.adapters.pytorch.network import TorchProgram
from samenet.spec import Network, TrainSpec

Arguments = tuple[Tensor, Tensor, Masks]
ARGUMENTS = ("rows", "factors", "masks")
"""Of `CompiledProgram.step`."""

PROGRAMS_MAX = 4096
"""Dynamo keeps all graphs of one piece of code together, so those of all programs of a process
count against its limits, 8 and 256. The latest graph is tried first: many cost nothing."""

config.cache_size_limit = PROGRAMS_MAX
config.accumulated_cache_size_limit = PROGRAMS_MAX


Tensors = tuple[slice, slice, list[Tensor]]
"""Of a layer: which of all parameters, which of all statistics, and what never changes."""


def layout_of(parts: Sequence[Part]) -> tuple[list[Tensor], list[Tensors]]:
    """Return all statistics of batch norms, and where the tensors of every layer are found."""
    statistics: list[Tensor] = []
    found: list[Tensors] = []
    place = 0
    for part in parts:
        own = len(part.trained())
        parameters = [t for t in part.tensors.values() if isinstance(t, nn.Parameter)]
        moved = [t for t in part.tensors.values() if not isinstance(t, nn.Parameter)]
        rows = slice(len(statistics), len(statistics) + len(moved))
        found.append((slice(place, place + own), rows, [*parameters[own:]]))
        statistics += moved
        place += own
    return statistics, found


class CompiledProgram(TorchProgram):
    """One graph per step; parameters and optimiser state are updated in place."""

    cuda_graphs = False
    """Whether the compiler is to record its kernels: what mode="reduce-overhead" stands for."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Keep references to the model's own parameters, so that predict sees the updates."""
        super().__init__(network, training, weights, target)
        self.statistics, self.tensors = layout_of(self.parts)
        self.parameters = [p.requires_grad_(False) for p, _ in self.trained]
        self.decayed = [is_decayed for _, is_decayed in self.trained]
        self.spec = training.optimizer
        self.rates = learning_rates(training)
        self.state = new_state(self.spec, self.parameters)
        self.latest: Arguments | None = None
        self.compiled = torch.compile(
            self.step, fullgraph=True, dynamic=False, options=self.options()
        )

    def options(self) -> dict[str, Any]:
        """Return what torch.compile is told.

        Half of the 340 checks before a step ask whether PyTorch's own functions and our modules
        are still the same ones; nothing here replaces them. Without these checks a step of
        64-64-32-10, batch 32, takes 0.90 of the time. What is a program's own is still checked.
        https://docs.pytorch.org/docs/stable/generated/torch.compiler.skip_guard_on_globals_unsafe.html

        On a processor, what calls the kernels is compiled too, instead of Python: 0.8 of the time
        of that step, 0.93 to 0.99 of one of 64-256-128-10, batch 128, no more time to compile.
        https://docs.pytorch.org/tutorials/unstable/inductor_cpp_wrapper_tutorial.html
        """
        told: dict[str, Any] = {"triton.cudagraphs": True} if self.cuda_graphs else {}
        if self.device.type == "cpu":
            told["cpp_wrapper"] = True
        if (fewer := getattr(torch.compiler, "skip_guard_on_globals_unsafe", None)) is not None:
            told["guard_filter_fn"] = fewer
        return told

    def batch_loss(
        self, parameters: list[Tensor], inputs: Tensor, targets: Tensor, masks: Masks
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the mean loss as a function of the parameters, and what a batch norm keeps.

        A function that is differentiated must not change what lies outside it: statistics are
        copied, moved, and given back.
        """
        kept = [tensor.clone() for tensor in self.statistics]
        steps = [
            Step(operation, [*parameters[own], *kept[moved], *fixed], activation, end)
            for (operation, _, activation, end), (own, moved, fixed) in zip(
                self.steps, self.tensors, strict=True
            )
        ]
        return self.loss(pass_through(steps, inputs, masks), targets), kept

    def step(self, rows: Tensor, factors: Tensor, masks: Masks) -> Tensor:
        """Take one step and return the loss before it."""
        inputs = self.inputs[rows]
        targets = self.targets[rows]
        gradients, (loss, kept) = grad_and_value(self.batch_loss, has_aux=True)(
            self.parameters, inputs, targets, masks
        )
        update(self.spec, self.parameters, self.decayed, self.state, gradients, factors)
        for tensor, value in zip(self.statistics, kept, strict=True):
            tensor.copy_(value)
        return loss

    def train(self, batches: Batches) -> None:
        """Run the steps; what depends on the step number goes in as a tensor, or it recompiles."""
        factors = self.resident(step_factors(self.training, self.rates, batches))
        steps = list(zip(self.rows(batches.order), factors, self.masks(batches), strict=True))
        self.step_losses = [self.compiled(*arguments) for arguments in steps]
        self.latest = steps[-1]

    def compilations(self) -> dict[str, int]:
        """Return how many graphs Dynamo has made in this process.

        https://docs.pytorch.org/docs/stable/torch.compiler_dynamo_overview.html
        """
        return {"compilations": counters["stats"]["unique_graphs"]}

    def compiler(self) -> str:
        """Return what compiled the graph that the latest step ran, or "none" if it ran as Python.

        Dynamo keeps the graphs of all programs together; to which of them, and to which arguments,
        one belongs, its own guards tell.
        """
        if self.latest is None:
            return "none"
        try:
            from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list as graphs_of

            given = {"self": self, **dict(zip(ARGUMENTS, self.latest, strict=True))}
            fitting: list[Any] = [
                g for g in graphs_of(self.step.__code__) if g.guard_manager.check(given)
            ]
            return str(fitting[0].backend.compiler_name) if fitting else "none"
        except (AttributeError, ImportError):  # not public: another version may lack it
            return "not readable here"
