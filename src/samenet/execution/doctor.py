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
"""Version 1 of control groups writes a number near 2^63 for no limit."""

THROTTLE_REASONS = {
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x20: "thermal limit of the driver",
    0x40: "thermal limit of the hardware",
    0x80: "power brake",
}
"""Those of https://docs.nvidia.com/deploy/nvml-api/group__nvmlClocksEventReasons.html that slow a
computation down; being idle does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One diagnostic."""

    name: str
    value: str | float | None
    """None if the system does not show it."""
    good: bool = True

    @property
    def text(self) -> str:
        """Return the value as text."""
        if self.value is None:
            return NOT_READABLE
        return f"{self.value:.3g}" if isinstance(self.value, float) else str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that `samenet doctor` prints."""

    frameworks: tuple[Diagnostic, ...]
    machine: tuple[Diagnostic, ...]
    state: tuple[Diagnostic, ...]
    refusals: tuple[str, ...]
    """Why a standard run would be refused now."""
    in_force: tuple[Diagnostic, ...] = ()


def machine_items() -> tuple[Diagnostic, ...]:
    """Return what does not change during a run."""
    facts = system.describe_machine()
    first = system.measuring_cores(1)[0]
    values: dict[str, str | float | int | None] = {
        "processor": facts["processor"],
        "architecture": facts["architecture"],
        "processors this process may use": facts["cores"],
        "bound to processors": "yes" if facts["pinned"] else "not enforceable here: times marked",
        "share a core with the measuring one": _siblings(first),
        "frequency chosen by": machine_readings.governor(first),
        "turbo": machine_readings.turbo_state(),
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
    return tuple(Diagnostic(name=name, value=value) for name, value in values.items())


def _gib(size: int | None) -> str | None:
    return None if size is None else f"{size / GIB:.1f} GiB"


def _siblings(processor: int) -> str | None:
    siblings = topology.siblings(processor)
    return "no other" if siblings == str(processor) else siblings


def _limits() -> str | None:
    """Return what the control group allows, in words; "none" if it sets no limit."""
    limits = machine_readings.group_limits()
    quota, _, period = limits.get("processors", "").partition(" ")
    parts = []
    if quota.isdigit():
        period = period or "100000"  # the period of version 1 is 100 ms unless changed
        parts.append(f"{int(quota) / int(period):.2g} processors")
    memory = limits.get("memory", "")
    if memory.isdigit() and int(memory) < UNLIMITED_BYTES:
        parts.append(f"{int(memory) / GIB:.1f} GiB of memory")
    return ", ".join(parts) or ("none" if limits else None)


def state_items(readings: environment.Readings) -> tuple[Diagnostic, ...]:
    """Return what changes from minute to minute; `readings` are those of one second."""
    load = system.load_average()
    available = machine_readings.memory_available_bytes()
    canary = machine_readings.canary_seconds(system.measuring_cores(1))
    # What a process draws: on most systems root alone can read it.
    energy = "unavailable" if machine_readings.energy_joules() is None else "readable"
    values: dict[str, str | float | int | None] = {
        "load average, one minute": None if load is None else f"{load:.2f}",
        "tasks that want a processor": machine_readings.runnable_tasks(),
        "busy with others, measuring one": readings["others"],
        "busy with others, beside it": readings.get("beside"),
        "taken away by the host (steal)": _percent(readings["steal"]),
        "waiting for a processor (pressure)": _percent(readings["pressure"]),
        "stopped by the group's limit": readings["throttled"],
        "frequency": machine_readings.frequency(),
        "temperature": _degrees(machine_readings.temperature()),
        "energy counter": energy,
        "battery": machine_readings.battery(),
        "memory available": _gib(available),
        "swapped out": _gib(machine_readings.swap_used_bytes()),
        "a megabyte hashed (canary)": None if canary is None else f"{1e3 * canary:.3f} ms",
        "processes on the CUDA devices": gpu.graphics_processes(),
        "state of the CUDA devices": format_graphics_state(gpu.graphics_state()),
    }
    return tuple(Diagnostic(name=name, value=value) for name, value in values.items())


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.1%}"


def _degrees(celsius: float | None) -> str | None:
    return None if celsius is None else f"{celsius:.0f} °C"


def format_graphics_state(devices: Sequence[str] | None) -> str | None:
    """Return clock, temperature, power and what slows each CUDA device down, in words."""
    return "; ".join(map(_device_text, devices)) if devices else None


def _device_text(line: str) -> str:
    *values, reasons = [part.strip() for part in line.split(",")]
    try:
        bits = int(reasons, 16)
    except ValueError:
        return ", ".join([*values, "throttling not readable here"])
    slowed = [name for bit, name in THROTTLE_REASONS.items() if bits & bit]
    clock_now, clock_max, degrees, power = values
    throttling = f"slowed down by {', '.join(slowed)}" if slowed else "not slowed down"
    return f"{clock_now} of {clock_max}, {degrees} °C, {power}, {throttling}"


def read_back_settings(folder: Path) -> tuple[Diagnostic, ...]:
    """Start every installed framework in a worker; return the settings in force there."""
    request = planner.Request(
        tasks=(PROBED_TASK,), frameworks=PROBED_FRAMEWORKS, track="same", name="doctor"
    )
    plan = planner.make_plan(request)
    jobs = tuple(
        Job(
            id=f"probe/{arm.name}",
            pass_name="probe",
            arm=arm.name,
            tasks=(PROBED_TASK,),
            predicted_seconds=10.0,
        )
        for arm in plan.arms
    )
    probes = plan.model_copy(update={"jobs": jobs})
    store = session.start_run(probes, folder, lambda job, records, seconds: None)
    items = [_in_force(record) for record in store.records()]
    broken = [
        Diagnostic(name=skipped.arm, value=skipped.reason, good=False)
        for skipped in plan.skipped
        if skipped.mark == "failed"
    ]
    return (*(item for item in items if item), *broken)


PROBED_FRAMEWORKS: tuple[str, ...] = ()
"""None named: all default ones, in their default modes."""

PROBED_TASK = "iris"
"""A plan needs a task; nothing of it is trained."""


def _in_force(record: Record) -> Diagnostic | None:
    if isinstance(record, CertificateRecord):
        product = record.quantity == "matrix product"
        value = f"relative error {record.error:.1e}" if product else record.detail
        value += "" if record.passed else f": NOT what was asked for ({record.detail})"
        return Diagnostic(name=f"{record.arm} {record.quantity}", value=value, good=record.passed)
    if isinstance(record, FailureRecord):
        return Diagnostic(name=record.arm, value=f"{record.mark}: {record.reason}", good=False)
    return None
