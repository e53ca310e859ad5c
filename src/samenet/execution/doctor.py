"""What `samenet doctor` finds: every diagnostic as a value, or `not readable here`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samenet.analysis import fingerprint
from samenet.execution import planner, session
from samenet.machine import gpu, system, topology
from samenet.machine import readings as machine_readings
from samenet.machine.system import NOT_READABLE
from samenet.runs import environment
from samenet.runs.plan import Job
from samenet.runs.records import CertificateRecord, FailureRecord, Record

GIB = 2**30
UNLIMITED_BYTES = 1 << 60
"""What version 1 of control groups says for no limit is near 2^63."""

THROTTLE_REASONS = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "thermal limit of the driver",
    0x40: "thermal limit of the hardware",
    0x80: "power brake",
}
"""Of https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html, those that slow
a computation down; idle is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One diagnostic."""

    name: str
    value: str | float | None
    """None where the system does not show it."""
    good: bool = True

    @property
    def said(self) -> str:
        """Return the value as text."""
        if self.value is None:
            return NOT_READABLE
        return f"{self.value:.3g}" if isinstance(self.value, float) else str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that `samenet doctor` says."""

    frameworks: tuple[Item, ...]
    machine: tuple[Item, ...]
    state: tuple[Item, ...]
    refusals: tuple[str, ...]
    """Why a standard run would be refused now."""
    in_force: tuple[Item, ...] = ()


def machine_items() -> tuple[Item, ...]:
    """Return what does not change while a run goes on."""
    facts = system.describe()
    first = system.measuring_cores(1)[0]
    values: dict[str, str | float | int | None] = {
        "processor": facts["processor"],
        "architecture": facts["architecture"],
        "processors this process may use": facts["cores"],
        "bound to processors": "yes" if facts["pinned"] else "not enforceable here: times marked",
        "share a core with the measuring one": _siblings(first),
        "frequency chosen by": machine_readings.governor(first),
        "turbo": machine_readings.turbo(),
        "virtual machine": topology.hypervisor(),
        "control group's limits": _limits(),
        "clock source": machine_readings.clock_source(),
        "address randomisation": machine_readings.address_randomisation(),
        "memory": _gib(system.memory_bytes()),
        "system": facts["system"],
        "python": facts["python"],
        "matrix library of NumPy": fingerprint.matrix_library() or None,
        "CUDA devices": facts["CUDA devices"],
    }
    return tuple(Item(name=name, value=value) for name, value in values.items())


def _gib(size: int | None) -> str | None:
    return None if size is None else f"{size / GIB:.1f} GiB"


def _siblings(processor: int) -> str | None:
    found = topology.siblings(processor)
    return "no other" if found == str(processor) else found


def _limits() -> str | None:
    """Return what the control group allows, in words; no limit is said too."""
    found = machine_readings.group_limits()
    quota, _, period = found.get("processors", "").partition(" ")
    parts = []
    if quota.isdigit():
        period = period or "100000"  # the period of version 1 is 100 ms unless changed
        parts.append(f"{int(quota) / int(period):.2g} processors")
    memory = found.get("memory", "")
    if memory.isdigit() and int(memory) < UNLIMITED_BYTES:
        parts.append(f"{int(memory) / GIB:.1f} GiB of memory")
    return ", ".join(parts) or ("none" if found else None)


def state_items(readings: environment.Readings) -> tuple[Item, ...]:
    """Return what changes from minute to minute; `readings` took a second's look."""
    load = system.load_average()
    available = machine_readings.memory_available_bytes()
    canary = machine_readings.canary_seconds(system.measuring_cores(1))
    values: dict[str, str | float | int | None] = {
        "load average, one minute": None if load is None else f"{load:.2f}",
        "tasks that want a processor": machine_readings.runnable(),
        "busy with others, measuring one": readings["others"],
        "busy with others, beside it": readings.get("beside"),
        "taken away by the host (steal)": _percent(readings["steal"]),
        "waiting for a processor (pressure)": _percent(readings["pressure"]),
        "stopped by the group's limit": readings["throttled"],
        "frequency": machine_readings.frequency(),
        "temperature": _degrees(machine_readings.temperature()),
        "energy counter": _energy(),
        "battery": machine_readings.battery(),
        "memory available": _gib(available),
        "swapped out": _gib(machine_readings.swap_used_bytes()),
        "a megabyte hashed (canary)": None if canary is None else f"{1e3 * canary:.3f} ms",
        "processes on the CUDA devices": gpu.graphics_processes(),
        "state of the CUDA devices": graphics_said(gpu.graphics_state()),
    }
    return tuple(Item(name=name, value=value) for name, value in values.items())


def _energy() -> str:
    """Return whether what a process draws can be read; root alone can on most systems."""
    return "unavailable" if machine_readings.energy_joules() is None else "readable"


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _degrees(found: float | None) -> str | None:
    return None if found is None else f"{found:.0f} °C"


def graphics_said(devices: Sequence[str] | None) -> str | None:
    """Return clock, temperature, power and what slows each CUDA device down, in words."""
    return None if not devices else "; ".join(map(_device_said, devices))


def _device_said(line: str) -> str:
    *values, reasons = [part.strip() for part in line.split(",")]
    try:
        bits = int(reasons, 16)
    except ValueError:
        return ", ".join([*values, "throttling not readable here"])
    slowed = [name for bit, name in THROTTLE_REASONS.items() if bits & bit]
    clock_now, clock_most, degrees, power = values
    said = f"slowed down by {', '.join(slowed)}" if slowed else "not slowed down"
    return f"{clock_now} of {clock_most}, {degrees} °C, {power}, {said}"


def read_back(folder: Path) -> tuple[Item, ...]:
    """Start every installed framework in a worker of its own; return what is in force there."""
    request = planner.Request(
        tasks=(PROBED,), frameworks=PROBED_FRAMEWORKS, track="same", name="doctor"
    )
    plan = planner.make_plan(request)
    jobs = tuple(_probe(arm.name) for arm in plan.arms)
    only = plan.model_copy(update={"jobs": jobs})
    store = session.start(only, folder, lambda job, records, seconds: None)
    items = [_in_force(record) for record in store.records()]
    broken = [
        Item(name=each.arm, value=each.reason, good=False)
        for each in plan.skipped
        if each.mark == "failed"
    ]
    return (*(item for item in items if item), *broken)


def _probe(arm: str) -> Job:
    seconds = 10.0
    return Job(
        id=f"probe/{arm}", pass_name="probe", arm=arm, tasks=(PROBED,), predicted_seconds=seconds
    )


PROBED_FRAMEWORKS: tuple[str, ...] = ()
"""All that are usual, in their usual modes."""

PROBED = "iris"
"""A plan needs a task; nothing of it is trained."""


def _in_force(record: Record) -> Item | None:
    if isinstance(record, CertificateRecord):
        product = record.quantity == "matrix product"
        value = f"relative error {record.error:.1e}" if product else record.detail
        value += "" if record.passed else f": NOT what was asked for ({record.detail})"
        return Item(name=f"{record.arm} {record.quantity}", value=value, good=record.passed)
    if isinstance(record, FailureRecord):
        return Item(name=record.arm, value=f"{record.mark}: {record.reason}", good=False)
    return None
