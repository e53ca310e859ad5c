"""What PyTorch tells of a CUDA device: https://docs.pytorch.org/docs/stable/notes/cuda.html."""

from __future__ import annotations

from collections.abc import Callable

import torch

from samenet.adapter import Precision, Target
from samenet.adapters.pytorch_network import TorchProgram, place

PRODUCTS: dict[Precision, str] = {"strict-float32": "highest", "tf32": "high"}
"""How torch.set_float32_matmul_precision calls them."""


def device_memory(target: Target) -> int | None:
    """Return the most bytes that tensors ever took on the device."""
    if target.device != "cuda":
        return None
    return int(torch.cuda.max_memory_allocated(place(target)))


def event_seconds(program: TorchProgram, work: Callable[[], None]) -> float:
    """Return the seconds between two events of the stream that the program computes on."""
    with torch.cuda.device(program.device):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        end.synchronize()
    return float(start.elapsed_time(end)) / 1000  # elapsed_time is in milliseconds
