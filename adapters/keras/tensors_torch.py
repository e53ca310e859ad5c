"""What both ways of training Keras on PyTorch do with tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from samenet.adapter import Array, Target


def device_of(target: Target) -> torch.device:
    """Return the device of a target."""
    return torch.device("cuda", target.index) if target.device == "cuda" else torch.device("cpu")


def copy_to_device(values: Array, target: Target) -> Tensor:
    """Return a copy on the device; row and class numbers as PyTorch wants them, int64."""
    kind = torch.int64 if values.dtype.kind == "i" else getattr(torch, target.dtype)
    return torch.tensor(values, dtype=kind, device=device_of(target))


def wait(target: Target) -> None:
    """Return when the device is done; on the CPU, PyTorch has finished when it returns."""
    if target.device == "cuda":
        torch.cuda.synchronize(device_of(target))


class HostCopy:
    """A tensor that NumPy can read from any device."""

    def __init__(self, tensor: Tensor) -> None:
        """Keep the tensor where it is."""
        self.tensor = tensor

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        """Copy to the host."""
        return np.asarray(self.tensor.cpu().numpy(), dtype=dtype)
