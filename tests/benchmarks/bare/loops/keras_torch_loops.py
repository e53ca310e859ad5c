"""Bare Keras on PyTorch: fit on a DataLoader of ready batches, and the guide's loop."""

from __future__ import annotations

import keras
import numpy as np
import torch
from case import Array, Bare, Case, nothing
from keras_model import compiled, loss, sequential
from torch import Tensor
from torch.utils.data import DataLoader

LOOPS = {"keras-torch:fit": "fit", "keras-torch:native": "native"}


def resident(case: Case) -> tuple[Tensor, Tensor]:
    """Return inputs and class numbers as tensors."""
    return torch.tensor(case.inputs), torch.tensor(case.targets, dtype=torch.int64)


def fit(case: Case) -> Bare:
    """One fit per pass; the loader only hands the batches over."""
    model, losses = compiled(case, steps=1), [np.nan]
    inputs, targets = resident(case)

    def train(order: Array) -> None:
        rows = torch.tensor(order, dtype=torch.int64)
        ready = list(zip(inputs[rows], targets[rows], strict=True))
        loader = DataLoader(ready, batch_size=None, collate_fn=lambda batch: batch)
        losses[:] = model.fit(loader, shuffle=False, verbose=0).history["loss"]

    return Bare(train, nothing, lambda: losses, model.get_weights)


def native(case: Case) -> Bare:
    """Keras' layers, loss and optimiser; PyTorch's gradients."""
    model, loss_of = sequential(case), loss()
    optimizer, variables = keras.optimizers.SGD(case.rate), model.trainable_variables
    optimizer.build(variables)
    parameters, layers = [variable.value for variable in variables], model.layers
    inputs, targets = resident(case)
    losses: list[Tensor] = []

    def train(order: Array) -> None:
        losses.clear()
        for rows in torch.tensor(order, dtype=torch.int64):
            values = inputs[rows]
            for layer in layers:
                values = layer(values)
            value = loss_of.call(targets[rows], values).mean()
            gradients = torch.autograd.grad(value, parameters)
            with torch.no_grad():
                optimizer.apply(gradients, variables)
            losses.append(value.detach())

    return Bare(train, nothing, lambda: torch.stack(losses), model.get_weights)
