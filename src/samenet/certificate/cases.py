"""The parity cases: small problems that carry gates 0 and 3, and the optimisers through gate 2.

They compose instead of multiplying out: an activation or a loss is proved on its own (gate 0), in a
network's gradient (gate 1, with a loss of each kind), an optimiser with everything that changes its
step (gates 2 and 3), on a smooth and on a kinked network. A case is its name: `parity.case(name)`
reads it back in a worker.

    activation relu · loss huber(delta=0.5) · gradient of tanh, mean_absolute_error
    training by adam + l2 + clipping + cosine, kinked · same seed twice
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from samenet.adapter import draws
from samenet.adapter.arrays import DataSource
from samenet.certificate import gate_functions
from samenet.certificate.admissibility import admissible
from samenet.certificate.problem import Problem
from samenet.spec.case_names import SAME_SEED_TWICE
from samenet.spec.network import Activation, ActivationName, Network
from samenet.spec.parsing import from_text
from samenet.spec.training import Loss, TrainSpec

REPEATS_TRIED = 200

INPUTS, HIDDEN, CLASSES, BATCH, ROWS = 12, (16, 16), 5, 16, 192
SMOOTH, KINKED = "tanh", "relu"

ADAPTIVE = {"learning_rate": 2.0**-10, "epsilon": 2.0**-20}
MOMENTS = {**ADAPTIVE, "beta1": 0.875, "beta2": 1 - 2.0**-10}
MOMENTUM = {"name": "sgd", "learning_rate": 2.0**-7, "momentum": 0.875}
RULES: dict[str, dict[str, Any]] = {
    "sgd": {"name": "sgd", "learning_rate": 2.0**-5},
    "momentum": MOMENTUM,
    "nesterov": {**MOMENTUM, "nesterov": True},
    "adam": {"name": "adam", **MOMENTS},
    "adamw": {"name": "adamw", **MOMENTS, "weight_decay": 0.125},
    "rmsprop": {"name": "rmsprop", **ADAPTIVE, "rho": 0.875},
    "adagrad": {
        "name": "adagrad",
        **ADAPTIVE,
        "learning_rate": 2.0**-7,
        "initial_accumulator": 0.125,
    },
}
"""Constants exact in binary: what a framework rounds to float32 stays what it is."""

CHANGES: dict[str, dict[str, Any]] = {
    "l2": {"l2": 0.125},
    "decay": {"weight_decay": 0.125},
    "clipping": {"clip_norm": 0.25},
}
SCHEDULES: dict[str, dict[str, Any]] = {
    "warm-up": {"name": "constant", "warmup_steps": 16},
    "step": {"name": "step", "steps": 96, "every": 16, "drop": 0.5},
    "exponential": {"name": "exponential", "steps": 96, "every": 16, "drop": 0.5},
    "cosine": {"name": "cosine", "steps": 96, "warmup_steps": 16, "final": 0.125},
}
EXTRAS: dict[str, dict[str, Any]] = {
    "dropout": {"dropout": 0.5},
    "short batch": {"rows": ROWS + BATCH // 2},
    "several outputs": {"loss": "mean_squared_error"},
    "deep": {"hidden": (8,) * 6},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One parity case: what is proved, and on what."""

    name: str
    gates: str
    """"0", "1", "2 and 3" or "repeat"."""
    function: Activation | Loss | None = None
    """What gate 0 is about."""
    shown: Problem
    """The smallest problem that shows it."""


@cache
def case(name: str) -> Case:
    """Return the case of a name; raises ValueError if there is none."""
    kind, _, rest = name.partition(" ")
    if kind == "activation":
        activation = Activation.model_validate(from_text(rest))
        shown = gate_functions.activation_problem(activation)
        return Case(name=name, gates="0", function=activation, shown=shown)
    if kind == "loss":
        loss = Loss.model_validate(from_text(rest))
        return Case(name=name, gates="0", function=loss, shown=gate_functions.loss_problem(loss))
    if kind == "gradient":
        activation_text, loss_text = rest.removeprefix("of ").split(", ")
        shown = _problem(name, activation=activation_text, loss=loss_text)
        return Case(name=name, gates="1", shown=shown)
    if kind == "training":
        return Case(name=name, gates="2 and 3", shown=_admissible(name, rest.removeprefix("by ")))
    if name == SAME_SEED_TWICE:
        return Case(name=name, gates="repeat", shown=_problem(name))
    raise ValueError(f"there is no parity case '{name}'")


def _problem(  # noqa: PLR0913 - each is one thing that cases vary
    name: str,
    *,
    activation: str = SMOOTH,
    loss: str = "sparse_categorical_cross_entropy",
    rule: dict[str, Any] = RULES["momentum"],
    schedule: dict[str, Any] | None = None,
    dropout: float = 0.0,
    hidden: tuple[int, ...] = HIDDEN,
    rows: int = ROWS,
    repeat: int = 0,
) -> Problem:
    training = TrainSpec.model_validate(
        {
            "loss": loss,
            "optimizer": rule,
            "schedule": schedule or {},
            "batch_size": BATCH,
            "epochs": 10,
        }
    )
    outputs = _outputs(training.loss)
    layers = [{"units": n, "activation": activation, "dropout": dropout} for n in hidden]
    head = {"units": outputs, "activation": "identity"}
    network = Network.model_validate({"inputs": INPUTS, "layers": [*layers, head]})
    inputs, targets = draws.parity_rows(
        rows, INPUTS, outputs, loss=training.loss.name, words=(name, repeat)
    )
    source = DataSource(inputs=inputs, targets=targets, train_rows=rows)
    return Problem(name=name, network=network, training=training, source=source, repeat=repeat)


def _outputs(loss: Loss) -> int:
    if loss.name == "binary_cross_entropy":
        return 1
    return CLASSES if loss.name.endswith("cross_entropy") else 3


def _admissible(name: str, text: str) -> Problem:
    """Return the first repeat of a training case that is fit for float32."""
    for repeat in range(REPEATS_TRIED):
        problem = _problem(name, **_settings(text), repeat=repeat)
        if admissible(problem):
            return problem
    raise ValueError(f"no admissible problem for '{text}' in {REPEATS_TRIED} tries")


def _settings(text: str) -> dict[str, Any]:
    """Return what a text like "adam + l2 + cosine, kinked" asks for."""
    terms, _, shape = text.partition(", ")
    first, *others = terms.split(" + ")
    found: dict[str, Any] = {
        "rule": dict(RULES[first]),
        "activation": KINKED if shape == "kinked" else SMOOTH,
    }
    for term in others:
        if term in CHANGES:
            found["rule"] |= CHANGES[term]
        elif term in SCHEDULES:
            found["schedule"] = SCHEDULES[term]
        elif term in EXTRAS:
            found |= EXTRAS[term]
        else:
            raise ValueError(f"there is no part '{term}' of a training case")
    return found


ACTIVATIONS: tuple[str, ...] = tuple(
    "leaky_relu(slope=0.0078125)" if name == "leaky_relu" else name
    for name in get_args(ActivationName)
)
LOSSES = (
    "binary_cross_entropy",
    "binary_cross_entropy(label_smoothing=0.125)",
    "categorical_cross_entropy",
    "categorical_cross_entropy(label_smoothing=0.125)",
    "sparse_categorical_cross_entropy",
    "sparse_categorical_cross_entropy(label_smoothing=0.125)",
    "mean_squared_error",
    "mean_absolute_error",
    "huber(delta=0.5)",
)


def names() -> list[str]:
    """Return the names of all cases, in the order of the gates."""
    functions = [f"loss {x}" for x in LOSSES] + [f"activation {a}" for a in ACTIVATIONS]
    return [*functions, *_gradients(), *_trainings(), SAME_SEED_TWICE]


def _gradients() -> Iterator[str]:
    """Yield every activation with two losses, so that each loss meets at least two activations."""
    for place, activation in enumerate(ACTIVATIONS):
        yield f"gradient of {activation}, {LOSSES[place % len(LOSSES)]}"
        yield f"gradient of {activation}, {LOSSES[(place + 4) % len(LOSSES)]}"


def _trainings() -> Iterator[str]:
    """Yield every optimiser plain, then with each change of its step, then what else trains."""
    schedules = list(SCHEDULES)
    for place, rule in enumerate(RULES):
        yield f"training by {rule}, smooth"
        yield f"training by {rule}, kinked"
        yield f"training by {rule} + clipping, smooth"
        yield f"training by {rule} + {schedules[place % len(schedules)]}, kinked"
        if rule != "adamw":
            yield f"training by {rule} + l2, kinked"
            yield f"training by {rule} + decay, smooth"
    yield "training by momentum + l2 + clipping + step, smooth"
    yield "training by adamw + clipping + cosine, kinked"
    for place, extra in enumerate(EXTRAS):
        yield f"training by {('nesterov', 'adam')[place % 2]} + {extra}, smooth"
