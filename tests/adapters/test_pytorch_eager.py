"""PyTorch's usual mode: its functional optimisers are the classes', without what those load."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from samenet.adapter import Target, discovery, draws
from samenet.certificate import cases
from samenet.certificate.problem import Problem, builder

if not importlib.util.find_spec("torch"):
    pytest.skip("PyTorch is not installed", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # PyTorch's own, while it is imported

CASES = (
    "training by sgd, smooth",
    "training by momentum + l2, kinked",
    "training by nesterov, smooth",
    "training by adam, smooth",
    "training by adamw + decay, smooth",
    "training by rmsprop, smooth",
    "training by adagrad, smooth",
)


@pytest.fixture(scope="module")
def adapter() -> ModuleType:
    """Return the adapter as it is loaded; both sides compute with the threads of this process."""
    return discovery.load(discovery.shipped_adapters()["pytorch"].path)


def by_classes(problem: Problem, loss: object) -> list[np.ndarray]:
    """Return the weights after the same calls of nn.Sequential and a class of torch.optim."""
    import torch
    from torch import nn

    from samenet.adapters.pytorch.functions import ACTIVATIONS

    spec, layers = problem.training.optimizer, problem.network.layers
    stack: list[nn.Module] = []
    weights = draws.as_dtype(problem.weights, "float32")
    for layer, given in zip(layers, weights, strict=True):
        linear = nn.Linear(*given.kernel.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(given.kernel.T.copy()))
            linear.bias.copy_(torch.from_numpy(given.bias))
        stack += [linear, ACTIVATIONS[layer.activation.name](layer.activation)]
    model = nn.Sequential(*stack)
    kernels = [p for p in model.parameters() if p.ndim == 2]
    biases = [p for p in model.parameters() if p.ndim == 1]
    decay = spec.l2 or spec.weight_decay
    apart = [{"params": kernels, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]
    rate = spec.learning_rate
    optim: torch.optim.Optimizer
    if spec.name == "sgd":
        optim = torch.optim.SGD(apart, rate, spec.momentum, nesterov=spec.nesterov, fused=True)
    elif spec.name in {"adam", "adamw"}:
        kind = torch.optim.Adam if spec.name == "adam" else torch.optim.AdamW
        optim = kind(apart, rate, (spec.beta1, spec.beta2), spec.epsilon, fused=True)
    elif spec.name == "rmsprop":
        optim = torch.optim.RMSprop(apart, rate, spec.rho, spec.epsilon, foreach=True)
    else:
        start = {"initial_accumulator_value": spec.initial_accumulator}
        optim = torch.optim.Adagrad(apart, rate, eps=spec.epsilon, fused=True, **start)
    inputs, targets = problem.source.arrays()
    for call in problem.calls:
        for rows in call.order:
            y = torch.tensor(targets[rows])
            y = y.long() if targets.dtype.kind == "i" else y.float()
            optim.zero_grad()
            loss(model(torch.tensor(inputs[rows], dtype=torch.float32)), y).backward()
            optim.step()
    return [p.detach().numpy() for linear in stack[::2] for p in linear.parameters()]


@pytest.mark.parametrize("name", CASES)
def test_the_functional_loop_ends_at_the_same_bits(adapter: ModuleType, name: str) -> None:
    """In float32 every weight is that of nn.Sequential and torch.optim's class, to the last bit."""
    problem = cases.find_case(name).shown
    program = builder(adapter, "eager", Target())(
        problem, problem.training, problem.weights, "float32"
    )
    for call in problem.calls:
        program.train(call)
    found = [part for layer in program.weights() for part in (layer.kernel.T, layer.bias)]
    expected = by_classes(problem, program.loss)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


FIRST_STEP = """
import sys
import torch
from samenet.adapter import Target, discovery
from samenet.certificate import cases
from samenet.certificate.problem import builder
adapter = discovery.load(discovery.shipped_adapters()["pytorch"].path)
adapter.wake(Target())
for name in sys.argv[1:]:
    problem = cases.find_case(name).shown
    program = builder(adapter, "eager", Target())(
        problem, problem.training, problem.weights, "float32"
    )
    program.train(problem.calls[0])
    program.losses(), program.predict(problem.calls[0].order[0])
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""


def test_the_first_step_loads_no_compiler() -> None:
    """Neither building nor a step of any optimiser imports torch._dynamo, which takes seconds."""
    more = "training by momentum + l2 + clipping + step, smooth"
    done = subprocess.run(
        [sys.executable, "-P", "-c", FIRST_STEP, *CASES, more],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
