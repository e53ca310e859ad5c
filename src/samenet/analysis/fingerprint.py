"""What must agree before two results may be compared: the guarded fields of a run.

    machine    what cannot be changed by installing something
    versions   of every framework, of Python, of the matrix library, of samenet
    settings   what was asked for: device, precision, threads
    tasks      a hash of each task's prepared data, network and training

No host, user, path or serial number is among them. What a run does not know is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from samenet.analysis.frames import Frames
from samenet.machine import cache
from samenet.machine.devices import DEVICES
from samenet.spec.task import Task

Group = Literal["machine", "versions", "settings", "tasks"]
GROUPS: tuple[Group, ...] = ("machine", "versions", "settings", "tasks")
MACHINE = ("processor", "architecture", "cores", "pinned")

Fingerprint = dict[Group, dict[str, Any]]


def fingerprint(frames: Frames) -> Fingerprint:
    """Return the guarded fields of a run."""
    facts, target = frames.machine, frames.plan.target
    fact = DEVICES[target.device].fact
    machine_facts = (*MACHINE, fact) if fact else MACHINE
    versions: dict[str, Any] = {}
    for arm in frames.plan.arms:
        versions |= arm.versions
    versions["samenet"] = frames.plan.samenet
    versions |= {name: facts[name] for name in ("python", "matrix_library") if name in facts}
    return {
        "machine": {name: facts[name] for name in machine_facts if name in facts},
        "versions": versions,
        "settings": {
            **target.model_dump(mode="json", exclude={"index"}),
            "caches of compiled code": frames.plan.cache,
        },
        "tasks": {task.name: _task(frames, task) for task in frames.plan.tasks},
    }


def _task(frames: Frames, task: Task) -> str:
    """Return a hash of the bytes that every framework saw and of what it did with them."""
    prepared = frames.data.get(task.name)
    values = task.model_dump(mode="json", include={"kind", "model", "training"})
    return cache.key_of(prepared.digest if prepared else None, values)


def matrix_library() -> str:
    """Return name and version of the library that NumPy multiplies matrices with."""
    import numpy as np

    config: Any = np.show_config(mode="dicts")
    library = (config or {}).get("Build Dependencies", {}).get("blas", {})
    return " ".join(str(library[name]) for name in ("name", "version") if library.get(name))


def differences(base: Fingerprint, new: Fingerprint, groups: Iterable[Group]) -> list[str]:
    """Return one text per field that both know and that differs: 'machine: cores 2, 4'."""
    return [
        f"{group}: {name} {base[group][name]}, {new[group][name]}"
        for group in groups
        for name in sorted(base[group].keys() & new[group].keys())
        if base[group][name] != new[group][name]
    ]
