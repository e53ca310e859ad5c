"""PyTorch's modes for a GPU: their step is proved on the processor, capture and replay on a GPU."""

from __future__ import annotations

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from samenet.adapter import Target, discovery
from samenet.certificate import cases
from samenet.certificate.problem import builder
from samenet.worker.cases import checks_of

if not importlib.util.find_spec("torch"):
    pytest.skip("PyTorch is not installed", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own, while it is imported

CASES = (
    "loss huber(delta=0.5)",
    *(f"training by {rule}, smooth" for rule in ("sgd", "nesterov", "adam", "rmsprop", "adagrad")),
    "training by momentum + l2, kinked",
    "training by sgd + decay, smooth",
    "training by adam + cosine, kinked",
    "training by nesterov + exponential, kinked",
    "training by momentum + l2 + clipping + step, smooth",
    "training by nesterov + dropout, smooth",
    "training by adam + short batch, smooth",
    "network conv2d relu, max pool by momentum",
    "network residual by adam + clipping",
    "network batch norm by momentum + decay",
    "network lstm twice by adam + clipping",
    "network transformer causal by adamw",
)


@pytest.fixture(scope="module")
def adapter() -> ModuleType:
    """Return the adapter, awake on the processor."""
    found = discovery.load(discovery.shipped_adapters()["pytorch"].path)
    found.wake(Target())
    return found


@pytest.fixture
def graphs(adapter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module of the graphs; instead of a replay the step itself runs, warmed up."""
    from samenet.adapters.pytorch import mode_graphs

    def uncaptured(step: Any, kept: Any) -> Any:
        mode_graphs.warm_up(step, kept)
        return step

    monkeypatch.setattr(mode_graphs, "capture_step", uncaptured)
    return mode_graphs


def failures(adapter: ModuleType, mode: str, name: str) -> list[Any]:
    """Return the checks of a case that a mode does not pass."""
    build = builder(adapter, mode, Target())
    found = checks_of(cases.find_case(name), build, adapter.capabilities())
    return [check for check in found if not check.passed]


@pytest.mark.parametrize("name", CASES)
def test_the_step_that_is_captured_is_that_of_the_spec(
    adapter: ModuleType, graphs: ModuleType, name: str
) -> None:
    """Gather, update and step number on the device, warm-ups undone: the gates see no difference.

    Constant rates go through PyTorch's own optimisers, schedules through the written-out update.
    """
    assert failures(adapter, "graphs", name) == []


def test_warm_ups_that_are_not_undone_are_caught(
    adapter: ModuleType, graphs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step too many before the first replay does not pass."""

    def left_in_place(step: Any, kept: Any) -> Any:
        del kept
        step()
        return step

    monkeypatch.setattr(graphs, "capture_step", left_in_place)
    assert failures(adapter, "graphs", "training by momentum + l2, kinked")


@pytest.mark.parametrize("rule", ["nesterov", "adam", "rmsprop"])
def test_an_optimiser_starts_from_nothing(adapter: ModuleType, rule: str) -> None:
    """What an optimiser keeps exists before the first step, where a graph can find it, all zero."""
    problem = cases.find_case(f"training by {rule}, smooth").shown
    program = builder(adapter, "eager", Target())(
        problem, problem.training, problem.weights, "float64"
    )
    state = program.updates.state()
    assert len(state) >= 2 * len(program.updates.parameters)
    assert all(float(tensor.abs().max()) == 0 for tensor in state)


def test_the_precision_of_products_is_what_was_asked_for(
    adapter: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`wake` sets PyTorch's switches both ways, that of cuDNN's convolutions and recurrence too."""
    import torch

    monkeypatch.setattr(torch, "set_num_interop_threads", lambda count: None)  # once per process
    adapter.wake(Target(precision="tf32"))
    assert torch.get_float32_matmul_precision() == "high"
    assert torch.backends.cudnn.allow_tf32
    adapter.wake(Target())
    assert torch.get_float32_matmul_precision() == "highest"
    assert not torch.backends.cudnn.allow_tf32


def test_a_processor_has_no_device_memory(adapter: ModuleType) -> None:
    """Without a GPU nothing is read, and nothing is made up."""
    assert adapter.device_memory(Target()) is None


@pytest.mark.parametrize("mode", ["eager", "graphs", "reduce-overhead"])
def test_the_modes_pass_on_a_device(adapter: ModuleType, mode: str) -> None:
    """On a GPU each mode passes the parity case of Adam as it is timed."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    target = Target(device="cuda")
    adapter.wake(target)
    case = cases.find_case("training by adam, smooth")
    found = checks_of(case, builder(adapter, mode, target), adapter.capabilities())
    assert [check for check in found if not check.passed] == []
