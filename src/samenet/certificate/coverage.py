"""Which parity cases try everything that an adapter offers at least once, and what stays untried.

`samenet certify --all` multiplies much more out. Here each part of a training meets one optimiser,
so that an examination ends within minutes where every case is compiled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from samenet.adapter.api import PARTS, Capabilities
from samenet.adapter.support import BESIDE, lacking
from samenet.certificate import cases, layer_cases
from samenet.spec.case_names import SAME_SEED_TWICE
from samenet.spec.layers import KINDS, Activation, ActivationName
from samenet.spec.parsing import parse_call
from samenet.spec.training import OPTIMIZERS, Loss, LossName

NOT_SEEN = (
    "the training on other devices, and what comes after a thousand steps in 32 bits: "
    "docs/method.md says what no gate sees"
)


def covering(offered: Capabilities) -> list[str]:
    """Return the names of the cases, in the order of the gates."""
    return [
        *(name for name in _functions(offered) if not _unreadable(name, offered)),
        *dict.fromkeys(_trainings(offered)),
        *dict.fromkeys(_networks(offered).values()),
        *([] if _unreadable(SAME_SEED_TWICE, offered) else [SAME_SEED_TWICE]),
    ]


def _unreadable(name: str, offered: Capabilities) -> str | None:
    """Return why a case cannot be made of what is offered, or None.

    A function is read by a step of SGD, or of Adam where there is no SGD.
    """
    shown = cases.find_case(name, offered).shown
    return lacking(offered, shown.network, shown.training)


def _functions(offered: Capabilities) -> list[str]:
    smoothing = "label_smoothing" in offered.parts
    losses = [(text, Loss.model_validate(parse_call(text))) for text in cases.LOSSES]
    activations = [(a, Activation.model_validate(parse_call(a))) for a in cases.ACTIVATIONS]
    return [
        *(
            f"loss {text}"
            for text, loss in losses
            if loss.name in offered.losses and (smoothing or not loss.label_smoothing)
        ),
        *(f"activation {text}" for text, a in activations if a.name in offered.activations),
    ]


def _trainings(offered: Capabilities) -> list[str]:
    """Return each optimiser once, and each part of a training with one of them."""
    rules = [name for name, rule in cases.RULES.items() if rule["name"] in offered.optimizers]
    if not rules:
        return []
    shape, plain = _shape(offered), _plain(offered)
    decays = [c for c, part in (("l2", "l2"), ("decay", "weight_decay")) if part in offered.parts]
    changes = [[d] for d in decays] + [["clipping"] * ("clip_norm" in offered.parts)]
    schedules = list(cases.SCHEDULES) if "schedule" in offered.parts else []
    extras = _extras(offered, plain)
    count = max(len(rules), len(changes), len(schedules), len(extras))
    found = []
    for place in range(count):
        rule = rules[place % len(rules)]
        extra = extras[place % len(extras)]
        terms = [rule, *_of(changes, place, without=decays if rule == "adamw" else ())]
        terms += [schedules[place % len(schedules)]] if schedules else []
        terms += [extra] if extra in WITH_LOSS else [extra, *plain]
        found.append(f"training by {' + '.join(terms)}, {shape}")
    slow = [rule for rule in ("momentum", "adam") if rule in rules] or rules[:1]
    found += [
        f"training by {' + '.join([slow[place % len(slow)], long, *plain])}, {shape}"
        for place, long in enumerate(cases.LONG)
    ]
    kinked = [name for name in ("relu", "selu") if name in offered.activations]
    return found + [
        f"training by {' + '.join([rules[0], 'rows of zeros', *plain])}, {name}" for name in kinked
    ]


def _layers_not_tried(offered: Capabilities) -> list[str]:
    if set(offered.layers) == {"dense"}:
        return ["every layer but dense"]
    lacking_kinds = set(KINDS) - set(offered.layers) - BESIDE
    alone = set(offered.layers) - {"dense"} - _networks(offered).keys()
    return [
        *(f"layer {kind}" for kind in KINDS if kind in lacking_kinds),
        *(f"layer {kind} (no small network has it and what is offered)" for kind in sorted(alone)),
    ]


def _networks(offered: Capabilities) -> dict[str, str]:
    """Return for each kind of layer beside dense ones a small network that is all offered."""
    rules = [name for name in ("adam", "momentum", "sgd") if _rule_offered(name, offered)]
    found: dict[str, str] = {}
    kinds = [kind for kind in offered.layers if kind != "dense"]
    for place, kind in enumerate([*kinds, "residual"] if kinds else []):
        for network in layer_cases.NETWORKS:
            name = f"network {network} by {rules[place % len(rules)] if rules else 'adam'}"
            if kind in layer_cases.kinds_of(name) and not _unreadable(name, offered):
                found[kind] = name
                break
    return found


def _rule_offered(name: str, offered: Capabilities) -> bool:
    return cases.RULES[name]["name"] in offered.optimizers


WITH_LOSS = ("several outputs", "smoothing")
"""Extras that bring a loss of their own."""


def _of(changes: Sequence[list[str]], place: int, without: Sequence[str]) -> list[str]:
    return [change for change in changes[place % len(changes)] if change not in without]


def _extras(offered: Capabilities, plain: Sequence[str]) -> list[str]:
    there = {
        "short batch": True,
        cases.USUAL: True,
        "dropout": offered.dropout,
        "several outputs": "mean_squared_error" in offered.losses and not plain,
        "smoothing": "label_smoothing" in offered.parts
        and "categorical_cross_entropy" in offered.losses,
    }
    return [name for name, offers in there.items() if offers]


def _plain(offered: Capabilities) -> list[str]:
    """Return the term that changes the usual loss into one that is offered, if it must be."""
    if "sparse_categorical_cross_entropy" in offered.losses:
        return []
    return ["several outputs"] if "mean_squared_error" in offered.losses else ["binary"]


def _shape(offered: Capabilities) -> str:
    """Return a smooth activation: near a kink no long training is fit for float32."""
    if "tanh" in offered.activations:
        return "smooth"
    smooth = ("sigmoid", "softplus", "silu", "gelu", "elu")
    return next((name for name in smooth if name in offered.activations), "identity")


def not_offered(offered: Capabilities) -> list[str]:
    """Return what the specs know and is not tried, and why if it is offered."""
    return [
        *(f"{n} ({why})" for n in _functions(offered) if (why := _unreadable(n, offered))),
        *_layers_not_tried(offered),
        *(f"activation {n}" for n in get_args(ActivationName) if n not in offered.activations),
        *(f"loss {name}" for name in get_args(LossName) if name not in offered.losses),
        *(f"optimizer {name}" for name in OPTIMIZERS if name not in offered.optimizers),
        *(part for part in PARTS if part not in offered.parts),
        *([] if offered.dropout else ["dropout"]),
        *(dtype for dtype in ("float32", "float64") if dtype not in offered.dtypes),
    ]
