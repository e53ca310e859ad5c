"""PyTorch: each kind of layer is its own module's, and runs in the kernels that experts ask for."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from samenet.adapter import Layer, Target, discovery, draws
from samenet.certificate import cases, layer_cases
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import Problem, builder
from samenet.execution.worker_environment import worker_environment
from samenet.spec.layers import KINDS
from samenet.worker.cases import checks_of

HELPERS = Path(__file__).parents[1] / "helpers"
BESIDE = {"activation", "dropout", "residual"}
"""Nothing but a function, a mask or a sum."""
LIMITS = {"float64": 1e-14, "float32": 2e-6}
"""Relative to the largest number: both sides are sums of at most a hundred products near 1."""
REPRESENTATIVES = [
    f"network {name} by {case.rules[-1]}" for name, case in layer_cases.NETWORKS.items()
]
RECURRENT = {"simple_rnn", "lstm", "gru"}

if importlib.util.find_spec("torch") is None:
    pytest.skip("PyTorch is not installed", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own, while it is imported


@pytest.fixture(scope="module")
def adapter() -> ModuleType:
    """Return the adapter as it is loaded; it can be woken only once in a process."""
    return discovery.load(discovery.shipped_adapters()["pytorch"].path)


def built(adapter: ModuleType, problem: Problem, dtype: str, mode: str = "eager") -> Any:
    """Return the program of a problem, loaded."""
    build = builder(adapter, mode, Target())
    return build(problem, problem.training, problem.weights, dtype)


@cache
def distances() -> dict[str, dict[str, float]]:
    """Return what pytorch_own_layers.py found in a worker's environment."""
    header = discovery.shipped_adapters()["pytorch"].header
    done = subprocess.run(
        [sys.executable, "-P", str(HELPERS / "pytorch_own_layers.py")],
        capture_output=True,
        text=True,
        check=False,
        env=worker_environment(header, Target()),
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("way", ["own", "steps", "modules"])
@pytest.mark.parametrize("kind", sorted(set(KINDS) - BESIDE))
def test_a_layer_is_that_of_the_oracle(kind: str, way: str, dtype: str) -> None:
    """PyTorch's own module with copied weights, and the adapter's, agree with the oracle.

    Compared are outputs and gradients by inputs and every weight; of prediction the outputs.
    """
    of_kind = {
        name: found
        for name, found in distances().items()
        if name.split()[0].strip(",") == kind and name.endswith(f"| {dtype} | {way}")
    }
    assert of_kind
    for name, found in of_kind.items():
        assert found["forward"] <= LIMITS[dtype], name
        assert found["gradient"] <= LIMITS[dtype], name
        assert found["size"] > LIMITS[dtype], f"{name}: no gradient to compare"


@pytest.mark.parametrize("name", REPRESENTATIVES)
def test_a_network_passes_its_gates(adapter: ModuleType, name: str) -> None:
    """Whole trainings of small networks of every kind pass in the usual mode."""
    offered = adapter.capabilities()
    case = cases.find_case(name, offered)
    found = checks_of(case, builder(adapter, "eager", Target()), offered)
    assert [check for check in found if not check.passed] == []


def lived_in(problem: Problem) -> list[Layer]:
    """Return weights of which no bias, scale or statistic is what it starts with."""
    draw = np.random.default_rng(3)
    return [
        layer.map(lambda array: array * draw.uniform(0.5, 1.5, array.shape) + 0.125)
        for layer in problem.weights
    ]


@pytest.mark.parametrize("network", layer_cases.NETWORKS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_both_ways_to_predict_are_right(adapter: ModuleType, network: str, dtype: Any) -> None:
    """Of every network, usual and fast, one row or all: the oracle's outputs in use."""
    problem = cases.find_case(
        f"network {network} by {layer_cases.NETWORKS[network].rules[0]}"
    ).shown
    weights = draws.as_dtype(lived_in(problem), "float32")
    target = Target(dtype=dtype)
    program = adapter.build(
        problem.network,
        problem.training,
        draws.as_dtype(weights, dtype),
        target=target,
        mode="eager",
    )
    file = discovery.shipped_adapters()["pytorch"].predictors_path
    assert file
    rows = problem.source.inputs
    given = rows if problem.network.vocabulary else rows.astype(dtype)
    exact = oracle.outputs(problem.network, draws.as_dtype(weights, "float64"), rows)
    for way, predict in discovery.load(file).predictors(program, target).items():
        for count in (1, len(rows)):
            error = np.linalg.norm(predict(given[:count]) - exact[:count])
            assert error <= 10 * LIMITS[dtype] * np.linalg.norm(exact[:count]), way


def operations(program: Any, problem: Problem) -> set[str]:
    """Return what PyTorch called in one training step."""
    from torch.profiler import ProfilerActivity, profile

    program.train(problem.calls[0].first(1))
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        program.train(problem.calls[0].first(1))
    return {event.key for event in seen.key_averages()}


@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        ("lstm by adam + decay", {"aten::mkldnn_rnn_layer", "aten::mkldnn_rnn_layer_backward"}),
        (
            "attention by adam",
            {
                "aten::_scaled_dot_product_flash_attention_for_cpu",
                "aten::_scaled_dot_product_flash_attention_for_cpu_backward",
            },
        ),
        ("conv2d same by momentum + l2", {"aten::mkldnn_convolution"}),
    ],
)
def test_the_fused_kernels_run(adapter: ModuleType, network: str, wanted: set[str]) -> None:
    """In float32 a step calls what PyTorch is fastest with on a processor."""
    import torch

    if not torch.backends.mkldnn.is_available():
        pytest.skip("PyTorch is built without oneDNN")
    problem = cases.find_case(f"network {network}").shown
    assert wanted <= operations(built(adapter, problem, "float32"), problem)


def test_images_keep_their_order_in_memory(adapter: ModuleType) -> None:
    """Through convolutions and pools channels stay behind: nothing is copied to turn an image.

    Kernels have the same order, and flatten is a view.
    """
    import torch

    problem = cases.find_case("network max pool by adamw").shown
    program = built(adapter, problem, "float32")
    values = program.inputs[:4]
    for step, kind in zip(program.steps, [part.place.kind for part in program.parts], strict=True):
        before = values
        values = step.activation(step.operation(values, *step.tensors))
        if values.ndim == 4:
            assert values.is_contiguous(memory_format=torch.channels_last), kind
            assert all(
                tensor.is_contiguous(memory_format=torch.channels_last)
                for tensor in step.tensors
                if tensor.ndim == 4
            )
        if kind == "flatten":
            assert values.data_ptr() == before.data_ptr()


@pytest.mark.parametrize("network", ["simple rnn by adam", "lstm by adam + decay"])
def test_the_second_bias_stays_zero(adapter: ModuleType, network: str) -> None:
    """PyTorch's second bias is neither trained nor read: the sum of two would move twice as far."""
    problem = cases.find_case(f"network {network}").shown
    program = built(adapter, problem, "float64")
    program.train(problem.calls[0])
    second = program.parts[0].tensors["bias_hh_l0"]
    assert float(second.abs().max()) == 0
    assert not any(parameter is second for parameter, _ in program.trained)


def test_what_decays_is_asked_by_role(adapter: ModuleType) -> None:
    """A table has two axes and is no kernel; a kernel of a convolution has four."""
    found: dict[str, bool] = {}
    for name in ("transformer by adam", "conv2d stride by sgd", "gru by momentum + l2"):
        problem = cases.find_case(f"network {name}").shown
        program = built(adapter, problem, "float64")
        for part in program.parts:
            trained = dict(part.tensors)
            for parameter, is_decayed in part.trained():
                tensor = next(n for n, t in trained.items() if t is parameter)
                found[f"{part.place.kind} {tensor}"] = is_decayed
    assert {name for name, is_decayed in found.items() if is_decayed} == {
        "attention in_proj_weight",
        "attention out_proj.weight",
        "conv2d weight",
        "dense weight",
        "gru weight_hh_l0",
        "gru weight_ih_l0",
    }


def test_compiled_modes_say_what_they_leave_out() -> None:
    """Without recurrent kinds, whose steps would be unrolled; with all the others."""
    file = discovery.shipped_adapters()["pytorch"]
    for mode in ("compiled", "reduce-overhead"):
        assert set(KINDS) - BESIDE - set(file.header.modes[mode].layers) == RECURRENT
    assert "compiled" in file.modes_for({"dense", "attention"})


COMPILED = (
    "network residual by adam + clipping",
    "network transformer causal by adamw",
    "network batch norm by momentum + decay",
)


@pytest.mark.parametrize("name", COMPILED)
def test_a_network_passes_its_gates_compiled(adapter: ModuleType, name: str) -> None:
    """Statistics that a compiled step moves, masks, residuals and roles pass the same gates."""
    from samenet.execution.planner import has_compiler

    if not has_compiler():
        pytest.skip("no C++ compiler")
    offered = adapter.capabilities()
    case = cases.find_case(name, offered)
    found = checks_of(case, builder(adapter, "compiled", Target()), offered)
    assert [check for check in found if not check.passed] == []
