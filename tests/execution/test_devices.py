"""Devices: how one is named, what a worker then sees, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samenet.adapter import Layer, Target, discovery, parse_device
from samenet.certificate import cuda
from samenet.errors import RefusedError, UsageError
from samenet.execution import planner
from samenet.execution.planner import Request, make_plan
from samenet.machine import distributions, gpu, system
from samenet.runs.plan import Plan
from samenet.spec import parse

NONE = "not available: no CUDA device"
HAS_CUDA = bool(gpu.graphics_cards())
needs_none = pytest.mark.skipif(HAS_CUDA, reason="there is a CUDA device")


@pytest.mark.parametrize(
    ("text", "place"),
    [("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:0", "cuda:0"), ("CUDA:3", "cuda:3")],
)
def test_a_device_is_named_by_its_kind_and_number(text: str, place: str) -> None:
    """What a person writes becomes a target, and is read back the same way."""
    assert parse(Target, parse_device(text), where="test").place == place


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:-1", "cpu:1", "cuda:x", ""])
def test_another_name_of_a_device_is_refused(text: str) -> None:
    """Anything else is refused with what is allowed."""
    with pytest.raises(UsageError, match="Write cpu, cuda, or cuda:1"):
        parse_device(text)


def test_tf32_is_a_precision_of_float32() -> None:
    """TF32 products of float64 numbers do not exist, and are not silently something else."""
    with pytest.raises(UsageError, match="tf32"):
        parse(Target, {"dtype": "float64", "precision": "tf32"}, where="test")


def test_a_target_says_tf32_where_it_is_read() -> None:
    """The short form of a target names the products if they are not float32's own."""
    assert str(Target()) == "cpu, float32, 1 thread"
    fast = Target(device="cuda", index=1, precision="tf32")
    assert str(fast) == "cuda:1, float32 (tf32 products), 1 thread"
    assert fast.strict == Target(device="cuda", index=1)


def environment(place: str, precision: str = "strict-float32", **own: str) -> dict[str, str]:
    """Return what a worker starts with, given the user's own variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", system.TF32_OVERRIDE):
            patch.delenv(name, raising=False)
        for name, value in own.items():
            patch.setenv(name, value)
        return system.process_environment(1, place, {}, precision)


def test_a_worker_on_the_processor_sees_no_cuda_device() -> None:
    """No framework can compute on a GPU by itself when the processor was asked for."""
    found = environment("cpu", CUDA_VISIBLE_DEVICES="0,1")
    assert found["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize(
    ("place", "allowed", "seen"),
    [
        ("cuda:0", None, "0"),
        ("cuda:1", None, "1"),
        ("cuda:1", "4,7", "7"),
        ("cuda:0", "GPU-8f,GPU-9a", "GPU-8f"),
        ("cuda:2", "4,7", ""),
        ("cuda:0", "", ""),
    ],
)
def test_a_worker_sees_the_device_it_is_to_use_and_no_other(
    place: str, allowed: str | None, seen: str
) -> None:
    """The number counts among the devices that the user allows; one beyond them is none."""
    set_outside = {} if allowed is None else {"CUDA_VISIBLE_DEVICES": allowed}
    variables = environment(place, **set_outside)
    assert variables["CUDA_VISIBLE_DEVICES"] == seen
    assert variables["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_strict_float32_is_locked_twice() -> None:
    """The variable of the matrix libraries forbids TF32, unless it was asked for."""
    assert environment("cuda:0")[system.TF32_OVERRIDE] == "0"
    fast = environment("cuda:0", "tf32", **{system.TF32_OVERRIDE: "0"})
    assert system.TF32_OVERRIDE not in fast


def plan_on(*frameworks: str, **target: Any) -> Plan:
    """Return the plan of iris on a target."""
    return make_plan(Request(tasks=("iris",), frameworks=frameworks, target=Target(**target)))


def test_sameness_is_proved_in_strict_float32() -> None:
    """Whatever precision is timed, the gates before timing see full float32."""
    plan = plan_on("numpy").model_copy(update={"target": Target(device="cuda", precision="tf32")})
    assert plan.target_of("certify").precision == "strict-float32"
    assert plan.target_of("parity").precision == "strict-float32"
    assert plan.target_of("cell").precision == "tf32"


def test_tf32_on_a_processor_is_not_available() -> None:
    """On the processor TF32 is a row with its reason, never a run in another precision."""
    plan = plan_on("numpy", precision="tf32")
    assert {s.reason for s in plan.skipped} == {"not available: tf32 needs a CUDA device"}
    assert not [job for job in plan.jobs if job.arm]


@needs_none
def test_no_framework_finds_a_device_that_is_not_there() -> None:
    """Every installed framework, in every mode, says that there is no CUDA device."""
    names = [
        leaf.arm(mode)
        for leaf in discovery.shipped_adapters().values()
        for mode in leaf.header.modes
    ]
    plan = plan_on(*names, device="cuda")
    reasons = {s.arm: s.reason for s in plan.skipped if s.mark != "not installed"}
    assert set(reasons) == {arm.name for arm in plan.arms}
    assert set(reasons.values()) == {NONE}
    assert not [job for job in plan.jobs if job.arm], "a quick start would fall back on the CPU"


def test_a_mode_of_the_gpu_is_not_available_on_the_processor() -> None:
    """CUDA graphs say what they need; the other modes of the framework run."""
    if None in map(
        distributions.installed_version,
        discovery.shipped_adapters()["pytorch"].header.distributions,
    ):
        pytest.skip("PyTorch is not installed")
    plan = plan_on("pytorch:graphs", "pytorch:reduce-overhead", "pytorch:eager")
    assert {s.arm for s in plan.skipped} == {"pytorch:graphs", "pytorch:reduce-overhead"}
    assert all(s.reason.startswith(NONE) for s in plan.skipped)
    assert [job for job in plan.jobs if job.pass_name == "cell"]


@needs_none
def test_a_run_where_nothing_can_be_measured_ends_politely(tmp_path: Path) -> None:
    """The command names each framework and the reason, measures nothing, and exits with 6."""
    command = "run iris --framework numpy --device cuda:1 --out"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "samenet", *command.split(), str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == RefusedError.exit_code
    assert f"iris · numpy:buffers: {NONE} 1" in done.stderr
    assert f"Nothing can be measured: {NONE} 1." in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_run_that_can_measure_something_goes_on() -> None:
    """One framework that can run is enough."""
    plan = plan_on("numpy")
    planner.refuse_empty_plan(plan)
    assert [arm.name for arm in plan.arms] == ["numpy:buffers"]


# What proves that a device was used, on a made-up one.


class Queue:
    """A program whose device needs so many seconds of the tests' own time for a call."""

    def __init__(self, waits: float) -> None:
        self.waits, self.clock, self.left = waits, 0.0, 0.0

    def train(self, _call: object) -> None:
        self.left += 1.0

    def sync(self) -> None:
        self.clock += self.waits * self.left
        self.left -= self.waits * self.left

    def weights(self) -> list[Layer]:
        self.clock, self.left = self.clock + self.left, 0.0
        return []


def barrier(waits: float, monkeypatch: pytest.MonkeyPatch) -> cuda.Check:
    """Return the check of a barrier that waits for this share of the work."""
    program = Queue(waits)

    def seconds(work: Any) -> float:
        start = program.clock
        work()
        return program.clock - start

    def event_seconds(_: object, work: Any) -> float:
        return seconds(lambda: (work(), program.weights()))

    monkeypatch.setattr(cuda.clock, "time_call", seconds)
    return cuda.check_barrier(event_seconds, program, None, Target(device="cuda"))


def test_a_barrier_that_waits_agrees_with_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its events the device counts no more time than the host did."""
    found = barrier(1.0, monkeypatch)
    assert found.passed
    assert found.error == 0.0


def test_a_barrier_that_returns_early_is_caught_by_the_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half of the work done after the barrier is half of the device's time, beyond the limit."""
    found = barrier(0.5, monkeypatch)
    assert not found.passed
    assert found.error == pytest.approx(0.5)


def test_a_device_that_never_held_the_parameters_did_not_compute() -> None:
    """The allocator's peak has to be more than what the parameters alone take."""
    target = Target(device="cuda")
    weights = [Layer(*(zeros((8, 8)), zeros((8,))))]
    assert cuda.check_memory_held(4096, weights, target).passed
    assert not cuda.check_memory_held(0, weights, target).passed
    assert not cuda.check_memory_held(287, weights, target).passed


def zeros(shape: tuple[int, ...]) -> Any:
    """Return float32 zeros."""
    return np.zeros(shape, np.float32)


def test_nothing_is_asked_of_a_processor() -> None:
    """On a processor there is no device to prove, whatever an adapter could tell."""
    adapter: Any = type("Adapter", (), {"device_memory": lambda target: 1})
    program: Any = None
    call: Any = None
    assert cuda.check_device(adapter, program, call, Target()) == []
    assert cuda.device_bytes_peak(adapter, Target()) is None
    assert cuda.device_bytes_peak(adapter, Target(device="cuda")) == 1
