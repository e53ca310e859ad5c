"""PyTorch: every kind of layer in the usual loop (or, on request, as one graph per step)."""

from __future__ import annotations

from collections.abc import Callable

import torch

from samenet.adapter import Capabilities, Precision, Target, Weights
from samenet.adapters.pytorch.functions import ACTIVATIONS, LOSSES
from samenet.adapters.pytorch.layers import ENDS, KINDS
from samenet.adapters.pytorch.mode_eager import EagerProgram
from samenet.adapters.pytorch.network import TorchProgram, device_of
from samenet.adapters.pytorch.optimizers import RULES
from samenet.spec import Forms, Network, TrainSpec

ADAPTER = {
    "name": "pytorch",
    "title": "PyTorch",
    "modes": {
        "eager": {
            "default": True,
            # Compiled, a step of a transformer takes 0.8 to 0.9 of the time, one of convolutions
            # and max pools 1.0 to 1.2 (one with batch norms 0.65): of attention both are run,
            # since not every machine has a compiler.
            "best_for": ["attention"],
            "why": "resident tensors; layers and a fused optimiser as functions; channels_last",
            "source": "https://docs.pytorch.org/docs/stable/optim.aliases.html",
        },
        "compiled": {
            "best_for": ["attention"],
            "why": "forward, backward and update as one graph; it would unroll a recurrence",
            "source": "https://github.com/pytorch/pytorch/issues/119611",
            "needs": ["C++ compiler"],
            "compiler": "inductor",
            "counts_compilations": True,
            "layers": [
                "dense",
                "conv1d",
                "conv2d",
                "max_pool",
                "average_pool",
                "global_average_pool",
                "global_max_pool",
                "flatten",
                "batch_norm",
                "layer_norm",
                "embedding",
                "positions",
                "attention",
            ],
        },
        "graphs": {
            "why": "one CUDA graph of the whole step, captured once: a replay launches it all",
            "source": "https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture",
            "needs": ["CUDA device"],
        },
        "reduce-overhead": {
            "why": "the compiled step, whose kernels the compiler records as a CUDA graph",
            "source": "https://docs.pytorch.org/docs/stable/torch.compiler_cudagraph_trees.html",
            "needs": ["CUDA device", "C++ compiler"],
            "compiler": "inductor, CUDA graphs",
            "counts_compilations": True,
            "layers": [
                "dense",
                "conv1d",
                "conv2d",
                "max_pool",
                "average_pool",
                "global_average_pool",
                "global_max_pool",
                "flatten",
                "batch_norm",
                "layer_norm",
                "embedding",
                "positions",
                "attention",
            ],
        },
    },
    "imports": ["torch"],
    "distributions": ["torch"],
    "extra": "pytorch",
    "quickstart": "quickstart.py",
    "predictors": "predict.py",
    "offers": ["gpu", "autodiff", "export"],
    "variables": {
        # https://docs.pytorch.org/tutorials/recipes/torch_compile_caching_tutorial.html
        "cache": {"TORCHINDUCTOR_CACHE_DIR": "{cache}", "TRITON_CACHE_DIR": "{cache}"},
    },
    "compile_seconds": {"inductor": 8.5, "inductor, CUDA graphs": 8.5},
    "order": 70,
    "color": "#c50f0e",
}


def capabilities() -> Capabilities:
    """Everything, on the CPU and, where there is one, on a CUDA device."""
    return Capabilities(
        devices=("cpu", "cuda") if torch.cuda.is_available() else ("cpu",),
        dtypes=("float32", "float64"),
        activations=tuple(ACTIVATIONS),
        losses=tuple(LOSSES),
        optimizers=tuple(RULES),
        layers=tuple(kind for kind in KINDS if kind not in ENDS),
        forms=Forms(clipping="epsilon", running_variance="unbiased"),
    )


PRODUCTS: dict[Precision, str] = {"strict-float32": "highest", "tf32": "high"}
"""How torch.set_float32_matmul_precision calls them."""


def wake(target: Target) -> None:
    """Fix threads and how float32 is multiplied, then multiply once on the device.

    Convolutions and recurrent layers of cuDNN round to tf32 unless they are told not to, whatever
    is said of matrix products.
    https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    torch.set_num_threads(target.threads)
    torch.set_num_interop_threads(1)
    torch.set_float32_matmul_precision(PRODUCTS[target.precision])
    torch.backends.cudnn.allow_tf32 = target.precision == "tf32"
    small = torch.ones(8, 8, device=device_of(target))
    (small @ small).sum().item()


def read_back(program: TorchProgram, target: Target) -> dict[str, str | int | float]:
    """Return what PyTorch says is in force, and what the program's own tensors say."""
    rounds = "allowed" if torch.backends.cudnn.allow_tf32 else "not allowed"
    kernel = program.trained[0].parameter
    return {
        **program.compilations(),
        "threads": torch.get_num_threads(),
        "device": str(kernel.device),
        "dtype": str(kernel.dtype).removeprefix("torch."),
        "matmul precision": torch.get_float32_matmul_precision(),
        "compiler": program.compiler(),
        **({"cudnn tf32": rounds} if target.device == "cuda" else {}),
    }


def device_memory(target: Target) -> int | None:
    """Return the most bytes that tensors ever took on the device."""
    if target.device != "cuda":
        return None
    return int(torch.cuda.max_memory_allocated(device_of(target)))


def event_seconds(program: TorchProgram, work: Callable[[], None]) -> float:
    """Return the seconds between two events of the stream that the program computes on.

    https://docs.pytorch.org/docs/stable/notes/cuda.html
    """
    with torch.cuda.device(program.device):
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        start.record()
        work()
        end.record()
        end.synchronize()
    return float(start.elapsed_time(end)) / 1000  # elapsed_time is in milliseconds


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> TorchProgram:
    """Return the program that starts from exactly these weights."""
    return program_of(mode)(network, training, weights, target)


def program_of(mode: str) -> type[TorchProgram]:
    """Return the class of a mode; a module of another mode would cost start-up time."""
    if mode == "compiled":
        from samenet.adapters.pytorch.mode_compiled import CompiledProgram

        return CompiledProgram
    if mode == "reduce-overhead":
        from samenet.adapters.pytorch.mode_reduce_overhead import ReducedProgram

        return ReducedProgram
    if mode == "graphs":
        from samenet.adapters.pytorch.mode_graphs import GraphProgram

        return GraphProgram
    return EagerProgram
