"""Bare Keras on PyTorch: fit on a DataLoader of ready batches, and the guide's loop.

torch.compile of the whole native step is another mode, as pytorch:compiled is; it is not shipped.
Tried for native and not faster; shares of the best form's time, S / M: the model called as a whole
1.4 / 1.2, the loss called by its name 1.1 / 1.1. Both, as in the guide: 1.7 / 1.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import torch
from case import Array, Bare, Case, nothing
from keras_model import compiled, loss, optimizer, sequential
from torch import Tensor
from torch.utils.data import DataLoader

LOOPS = {
    "keras-torch:fit": {
        "DataLoader of ready batches": {},
        "DataLoader, own train_step": {"own_step": True},
        "generator of ready batches": {"generator": True},
    },
    "keras-torch:native": {
        "layers in turn, loss.call": {"gathered": False},
        "the same, batches gathered first": {},
        "the same, gathered first, backward": {"backward": True},
    },
}
SLOWER = {
    "keras-torch:fit": {"tensors": {"tensors": True}},
    "keras-torch:native": {
        "layers in turn, loss, gathered first": {"call": False},
        "model, loss, gathered first": {"layers": False, "call": False},
    },
}
"""Tried, never the fastest: measured with --all-forms."""


class OwnStep(keras.Sequential):
    """The guide's train_step: https://keras.io/guides/custom_train_step_in_torch/."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Take one step."""
        x, y = data
        self.zero_grad()
        value = self.compute_loss(y=y, y_pred=self(x, training=True))
        value.backward()
        variables = self.trainable_weights
        with torch.no_grad():
            self.optimizer.apply([variable.value.grad for variable in variables], variables)
        for metric in self.metrics:
            metric.update_state(value)
        return {metric.name: metric.result() for metric in self.metrics}


def resident(case: Case) -> tuple[Tensor, Tensor]:
    """Return inputs and class numbers as tensors."""
    return torch.tensor(case.inputs), torch.tensor(case.targets, dtype=torch.int64)


def fit(
    case: Case, *, own_step: bool = False, generator: bool = False, tensors: bool = False
) -> Bare:
    """One fit per pass; the loader only hands the batches over."""
    model = compiled(case, OwnStep if own_step else keras.Sequential)
    losses, (inputs, targets) = [np.nan], resident(case)

    def train(order: Array) -> None:
        rows = torch.tensor(order, dtype=torch.int64)
        if tensors:
            given: Any = {"x": inputs[rows.ravel()], "y": targets[rows.ravel()]}
            ran = model.fit(**given, batch_size=order.shape[1], shuffle=False, verbose=0)
        else:
            ready: Any = list(zip(inputs[rows], targets[rows], strict=True))
            if generator:
                ready = (batch for batch in ready)
            else:
                ready = DataLoader(ready, batch_size=None, collate_fn=lambda batch: batch)
            ran = model.fit(ready, shuffle=False, verbose=0)
        losses[:] = ran.history["loss"]

    return Bare(train, nothing, lambda: losses, model.get_weights)


def native(
    case: Case,
    *,
    layers: bool = True,
    call: bool = True,
    backward: bool = False,
    gathered: bool = True,
) -> Bare:
    """Keras' layers, loss and optimiser; PyTorch's gradients."""
    model, loss_of, rule = sequential(case), loss(), optimizer(case)
    variables = model.trainable_variables
    rule.build(variables)
    parameters, chain = [variable.value for variable in variables], model.layers
    inputs, targets = resident(case)
    losses: list[Tensor] = []

    def outputs(values: Tensor) -> Tensor:
        if not layers:
            return model(values, training=True)
        for layer in chain:
            values = layer(values)
        return values

    def gradients_of(value: Tensor) -> list[Tensor]:
        if not backward:
            return list(torch.autograd.grad(value, parameters))
        for parameter in parameters:
            parameter.grad = None
        value.backward()
        return [parameter.grad for parameter in parameters]

    def batches(order: Array) -> Iterator[tuple[Tensor, Tensor]]:
        rows = torch.tensor(order, dtype=torch.int64)
        if gathered:
            yield from zip(inputs[rows], targets[rows], strict=True)
        else:
            for each in rows:
                yield inputs[each], targets[each]

    def train(order: Array) -> None:
        losses.clear()
        for x, y in batches(order):
            z = outputs(x)
            value = loss_of.call(y, z).mean() if call else loss_of(y, z)
            gradients = gradients_of(value)
            with torch.no_grad():
                rule.apply(gradients, variables)
            losses.append(value.detach())

    return Bare(train, nothing, lambda: torch.stack(losses), model.get_weights)
