"""Bare PyTorch on resident tensors: the usual loop, and the whole step as one compiled graph.

Tried for eager and not faster; shares of the best form's time, S / M: parameters in one vector 1.2
/ 1.1, nn.Sequential with the classes of torch.optim 1.3 / 1.1 and 1 s of start-up more. The
operator that the functional form calls, torch._fused_adam_, takes 0.9; it is private. Tried for
compiled: batches gathered before 1.0 / 1.0, mode="max-autotune-no-cudagraphs" 1.05 / 1.0 (with all
guards), and four steps unrolled into one graph 0.66 / 0.95, for four times as long a wait for the
compiler and one more graph for calls of another length; no page of PyTorch's does that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from case import Array, Bare, Case, Steps, nothing
from torch import Tensor, nn
from torch.func import grad_and_value
from torch.nn import functional as F
from torch.optim.adam import adam
from torch.optim.sgd import sgd

LOOPS = {
    "pytorch:eager": {
        "functions, backward": {},
        "functions, autograd.grad": {"backward": False},
        "functions, foreach updates": {"fused": False},
    },
    "pytorch:compiled": {
        "gathers inside": {},
        "one vector": {"vector": True},
        "one vector, cpp_wrapper": {"vector": True, "cpp_wrapper": True},
        "cpp_wrapper": {"cpp_wrapper": True},
    },
}
SLOWER = {
    "pytorch:eager": {
        "functions, one vector": {"vector": True},
        "nn.Sequential and torch.optim": {"classes": True},
    },
    "pytorch:compiled": {
        "batches gathered before": {"gathered": True},
        "max-autotune-no-cudagraphs": {"mode": "max-autotune-no-cudagraphs"},
        "4 steps a graph": {"steps": 4},
    },
}
"""Tried: measured with --all-forms. Never the fastest, but for the several steps a graph."""


def resident(case: Case) -> tuple[Tensor, Tensor]:
    """Return inputs and class numbers as tensors."""
    return torch.tensor(case.inputs), torch.tensor(case.targets, dtype=torch.int64)


def parts_of(case: Case) -> list[Tensor]:
    """Return kernel, bias ..., kernels (fan_out, fan_in) as F.linear takes them."""
    return [torch.tensor(part.T.copy()) for pair in case.weights for part in pair]


def outputs(parts: Any, x: Tensor) -> Tensor:
    """Return the logits."""
    w1, b1, w2, b2, w3, b3 = parts
    x = torch.relu(F.linear(x, w1, b1))
    x = torch.relu(F.linear(x, w2, b2))
    return F.linear(x, w3, b3)


def split(vector: Tensor, like: list[Tensor]) -> list[Tensor]:
    """Return the parts that a vector holds, as views of it."""
    pieces = vector.split([part.numel() for part in like])
    return [piece.view(part.shape) for piece, part in zip(pieces, like, strict=True)]


def joined(parts: list[Tensor]) -> Tensor:
    """Return a vector of them all."""
    return torch.cat([part.reshape(-1) for part in parts])


def eager(
    case: Case,
    *,
    backward: bool = True,
    vector: bool = False,
    fused: bool = True,
    classes: bool = False,
) -> Bare:
    """Forward, loss, backward, step, without nn.Module and the classes of torch.optim.

    The operator that the functional form calls, torch._fused_adam_, takes 0.9 of its time; it is
    private.
    """
    parts = parts_of(case)
    held = [joined(parts)] if vector else parts
    parameters = [part.requires_grad_() for part in held]
    values = [p.detach() for p in parameters]
    views = split(values[0], parts) if vector else values
    if classes:
        step_of, model = usual(case, parts)
    else:
        model = (
            (lambda x: outputs(split(parameters[0], parts), x))
            if vector
            else (lambda x: outputs(parameters, x))
        )
        step_of = functional(case, values, fused=fused)
    inputs, targets = resident(case)
    losses: list[Tensor] = []

    def train(order: Array) -> None:
        losses.clear()
        rows = torch.tensor(order, dtype=torch.int64)
        for x, y in zip(inputs[rows], targets[rows], strict=True):
            loss = F.cross_entropy(model(x), y)
            if classes:
                step_of(loss)
            elif backward:
                for p in parameters:
                    p.grad = None
                loss.backward()
                step_of([p.grad for p in parameters])
            else:
                step_of(list(torch.autograd.grad(loss, parameters)))
            losses.append(loss.detach())

    return Bare(train, nothing, lambda: torch.stack(losses), lambda: [p.numpy().T for p in views])


def functional(case: Case, values: list[Tensor], *, fused: bool) -> Callable[[Any], None]:
    """Return the update by the functional form of torch.optim."""
    given: dict[str, Any] = {"fused": fused, "foreach": not fused, "maximize": False}
    given |= {"lr": case.rate, "weight_decay": 0.0}
    if case.adam is None:
        unused = [None] * len(values)
        given |= {"momentum": 0.0, "dampening": 0.0, "nesterov": False}
        return lambda gradients: sgd(values, gradients, unused, **given)
    m, v = ([torch.zeros_like(p) for p in values] for _ in range(2))
    steps = [torch.zeros(()) for _ in values]
    given |= {"amsgrad": False, **dict(zip(("beta1", "beta2", "eps"), case.adam, strict=True))}
    return lambda gradients: adam(values, gradients, m, v, [], steps, **given)


def usual(case: Case, parts: list[Tensor]) -> tuple[Callable[[Any], None], nn.Module]:
    """Return a step and a model by the classes of the tutorial, on these very tensors."""
    linears = []
    for weight, bias in zip(parts[::2], parts[1::2], strict=True):
        linear = nn.Linear(*weight.T.shape)
        linear.weight = nn.Parameter(weight.detach())
        linear.bias = nn.Parameter(bias.detach())
        linears.append(linear)
    one, two, three = linears
    model = nn.Sequential(one, nn.ReLU(), two, nn.ReLU(), three)
    if case.adam is None:
        optimizer: Any = torch.optim.SGD(model.parameters(), lr=case.rate, fused=True)
    else:
        beta1, beta2, eps = case.adam
        optimizer = torch.optim.Adam(
            model.parameters(), lr=case.rate, betas=(beta1, beta2), eps=eps, fused=True
        )

    def step(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, model


def compiled(
    case: Case,
    *,
    vector: bool = False,
    gathered: bool = False,
    steps: int = 1,
    mode: str | None = None,
    cpp_wrapper: bool = False,
) -> Bare:
    """The gradient as a function, so that forward, backward and update fit one graph.

    https://docs.pytorch.org/tutorials/unstable/inductor_cpp_wrapper_tutorial.html
    """
    parts = parts_of(case)
    parameters = [joined(parts)] if vector else parts
    views = split(parameters[0], parts) if vector else parts
    slots = [[torch.zeros_like(p) for _ in range(2)] for p in parameters]
    inputs, targets = resident(case)
    count, losses = Steps(case), []

    def batch_loss(parameters: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        given = split(parameters[0], parts) if vector else parameters
        return F.cross_entropy(outputs(given, x), y)

    def update(x: Tensor, y: Tensor, factors: Tensor) -> Tensor:
        gradients, loss = grad_and_value(batch_loss)(parameters, x, y)
        for p, (m, v), g in zip(parameters, slots, gradients, strict=True):
            if case.adam is None:
                p.sub_(case.rate * g)
                continue
            beta1, beta2, epsilon = case.adam
            m.lerp_(g, 1 - beta1)
            v.lerp_(g * g, 1 - beta2)
            p.sub_(factors[0] * m / (v.sqrt() / factors[1] + epsilon))
        return loss

    def on_rows(rows: Tensor, factors: Tensor) -> Tensor:
        return update(inputs[rows], targets[rows], factors)

    def on_several(rows: Tensor, factors: Tensor) -> Tensor:
        pairs = zip(rows.unbind(), factors.unbind(), strict=True)
        return torch.stack([on_rows(*pair) for pair in pairs])

    options: dict[str, Any] = {"cpp_wrapper": True} if cpp_wrapper else {}
    if mode is None:  # one of both
        options["guard_filter_fn"] = torch.compiler.skip_guard_on_globals_unsafe
    step = torch.compile(
        update if gathered else on_several if steps > 1 else on_rows,
        fullgraph=True,
        dynamic=False,
        mode=mode,
        options=options or None,
    )

    def train(order: Array) -> None:
        rows = torch.tensor(order, dtype=torch.int64)
        factors = torch.tensor(count.factors(len(order)))
        if gathered:
            given: Any = zip(inputs[rows], targets[rows], factors, strict=True)
        elif steps > 1:
            given = zip(rows.split(steps), factors.split(steps), strict=True)
        else:
            given = zip(rows, factors, strict=True)
        losses[:] = [step(*each) for each in given]

    return Bare(
        train,
        nothing,
        lambda: torch.cat(losses) if steps > 1 else torch.stack(losses),
        lambda: [p.numpy().T for p in views],
    )
