"""The parity cases: small problems that carry gates 0 and 3, and the optimisers through gate 2.

They compose instead of multiplying out: an activation or a loss is proved on its own (gate 0), in a
network's gradient (gate 1, with a loss of each kind), an optimiser with everything that changes its
step (gates 2 and 3), on a smooth and on a kinked network. A case is its name: a worker reads it
back with `cases.find_case(name)`.

    activation relu · loss huber(delta=0.5) · gradient of tanh, mean_absolute_error
    training by adam + l2 + clipping + cosine, kinked · same seed twice
    network lstm by adam + l2 (those of layers: layer_cases)

Every branch of a step is taken and not taken: a norm is clipped in some steps and left alone in
others, a schedule runs on past its end, a batch is short, a weighted sum is exactly 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import draws
from samenet.adapter.api import Capabilities
from samenet.adapter.arrays import DataSource
from samenet.certificate import gate_functions, layer_cases
from samenet.certificate.admissibility import is_admissible
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.setting import Setting
from samenet.certificate.problem import EPOCHS, Problem
from samenet.spec.case_names import SAME_SEED_TWICE
from samenet.spec.layers import Activation, ActivationName
from samenet.spec.network import Network
from samenet.spec.parsing import parse_call
from samenet.spec.training import Forms, Loss, TrainSpec

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

_MOMENTS = {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
_MOMENTUM = {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9}
USUAL_RULES: dict[str, dict[str, Any]] = {
    "sgd": {"name": "sgd", "learning_rate": 0.01},
    "momentum": _MOMENTUM,
    "nesterov": {**_MOMENTUM, "nesterov": True},
    "adam": {"name": "adam", **_MOMENTS},
    "adamw": {"name": "adamw", **_MOMENTS, "weight_decay": 0.004},
    "rmsprop": {"name": "rmsprop", "learning_rate": 0.001, "rho": 0.9, "epsilon": 1e-7},
    "adagrad": {
        "name": "adagrad",
        "learning_rate": 0.001,
        "initial_accumulator": 0.1,
        "epsilon": 1e-7,
    },
}
"""The constants of textbooks, most of them Keras' own: none but 0 is exact in binary."""

CHANGES: dict[str, dict[str, Any]] = {
    "l2": {"l2": 0.125},
    "decay": {"weight_decay": 0.125},
    "clipping": {},
}
USUAL_CHANGES: dict[str, dict[str, Any]] = {
    "l2": {"l2": 0.01},
    "decay": {"weight_decay": 0.01},
    "clipping": {},
}
CLIP_DIGITS = 64
"""A norm of clipping is a whole number over this, which is exact in binary."""
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
    "binary": {"loss": "binary_cross_entropy"},
    "rows of zeros": {"zeros": True},
    "narrow dropout": {"hidden": (2, 8), "dropout": 0.5},
    "smoothing": {"loss": "categorical_cross_entropy(label_smoothing=0.125)"},
    "many calls": {"rows": 8 * BATCH, "epochs": 120},
    "large": {"rows": 68 * BATCH + BATCH // 2, "hidden": (64, 64)},
}
"""The last two are for what shows late or in large arrays only: 120 calls of 8 steps; calls of 68
steps, 1,096 rows, kernels of 4,096 numbers, 690 steps."""

USUAL = "usual constants"
LONG = ("many calls", "large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One parity case: what is proved, and on what."""

    name: str
    gates: str
    """"0", "1", "2 and 3", "1 and 2", "1 to 3" or "repeat"."""
    function: Activation | Loss | None = None
    """What gate 0 is about."""
    shown: Problem
    """The smallest problem that shows it."""


@cache
def find_case(name: str, offered: Capabilities | None = None) -> Case:
    """Return the case of a name; raises ValueError if there is none.

    Beside what it is about, a case needs an activation, a loss and a rule of some kind: they are
    the usual ones, or, where an adapter has not got these, others that are `offered`.
    """
    kind, _, rest = name.partition(" ")
    if kind == "activation":
        activation = Activation.model_validate(parse_call(rest))
        shown = gate_functions.activation_problem(activation, offered)
        return Case(name=name, gates="0", function=activation, shown=shown)
    if kind == "loss":
        loss = Loss.model_validate(parse_call(rest))
        shown = gate_functions.loss_problem(loss, offered)
        return Case(name=name, gates="0", function=loss, shown=shown)
    if kind == "gradient":
        activation_text, loss_text = rest.removeprefix("of ").split(", ")
        shown = _problem(
            name,
            **{**_usual(offered), "activation": activation_text, "loss": loss_text},
            zeros=True,
        )
        return Case(name=name, gates="1", shown=shown)
    if kind == "training":
        shown = _admissible(name, rest.removeprefix("by "), offered)
        return Case(name=name, gates="2 and 3", shown=shown)
    if kind == "network":
        network, _, terms = rest.rpartition(" by ")
        shown = layer_cases.layer_problem(name, network, _settings(terms, offered)["rule"])
        shown = _clipped(shown) if "clipping" in terms else shown
        gates = "1 and 2" if layer_cases.NETWORKS[network].kinked else "1 to 3"
        return Case(name=name, gates=gates, shown=shown)
    if name == SAME_SEED_TWICE:
        return Case(name=name, gates="repeat", shown=_problem(name, **_usual(offered)))
    raise ValueError(f"there is no parity case '{name}'")


def _usual(offered: Capabilities | None) -> dict[str, Any]:
    """Return what a case has where its name does not say it; nothing for what is usual."""
    found: dict[str, Any] = {}
    if offered is None:
        return found
    if SMOOTH not in offered.activations and offered.activations:
        found["activation"] = offered.activations[0]
    if "sparse_categorical_cross_entropy" not in offered.losses and offered.losses:
        found["loss"] = offered.losses[0]
    rules = [rule for rule in RULES.values() if rule["name"] in offered.optimizers]
    if "sgd" not in offered.optimizers and rules:
        found["rule"] = rules[0]
    return found


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
    clipped: bool = False,
    zeros: bool = False,
    epochs: int = EPOCHS,
) -> Problem:
    training = TrainSpec.model_validate(
        {
            "loss": loss,
            "optimizer": rule,
            "schedule": schedule or {},
            "batch_size": BATCH,
            "epochs": epochs,
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
    found = Problem(
        name=name,
        network=network,
        training=training,
        source=source,
        repeat=repeat,
        epochs_followed=epochs,
    )
    found = _with_zeros(found) if zeros else found
    return _clipped(found) if clipped else found


def _with_zeros(problem: Problem) -> Problem:
    """Return the problem with rows of zeros, one of them in the first batch.

    Biases start at 0, so every weighted sum of such a row is exactly 0 there; a regression's target
    is 0, too, which the untrained network hits wherever its activation passes 0 on.
    """
    rows = problem.whole[0].order[:, 0]
    inputs, targets = problem.source.inputs.copy(), problem.source.targets.copy()
    inputs[rows] = 0
    if not problem.training.loss.name.endswith("cross_entropy"):
        targets[rows] = 0
    source = replace(problem.source, inputs=inputs, targets=targets)
    return replace(problem, source=source)


def _clipped(problem: Problem) -> Problem:
    """Return the problem clipped to the middle of its own norms.

    One branch is taken as often as the other.
    """
    norms = gradient_norms(problem, Forms())
    norm = round(float(np.median(norms)) * CLIP_DIGITS) / CLIP_DIGITS
    optimizer = problem.training.optimizer.model_copy(update={"clip_norm": norm})
    return replace(problem, training=problem.training.model_copy(update={"optimizer": optimizer}))


def gradient_norms(problem: Problem, forms: Forms) -> NDArray[np.float64]:
    """Return the norm of each step's gradient before it is clipped, its penalty included."""
    steps, l2 = problem.steps(problem.whole), problem.training.optimizer.l2
    truth = problem.truth(forms, problem.whole, snapshots=range(1, len(steps)))
    places = [problem.weights, *(truth.snapshots[step] for step in range(1, len(steps)))]
    norms, decayed = [], oracle.decayed(problem.network)
    for at, batch in zip(places, steps, strict=True):
        setting = Setting(forms=forms)
        found = oracle.gradient_alone(
            problem.network, problem.training.loss, at, batch, setting
        ).gradient
        whole = oracle.flatten(found) + l2 * decayed * oracle.flatten(at)
        norms.append(np.linalg.norm(whole))
    return np.array(norms)


def _outputs(loss: Loss) -> int:
    if loss.name == "binary_cross_entropy":
        return 1
    return CLASSES if loss.name.endswith("cross_entropy") else 3


def _admissible(name: str, text: str, offered: Capabilities | None) -> Problem:
    """Return the first repeat of a training case that is fit for float32."""
    for repeat in range(REPEATS_TRIED):
        problem = _problem(name, **_settings(text, offered), repeat=repeat)
        if is_admissible(problem):
            return problem
    raise ValueError(f"no admissible problem for '{text}' in {REPEATS_TRIED} tries")


def _settings(text: str, offered: Capabilities | None) -> dict[str, Any]:
    """Return what a text like "adam + l2 + cosine, kinked" asks for."""
    terms, _, shape = text.partition(", ")
    first, *others = terms.split(" + ")
    usual = USUAL in others
    usually = _usual(offered)
    smooth = usually.get("activation", SMOOTH)
    found: dict[str, Any] = {
        **usually,
        "rule": dict((USUAL_RULES if usual else RULES)[first]),
        "activation": {"smooth": smooth, "kinked": KINKED}.get(shape, shape),
        "clipped": "clipping" in others,
    }
    for term in others:
        if term == USUAL:
            continue
        if term in CHANGES:
            found["rule"] |= (USUAL_CHANGES if usual else CHANGES)[term]
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
LEAKY = get_args(ActivationName).index("leaky_relu")
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
    return [*functions, *_gradients(), *_trainings(), *layer_cases.names(), SAME_SEED_TWICE]


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
    for rule in USUAL_RULES:
        yield f"training by {rule} + {USUAL}, smooth"
    yield f"training by momentum + {USUAL} + l2 + clipping, kinked"
    yield f"training by adam + {USUAL} + decay + clipping, smooth"
    yield "training by momentum + l2 + clipping + step, smooth"
    yield "training by adamw + clipping + cosine, kinked"
    for place, extra in enumerate(EXTRAS):
        yield f"training by {('nesterov', 'adam')[place % 2]} + {extra}, smooth"
    for activation in ("relu", "selu", ACTIVATIONS[LEAKY]):
        yield f"training by momentum + rows of zeros, {activation}"
    yield "training by adam + narrow dropout, selu"
