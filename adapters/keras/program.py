"""What Keras' adapters share on every backend: what they offer and how a program is built.

A backend adds what its `fit` is fed with, and its own loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from samenet.adapter import (
    Array,
    Batches,
    Capabilities,
    DataSource,
    Deviation,
    Target,
    Weights,
)
from samenet.adapters.keras import functions, precision
from samenet.adapters.keras import layers as kinds
from samenet.adapters.keras import network as models
from samenet.adapters.keras import training as rules
from samenet.adapters.keras.precision import scope
from samenet.spec import Network, TrainSpec


def offered_capabilities(*deviations: Deviation, cuda: bool) -> Capabilities:
    """Return everything, in Keras' own forms; fit reports the mean loss of a call."""
    return Capabilities(
        devices=("cpu", "cuda") if cuda else ("cpu",),
        dtypes=precision.offered_precisions(),
        activations=tuple(functions.ACTIVATIONS),
        losses=tuple(rules.LOSSES),
        optimizers=tuple(rules.OPTIMIZERS),
        forms=precision.forms(deviations),
        losses_per="call",
        layers=kinds.OFFERED,
        deviations=deviations,
    )


def build_from(
    programs: Mapping[str, type[KerasProgram]],
    network: Network,
    training: TrainSpec,
    weights: Weights,
    *,
    target: Target,
    mode: str,
) -> KerasProgram:
    """Return the program of a mode, which starts from exactly these weights."""
    return programs[mode](network, training, weights, target)


class KerasProgram:
    """A Keras model and its rows; a mode adds how it is trained."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make the model and replace its initial weights."""
        self.network = network
        self.target = target
        self.training = training
        with scope(target):
            self.layers = kinds.layers_of(network, training.optimizer.l2)
            self.predictor = models.model_of(network, self.layers)
            kinds.set_weights(network, self.layers, weights)
            masked = network.has_dropout
            self.model = models.with_masks(network, self.layers) if masked else self.predictor

    def host_arrays(self, source: DataSource) -> tuple[Array, Array]:
        """Return all rows as Keras' loss takes them: tokens, classes, or the target's precision."""
        inputs, given = source.arrays()
        targets = rules.prepare_targets(given, self.training.loss, self.network.outputs)
        return self.as_numbers(inputs), self.as_numbers(targets)

    def as_numbers(self, values: Array) -> Array:
        """Return counting numbers unchanged, all others in the target's precision."""
        return values if values.dtype.kind == "i" else values.astype(self.target.dtype)

    def masks(self, batches: Batches) -> list[Array]:
        """Return the masks of the layers that have any, one (steps, batch, *outputs) for each."""
        return [mask.astype(self.target.dtype) for mask in batches.masks if mask is not None]

    def weights(self) -> Weights:
        """Return copies."""
        return kinds.read_weights(self.network, self.layers, keras.ops.convert_to_numpy)

    def undecayed(self) -> list[keras.Variable]:
        """Return the variables that no weight decay acts on."""
        return kinds.undecayed(self.network, self.layers)

    def compiler(self) -> str:
        """Return what made machine code of the training step."""
        return "none"

    def compilations(self) -> dict[str, int]:
        """Return how often the step was compiled, where the program can tell."""
        return {}

    def sync(self) -> None:
        """Wait for the device; on the CPU, what this backend is asked for has been done."""


class LoopProgram(KerasProgram):
    """A model in a loop of one's own: a backend adds the gradients and the loop."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make Keras' loss, and its optimiser with the variables that it needs."""
        super().__init__(network, training, weights, target)
        with scope(target):
            self.loss = rules.loss_of(training.loss)
            self.optimizer = rules.optimizer_of(training, self.undecayed())
            self.optimizer.build(self.model.trainable_variables)


class FitProgram(KerasProgram):
    """A compiled model, fitted call by call; a backend says what `fit` gets."""

    inputs: Any
    targets: Any
    train_rows: int
    compiled_by = "xla"
    """What compiles a model for which Keras has chosen to."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Compile the model."""
        super().__init__(network, training, weights, target)
        with scope(target):
            rules.compile_model(self.model, training, self.undecayed())

    def load(self, source: DataSource) -> None:
        """Keep all rows on the host, where `fit` takes them from."""
        self.inputs, self.targets = self.host_arrays(source)
        self.train_rows = source.train_rows

    def train(self, batches: Batches) -> None:
        """Fit one epoch of exactly these batches."""
        with scope(self.target):
            self.history = self.fit(batches).history

    def fit(self, batches: Batches) -> keras.callbacks.History:
        """Call the model's `fit`."""
        raise NotImplementedError

    def own_fit(self, epochs: int) -> None:
        """Fit the training rows as Keras' users do: one call, host arrays, its own shuffling."""
        with scope(self.target):
            self.model.fit(
                keras.ops.convert_to_numpy(self.inputs)[: self.train_rows],
                keras.ops.convert_to_numpy(self.targets)[: self.train_rows],
                batch_size=self.training.batch_size,
                epochs=epochs,
                shuffle=True,
                verbose=0,
            )

    def compiler(self) -> str:
        """Return what Keras has chosen for the model."""
        return self.compiled_by if self.model.jit_compile else "none"

    def losses(self) -> Array:
        """Return the mean loss of the latest call: (1,)."""
        return np.array(self.history.get(rules.WITHOUT_PENALTY, self.history["loss"]))

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; predict itself sets up a pipeline per call."""
        with scope(self.target):
            return self.predictor.predict_on_batch(self.inputs[rows])
