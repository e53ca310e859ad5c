"""Specs say no in one sentence: where, what was received, what is allowed."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from samenet.errors import UsageError
from samenet.spec import (
    PARAMETERS_MAX,
    Activation,
    ActivationName,
    Dense,
    InitializerName,
    ModelSpec,
    Network,
    parse,
)


@pytest.mark.parametrize(
    ("layer", "received"),
    [
        ({"units": 8, "activation": "rellu"}, "'rellu'"),
        ({"units": 0, "activation": "relu"}, "0"),
        ({"units": -8, "activation": "relu"}, "-8"),
        ({"units": 10**9, "activation": "relu"}, "1000000000"),
        ({"units": 8, "activation": "leaky_relu(slope=nan)"}, "nan"),
        ({"units": 8, "activation": "leaky_relu(slope=inf)"}, "inf"),
        ({"units": 8, "activation": "leaky_relu(slope=steep)"}, "steep"),
        ({"units": 8, "activation": "leaky_relu(slop=0.1)"}, "slop: is not a known key"),
        ({"units": 8, "activation": "softmax"}, "'softmax'"),
        ({"units": 8, "activation": "relu(slope=0.5)"}, "relu has no slope"),
        ({"units": 8, "activation": "elu(alpha=0.5)"}, "alpha"),
        ({"units": 8, "activation": "relu", "dropout": 1}, "(got 1)"),
        ({"units": 8, "activation": "relu", "dropout": -0.5}, "-0.5"),
        ({"units": 8, "activation": "relu", "dropout": "some"}, "some"),
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


@pytest.mark.parametrize("slope", [-0.5, 0.0, 1e-7, 1.0, 1.5])
def test_a_leaky_relu_may_have_any_finite_slope(slope: float) -> None:
    """Steep, flat and falling slopes are legal: nothing but the number decides."""
    written = parse(Dense, {"units": 1, "activation": f"leaky_relu(slope={slope})"}, where="x")
    assert written.activation.slope == slope
    assert parse(Dense, {"units": 1, "activation": str(written.activation)}, where="x") == written


@pytest.mark.parametrize("name", get_args(ActivationName))
def test_every_activation_is_read_from_its_name(name: str) -> None:
    """Each of the ten names is an activation and prints as it is written."""
    activation = parse(Dense, {"units": 1, "activation": name}, where="x").activation
    assert activation.name == name
    assert str(activation).startswith(name)


@pytest.mark.parametrize("name", get_args(InitializerName))
def test_the_initializer_reaches_the_network(name: str) -> None:
    """What a task file says about the starting weights is what the network is drawn with."""
    model = parse(ModelSpec, {"initializer": name}, where="x")
    assert model.network(inputs=3, outputs=2).initializer == name


def test_an_unknown_initializer_is_refused() -> None:
    """A misspelt initialiser is named with its value."""
    with pytest.raises(UsageError, match=r"x: initializer: .*'xavier'"):
        parse(ModelSpec, {"initializer": "xavier"}, where="x")


def test_a_network_knows_whether_it_has_dropout() -> None:
    """One layer that drops values is enough; the linear head never does."""
    plain = Dense(units=5, activation=Activation(name="tanh"))
    dropping = Dense(units=5, activation=Activation(name="tanh"), dropout=0.5)
    assert not ModelSpec(layers=(plain,)).network(inputs=4, outputs=3).has_dropout
    network = ModelSpec(layers=(plain, dropping)).network(inputs=4, outputs=3)
    assert network.has_dropout
    assert network.layers[-1].dropout == 0


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


def test_a_spec_cannot_be_changed() -> None:
    """A spec is what it was when it was checked: assigning to it is an error."""
    layer = Dense(units=5, activation=Activation(name="tanh"))
    with pytest.raises(ValidationError, match="frozen"):
        layer.units = 2


def test_a_network_travels_as_json() -> None:
    """A network read back from its JSON, as a worker does, is equal."""
    activation = Activation(name="leaky_relu", slope=0.0078125)
    layer = Dense(units=5, activation=activation, dropout=0.25)
    network = ModelSpec(layers=(layer,), initializer="he_normal").network(inputs=4, outputs=3)
    assert Network.model_validate_json(network.model_dump_json()) == network
