"""Specs say no in one sentence: where, what was received, what is allowed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from samenet.errors import UsageError
from samenet.spec import (
    PARAMETERS_MAX,
    SGD,
    Activation,
    Adam,
    Dense,
    ModelSpec,
    Network,
    TrainSpec,
    parse,
)

SGD_RULE = {"name": "sgd", "learning_rate": 0.125}
ADAM_RULE = {"name": "adam", "learning_rate": 0.1, "beta1": 0.5, "beta2": 0.5, "epsilon": 1e-8}
TRAINING = {
    "loss": "mean_squared_error",
    "optimizer": SGD_RULE,
    "batch_size": 32,
    "epochs": 3,
}


def training(**changes: Any) -> dict[str, Any]:
    return {**TRAINING, **changes}


BAD_TRAININGS = [
    (training(epoch=3), "epoch: ", "3"),
    (training(epochs=0), "epochs: ", "0"),
    (training(epochs=-1), "epochs: ", "-1"),
    (training(epochs=2.5), "epochs: ", "2.5"),
    (training(epochs="many"), "epochs: ", "'many'"),
    (training(batch_size=0), "batch_size: ", "0"),
    (training(batch_size=math.nan), "batch_size: ", "nan"),
    (training(loss="squared"), "loss: ", "'squared'"),
    (training(optimizer={**SGD_RULE, "learning_rate": 0}), "optimizer.learning_rate: ", "0"),
    (training(optimizer={**SGD_RULE, "learning_rate": -0.1}), "optimizer.learning_rate: ", "-0.1"),
    (
        training(optimizer={**SGD_RULE, "learning_rate": math.nan}),
        "optimizer.learning_rate: ",
        "nan",
    ),
    (
        training(optimizer={**SGD_RULE, "learning_rate": math.inf}),
        "optimizer.learning_rate: ",
        "inf",
    ),
    (training(optimizer={**SGD_RULE, "momentum": 1}), "optimizer.momentum: ", "1"),
    (training(optimizer={**SGD_RULE, "beta1": 0.5}), "optimizer.beta1: ", "0.5"),
    (training(optimizer={**SGD_RULE, "nesterov": True}), "optimizer: nesterov needs", ""),
    (training(optimizer={**ADAM_RULE, "epsilon": 0}), "optimizer.epsilon: ", "0"),
    (training(optimizer={**ADAM_RULE, "beta2": 1.5}), "optimizer.beta2: ", "1.5"),
    (training(optimizer={"name": "rmsprop"}), "optimizer: ", ""),
    (training(optimizer={"learning_rate": 1}), "optimizer: ", ""),
]


@pytest.mark.parametrize(("values", "key", "received"), BAD_TRAININGS, ids=lambda v: str(v)[:50])
def test_a_bad_training_is_refused_by_its_key(
    values: dict[str, Any], key: str, received: str
) -> None:
    """Every value out of range or of a wrong name is refused with file, key and what was given."""
    with pytest.raises(UsageError) as caught:
        parse(TrainSpec, values, where="my.toml")
    sentence = str(caught.value)
    assert sentence.startswith(f"my.toml: {key}")
    assert received in sentence
    assert "\n" not in sentence


def test_every_problem_is_named_at_once() -> None:
    """Two mistakes give one sentence that names both: nobody wants to repair them one by one."""
    with pytest.raises(UsageError) as caught:
        parse(TrainSpec, training(epochs=0, batch_size=-4), where="my.toml")
    assert "epochs: " in str(caught.value)
    assert "batch_size: " in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "received"),
    [
        ({"units": 8, "activation": "rellu"}, "'rellu'"),
        ({"units": 0, "activation": "relu"}, "0"),
        ({"units": -8, "activation": "relu"}, "-8"),
        ({"units": 10**9, "activation": "relu"}, "1000000000"),
        ({"units": 8, "activation": "leaky_relu(slope=1.5)"}, "1.5"),
        ({"units": 8, "activation": "leaky_relu(slope=-0.1)"}, "-0.1"),
        ({"units": 8, "activation": "leaky_relu(slope=steep)"}, "steep"),
        ({"units": 8, "activation": "leaky_relu(slop=0.1)"}, "leaky_relu(slop=0.1)"),
        ({"units": 8, "activation": "softmax"}, "'softmax'"),
        ({"units": 8}, ""),
        ({"units": 8, "activation": "relu", "bias": False}, "False"),
    ],
    ids=str,
)
def test_a_bad_layer_is_refused_by_its_place(layer: dict[str, Any], received: str) -> None:
    """A wrong layer is named by its number in the list, with what was given."""
    good = {"units": 4, "activation": "relu"}
    with pytest.raises(UsageError, match=r"^my.toml: layers\.1\.") as caught:
        parse(ModelSpec, {"layers": [good, layer]}, where="my.toml")
    assert received in str(caught.value)


@pytest.mark.parametrize("text", ["leaky_relu(slope=0.25)", "leaky_relu( slope = 0.25 )"])
def test_an_activation_is_read_as_it_is_written(text: str) -> None:
    """The text of a task file and the printed form mean the same activation."""
    layer = parse(Dense, {"units": 1, "activation": text}, where="x")
    assert layer.activation == Activation(name="leaky_relu", slope=0.25)
    assert parse(Dense, {"units": 1, "activation": str(layer.activation)}, where="x") == layer


def test_a_network_too_large_to_train_is_refused_before_it_is_built() -> None:
    """More weights than a small machine holds are refused with their number."""
    wide = Dense(units=65_536, activation=Activation(name="relu"))
    with pytest.raises(UsageError, match=f"at most {PARAMETERS_MAX:,}"):
        ModelSpec(layers=(wide, wide)).network(inputs=4, outputs=1)


def test_a_network_knows_its_shapes() -> None:
    """Widths, shapes and the number of weights follow from the layers; the head is linear."""
    layer = Dense(units=5, activation=Activation(name="tanh"))
    network = ModelSpec(layers=(layer,)).network(inputs=4, outputs=3)
    assert network.widths == (4, 5, 3)
    assert network.shapes == ((4, 5), (5, 3))
    assert network.parameters == 4 * 5 + 5 + 5 * 3 + 3
    assert str(network.layers[-1].activation) == "identity"


def test_no_hidden_layer_is_the_single_neuron() -> None:
    """A model without layers is one linear unit per output."""
    assert ModelSpec().network(inputs=4, outputs=1).shapes == ((4, 1),)


@pytest.mark.parametrize("spec", [SGD(learning_rate=1.0), Adam(**ADAM_RULE)], ids=["sgd", "adam"])
def test_a_spec_cannot_be_changed(spec: SGD | Adam) -> None:
    """A spec is what it was when it was checked: assigning to it is an error."""
    with pytest.raises(ValidationError, match="frozen"):
        spec.learning_rate = 2.0


def test_a_network_travels_as_json() -> None:
    """A network read back from its JSON, as a worker does, is equal."""
    layer = Dense(units=5, activation=Activation(name="leaky_relu", slope=0.0078125))
    network = ModelSpec(layers=(layer,)).network(inputs=4, outputs=3)
    assert Network.model_validate_json(network.model_dump_json()) == network
