"""The state of the machine, which may change from minute to minute, as anyone may read it.

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
CONTROL_GROUPS = Path("/sys/fs/cgroup")
PRESSURE = Path("/proc/pressure/cpu")
POWER_ZONES = Path("/sys/class/powercap")

IDLE_FIELDS = ("idle", "iowait", "steal", "guest", "guest_nice")
"""Those of a processor's times that are no work of this system, or (guest) counted in `user`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Counters that only grow, at one moment, in seconds; None for what cannot be read here."""

    when: float
    busy: float | None
    """Work of the measuring processors, whoever caused it."""
    steal: float | None
    """Time in which the host ran something else, per processor on average."""
    used: float | None
    """Processor time of this process and of its ended workers."""
    pressure: float | None
    """Time in which some task of the whole system waited for a processor."""
    throttled: float | None
    """How often the control group's limit has stopped it: a count."""
    beside: float | None = None
    """Work of the processors that share a core with those, or may, whoever caused it."""
    neighbours: int = 0
    """How many of these there are."""
    switches: float | None = None
    """Involuntary context switches of ended workers: a count."""
    faults: float | None = None
    """Their page faults that needed a disk: a count."""
    energy: float | None = None
    """What the processor packages have consumed, in joules, whoever used them."""


def read_counters(processors: Sequence[int], beside: Sequence[int] = ()) -> Counters:
    """Read the counters of the measuring processors and of those beside them."""
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
        times = [times_of_one._asdict() for times_of_one in psutil.cpu_times(percpu=True)]
    except (OSError, RuntimeError, NotImplementedError):
        return []
    return [times[number] for number in processors if number < len(times)]


def _sum(times: Sequence[dict[str, float]], field: str | None) -> float | None:
    """Return the seconds of one field, or of all work, over processors; None if there is none."""
    if not times or (field and field not in times[0]):
        return None
    if field:
        return sum(times_of_one[field] for times_of_one in times)
    return sum(
        seconds
        for times_of_one in times
        for name, seconds in times_of_one.items()
        if name not in IDLE_FIELDS
    )


def _used_seconds() -> float | None:
    """Return own processor time, ended children included; Windows does not count children."""
    return sum(os.times()[:4]) if os.name == "posix" else None


def _children(field: str) -> float | None:
    """Return what the system has counted for this process's ended children."""
    if sys.platform == "win32":
        return None
    import resource

    return float(getattr(resource.getrusage(resource.RUSAGE_CHILDREN), field))


def runnable_tasks() -> str | None:
    """Return how many of all tasks want a processor now, e.g. '3 of 127'."""
    fields = (system.file_text(Path("/proc/loadavg")) or "").split()
    return fields[3].replace("/", " of ") if len(fields) > 3 else None


def pressure_seconds(text: str | None) -> float | None:
    """Return the total of the line 'some ... total=<microseconds>'."""
    for line in (text or "").splitlines():
        if line.startswith("some ") and "total=" in line:
            return int(line.rpartition("total=")[2]) / 1e6
    return None


def throttled_periods() -> float | None:
    """Return the number of periods in which its processor limit has stopped this control group."""
    for group in ("", "cpu"):
        lines = (system.file_text(CONTROL_GROUPS / group / "cpu.stat") or "").splitlines()
        statistics = dict(line.split(maxsplit=1) for line in lines if " " in line)
        if "nr_throttled" in statistics:
            return float(statistics["nr_throttled"])
    return None


def wait(seconds: float) -> None:
    """Let time pass: readings before and after show what others do."""
    time.sleep(seconds)


def energy_joules() -> float | None:
    """Return the sum of the packages' counters (docs.kernel.org/power/powercap), or None.

    Most systems show them to root only. They wrap around to 0: a fall counts as no energy.
    """
    counts = [
        system.file_text(zone / "energy_uj") for zone in sorted(POWER_ZONES.glob("intel-rapl:?"))
    ]
    readable = [int(text) for text in counts if text and text.strip().isdigit()]
    return sum(readable) / 1e6 if readable and len(readable) == len(counts) else None


def group_limits() -> dict[str, str]:
    """Return what the control group allows, version 2 or 1: processors and memory."""
    files_of = {
        "processors": ("cpu.max", "cpu/cpu.cfs_quota_us"),
        "memory": ("memory.max", "memory/memory.limit_in_bytes"),
    }
    limits = {}
    for name, files in files_of.items():
        texts = [system.file_text(CONTROL_GROUPS / file) for file in files]
        text = next((text for text in texts if text), None)
        if text:
            limits[name] = text
    return limits


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
        reading = psutil.cpu_freq()
    except (OSError, NotImplementedError, FileNotFoundError):
        return None
    if reading is None or not reading.current:
        return None
    at_most = f" of at most {reading.max:.0f}" if reading.max else ""
    return f"{reading.current:.0f} MHz{at_most}"


def governor(processor: int) -> str | None:
    """Return who chooses the frequency of a processor, e.g. 'performance'."""
    return system.file_text(CPU / f"cpu{processor}" / "cpufreq" / "scaling_governor")


def turbo_state() -> str | None:
    """Return whether the processor may exceed its nominal frequency."""
    if (intel := system.file_text(CPU / "intel_pstate" / "no_turbo")) is not None:
        return "off" if intel == "1" else "on"
    boost = system.file_text(CPU / "cpufreq" / "boost")
    return None if boost is None else ("on" if boost == "1" else "off")


def clock_source() -> str | None:
    """Return what the system's clock is read from, e.g. 'tsc'."""
    path = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return system.file_text(path)


def address_randomisation() -> str | None:
    """Return whether programs are laid out at random: 2 is fully."""
    return system.file_text(Path("/proc/sys/kernel/randomize_va_space"))


def temperature() -> float | None:
    """Return the highest temperature that a sensor of this machine shows, in degrees Celsius."""
    read = getattr(psutil, "sensors_temperatures", dict)
    readings = [sensor.current for group in read().values() for sensor in group if sensor.current]
    return max(readings, default=None)


def battery() -> str | None:
    """Return whether the machine runs on its battery; None if no battery is visible."""
    read = getattr(psutil, "sensors_battery", lambda: None)
    state = read()
    return None if state is None else ("on mains" if state.power_plugged else "on battery")


CANARY_BYTES = bytes(1 << 20)
CANARY_REPEATS = 9


def canary_seconds(processors: Sequence[int]) -> float | None:
    """Return how long a fixed piece of work, one SHA-256, takes on a measuring processor.

    The median of nine, in a thread of its own, so that this process is not moved.
    """
    seconds: list[float] = []

    def work() -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, processors)  # of the thread alone
        piece = partial(hashlib.sha256, CANARY_BYTES)
        seconds.extend(clock.time_call(piece) for _ in range(CANARY_REPEATS))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    return median(seconds) if seconds else None


def identifying_names() -> tuple[str, ...]:
    """Return the names of this host and this person, and this host's addresses."""
    import getpass
    import platform
    import socket

    names = {platform.node(), socket.gethostname(), socket.gethostname().partition(".")[0]}
    try:
        names.add(getpass.getuser())
    except (OSError, KeyError):
        names.discard("")
    for addresses in psutil.net_if_addrs().values():
        names |= {address.address for address in addresses}
    return tuple(sorted(names - {""}))
