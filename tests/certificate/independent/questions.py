"""What the frameworks and the oracle are asked alike: specs and arrays, nothing of a framework."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from samenet.adapter import Layer
from samenet.adapter.schedules import learning_rates
from samenet.certificate.oracle.network import Batch
from samenet.spec import (
    SGD,
    Activation,
    ActivationName,
    Adagrad,
    Adam,
    AdamW,
    Dense,
    Forms,
    Loss,
    Network,
    Optimizer,
    RMSprop,
    Schedule,
    TrainSpec,
)

TORCH = Forms(clipping="epsilon")
KERAS = Forms(
    adam="epsilon_hat",
    momentum="rate_inside",
    rmsprop="epsilon_inside",
    adagrad="epsilon_inside",
)
FORMS = {"torch": TORCH, "keras": KERAS}

SLOPES = {"torch": 0.01, "tensorflow": 2.0**-7, "keras": 2.0**-7}
"""Of leaky_relu: TensorFlow rounds it to float32 (see the last tests)."""

NAMES = get_args(ActivationName)

FAR_OUT = np.array([1e-9, 1e-3, 0.1, 0.5, 1, 3, 8, 20.5, 30, 40.5, 100, 700, 800])
POINTS = np.concatenate([-FAR_OUT[::-1], [0.0], FAR_OUT])


def activations_of(framework: str) -> list[str]:
    """Return what is compared closely: Keras' GELU has a constant of float32."""
    return [name for name in NAMES if (framework, name) != ("keras", "gelu")]


draw = np.random.default_rng(2026)

# Losses.

ROWS = 6
ORDINARY = draw.normal(size=(ROWS, 4)) * 2
SATURATED = np.array([30.0, -30.0, 100.0, -100.0, 800.0, -800.0])
CLASSES = np.array([0, 3, 1, 2, 3, 0])
VALUES = draw.normal(size=(ROWS, 4))
FAR = np.array([[800.0, -800, 0, 30], [-100, 100, 30, -30]] * 3)
YES = np.array([[0.0], [1.0]] * 3)

Problem = tuple[Loss, np.ndarray, np.ndarray]


def loss_problems() -> dict[str, Problem]:
    """Return losses with logits and targets, ordinary and far out."""
    one_hot = np.eye(4)[CLASSES]
    binary, smooth = "binary_cross_entropy", "categorical_cross_entropy"
    sparse = "sparse_categorical_cross_entropy"
    return {
        "binary": (Loss(name=binary), ORDINARY[:, :1], YES),
        "binary, right beyond doubt": (Loss(name=binary), -SATURATED[:, None], YES),
        "binary, wrong beyond doubt": (Loss(name=binary), SATURATED[:, None], YES),
        "binary, smoothed": (Loss(name=binary, label_smoothing=0.125), ORDINARY[:, :1], YES),
        "one-hot": (Loss(name=smooth), ORDINARY, one_hot),
        "one-hot, far": (Loss(name=smooth), FAR, one_hot),
        "one-hot, smoothed": (Loss(name=smooth, label_smoothing=0.125), ORDINARY, one_hot),
        "one-hot, smoothed, far": (Loss(name=smooth, label_smoothing=0.125), FAR, one_hot),
        "classes": (Loss(name=sparse), ORDINARY, CLASSES),
        "classes, far": (Loss(name=sparse), FAR, CLASSES),
        "classes, smoothed": (Loss(name=sparse, label_smoothing=0.1), ORDINARY, CLASSES),
        "squares": (Loss(name="mean_squared_error"), ORDINARY, VALUES),
        "squares, far": (Loss(name="mean_squared_error"), FAR, VALUES),
        "absolute": (Loss(name="mean_absolute_error"), ORDINARY, VALUES),
        "absolute, hit": (Loss(name="mean_absolute_error"), VALUES, VALUES * [1, 1, 2, 1]),
        "huber": (Loss(name="huber"), ORDINARY, VALUES),
        "huber, delta": (Loss(name="huber", delta=0.5), ORDINARY, VALUES),
        "huber, corner": (Loss(name="huber", delta=0.5), np.round(VALUES) + 0.5, np.round(VALUES)),
        "huber, far": (Loss(name="huber", delta=0.5), FAR, VALUES),
    }


LOSSES = loss_problems()
LACKS = {
    "torch": ("binary, smoothed",),
    "tensorflow": ("smoothed", "huber"),
    "keras": ("classes, smoothed",),
}
"""What a framework has no function for."""


def losses_of(framework: str) -> list[str]:
    return [name for name in LOSSES if not any(lack in name for lack in LACKS[framework])]


# Updates and schedules.

# Keras gets constants that are exact in binary: on TensorFlow it rounds others to float32.
SCHEDULE = Schedule(name="exponential", warmup_steps=4, steps=16, every=5, drop=0.5)
STEPS = 30
FINE = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
EXACT = {"beta1": 0.875, "beta2": 1 - 2.0**-10, "epsilon": 2.0**-24}

RULES: dict[str, dict[str, Optimizer]] = {
    "torch": {
        "sgd": SGD(learning_rate=0.1),
        "momentum": SGD(learning_rate=0.1, momentum=0.9),
        "nesterov": SGD(learning_rate=0.1, momentum=0.9, nesterov=True),
        "nesterov, l2": SGD(learning_rate=0.1, momentum=0.9, nesterov=True, l2=0.01),
        "adam": Adam(learning_rate=0.01, **FINE),
        "adam, l2": Adam(learning_rate=0.01, l2=0.01, **FINE),
        "adamw": AdamW(learning_rate=0.01, weight_decay=0.1, **FINE),
        "rmsprop": RMSprop(learning_rate=0.01, rho=0.99, epsilon=1e-8),
        "rmsprop, l2": RMSprop(learning_rate=0.01, rho=0.99, epsilon=1e-8, l2=0.01),
        "adagrad": Adagrad(learning_rate=0.1, epsilon=1e-10),
        "adagrad, l2": Adagrad(learning_rate=0.1, epsilon=1e-10, initial_accumulator=0.1, l2=0.01),
        "sgd, clipped": SGD(learning_rate=0.1, clip_norm=1.0),
        "momentum, l2, clipped": SGD(learning_rate=0.1, momentum=0.9, l2=0.01, clip_norm=1.0),
        "adamw, clipped": AdamW(learning_rate=0.01, weight_decay=0.1, clip_norm=1.0, **FINE),
    },
    "keras": {
        "sgd": SGD(learning_rate=0.125),
        "sgd, decayed": SGD(learning_rate=0.125, weight_decay=2.0**-6),
        "momentum": SGD(learning_rate=0.125, momentum=0.875),
        "nesterov": SGD(learning_rate=0.125, momentum=0.875, nesterov=True),
        "adam": Adam(learning_rate=2.0**-7, **EXACT),
        "adamw": AdamW(learning_rate=2.0**-7, weight_decay=0.125, **EXACT),
        "rmsprop": RMSprop(learning_rate=2.0**-7, rho=0.875, epsilon=2.0**-24),
        "adagrad": Adagrad(learning_rate=0.125, epsilon=2.0**-24),
        "adagrad, filled": Adagrad(
            learning_rate=0.125, epsilon=2.0**-24, initial_accumulator=0.125
        ),
        "nesterov, clipped": SGD(learning_rate=0.125, momentum=0.875, nesterov=True, clip_norm=1.0),
        "adamw, clipped": AdamW(learning_rate=2.0**-7, weight_decay=0.125, clip_norm=1.0, **EXACT),
    },
}

START = Layer(draw.normal(size=(3, 2)), draw.normal(size=2))
GRADIENTS = draw.normal(size=(STEPS, 8)) * 4.0 ** draw.integers(-2, 2, (STEPS, 1))
GRADIENTS[:, 3] *= 1e-7  # of the size of epsilon
GRADIENTS[:, 5] = 0  # a dead unit

PLANS: dict[str, dict[str, Schedule]] = {
    "torch": {
        "step": Schedule(name="step", steps=30, every=7, drop=0.3),
        "exponential": Schedule(name="exponential", steps=30, drop=0.9),
        "exponential, every": Schedule(name="exponential", steps=30, every=6, drop=0.5),
        "cosine": Schedule(name="cosine", steps=30),
        "cosine, final": Schedule(name="cosine", steps=30, final=0.1),
        "warm-up": Schedule(warmup_steps=7),
        "warm-up, step": Schedule(name="step", warmup_steps=7, steps=20, every=5, drop=0.3),
        "warm-up, exponential": Schedule(name="exponential", warmup_steps=7, steps=20, drop=0.9),
        "warm-up, cosine": Schedule(name="cosine", warmup_steps=7, steps=20, final=0.1),
    },
    "keras": {
        "step": Schedule(name="step", steps=30, every=7, drop=0.25),
        "exponential": Schedule(name="exponential", steps=30, every=8, drop=0.5),
        "cosine": Schedule(name="cosine", steps=30),
        "cosine, final": Schedule(name="cosine", steps=30, final=0.125),
    },
}
RATE = 0.125

CONSTANT = Schedule()
SQUARES = Loss(name="mean_squared_error")
EPOCHS = 6


def training(loss: Loss, rule: Optimizer, schedule: Schedule = CONSTANT) -> TrainSpec:
    return TrainSpec(loss=loss, optimizer=rule, schedule=schedule, batch_size=8, epochs=EPOCHS)


def updating(rule: Optimizer) -> TrainSpec:
    """Return the training whose updates are compared with given gradients."""
    return training(SQUARES, rule, SCHEDULE)


def scheduled(schedule: Schedule) -> TrainSpec:
    """Return the training whose rates are compared."""
    return training(SQUARES, SGD(learning_rate=RATE), schedule)


def rates_until(plan: TrainSpec, steps: int) -> list[float]:
    rates = learning_rates(plan)
    return [float(rates[min(step, len(rates) - 1)]) for step in range(steps)]


# Whole networks.


def network(outputs: int, *names: str) -> Network:
    """Return a network of 5 inputs, with hidden layers of 6 and 5 units."""
    kinds = [
        Activation(name=name, slope=2.0**-7) if name == "leaky_relu" else Activation(name=name)
        for name in (*names, "identity")
    ]
    units = (6, 5)[: len(names)]
    layers = [
        Dense(units=n, activation=kind) for n, kind in zip((*units, outputs), kinds, strict=True)
    ]
    return Network(inputs=5, layers=tuple(layers))


def weights_for(net: Network) -> list[Layer]:
    """Return weights of the usual size, and biases that are not zero."""
    chance = np.random.default_rng(7)
    return [
        Layer(chance.normal(size=shape) / np.sqrt(shape[0]), chance.normal(size=shape[1]) / 4)
        for shape in net.shapes
    ]


def batches_for(loss: Loss, outputs: int, count: int, rows: int = 8) -> list[Batch]:
    chance = np.random.default_rng(11)
    found = []
    for _ in range(count):
        inputs = chance.normal(size=(rows, 5))
        if loss.name == "binary_cross_entropy":
            targets = (inputs[:, :1] + chance.normal(size=(rows, 1)) > 0).astype(float)
        elif loss.name.endswith("cross_entropy"):
            targets = np.argmax(inputs[:, :outputs] + chance.normal(size=(rows, outputs)), axis=1)
            targets = np.eye(outputs)[targets] if loss.name.startswith("cat") else targets
        else:
            targets = np.sin(inputs[:, :outputs]) + chance.normal(size=(rows, outputs)) / 4
        found.append(Batch(inputs, targets))
    return found


def masked(batches: list[Batch]) -> list[Batch]:
    """Return the batches with dropout of a half in the hidden layers, of 6 and 5 units."""
    chance = np.random.default_rng(13)

    def mask(rows: int, units: int) -> np.ndarray:
        return (chance.random((rows, units)) < 0.5) * 2.0

    return [
        b._replace(masks=(mask(len(b.inputs), 6), mask(len(b.inputs), 5), None)) for b in batches
    ]


Case = tuple[Network, TrainSpec, list[Batch]]

PLAIN = SGD(learning_rate=0.1)


def case(name: str, outputs: int, *names: str, **more: Any) -> Case:
    """Return a network with a loss and its hidden activations, a training, and its batches."""
    rule = more.get("rule", PLAIN)
    loss = Loss(name=name, **more.get("options", {}))
    plan = training(loss, rule, more.get("schedule", CONSTANT))
    batches = batches_for(loss, outputs, more.get("count", 1))
    if more.get("short"):
        batches[-1] = Batch(*(part[:5] for part in batches[-1][:2]))
    net = network(outputs, *names)
    return net, plan, masked(batches) if more.get("masks") else batches


def gradient_cases() -> dict[str, Case]:
    return {
        "binary, tanh, sigmoid": case("binary_cross_entropy", 1, "tanh", "sigmoid"),
        "classes, relu, leaky": case("sparse_categorical_cross_entropy", 3, "relu", "leaky_relu"),
        "one-hot, elu, selu": case("categorical_cross_entropy", 3, "elu", "selu"),
        "squares, gelu, silu": case("mean_squared_error", 2, "gelu", "silu"),
        "absolute, softplus, tanh": case("mean_absolute_error", 2, "softplus", "tanh"),
        "classes, masks": case("sparse_categorical_cross_entropy", 3, "silu", "tanh", masks=True),
    }


NETWORKS = gradient_cases()


def training_cases() -> dict[str, dict[str, Case]]:
    sparse = "sparse_categorical_cross_entropy"
    warm = {"schedule": Schedule(name="cosine", warmup_steps=5, steps=30, final=0.1), "count": 40}
    adam = Adam(learning_rate=0.01, **FINE)
    decay = AdamW(learning_rate=0.01, weight_decay=0.1, clip_norm=0.5, **FINE)
    nesterov = SGD(learning_rate=0.1, momentum=0.9, nesterov=True, l2=0.01, clip_norm=0.5)
    even = SGD(learning_rate=0.125, momentum=0.875, nesterov=True)
    return {
        "torch": {
            "nesterov": case("binary_cross_entropy", 1, "tanh", "relu", rule=nesterov, **warm),
            "adamw": case(
                sparse, 3, "gelu", "silu", rule=decay, masks=True,
                options={"label_smoothing": 0.1}, **warm,
            ),
            "adam": case("huber", 2, "elu", "softplus", rule=adam, options={"delta": 0.5}, **warm),
        },
        "keras": {
            "nesterov, short last batch": case(
                "binary_cross_entropy", 1, "tanh", "relu", rule=even, count=5, short=True
            ),
            "adamw": case(
                sparse, 3, "silu", "tanh", count=5,
                rule=AdamW(learning_rate=2.0**-6, weight_decay=0.125, clip_norm=0.5, **EXACT),
            ),
            "adagrad": case(
                "mean_squared_error", 2, "elu", "softplus", count=5,
                rule=Adagrad(learning_rate=0.125, epsilon=2.0**-24),
            ),
        },
    }  # fmt: skip


TRAININGS = training_cases()


def sklearn_cases() -> dict[str, Case]:
    sparse, binary = "sparse_categorical_cross_entropy", "binary_cross_entropy"
    adam = Adam(learning_rate=0.01, **FINE)
    nesterov = SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    half = {"options": {"delta": 1e6}}  # a Huber loss that never leaves its parabola: half squares
    return {
        "adam, logistic": case(sparse, 3, "sigmoid", "sigmoid", rule=adam, count=5),
        "adam, tanh": case(sparse, 3, "tanh", "tanh", rule=adam, count=5),
        "adam, relu": case(binary, 1, "relu", "relu", rule=adam, count=5),
        "adam, short last batch": case(
            sparse, 3, "tanh", "tanh", rule=adam, count=5, short=True
        ),
        "adam, identity": case(sparse, 3, "identity", "identity", rule=adam, count=5),
        "nesterov": case(binary, 1, "tanh", "tanh", rule=nesterov, count=5),
        "momentum": case(
            sparse, 3, "relu", "relu", rule=SGD(learning_rate=0.1, momentum=0.9), count=5
        ),
        "nesterov, l2": case(
            sparse, 3, "tanh", "tanh", count=5,
            rule=SGD(learning_rate=0.1, momentum=0.9, nesterov=True, l2=0.01),
        ),
        "nesterov, falling rate": case(sparse, 3, "tanh", "tanh", rule=nesterov, count=5),
        "regression": case("huber", 1, "tanh", "tanh", rule=nesterov, count=5, **half),
        "regression, adam": case("huber", 1, "relu", "relu", rule=adam, count=5, **half),
        "regression, doubled rate": case(
            "mean_squared_error", 1, "tanh", "tanh", count=5,
            rule=SGD(learning_rate=0.05, momentum=0.9, nesterov=True),
        ),
    }  # fmt: skip


SKLEARN = sklearn_cases()
POWER = 0.25
"""Of scikit-learn's falling rate: learning_rate_init / (samples seen + 1)^POWER, by the epoch."""


def sklearn_options(name: str, plan: TrainSpec) -> dict[str, Any]:
    """Return the arguments of MLPClassifier or MLPRegressor."""
    rule, last = plan.optimizer, SKLEARN[name][0].layers[0].activation.name
    found: dict[str, Any] = {
        "activation": "logistic" if last == "sigmoid" else last,
        "alpha": rule.l2 * plan.batch_size,  # it divides by the rows of the batch
        "learning_rate_init": rule.learning_rate * (2 if "doubled" in name else 1),
    }
    if isinstance(rule, SGD):
        falling = {"learning_rate": "invscaling", "power_t": POWER} if "falling" in name else {}
        momentum = {"momentum": rule.momentum, "nesterovs_momentum": rule.nesterov}
        return found | {"solver": "sgd"} | momentum | falling
    betas = {"beta_1": rule.beta1, "beta_2": rule.beta2, "epsilon": rule.epsilon}
    return found | {"solver": "adam"} | betas


def sklearn_rates(plan: TrainSpec, steps: int) -> NDArray[np.float64]:
    """Return the falling rate of every step, all epochs together."""
    seen = np.arange(EPOCHS) * steps * plan.batch_size
    rates = np.where(seen > 0, plan.optimizer.learning_rate / (seen + 1.0) ** POWER, 0)
    rates[0] = plan.optimizer.learning_rate
    return np.repeat(rates, steps)


# How it is asked.


def plain(value: Any) -> Any:
    """Return arrays and specs as plain lists and dictionaries; JSON keeps every bit of a float."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, Layer):
        return [plain(part) for part in value.values()]
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return value.model_dump() if hasattr(value, "model_dump") else value


def about(net: Network, plan: TrainSpec) -> dict[str, Any]:
    kinds = [layer.activation for layer in net.layers]
    return {
        "weights": weights_for(net),
        "activations": [kind.name for kind in kinds],
        "slopes": [kind.slope for kind in kinds],
        "loss": plan.loss,
        "rule": plan.optimizer,
    }


def per_step(net: Network, plan: TrainSpec, batches: list[Batch]) -> dict[str, Any]:
    more = {"rates": rates_until(plan, len(batches))}
    return about(net, plan) | more | {"batches": [b._asdict() for b in batches]}


def per_epoch(net: Network, plan: TrainSpec, batches: list[Batch]) -> dict[str, Any]:
    return about(net, plan) | {
        "inputs": np.concatenate([b.inputs for b in batches]),
        "targets": np.concatenate([b.targets for b in batches]),
        "batch_size": plan.batch_size,
        "epochs": EPOCHS,
    }


def for_sklearn(name: str) -> dict[str, Any]:
    net, plan, batches = SKLEARN[name]
    asked = per_epoch(net, plan, batches)
    targets = asked["targets"]
    return asked | {
        "targets": targets[:, 0] if targets.ndim == 2 else targets,
        "classifier": plan.loss.name.endswith("cross_entropy"),
        "options": sklearn_options(name, plan),
    }


def wide(outputs: int) -> dict[str, Any]:
    """Return one step of plain gradient descent with rate 1 for a regression."""
    rule = SGD(learning_rate=1.0)
    net, plan, batches = case("mean_squared_error", outputs, "tanh", "tanh", rule=rule)
    targets = batches[0].targets
    options = {"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False, "alpha": 0.0}
    return per_epoch(net, plan, batches) | {
        "targets": targets[:, 0] if outputs == 1 else targets,
        "classifier": False,
        "options": options | {"activation": "tanh", "learning_rate_init": 1.0},
    }


def questions(framework: str) -> dict[str, Any]:
    """Return all questions to one framework."""
    if framework == "sklearn":
        trained = {name: for_sklearn(name) for name in SKLEARN}
        return {"trainings": trained, "applied": {str(n): wide(n) for n in (1, 4)}}
    if framework == "keras on torch":
        return {}
    asked: dict[str, Any] = {
        "points": POINTS,
        "activations": dict.fromkeys(activations_of(framework), SLOPES[framework]),
        "losses": {
            name: dict(zip(("loss", "logits", "targets"), LOSSES[name], strict=True))
            for name in losses_of(framework)
        },
        "rules": {
            name: {"rule": rule, "rates": rates_until(updating(rule), STEPS)}
            for name, rule in RULES.get(framework, {}).items()
        },
        "given": {"kernel": START.kernel, "bias": START.bias, "gradients": GRADIENTS},
        "schedules": {
            name: {"schedule": schedule, "rate": RATE}
            for name, schedule in PLANS.get(framework, {}).items()
        },
        "networks": {name: per_step(*found) for name, found in NETWORKS.items()},
    }
    ask = per_step if framework == "torch" else per_epoch
    asked["trainings"] = {n: ask(*found) for n, found in TRAININGS.get(framework, {}).items()}
    return asked
