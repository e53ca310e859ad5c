"""What every Keras program shares on every backend, and the one that `fit` trains."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Array, Batches, DataSource, Layer, Target, Weights
from samenet.adapters import keras_network as parts
from samenet.adapters import keras_training as rules
from samenet.adapters.keras_precision import scope
from samenet.spec import Network
from samenet.training import TrainSpec


class KerasProgram:
    """A Keras model and its rows; a mode adds how it is trained."""

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Make the model and replace its initial weights."""
        self.target, self.training = target, training
        with scope(target):
            layers = parts.dense_layers(network, training.optimizer.l2)
            self.predictor = parts.sequential(network, layers, weights)
            masked = network.has_dropout
            self.model = parts.with_masks(network, layers) if masked else self.predictor

    def host_arrays(self, source: DataSource) -> tuple[Array, Array]:
        """Return all rows as Keras' loss takes them, numbers in the target's precision."""
        inputs, given = source.arrays()
        targets = rules.prepared(given, self.training.loss, self.predictor.output_shape[1])
        inputs = inputs.astype(self.target.dtype)
        return inputs, targets if targets.dtype.kind == "i" else targets.astype(inputs.dtype)

    def masks(self, batches: Batches) -> list[Array]:
        """Return the masks of the layers that have any, one (steps, batch, units) for each."""
        return [mask.astype(self.target.dtype) for mask in batches.masks if mask is not None]

    def weights(self) -> Weights:
        """Return copies."""
        return [Layer(*layer.get_weights()) for layer in self.predictor.layers]

    def sync(self) -> None:
        """Wait for the device; on the CPU, what this backend is asked for has been done."""


class FitProgram(KerasProgram):
    """A compiled model, fitted call by call; a backend says what `fit` gets."""

    inputs: Any
    targets: Any
    train_rows: int

    def __init__(
        self, network: Network, training: TrainSpec, weights: Weights, target: Target
    ) -> None:
        """Compile the model."""
        super().__init__(network, training, weights, target)
        with scope(target):
            rules.compile_model(self.model, training)

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
        size, own = self.training.batch_size, {"epochs": epochs, "shuffle": True, "verbose": 0}
        with scope(self.target):
            all_rows = map(keras.ops.convert_to_numpy, (self.inputs, self.targets))
            inputs, targets = (values[: self.train_rows] for values in all_rows)
            self.model.fit(inputs, targets, batch_size=size, **own)

    def losses(self) -> Array:
        """Return the mean loss of the latest call: (1,)."""
        return np.array(self.history.get(rules.WITHOUT_PENALTY, self.history["loss"]))

    def predict(self, rows: NDArray[np.int32]) -> Any:
        """Return the outputs of the linear head; predict itself sets up a pipeline per call."""
        with scope(self.target):
            return self.predictor.predict_on_batch(self.inputs[rows])
