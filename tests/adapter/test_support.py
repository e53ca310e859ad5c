"""What an adapter does not offer: said in one sentence, and no failure of what it does offer."""

from __future__ import annotations

from typing import Any

import pytest

from samenet.adapter import PARTS, Capabilities, Mode, Target, discovery
from samenet.adapter.support import needs_device, why_unsupported
from samenet.certificate import cases
from samenet.spec import Network, TrainSpec

EVERYTHING = Capabilities(
    devices=("cpu",),
    dtypes=("float32", "float64"),
    activations=("identity", "tanh", "relu"),
    losses=("mean_squared_error", "sparse_categorical_cross_entropy"),
    optimizers=("sgd", "adamw"),
)
SGD = {"name": "sgd", "learning_rate": 0.125}
ADAMW = {**SGD, "name": "adamw", "weight_decay": 0.5, "beta1": 0.5, "beta2": 0.5, "epsilon": 0.5}
CROSS_ENTROPY = "sparse_categorical_cross_entropy"


def network(*activations: str, outputs: int = 3, dropout: float = 0.0) -> Network:
    """Return a network of two inputs with these hidden layers."""
    hidden = [{"units": 4, "activation": name, "dropout": dropout} for name in activations]
    head = {"units": outputs, "activation": "identity"}
    return Network.model_validate({"inputs": 2, "layers": [*hidden, head]})


def training(**changes: Any) -> TrainSpec:
    """Return a plain training with some changes."""
    plain = {"loss": CROSS_ENTROPY, "optimizer": SGD, "batch_size": 8, "epochs": 1}
    return TrainSpec.model_validate({**plain, **changes})


def reason(limits: dict[str, Any], given: Network | None = None, **changes: Any) -> str | None:
    """Return why a network cannot run with an adapter of these limits."""
    capabilities = EVERYTHING.model_copy(update=limits)
    return why_unsupported(capabilities, given or network("tanh"), training(**changes), Target())


def test_nothing_is_missing_unless_it_is_declared() -> None:
    """An adapter that says nothing of parts, layers and classes offers all of them."""
    mixed = network("tanh", "relu", outputs=2, dropout=0.5)
    asked = {
        "optimizer": {**SGD, "l2": 0.5, "clip_norm": 1.0},
        "schedule": {"name": "cosine", "steps": 8},
        "loss": f"{CROSS_ENTROPY}(label_smoothing=0.125)",
    }
    assert reason({}, mixed, **asked) is None
    assert reason({}, optimizer={**SGD, "weight_decay": 0.5}) is None


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"devices": ("cuda",)}, needs_device("cuda")),
        ({"dtypes": ("float64",)}, "dtype float32 is not offered; it has float64"),
        ({"activations": ("relu",)}, "activation tanh is not offered; it has relu"),
        ({"losses": ("huber",)}, f"loss {CROSS_ENTROPY} is not offered; it has huber"),
        ({"optimizers": ("adam",)}, "optimizer sgd is not offered; it has adam"),
    ],
)
def test_a_name_that_is_not_there_is_said_with_those_that_are(
    limits: dict[str, Any], expected: str
) -> None:
    """Device, precision, activation, loss and optimiser: what is lacking, and what there is."""
    assert reason(limits) == expected


def layered(*kinds: dict[str, Any]) -> Network:
    """Return a network of these layers on rows of two numbers, with a head."""
    layers = [*kinds, {"units": 3}]
    return Network.model_validate({"inputs": 2, "layers": layers})


NORM = {"kind": "layer_norm", "epsilon": 0.125}
RESIDUAL = {"kind": "residual", "layers": [{"units": 2}]}
TANH = {"kind": "activation", "activation": "tanh"}


@pytest.mark.parametrize(
    ("layers", "kinds", "lacking"),
    [
        (("dense",), [NORM], "layer layer_norm"),
        (("dense",), [RESIDUAL], "layer residual"),
        (("dense",), [TANH, NORM], "layer activation, layer_norm"),
        (("dense", "layer_norm"), [RESIDUAL, TANH, NORM], None),
        (("dense", "conv2d"), [RESIDUAL, TANH, NORM], "layer layer_norm"),
    ],
)
def test_a_kind_of_layer_that_is_not_there_is_said(
    layers: tuple[str, ...], kinds: list[dict[str, Any]], lacking: str | None
) -> None:
    """Who has dense layers alone has chains of them; who has more has residuals and the like."""
    has = None if lacking is None else f"{lacking} is not offered; it has {', '.join(layers)}"
    assert reason({"layers": layers}, layered(*kinds)) == has


def test_a_mode_may_have_fewer_kinds_of_layers() -> None:
    """What the header says of a mode narrows what the adapter offers, and adds nothing."""
    offered = EVERYTHING.model_copy(update={"layers": ("dense", "conv2d", "lstm")})
    mode = {"why": "a fake", "source": "https://example.org"}
    fewer = Mode.model_validate({**mode, "layers": ["dense", "gru"], "losses_per": "call"})
    assert offered.of_mode(Mode.model_validate(mode)) == offered
    narrowed = offered.of_mode(fewer)
    assert (narrowed.layers, narrowed.losses_per) == (("dense",), "call")
    why = why_unsupported(narrowed, layered(NORM), training(), Target())
    assert why == "layer layer_norm is not offered; it has dense"


PART_OF = {
    "l2": {"optimizer": {**SGD, "l2": 0.5}},
    "weight_decay": {"optimizer": {**SGD, "weight_decay": 0.5}},
    "clip_norm": {"optimizer": {**SGD, "clip_norm": 0.5}},
    "schedule": {"schedule": {"name": "constant", "warmup_steps": 4}},
    "label_smoothing": {"loss": f"{CROSS_ENTROPY}(label_smoothing=0.125)"},
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_training_that_is_not_there_is_said_alone(part: str) -> None:
    """Each part is asked for by its own key, and refused without touching the others."""
    others = tuple(name for name in PARTS if name != part)
    has = ", ".join(others)
    assert reason({"parts": others}, **PART_OF[part]) == (
        f"training with {part} is not offered; it has {has}"
    )
    assert reason({"parts": (part,)}, **PART_OF[part]) is None


def test_without_any_part_nothing_is_listed() -> None:
    """An adapter without parts says what is lacking, all of it, and no empty list."""
    asked = {"optimizer": {**SGD, "l2": 0.5, "clip_norm": 1.0}}
    assert reason({"parts": ()}, **asked) == "training with clip_norm, l2 is not offered"
    assert reason({"parts": ()}) is None


def test_the_decay_of_adamw_is_its_own() -> None:
    """AdamW without decay is none: who offers AdamW needs no decay of other optimisers for it."""
    assert reason({"parts": ()}, optimizer=ADAMW) is None


def test_layers_with_different_activations_may_not_be_offered() -> None:
    """The hidden layers are compared, identity among them; the linear head is not one of them."""
    same = {"mixed_activations": False}
    expected = "all hidden layers need the same activation, not relu and tanh"
    assert reason(same, network("tanh", "relu", "tanh")) == expected
    assert "identity and tanh" in str(reason(same, network("tanh", "identity")))
    assert reason(same, network("tanh", "tanh")) is None
    assert reason(same, network()) is None


def test_a_softmax_of_two_classes_may_not_be_offered() -> None:
    """The outputs of a multi-class task are counted, not those of a regression."""
    limits = {"classes_min": 3}
    assert "of 2 classes is not offered" in str(reason(limits, network("tanh", outputs=2)))
    assert reason(limits, network("tanh", outputs=3)) is None
    assert reason(limits, network("tanh", outputs=1), loss="mean_squared_error") is None


def test_dropout_may_not_be_offered() -> None:
    """A network with dropout is refused by an adapter that takes no masks."""
    expected = "dropout with given masks is not offered"
    assert reason({"dropout": False}, network("tanh", dropout=0.5)) == expected


LIMITS = {
    "loss binary_cross_entropy": "",
    "gradient of relu, mean_squared_error": "",
    "loss binary_cross_entropy(label_smoothing=0.125)": "training with label_smoothing",
    "loss huber(delta=0.5)": "loss huber",
    "activation silu": "activation silu",
    "training by adam + several outputs, smooth": "",
    "training by adam + l2, kinked": "training with l2",
    "training by nesterov + dropout, smooth": "dropout with given masks",
    "training by rmsprop, smooth": "optimizer rmsprop",
}


@pytest.mark.parametrize("name", LIMITS)
def test_scikit_learn_says_what_it_lacks(name: str) -> None:
    """Of every kind of case scikit-learn either has it, or says by name what it lacks."""
    problem = cases.find_case(name).shown
    limits = discovery.load(discovery.shipped_adapters()["scikit-learn"].path).capabilities()
    said = why_unsupported(limits, problem.network, problem.training, Target())
    assert (said or "").partition(" is not offered")[0] == LIMITS[name]
