"""CuPy's adapter, its formulas proved with NumPy in CuPy's place; the device itself needs one."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType

import cupy_on_numpy
import numpy as np
import pytest

from samenet.adapter import Target, discovery
from samenet.adapters.numpy import optimizers
from samenet.certificate import cases, gate_training
from samenet.certificate import problem as certificate_problem
from samenet.certificate.problem import builder, task_problem
from samenet.spec import load_task
from samenet.tasks import sources
from samenet.worker.cases import checks_of

TARGET = Target(device="cuda")
SLOW = pytest.mark.slow
CASES = [
    pytest.param(name, marks=() if "smooth" in name or "training" not in name else SLOW)
    for name in cases.names()
    if cases.find_case(name).shown.network.is_dense
]


@pytest.fixture(scope="module")
def adapter() -> Iterator[ModuleType]:
    """Return the adapter as it is with NumPy for CuPy."""
    with cupy_on_numpy.installed():
        found = discovery.load(discovery.shipped_adapters()["cupy"].path)
        found.wake(TARGET)
        yield found


@pytest.mark.parametrize("name", CASES)
def test_the_formulas_are_those_of_the_spec(adapter: ModuleType, name: str) -> None:
    """Every function, loss, optimiser, schedule and part passes the gates that it is there for."""
    build = builder(adapter, "plain", TARGET)
    found = checks_of(cases.find_case(name), build, adapter.capabilities())
    assert [check for check in found if not check.passed] == []


def test_a_shipped_task_passes_gates_1_and_2(adapter: ModuleType) -> None:
    """The gradients and the float64 training of a shipped task are the oracle's."""
    task = load_task("iris")
    problem = task_problem(task, sources.prepare(task))
    checks = gate_training.check_task(
        problem, builder(adapter, "plain", TARGET), adapter.capabilities()
    )
    assert [check for check in checks if not check.passed] == []


def test_a_wrong_momentum_is_caught(adapter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cases refuse a planted mistake: they do look at these formulas."""
    right = optimizers.MomentumSGD.directions
    wrong = lambda self, gradients: right(self, [0.5 * g for g in gradients])  # noqa: E731
    monkeypatch.setattr(optimizers.MomentumSGD, "directions", wrong)
    case = cases.find_case("training by momentum, smooth")
    found = checks_of(case, builder(adapter, "plain", TARGET), adapter.capabilities())
    assert not all(check.passed for check in found)


def test_losses_stay_on_the_device_until_somebody_asks(
    adapter: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step fetches nothing: a copy to the host waits for the GPU, and would be paid per step."""
    problem = cases.find_case("training by adam + clipping, smooth").shown
    build = builder(adapter, "plain", TARGET)
    program = build(problem, problem.training, problem.weights, "float32")

    def refused(array: object) -> None:
        raise AssertionError("fetched inside a training call")

    import cupy  # the stand-in

    with monkeypatch.context() as patch:
        patch.setattr(cupy, "asnumpy", refused)
        program.train(problem.calls[0])
    assert np.all(np.isfinite(certificate_problem.train_call(program, problem.calls[0])))


def test_it_says_what_the_device_told(adapter: ModuleType) -> None:
    """Memory is the pool's, an event's milliseconds become seconds."""
    worked: list[bool] = []
    assert adapter.device_memory(TARGET) == 4096
    assert adapter.event_seconds(None, lambda: worked.append(True)) == 0.25
    assert worked == [True]


def test_it_does_not_run_unless_it_is_named() -> None:
    """NumPy on the GPU is a reference line: no part of a run, nor of advice, that did not ask."""
    header = discovery.shipped_adapters()["cupy"].header
    assert (header.default, header.adoptable) == (False, False)
    assert "cupy" not in {found.header.name for found, _ in discovery.choose(())}
    assert "cupy" in {found.header.name for found, _ in discovery.choose(("cupy",))}


@pytest.mark.skipif(not importlib.util.find_spec("cupy"), reason="CuPy is not installed")
def test_cupy_itself_on_a_device() -> None:
    """CuPy passes a parity case on a GPU."""
    import cupy

    if not cupy.cuda.is_available():
        pytest.skip("no CUDA device")
    found = discovery.load(discovery.shipped_adapters()["cupy"].path)
    case = cases.find_case("training by adam, smooth")
    checks = checks_of(case, builder(found, "plain", TARGET), found.capabilities())
    assert [check for check in checks if not check.passed] == []
