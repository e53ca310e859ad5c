"""Whose programs a resume would start: a run folder may have been made elsewhere.

Going on with a run starts the adapters and interpreters that its plan names. In a folder of one's
own these are one's own. In one that came from elsewhere they are somebody's choice, and are started
only if a person says so; samenet's own adapters with their own headers are no such choice.
"""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

from samenet._text import join_names
from samenet.adapter import discovery
from samenet.errors import RefusedError
from samenet.runs.folder import Store
from samenet.runs.plan import Arm, Plan

MACHINE_ID = Path("/etc/machine-id")
NAMES_MAX = 3


def whose_machine() -> str:
    """Return what tells one person's runs on one machine from all others, and tells nothing else.

    A digest, for the number that it is made from is not to leave the machine
    (freedesktop.org/software/systemd/man/latest/machine-id.html).
    """
    try:
        machine = MACHINE_ID.read_bytes().strip()
    except OSError:
        machine = platform.node().encode()
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return hashlib.sha256(b"samenet " + machine + b" " + user.encode()).hexdigest()[:16]


def warn_of_strangers(store: Store, plan: Plan, *, trusted: bool) -> list[str]:
    """Return what to say before a resume starts programs of a folder that was made elsewhere.

    Raises RefusedError if these are not samenet's own and the folder is not `trusted`.
    """
    if _is_own(store):
        return []
    foreign = [arm for arm in plan.arms if not _is_shipped(arm)]
    if not foreign:
        return [f"{store.folder} was made elsewhere; only samenet's own adapters are started."]
    names = [f"{arm.name} ({_program(arm)})" for arm in foreign[:NAMES_MAX]]
    more = [f"{len(foreign) - NAMES_MAX} more"] if len(foreign) > NAMES_MAX else []
    text = f"{store.folder} was made elsewhere, and going on starts {join_names([*names, *more])}"
    if not trusted:
        raise RefusedError(f"{text}. If these are yours, add --trust.")
    return [f"{text}."]


def _is_own(store: Store) -> bool:
    """Return whether the folder says that it was made here; before that is written, it was."""
    if not (store.folder / "machine.json").exists():
        return store.folder.stat().st_uid == os.getuid() if hasattr(os, "getuid") else True
    machine = store.read_json("machine.json")
    return isinstance(machine, dict) and machine.get("made_by") == whose_machine()


def _is_shipped(arm: Arm) -> bool:
    """Return whether an arm is one of samenet's own, with nothing in its header changed."""
    shipped = discovery.shipped_adapters().get(arm.header.name)
    return (
        shipped is not None
        and not arm.python
        and Path(arm.path) == shipped.path
        and arm.header == shipped.header
    )


def _program(arm: Arm) -> str:
    path = f"…{arm.path[-60:]}" if len(arm.path) > 60 else arm.path
    return f"{path}, in {arm.python}" if arm.python else path
