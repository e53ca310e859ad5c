"""The seed of Keras' first examples, without the backends that an example does not run on."""

from __future__ import annotations

import random

import keras
import numpy as np


def seeded(seed: int) -> None:
    """Fix what initial weights and order are drawn from.

    Keras' own set_random_seed imports TensorFlow wherever that is installed: seconds that would be
    counted as training on PyTorch or JAX.
    """
    if keras.config.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what Keras draws from
    if keras.config.backend() == "torch":
        import torch

        torch.manual_seed(seed)
