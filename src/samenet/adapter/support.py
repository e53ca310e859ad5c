"""Why an adapter cannot run a network somewhere, in one sentence; or that it can."""

from __future__ import annotations

from samenet.adapter.api import Capabilities, Part, Target
from samenet.machine.devices import DEVICES, DeviceName
from samenet.spec.network import Network
from samenet.spec.training import TrainSpec


def needs_device(name: DeviceName) -> str:
    """Return why an adapter or a mode that needs a device cannot run on another."""
    return f"{DEVICES[name].absent()}; it needs one, and --device {name}"


def why_unsupported(
    capabilities: Capabilities, network: Network, training: TrainSpec, target: Target
) -> str | None:
    """Return why this network cannot run there, in one sentence, or None if it can."""
    if reason := why_device_unsupported(capabilities, target):
        return reason
    if target.dtype not in capabilities.dtypes:
        has = f"; it has {', '.join(capabilities.dtypes)}" if capabilities.dtypes else ""
        return f"dtype {target.dtype} is not offered{has}"
    return lacking(capabilities, network, training)


BESIDE = {"activation", "dropout", "residual"}
"""Whoever has more than a chain of dense layers has these; functions and dropout are asked for by
themselves."""


def lacking(capabilities: Capabilities, network: Network, training: TrainSpec) -> str | None:
    """Return what is not offered of a network and its training, wherever they run, or None."""
    if other := _other_layers(capabilities, network):
        has = ", ".join(capabilities.layers)
        return f"layer {', '.join(other)} is not offered; it has {has}"
    names = {str(place.activation.name) for place in network.places} - {"identity"}
    wanted: list[tuple[str, set[str], tuple[str, ...]]] = [
        ("activation", names, capabilities.activations),
        ("loss", {training.loss.name}, capabilities.losses),
        ("optimizer", {training.optimizer.name}, capabilities.optimizers),
        ("training with", _parts(training), capabilities.parts),
    ]
    for what, asked, offered in wanted:
        lacking = sorted(asked - set(offered))
        if lacking:
            has = f"; it has {', '.join(offered)}" if offered else ""
            return f"{what} {', '.join(lacking)} is not offered{has}"
    return _missing_layers(capabilities, network, training)


def _other_layers(capabilities: Capabilities, network: Network) -> list[str]:
    """Return the kinds of a network's layers that are not offered."""
    if network.is_dense:
        return []
    kinds = {place.kind for place in network.places}
    asked = {"residual" if kind in ("fork", "join") else kind for kind in kinds}
    has_more = set(capabilities.layers) > {"dense"}
    return sorted(asked - set(capabilities.layers) - (BESIDE if has_more else set()))


def why_device_unsupported(capabilities: Capabilities, target: Target) -> str | None:
    """Return why nothing at all can run there, or None."""
    if target.device != "cpu" and target.device not in capabilities.devices:
        return DEVICES[target.device].absent(target.index)
    if target.precision == "tf32" and target.device != "cuda":
        return "not available: tf32 needs a CUDA device"
    if target.device in capabilities.devices:
        return None
    return needs_device(next((name for name in DEVICES if name in capabilities.devices), "cuda"))


def _parts(training: TrainSpec) -> set[str]:
    """Return what is asked for beside loss and optimiser; the decay of AdamW is its own."""
    rule, schedule = training.optimizer, training.schedule
    asked: dict[Part, bool] = {
        "l2": rule.l2 > 0,
        "weight_decay": rule.weight_decay > 0 and rule.name != "adamw",
        "clip_norm": rule.clip_norm is not None,
        "schedule": schedule.name != "constant" or schedule.warmup_steps > 0,
        "label_smoothing": training.loss.label_smoothing > 0,
    }
    return {part for part, there in asked.items() if there}


def _missing_layers(
    capabilities: Capabilities, network: Network, training: TrainSpec
) -> str | None:
    hidden = sorted({str(place.activation) for place in network.places[:-1]})
    if len(hidden) > 1 and not capabilities.mixed_activations:
        return f"all hidden layers need the same activation, not {' and '.join(hidden)}"
    classes, categorical = network.outputs, "categorical" in training.loss.name
    if categorical and classes < capabilities.classes_min:
        return f"a multi-class task of {classes} classes is not offered; make it a binary one"
    if network.has_dropout and not capabilities.dropout:
        return "dropout with given masks is not offered"
    return None
