"""Which processors share a core: work on one slows the other down without being its load.

Source: docs.kernel.org/admin-guide/cputopology.html. A virtual machine may show each processor as a
core of its own while its host runs two of them on one core; then any of them may be a neighbour.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from samenet.machine.system import file_text

CPU = Path("/sys/devices/system/cpu")
CPU_INFO = Path("/proc/cpuinfo")


def siblings(processor: int) -> str | None:
    """Return the logical processors that share a core with this one, itself among them."""
    return file_text(CPU / f"cpu{processor}" / "topology" / "thread_siblings_list")


def hypervisor() -> str | None:
    """Return whether the processor says that it is virtual."""
    flags = file_text(CPU_INFO)
    return None if flags is None else ("yes" if "hypervisor" in flags else "no")


def neighbours(measuring: Sequence[int]) -> tuple[int, ...]:
    """Return the other processors that share a core with these, or in a virtual machine may."""
    shared: set[int] = set()
    for processor in measuring:
        shared |= set(parse_ranges(siblings(processor) or ""))
    shared -= set(measuring)
    if shared or hypervisor() != "yes":
        return tuple(sorted(shared))
    return tuple(number for number in range(os.cpu_count() or 1) if number not in measuring)


def parse_ranges(text: str) -> list[int]:
    """Return [0, 1, 4] for the kernel's '0-1,4'."""
    ranges = [part.split("-") for part in text.split(",") if part.strip()]
    return [n for ends in ranges for n in range(int(ends[0]), int(ends[-1]) + 1)]
