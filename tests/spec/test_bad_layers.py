"""Layers that cannot be: each is refused by one plain sentence that says which, and what it needs.

A shape that does not fit is told with the layer, the shape that enters it, and what was expected; a
key that is wrong with the layer, the value that was given, and what is allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from samenet.errors import MESSAGE_MAX, UsageError
from samenet.spec import load_task

HEAD = """
schema = 1
name = "mine"
kind = "multiclass"
{model}
[data]
source = "arrays:rows.npz"
{data}
{layers}
[training]
loss = "sparse_categorical_cross_entropy"
batch_size = {batch}
epochs = 2
[training.optimizer]
name = "sgd"
learning_rate = 0.125
"""

ROWS = ""
IMAGE = "shape = [8, 8, 1]"
SEQUENCE = "shape = [28, 30]"
TOKENS = "shape = [16]\nvocabulary = 10"

CONV = 'kind="conv2d"; filters=4'
NORM = 'kind="batch_norm"; rate=0.125; epsilon=0.001'
FLAT = 'kind="flatten"'
EMBED = 'kind="embedding"; width=8'


class Bad(NamedTuple):
    """A planted fault: the data, the layers (or a model in one line), and what must be said."""

    data: str
    layers: tuple[str, ...]
    said: tuple[str, ...]
    model: str = ""
    batch: int = 32


def bad(data: str, *layers: str, said: tuple[str, ...], model: str = "", batch: int = 32) -> Bad:
    return Bad(data, layers, said, model, batch)


PLANTED = {
    # shapes that do not fit
    "kernel larger than the image": bad(
        IMAGE, f'{CONV}; size=9; padding="valid"', FLAT,
        said=("layer 1 (conv2d) gets 8 × 8 × 1 and needs at least 9 along every axis",)),
    "pool larger than what is left": bad(
        IMAGE, 'kind="max_pool"; size=5', 'kind="max_pool"; size=2', FLAT,
        said=("layer 2 (max_pool) gets 1 × 1 × 1 and needs at least 2",)),
    "average pool larger than the sequence": bad(
        SEQUENCE, 'kind="average_pool"; size=29', FLAT,
        said=("layer 1 (average_pool) gets 28 × 30 and needs at least 29",)),
    "2-d convolution of a sequence": bad(
        SEQUENCE, CONV, FLAT,
        said=("layer 1 (conv2d) gets 28 × 30 and needs an image (height, width, channels)",)),
    "1-d convolution of an image": bad(
        IMAGE, 'kind="conv1d"; filters=4', FLAT,
        said=("layer 1 (conv1d) gets 8 × 8 × 1 and needs a sequence (steps, features)",)),
    "a size for two axes along one": bad(
        SEQUENCE, 'kind="conv1d"; filters=4; size=[3, 3]', FLAT,
        said=("layer 1 (conv1d) gets 28 × 30 and needs as many axes before the last as its size",)),
    "a stride for one axis along two": bad(
        IMAGE, f"{CONV}; stride=[2]", FLAT,
        said=("layer 1 (conv2d) gets 8 × 8 × 1 and needs as many axes before the last",)),
    "recurrence over an image": bad(
        IMAGE, 'kind="lstm"; units=4',
        said=("layer 1 (lstm) gets 8 × 8 × 1 and needs a sequence (steps, features)",)),
    "recurrence after the last step": bad(
        SEQUENCE, 'kind="gru"; units=4', 'kind="gru"; units=4',
        said=("layer 2 (gru) gets 4 numbers and needs a sequence (steps, features)",)),
    "attention of numbers without places": bad(
        SEQUENCE, 'kind="simple_rnn"; units=4', 'kind="attention"; heads=2',
        said=("layer 2 (attention) gets 4 numbers and needs a sequence",)),
    "width that the heads cannot share": bad(
        SEQUENCE, 'kind="attention"; heads=4', FLAT,
        said=("layer 1 (attention) gets 28 × 30 and needs a number of features that 4 heads",)),
    "encoder whose width the heads cannot share": bad(
        SEQUENCE, 'kind="encoder"; heads=7', FLAT,
        said=("layer 1.1.2 (attention) gets 28 × 30 and needs a number of features that 7 heads",)),
    "encoder of an image": bad(
        IMAGE, 'kind="encoder"; heads=1', FLAT,
        said=("layer 1 (encoder) gets 8 × 8 × 1 and needs a sequence",)),
    "positions of an image": bad(
        IMAGE, 'kind="positions"', FLAT,
        said=("layer 1 (positions) gets 8 × 8 × 1 and needs a sequence",)),
    "pool of numbers without places": bad(
        IMAGE, FLAT, 'kind="max_pool"',
        said=("layer 2 (max_pool) gets 64 numbers and needs a sequence (steps, features)",)),
    "global pool of numbers without places": bad(
        IMAGE, FLAT, 'kind="global_average_pool"',
        said=("layer 2 (global_average_pool) gets 64 numbers and needs a sequence",)),
    "layer norm of one feature": bad(
        IMAGE, 'kind="layer_norm"; epsilon=0.001', FLAT,
        said=("layer 1 (layer_norm) gets 8 × 8 × 1 and needs at least two features",)),
    "residual that changes the channels": bad(
        IMAGE, f'kind="residual"; layers=[{{{CONV.replace(";", ",")}}}]', FLAT,
        said=("layer 1 (residual) gets 8 × 8 × 1", "gives 8 × 8 × 4", "the same shape back")),
    "residual that changes the places": bad(
        IMAGE, 'kind="residual"; layers=[{kind="max_pool"}]', FLAT,
        said=("layer 1 (residual) gets 8 × 8 × 1", "gives 4 × 4 × 1", "the same shape back")),
    "residual inside a residual that changes the shape": bad(
        IMAGE, 'kind="residual"; layers=[{kind="residual", layers=[{kind="flatten"}]}]', FLAT,
        said=("layer 1.1 (residual) gets 8 × 8 × 1", "gives 64 numbers", "the same shape back")),
    "layer inside a residual that does not fit": bad(
        IMAGE, CONV, 'kind="residual"; layers=[{kind="lstm", units=4}]', FLAT,
        said=("layer 2.1 (lstm) gets 8 × 8 × 4 and needs a sequence",)),
    "places left at the end": bad(
        IMAGE, CONV, said=("layer 1 (conv2d) gives 8 × 8 × 4, and the last layer", "flatten")),
    "steps left at the end": bad(
        SEQUENCE, 'kind="lstm"; units=4; sequences=true',
        said=("layer 1 (lstm) gives 28 × 4, and the last layer needs", "without sequences")),
    "no layer between an image and the last": bad(
        IMAGE, said=("a row is 8 × 8 × 1, and the last layer needs",)),
    # token numbers
    "tokens without an embedding": bad(
        TOKENS, 'kind="lstm"; units=4',
        said=("layer 1 (lstm) gets 16 token numbers and needs an embedding before it",)),
    "tokens that enter a dense layer": bad(
        TOKENS, "units=4", said=("layer 1 (dense) gets 16 token numbers and needs an embedding",)),
    "embedding that is not first": bad(
        TOKENS, EMBED, 'kind="global_average_pool"', EMBED, FLAT,
        said=("layer 3 (embedding) gets 8 numbers and needs token numbers", "only be the first")),
    "embedding of numbers": bad(
        SEQUENCE, EMBED, FLAT,
        said=("layer 1 (embedding) gets 28 × 30 and needs token numbers (steps,)",)),
    "embedding without a vocabulary": bad(
        ROWS, EMBED, FLAT,
        said=("layer 1 (embedding) gets rows of numbers and needs token numbers", "vocabulary")),
    "tokens on two axes": bad(
        "shape = [4, 4]\nvocabulary = 10", EMBED, FLAT,
        said=("a row of token numbers has one axis, its steps, and not 4 × 4",)),
    "no shape for a convolution": bad(
        ROWS, CONV, FLAT, said=("layer 1 (conv2d) gets rows of numbers and needs places", "shape")),
    "no shape inside a residual": bad(
        ROWS, 'kind="residual"; layers=[{kind="lstm", units=4}]',
        said=("layer 1.1 (lstm) gets rows of numbers and needs places",)),
    # kinds and keys
    "kind with a slip": bad(
        IMAGE, 'kind="conv2"; filters=4', said=("there is no layer kind 'conv2'", "mean conv2d?")),
    "kind that nobody has": bad(
        IMAGE, 'kind="capsule"', said=("there is no layer kind 'capsule'", "there are dense")),
    "kind that is no text": bad(IMAGE, "kind=3", said=("there is no layer kind '3'",)),
    "kind with a slip inside a residual": bad(
        IMAGE, 'kind="residual"; layers=[{kind="flaten"}]',
        said=("there is no layer kind 'flaten'", "flatten")),
    "key with a slip": bad(
        IMAGE, f"{CONV}; paddin='same'", FLAT,
        said=("model.layers.0.paddin: is not a known key in layer 1 (conv2d) (got 'same')",)),
    "key of another kind": bad(
        SEQUENCE, 'kind="lstm"; units=4; activation="relu"',
        said=("layers.0.activation: is not a known key in layer 1 (lstm) (got 'relu')",)),
    "missing units": bad(
        SEQUENCE, FLAT, 'kind="dense"', said=("layers.1.units: is missing in layer 2 (dense)",)),
    "missing filters": bad(
        IMAGE, 'kind="conv2d"', said=("layers.0.filters: is missing in layer 1 (conv2d)",)),
    "missing heads": bad(
        SEQUENCE, 'kind="attention"', said=("heads: is missing in layer 1 (attention)",)),
    "missing units inside a residual": bad(
        IMAGE, CONV, 'kind="residual"; layers=[{kind="dense"}]',
        said=("layers.1.layers.0.units: is missing in layer 2.1 (dense)",)),
    "batch norm without a rate": bad(
        IMAGE, 'kind="batch_norm"; epsilon=0.001', FLAT,
        said=("rate: is missing in layer 1 (batch_norm)",)),
    "batch norm with a rate above 1": bad(
        IMAGE, 'kind="batch_norm"; rate=1.5; epsilon=0.001', FLAT,
        said=("rate: must be at most 1.0 in layer 1 (batch_norm) (got 1.5)",)),
    "batch norm of one row": bad(IMAGE, NORM, FLAT, batch=1, said=("batch_size of at least 2",)),
    "layer norm without an epsilon": bad(
        SEQUENCE, 'kind="layer_norm"', said=("epsilon: is missing in layer 1 (layer_norm)",)),
    "epsilon of zero": bad(
        SEQUENCE, 'kind="layer_norm"; epsilon=0',
        said=("epsilon: must be above 0.0 in layer 1 (layer_norm) (got 0)",)),
    "dropout of everything": bad(
        SEQUENCE, 'kind="dropout"; rate=1.0',
        said=("rate: must be below 1.0 in layer 1 (dropout) (got 1.0)",)),
    "size 0": bad(
        IMAGE, f"{CONV}; size=0", said=("size: must be a whole number from 1 to 1024", "(got 0)")),
    "size that is no whole number": bad(
        IMAGE, f"{CONV}; size=2.5", said=("size: must be a whole number from 1 to 1024", "2.5")),
    "size of three axes": bad(
        IMAGE, f"{CONV}; size=[3, 3, 3]", said=("must be a whole number from 1 to 1024, or one",)),
    "stride 0 of a convolution": bad(
        IMAGE, f"{CONV}; stride=0", said=("stride: must be a whole number from 1 to 1024",)),
    "padding with a slip": bad(
        IMAGE, f'{CONV}; padding="samee"',
        said=("padding: must be 'same' or 'valid' in layer 1 (conv2d) (got 'samee')",)),
    "padded average pool": bad(
        IMAGE, 'kind="average_pool"; padding="same"',
        said=("padding: must be 'valid' in layer 1 (average_pool) (got 'same')",)),
    "no filters": bad(
        IMAGE, 'kind="conv2d"; filters=0', said=("must be at least 1 in layer 1 (conv2d)",)),
    "sequences that are no yes or no": bad(
        SEQUENCE, 'kind="gru"; units=4; sequences="all"',
        said=("sequences: must be true or false in layer 1 (gru) (got 'all')",)),
    "activation with a slip": bad(
        IMAGE, f'{CONV}; activation="rellu"', said=("in layer 1 (conv2d)", "'rellu'")),
    "empty residual": bad(
        IMAGE, 'kind="residual"; layers=[]', FLAT,
        said=("layers: must have at least 1 of them in layer 1 (residual)",)),
    "layers that are no list": bad(
        IMAGE, model="model = { layers = 3 }", said=("model.layers: must be a list (got 3)",)),
    "layer that is no table": bad(
        IMAGE, model="model = { layers = [3] }",
        said=("model.layers.0: must be a table of keys in layer 1 (dense) (got 3)",)),
    # presets
    "preset with a slip": bad(
        IMAGE, model='model = "cnm(16)"', said=("there is no model 'cnm'", "did you mean cnn?")),
    "preset without its size": bad(
        IMAGE, model='model = "cnn"', said=("'cnn' is not written like cnn(16, 32)",)),
    "preset with too few sizes": bad(
        TOKENS, model='model = "transformer(64, 4)"',
        said=("'transformer(64, 4)' is not written like transformer(64, 4, 2)",)),
    "preset with a size of 0": bad(
        SEQUENCE, model='model = "lstm(0)"', said=("'lstm(0)' is not written like lstm(64)",)),
    "preset with a word for a size": bad(
        IMAGE, model='model = "cnn(many)"', said=("'cnn(many)' is not written like cnn(16, 32)",)),
    "preset that pools too often": bad(
        IMAGE, model='model = "cnn(8, 8, 8, 8)"',
        said=("layer 8 (max_pool) gets 1 × 1 × 8 and needs at least 2",)),
    "preset for images on a sequence": bad(
        SEQUENCE, model='model = "resnet(16, 2)"',
        said=("layer 1 (conv2d) gets 28 × 30 and needs an image",)),
    # the shape itself, and size
    "shape with a 0": bad("shape = [8, 0, 1]", said=("data.shape.1: must be at least 1 (got 0)",)),
    "shape of four axes": bad(
        "shape = [1, 2, 3, 4]", said=("data.shape: must have at most 3 of them",)),
    "shape that is one number": bad("shape = 8", said=("data.shape: must be a list (got 8)",)),
    "vocabulary below 0": bad(
        "vocabulary = -1", said=("data.vocabulary: must be at least 0 (got -1)",)),
    "more weights than a machine holds": bad(
        IMAGE, FLAT, "units=65536", "units=65536", said=("weights; samenet trains at most",)),
}  # fmt: skip

FOREIGN = ("Input", "validation", "pydantic", "tuple", "instance", "Tag", "union", "\n", "{")
"""Words of the library that reads the values, and of Python."""


def text_of(case: Bad) -> str:
    tables = (f"[[model.layers]]\n{layer.replace('; ', chr(10))}" for layer in case.layers)
    return HEAD.format(model=case.model, data=case.data, layers="\n".join(tables), batch=case.batch)


@pytest.mark.parametrize("name", PLANTED)
def test_what_cannot_be_is_one_sentence(name: str, tmp_path: Path) -> None:
    """Each planted fault is refused with layer, shape and what was expected, in plain words."""
    case = PLANTED[name]
    path = tmp_path / "mine.toml"
    path.write_text(text_of(case), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_task(str(path))
    sentence = str(caught.value)
    assert all(part in sentence for part in case.said), sentence
    said = sentence.removeprefix(str(path))
    assert not [word for word in FOREIGN if word in said], sentence
    assert len(sentence) < MESSAGE_MAX


def test_there_are_enough_of_them() -> None:
    """At least forty faults are planted."""
    assert len(PLANTED) >= 40
