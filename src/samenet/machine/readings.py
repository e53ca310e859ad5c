"""The second half of `samenet.machine`: what may change from minute to minute, readable by anyone.

Everything here is read and nothing is set: no root, no device setting. What a system does not show
is None. Sources: proc(5) for /proc/stat; docs.kernel.org/accounting/psi.html for pressure;
docs.kernel.org/admin-guide/cgroup-v2.html for limits and throttling;
docs.kernel.org/admin-guide/pm/cpufreq.html for frequency and governor.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from threading import Thread

import psutil

from samenet.machine import clock, system

CPU = Path("/sys/devices/system/cpu")
GROUPS = Path("/sys/fs/cgroup")
PRESSURE = Path("/proc/pressure/cpu")
POWER = Path("/sys/class/powercap")

IDLE_FIELDS = ("idle", "iowait", "steal", "guest", "guest_nice")
"""Of a processor's times: not work of this system, or (guest) counted in `user` already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What only grows, at one moment, in seconds; None is what cannot be read here."""

    when: float
    busy: float | None
    """Work of the processors that measure, whoever did it."""
    steal: float | None
    """Time in which the host ran something else, of one of them on average."""
    used: float | None
    """Processor time of this process and of its workers that have ended."""
    pressure: float | None
    """Time in which some task of the whole system waited for a processor."""
    throttled: float | None
    """How often the group's limit has stopped it: a count."""
    beside: float | None = None
    """Work of the processors that share a core with those, or may, whoever did it."""
    neighbours: int = 0
    """How many these are."""
    switches: float | None = None
    """How often workers that have ended lost a processor against their will."""
    faults: float | None = None
    """How often they had to wait for a page from a disk."""
    energy: float | None = None
    """What the processor packages have drawn, joules, whoever used them."""


def counters(processors: Sequence[int], beside: Sequence[int] = ()) -> Counters:
    """Read what grows, of the processors that measure and of those beside them."""
    times = _processor_times(processors)
    steal = _sum(times, "steal")
    return Counters(
        when=clock.now(),
        busy=_sum(times, None),
        steal=None if steal is None else steal / len(times),
        used=_used_seconds(),
        pressure=pressure_seconds(system.file_text(PRESSURE)),
        throttled=throttled_periods(),
        beside=_sum(_processor_times(beside), None),
        neighbours=len(beside),
        switches=_children("ru_nivcsw"),
        faults=_children("ru_majflt"),
        energy=energy_joules(),
    )


def _processor_times(processors: Sequence[int]) -> list[dict[str, float]]:
    try:
        every = [each._asdict() for each in psutil.cpu_times(percpu=True)]
    except (OSError, RuntimeError, NotImplementedError):
        return []
    return [every[place] for place in processors if place < len(every)]


def _sum(times: Sequence[dict[str, float]], field: str | None) -> float | None:
    """Return the seconds of one field, or of all work, over processors; None if there is none."""
    if not times or (field and field not in times[0]):
        return None
    if field:
        return sum(each[field] for each in times)
    return sum(v for each in times for name, v in each.items() if name not in IDLE_FIELDS)


def _used_seconds() -> float | None:
    """Return own processor time, ended children included; Windows does not count children."""
    return sum(os.times()[:4]) if os.name == "posix" else None


def _children(field: str) -> float | None:
    """Return what the system has counted of this process's ended children."""
    if sys.platform == "win32":
        return None
    import resource

    return float(getattr(resource.getrusage(resource.RUSAGE_CHILDREN), field))


def runnable() -> str | None:
    """Return how many tasks want a processor now, of all there are, e.g. '3 of 127'."""
    fields = (system.file_text(Path("/proc/loadavg")) or "").split()
    return fields[3].replace("/", " of ") if len(fields) > 3 else None


def pressure_seconds(text: str | None) -> float | None:
    """Return the total of the line 'some ... total=<microseconds>'."""
    for line in (text or "").splitlines():
        if line.startswith("some ") and "total=" in line:
            return int(line.rpartition("total=")[2]) / 1e6
    return None


def throttled_periods() -> float | None:
    """Return in how many periods the processor limit of this group has stopped it."""
    for group in ("", "cpu"):
        lines = (system.file_text(GROUPS / group / "cpu.stat") or "").splitlines()
        found = dict(line.split(maxsplit=1) for line in lines if " " in line)
        if "nr_throttled" in found:
            return float(found["nr_throttled"])
    return None


def waited(seconds: float) -> None:
    """Let time pass: what is read before and after tells of the others."""
    time.sleep(seconds)


def energy_joules() -> float | None:
    """Return the packages' counters together (docs.kernel.org/power/powercap), or None.

    Most systems show them to root alone. They start at 0 again: a fall counts as no energy.
    """
    counts = [system.file_text(zone / "energy_uj") for zone in sorted(POWER.glob("intel-rapl:?"))]
    readable = [int(text) for text in counts if text and text.strip().isdigit()]
    return sum(readable) / 1e6 if readable and len(readable) == len(counts) else None


def group_limits() -> dict[str, str]:
    """Return what the control group allows, version 2 or 1: processors and memory."""
    files = {
        "processors": ("cpu.max", "cpu/cpu.cfs_quota_us"),
        "memory": ("memory.max", "memory/memory.limit_in_bytes"),
    }
    return {
        name: text
        for name, places in files.items()
        if (
            text := next(filter(None, (system.file_text(GROUPS / place) for place in places)), None)
        )
    }


def memory_available_bytes() -> int | None:
    """Return how much memory a new process could have without swapping."""
    return int(psutil.virtual_memory().available)


def swap_used_bytes() -> int | None:
    """Return how much is swapped out."""
    try:
        return int(psutil.swap_memory().used)
    except (OSError, RuntimeError):
        return None


def frequency() -> str | None:
    """Return the present frequency of the processors, e.g. '2400 MHz of at most 3600'."""
    try:
        found = psutil.cpu_freq()
    except (OSError, NotImplementedError, FileNotFoundError):
        return None
    if found is None or not found.current:
        return None
    return f"{found.current:.0f} MHz" + (f" of at most {found.max:.0f}" if found.max else "")


def governor(processor: int) -> str | None:
    """Return who chooses the frequency of a processor, e.g. 'performance'."""
    return system.file_text(CPU / f"cpu{processor}" / "cpufreq" / "scaling_governor")


def turbo() -> str | None:
    """Return whether the processor may exceed its nominal frequency."""
    if (intel := system.file_text(CPU / "intel_pstate" / "no_turbo")) is not None:
        return "off" if intel == "1" else "on"
    boost = system.file_text(CPU / "cpufreq" / "boost")
    return None if boost is None else ("on" if boost == "1" else "off")


def clock_source() -> str | None:
    """Return what the system's clock is read from, e.g. 'tsc'."""
    place = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return system.file_text(place)


def address_randomisation() -> str | None:
    """Return whether programs are laid out at random: 2 is fully."""
    return system.file_text(Path("/proc/sys/kernel/randomize_va_space"))


def temperature() -> float | None:
    """Return the highest temperature that a sensor of this machine shows, in degrees Celsius."""
    read = getattr(psutil, "sensors_temperatures", dict)
    found = [each.current for group in read().values() for each in group if each.current]
    return max(found, default=None)


def battery() -> str | None:
    """Return whether the machine runs on its battery, or None if it has none that shows."""
    read = getattr(psutil, "sensors_battery", lambda: None)
    found = read()
    return None if found is None else ("on mains" if found.power_plugged else "on battery")


CANARY_BYTES, CANARY_TIMES = bytes(1 << 20), 9


def canary_seconds(processors: Sequence[int]) -> float | None:
    """Return how long a fixed piece of work takes on a processor that measures: one SHA-256.

    The middle of nine, in a thread of its own, so that this process stays where it is.
    """
    found: list[float] = []

    def work() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, processors)  # of the thread alone
        piece = partial(hashlib.sha256, CANARY_BYTES)
        found.extend(clock.seconds(piece) for _ in range(CANARY_TIMES))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    return median(found) if found else None


def own_names() -> tuple[str, ...]:
    """Return the names of this host and this person, and this host's own addresses."""
    import getpass
    import platform
    import socket

    names = {platform.node(), socket.gethostname(), socket.gethostname().partition(".")[0]}
    try:
        names.add(getpass.getuser())
    except (OSError, KeyError):
        names.discard("")
    names |= {each.address for found in psutil.net_if_addrs().values() for each in found}
    return tuple(sorted(names - {""}))
