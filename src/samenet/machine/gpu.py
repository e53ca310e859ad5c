"""Graphics cards as the driver's tool names and reads them."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache


def query_nvidia_smi(query: str) -> tuple[str, ...] | None:
    """Return the lines that the CUDA driver's own tool answers with; None if it does not answer."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, query, "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())


def visible_device(index: int) -> str:
    """Return the name of a CUDA device, numbered among those that this process may use."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return str(index)
    names = [name.strip() for name in allowed.split(",") if name.strip()]
    return names[index] if index < len(names) else ""


@cache
def graphics_cards() -> tuple[str, ...]:
    """Return the CUDA devices as their driver's own tool lists them: name, memory, driver."""
    return query_nvidia_smi("--query-gpu=name,memory.total,driver_version") or ()


def graphics_card(device: str) -> str:
    """Return the graphics card of a device such as 'cuda:1'; "" for 'cpu'."""
    kind, _, index = device.partition(":")
    name = visible_device(int(index or 0)) if kind == "cuda" else ""
    cards = graphics_cards()
    return cards[int(name)] if name.isdigit() and int(name) < len(cards) else name


GRAPHICS_STATE_QUERY = (
    "clocks.sm,clocks.max.sm,temperature.gpu,power.draw,clocks_throttle_reasons.active"
)


def graphics_state() -> tuple[str, ...] | None:
    """Return clock, highest clock, temperature, power and throttle reasons of each CUDA device."""
    return query_nvidia_smi(f"--query-gpu={GRAPHICS_STATE_QUERY}")


def graphics_processes() -> int | None:
    """Return how many processes compute on the CUDA devices now."""
    process_ids = query_nvidia_smi("--query-compute-apps=pid")
    return None if process_ids is None else len(process_ids)
