"""CuPy from scratch: NumPy's textbook code on the GPU, every operation a kernel of its own.

A CUDA graph of the step would save the launches, but CuPy refuses calls of cuBLAS while a stream is
captured ("currently unsupported"), and every layer is one: https://github.com/cupy/cupy/issues/6290
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy as cp
import numpy as np

from samenet.adapter import Capabilities, Target, Weights
from samenet.adapters.cupy.mode_plain import FUNCTIONS, CupyProgram
from samenet.adapters.numpy.optimizers import RULES
from samenet.spec import Network, TrainSpec

ADAPTER = {
    "name": "cupy",
    "title": "CuPy",
    "modes": {
        "plain": {
            "default": True,
            "why": "the textbook loop on resident arrays; nothing is fetched until asked for",
            "source": "https://docs.cupy.dev/en/stable/user_guide/performance.html",
            "needs": ["CUDA device"],
        },
    },
    "imports": ["cupy", "cupyx"],
    "distributions": ["cupy-cuda12x|cupy-cuda13x|cupy", "numpy"],
    "extra": "cupy",
    "default": False,
    "adoptable": False,
    "offers": ["gpu"],
    "variables": {"strict": {"CUPY_TF32": "0"}, "tf32": {"CUPY_TF32": "1"}},
    "order": 90,
    "color": "#51713b",
}


def capabilities() -> Capabilities:
    """Everything in both precisions, where there is a CUDA device; on a processor nothing."""
    return Capabilities(
        devices=("cuda",) if cp.cuda.is_available() else (),
        dtypes=("float32", "float64"),
        activations=tuple(FUNCTIONS.activations),
        losses=tuple(FUNCTIONS.losses),
        optimizers=tuple(RULES),
    )


def wake(target: Target) -> None:
    """Choose the device and multiply once; CUPY_TF32 said how before the import."""
    cp.cuda.Device(target.index).use()
    small = cp.ones((8, 8), target.dtype)
    cp.asnumpy(small @ small)


def read_back(program: CupyProgram, target: Target) -> dict[str, str | int | float]:
    """Return where the program's own arrays live, and their precision."""
    del target
    kernel: Any = program.layers.parameters[0]
    return {
        "threads": "not readable here",
        "device": f"cuda:{kernel.device.id}",
        "dtype": str(kernel.dtype),
        "compiler": "none",
    }


def device_memory(target: Target) -> int | None:
    """Return the most bytes that the pool ever took from the device: it gives none back."""
    del target  # there is no other device
    return int(cp.get_default_memory_pool().total_bytes())


def event_seconds(program: CupyProgram, work: Callable[[], None]) -> float:
    """Return the seconds between two events of the stream that the program computes on."""
    del program  # it computes on the current stream
    start = cp.cuda.Event()
    end = cp.cuda.Event()
    start.record()
    work()
    end.record()
    end.synchronize()
    return float(cp.cuda.get_elapsed_time(start, end)) / 1000  # it is in milliseconds


def build(
    network: Network, training: TrainSpec, weights: Weights, *, target: Target, mode: str
) -> CupyProgram:
    """Return the program that starts from exactly these weights."""
    del mode  # there is one
    return CupyProgram(network, training, weights, np.dtype(target.dtype))
