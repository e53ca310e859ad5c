"""The devices to compute on: one row says what the core knows about each.

How a framework is told to use one stands in its adapter; what it reads from the environment, in the
group of its header that has the device's name (samenet.adapter.variables).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from samenet._text import shorten
from samenet.errors import UsageError

DeviceName = Literal["cpu", "cuda"]
"""As in every plan.json; a name that was written once is never changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One kind of device."""

    title: str
    """In sentences, and what a mode of an adapter names that `needs` one."""
    read_back: tuple[str, ...]
    """Words that frameworks call it by."""
    numbered: bool = False
    """Whether a machine may have several, written `cuda:1`."""
    fact: str = ""
    """Which of the machine's facts names them (machine.system), if one does."""

    def absent(self, index: int = 0) -> str:
        """Return the reason why nothing runs on it where there is none."""
        return f"not available: no {self.title}{f' {index}' if index else ''}"


DEVICES: dict[DeviceName, Device] = {
    "cpu": Device(title="processor", read_back=("cpu",)),
    "cuda": Device(
        title="CUDA device", read_back=("cuda", "gpu"), numbered=True, fact="CUDA devices"
    ),
}
"""The first is where a plan computes unless it is told otherwise."""

WRITTEN = "|".join(
    text for name, device in DEVICES.items() for text in (name, *[f"{name}:N"] * device.numbered)
)
"""What may be asked for, as a command's help shows it."""


def parse_device(text: str) -> dict[str, str | int]:
    """Return device and index of 'cpu', 'cuda' or 'cuda:1'; any other text is a UsageError."""
    name, colon, index = text.strip().lower().partition(":")
    known = {str(kind): device.numbered for kind, device in DEVICES.items()}
    if name not in known or (colon and not (known[name] and re.fullmatch("[0-9]{1,3}", index))):
        named = ", ".join(known)
        raise UsageError(
            f"Unknown device '{shorten(text)}'. Write {named}, or cuda:1 for the second GPU."
        )
    return {"device": name, "index": int(index or 0)}
