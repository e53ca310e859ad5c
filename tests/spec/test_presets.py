"""Presets and kinds of layers in task files: what is read, written and read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samenet.spec import KINDS, PRESETS, Task, expand_preset, load_task
from samenet.spec.layers import Encoder, every_layer
from samenet.spec.network import ModelSpec
from samenet.spec.task_file import ABOUT_KIND, ABOUT_LAYER, format_task_file

CONV = {"kind": "conv2d", "filters": 4}
NORM = {"kind": "batch_norm", "rate": 0.125, "epsilon": 2.0**-10}

EVERY_KIND: dict[str, tuple[tuple[int, ...], int, list[dict[str, Any]]]] = {
    "image": (
        (12, 10, 2),
        0,
        [
            {**CONV, "size": [3, 2], "stride": [2, 1], "padding": "valid", "activation": "silu"},
            NORM,
            {"kind": "activation", "activation": "leaky_relu(slope=0.25)"},
            {"kind": "residual", "layers": [CONV, NORM, {"kind": "residual", "layers": [CONV]}]},
            {"kind": "max_pool", "size": 2, "stride": 1, "padding": "same"},
            {"kind": "average_pool", "size": [1, 2]},
            {"kind": "dropout", "rate": 0.25},
            {"kind": "flatten"},
            {"kind": "dense", "units": 8, "activation": "relu", "dropout": 0.5},
            {"units": 8, "activation": "tanh"},
        ],
    ),
    "sequence": (
        (16, 4),
        0,
        [
            {"kind": "conv1d", "filters": 8, "size": 5, "stride": 2},
            {"kind": "encoder", "heads": 2, "inner": 16, "causal": True},
            {"kind": "attention", "heads": 4, "causal": True},
            {"kind": "layer_norm", "epsilon": 2.0**-16},
            {"kind": "simple_rnn", "units": 4, "sequences": True},
            {"kind": "gru", "units": 4, "sequences": True},
            {"kind": "global_max_pool"},
        ],
    ),
    "tokens": (
        (16,),
        20,
        [
            {"kind": "embedding", "width": 8},
            {"kind": "positions"},
            {"kind": "encoder", "heads": 2},
            {"kind": "global_average_pool"},
        ],
    ),
    "words": ((16,), 20, [{"kind": "embedding", "width": 8}, {"kind": "lstm", "units": 4}]),
}


def task_of(name: str) -> Task:
    shape, vocabulary, layers = EVERY_KIND[name]
    values = load_task("digits").to_json()
    values["data"] |= {"source": "arrays:rows.npz", "shape": shape}
    values["data"] |= {"vocabulary": vocabulary} if vocabulary else {}
    values["model"]["layers"] = layers
    return Task.model_validate(values)


def again(folder: Path, task: Task) -> Task:
    path = folder / "again.toml"
    path.write_text(format_task_file(task), encoding="utf-8")
    return load_task(str(path))


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_survives_the_text_that_init_writes(name: str, tmp_path: Path) -> None:
    """Each kind with other than its usual keys is written and read back the same, as JSON too."""
    task = task_of(name)
    found = again(tmp_path, task)
    assert found == task
    assert found.to_json() == task.to_json()
    assert Task.model_validate(task.to_json()).to_json() == task.to_json()


def test_every_kind_is_among_them() -> None:
    """The tasks above hold every kind of layer."""
    found = {
        layer.kind for name in EVERY_KIND for _, layer in every_layer(task_of(name).model.layers)
    }
    assert found == {*KINDS, "encoder"}


def test_every_key_of_a_layer_has_its_words() -> None:
    """No kind and no key of a kind lacks the comment that it is written with."""
    layers = [x for name in EVERY_KIND for _, x in every_layer(task_of(name).model.layers)]
    keys = {
        field.alias or key for layer in layers for key, field in type(layer).model_fields.items()
    }
    assert keys - {"kind"} == set(ABOUT_LAYER)
    assert set(ABOUT_KIND) == {*KINDS, "encoder"}


SHAPES = {"mlp": (6,), "cnn": (12, 12, 1), "resnet": (8, 8, 3), "lstm": (9, 4), "gru": (9, 4)}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_list_that_it_stands_for(name: str, tmp_path: Path) -> None:
    """A model in one line is read as its layers, fits its rows, and is written as a list."""
    example = PRESETS[name].example
    values = load_task("digits").to_json()
    values["data"] |= {"source": "arrays:rows.npz", "shape": SHAPES.get(name, (9, 4))}
    values["model"] = example
    task = Task.model_validate(values)
    assert task.model == ModelSpec.model_validate({"layers": expand_preset(example)})
    assert task.model.network(inputs=SHAPES.get(name, (9, 4)), outputs=3).outputs == 3
    assert again(tmp_path, task) == task
    assert example not in format_task_file(task).split("[[model.layers]]", 1)[1]


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_a_preset_of_tokens_begins_with_an_embedding(name: str) -> None:
    """For rows of tokens the presets over sequences look the tokens up first."""
    values = load_task("digits").to_json()
    values["data"] |= {"source": "arrays:rows.npz", "shape": (9,), "vocabulary": 5}
    values["model"] = PRESETS[name].example
    assert Task.model_validate(values).model.layers[0].kind == "embedding"


def test_an_initializer_stands_beside_a_preset() -> None:
    """The list of a preset can be given as the layers of a model with an initializer."""
    changes = [("model.layers", "mlp(16, 8)"), ("model.initializer", "he_normal")]
    model = load_task("digits", changes).model
    assert model.initializer == "he_normal"
    assert [layer.units for layer in model.layers if layer.kind == "dense"] == [16, 8]


def test_an_encoder_is_two_residuals() -> None:
    """An encoder is opened up where it stands, with the width of what enters."""
    model = ModelSpec(layers=(Encoder(heads=2),))
    network = ModelSpec.model_validate(
        {"layers": [*model.model_dump(mode="json")["layers"], {"kind": "flatten"}]}
    ).network(inputs=(5, 8), outputs=2)
    kinds = [place.kind for place in network.places]
    one = ["fork", "layer_norm", "attention", "join"]
    other = ["fork", "layer_norm", "dense", "dense", "join"]
    assert kinds == [*one, *other, "flatten", "dense"]
    widths = [place.outputs for place in network.places if place.kind == "dense"]
    assert widths == [(5, 32), (5, 8), (2,)]


def test_a_task_without_places_is_written_as_before() -> None:
    """Rows of numbers and dense layers have no new key in a plan, so its seal stays."""
    values = load_task("digits").to_json()
    assert set(values["data"]) == {"source", "options", "target", "test_rows", "split_seed"}
    assert {key for layer in values["model"]["layers"] for key in layer} == {
        *("units", "activation", "dropout")
    }
