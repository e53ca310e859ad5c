"""PyTorch's own answers, in float64, to the questions on standard input: no samenet in here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

ACTIVATIONS: dict[str, Callable[..., torch.Tensor]] = {
    "identity": lambda z, slope: z * 1,
    "sigmoid": lambda z, slope: F.sigmoid(z),
    "tanh": lambda z, slope: F.tanh(z),
    "relu": lambda z, slope: F.relu(z),
    "leaky_relu": lambda z, slope: F.leaky_relu(z, negative_slope=slope),
    "elu": lambda z, slope: F.elu(z),
    "selu": lambda z, slope: F.selu(z),
    "gelu": lambda z, slope: F.gelu(z),
    "silu": lambda z, slope: F.silu(z),
    "softplus": lambda z, slope: F.softplus(z, threshold=40),  # 20 suits float32
}


def activation(name: str, points: list[float], slope: float) -> dict[str, Any]:
    z = torch.tensor(points, requires_grad=True)
    value = ACTIVATIONS[name](z, slope)
    value.sum().backward()
    return {"value": value.tolist(), "derivative": z.grad.tolist()}


def loss_of(loss: dict[str, Any], z: torch.Tensor, targets: Any) -> torch.Tensor:
    wanted = torch.tensor(targets)
    match loss["name"]:
        case "binary_cross_entropy":
            return F.binary_cross_entropy_with_logits(z, wanted)
        case "categorical_cross_entropy" | "sparse_categorical_cross_entropy":
            return F.cross_entropy(z, wanted, label_smoothing=loss["label_smoothing"])
        case "mean_squared_error":
            return F.mse_loss(z, wanted)
        case "mean_absolute_error":
            return F.l1_loss(z, wanted)
        case "huber":
            return F.huber_loss(z, wanted, delta=loss["delta"])
        case other:
            raise ValueError(other)


def loss(question: dict[str, Any]) -> dict[str, Any]:
    z = torch.tensor(question["logits"], requires_grad=True)
    value = loss_of(question["loss"], z, question["targets"])
    value.backward()
    return {"value": value.item(), "gradient": z.grad.tolist()}


def optimizer(rule: dict[str, Any], kernels: list[Any], biases: list[Any]) -> torch.optim.Optimizer:
    """Return the optimiser, with the penalty or decay on the kernels alone."""
    # A penalty that is to be clipped is part of the loss: see gradients_of.
    decay = rule["weight_decay"] if rule["clip_norm"] else rule["weight_decay"] or rule["l2"]
    groups = [
        {"params": kernels, "weight_decay": decay},
        {"params": biases, "weight_decay": 0.0},
    ]
    rate = rule["learning_rate"]
    match rule["name"]:
        case "sgd":
            more = {"momentum": rule["momentum"], "nesterov": rule["nesterov"]}
            return torch.optim.SGD(groups, lr=rate, **more)
        case "adam" | "adamw":
            kind = torch.optim.Adam if rule["name"] == "adam" else torch.optim.AdamW
            betas = (rule["beta1"], rule["beta2"])
            return kind(groups, lr=rate, betas=betas, eps=rule["epsilon"])
        case "rmsprop":
            more = {"alpha": rule["rho"], "eps": rule["epsilon"]}
            return torch.optim.RMSprop(groups, lr=rate, **more)
        case "adagrad":
            more = {"initial_accumulator_value": rule["initial_accumulator"]}
            return torch.optim.Adagrad(groups, lr=rate, eps=rule["epsilon"], **more)
        case other:
            raise ValueError(other)


def update(
    rule: dict[str, Any], steps: torch.optim.Optimizer, kernels: list[Any], biases: list[Any]
) -> None:
    """Clip the gradients that are there, if that is asked for, and make one step."""
    if rule["clip_norm"]:
        nn.utils.clip_grad_norm_([*kernels, *biases], rule["clip_norm"])
    steps.step()
    steps.zero_grad()


def penalty(rule: dict[str, Any], kernels: list[Any]) -> torch.Tensor:
    """Return the penalty as part of the loss, where the optimiser itself has none."""
    squares = sum((kernel**2).sum() for kernel in kernels)
    return rule["l2"] / 2 * squares if rule["clip_norm"] else 0 * squares


def path(rule: dict[str, Any], rates: list[float], given: dict[str, Any]) -> list[list[float]]:
    """Return the weights after every step with given gradients and rates."""
    kernel = nn.Parameter(torch.tensor(given["kernel"]))
    bias = nn.Parameter(torch.tensor(given["bias"]))
    steps = optimizer(rule, [kernel], [bias])
    found = []
    for rate, gradient in zip(rates, given["gradients"], strict=True):
        for group in steps.param_groups:
            group["lr"] = rate
        wanted = torch.tensor(gradient)
        line = wanted[: kernel.numel()] @ kernel.flatten() + wanted[kernel.numel() :] @ bias
        (line + penalty(rule, [kernel])).backward()
        update(rule, steps, [kernel], [bias])
        found.append([*kernel.detach().flatten().tolist(), *bias.tolist()])
    return found


def rates(schedule: dict[str, Any], rate: float) -> list[float]:
    """Return the rate of every step until the schedule ends."""
    steps = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    warm = schedule["warmup_steps"]
    later = {
        "constant": lambda: lr_scheduler.ConstantLR(steps, factor=1.0),
        "step": lambda: lr_scheduler.StepLR(steps, schedule["every"], gamma=schedule["drop"]),
        "exponential": lambda: lr_scheduler.ExponentialLR(
            steps, gamma=schedule["drop"] ** (1 / schedule["every"])
        ),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(
            steps, schedule["steps"], eta_min=schedule["final"] * rate
        ),
    }[schedule["name"]]()
    course = later
    if warm:
        rising = lr_scheduler.LinearLR(steps, start_factor=1 / warm, total_iters=warm - 1)
        course = lr_scheduler.SequentialLR(steps, [rising, later], milestones=[warm])
    found = []
    for _ in range(warm + schedule["steps"] + 1):
        found.append(course.get_last_lr()[0])
        steps.step()
        course.step()
    return found


class Masked(nn.Module):
    """Dense layers whose activations are multiplied by given masks."""

    def __init__(self, question: dict[str, Any]) -> None:
        """Take the weights of the question; torch keeps a kernel transposed."""
        super().__init__()
        self.layers = nn.ModuleList()
        self.names, self.slopes = question["activations"], question["slopes"]
        for kernel, bias in question["weights"]:
            layer = nn.Linear(len(kernel), len(bias))
            with torch.no_grad():
                layer.weight.copy_(torch.tensor(kernel).T)
                layer.bias.copy_(torch.tensor(bias))
            self.layers.append(layer)

    def forward(self, x: torch.Tensor, masks: list[Any]) -> torch.Tensor:
        """Return the linear outputs."""
        for place, layer in enumerate(self.layers):
            x = ACTIVATIONS[self.names[place]](layer(x), self.slopes[place])
            if masks and masks[place] is not None:
                x = x * torch.tensor(masks[place])
        return x

    def numbers(self, what: Callable[[nn.Parameter], torch.Tensor]) -> list[Any]:
        """Return [kernel, bias] of each layer: their values, or their gradients."""
        return [[what(part.weight).T.tolist(), what(part.bias).tolist()] for part in self.layers]


def gradient(question: dict[str, Any]) -> dict[str, Any]:
    net = Masked(question)
    batch = question["batches"][0]
    value = loss_of(
        question["loss"], net(torch.tensor(batch["inputs"]), batch["masks"]), batch["targets"]
    )
    value.backward()
    return {"loss": value.item(), "gradient": net.numbers(lambda part: part.grad)}


def training(question: dict[str, Any]) -> dict[str, Any]:
    net, rule = Masked(question), question["rule"]
    kernels = [layer.weight for layer in net.layers]
    biases = [layer.bias for layer in net.layers]
    steps = optimizer(rule, kernels, biases)
    losses = []
    for rate, batch in zip(question["rates"], question["batches"], strict=True):
        for group in steps.param_groups:
            group["lr"] = rate
        value = loss_of(
            question["loss"], net(torch.tensor(batch["inputs"]), batch["masks"]), batch["targets"]
        )
        (value + penalty(rule, kernels)).backward()
        update(rule, steps, kernels, biases)
        losses.append(value.item())
    return {"losses": losses, "weights": net.numbers(lambda part: part.detach())}


def main() -> None:
    asked = json.load(sys.stdin)
    answers = {
        "version": torch.__version__,
        "activations": {
            name: activation(name, asked["points"], slope)
            for name, slope in asked["activations"].items()
        },
        "losses": {name: loss(question) for name, question in asked["losses"].items()},
        "paths": {
            name: path(**question, given=asked["given"])
            for name, question in asked["rules"].items()
        },
        "rates": {name: rates(**question) for name, question in asked["schedules"].items()},
        "gradients": {name: gradient(question) for name, question in asked["networks"].items()},
        "trainings": {name: training(question) for name, question in asked["trainings"].items()},
        "softplus_by_default": F.softplus(torch.tensor(20.5)).item(),
    }
    json.dump(answers, sys.stdout)


main()
