"""What each gate asks, and the mistakes that usually make it fail: each is planted in the tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate in words."""

    asks: str
    mistakes: tuple[str, ...]
    """Mistakes it is the first to catch, those of gate 4 also if others did before it;
    tests/helpers/mutants.py plants every one of them."""


GATES: dict[str, Gate] = {
    "initial weights": Gate(
        asks="it starts from exactly the given weights", mistakes=("bias not zero",)
    ),
    "gate 0": Gate(
        asks="each activation and loss has the right value and slope",
        mistakes=(
            "a label smoothing of a thousandth",
            "Huber's delta ignored",
            "wrong slope of leaky ReLU",
            "softmax twice",
            "probabilities clipped at 1e-7",
            "GELU by tanh instead of erf",
            "sum over the outputs instead of the mean",
            "ReLU's slope at 0 that of the right side",
            "absolute error with a slope at an exact hit",
            "label smoothing shared by the other classes",
        ),
    ),
    "gate 1": Gate(
        asks="the gradient of the network is right",
        mistakes=(
            "sum over the batch instead of the mean",
            "loss halved",
            "labels shifted by one row",
            "square weight matrix transposed",
            "float32 where float64 was asked for",
            "TF32 products",
            "bf16 products",
        ),
    ),
    "gate 2": Gate(
        asks="ten epochs in 64 bits give the oracle's weights, losses and predictions",
        mistakes=(
            "learning rate off by a millionth",
            "loss reported with the factor 1/2",
            "another epsilon of Adam",
            "epsilon added to the other root of Adam",
            "betas swapped",
            "beta2 rounded to float32",
            "momentum for Nesterov",
            "L2 penalty forgotten",
            "coupled for decoupled decay",
            "Adagrad's sum started at zero",
            "schedule off by one step",
            "two samples swapped between neighbouring batches",
            "one sample lost in one batch",
            "last batch dropped",
            "dropout not rescaled",
            "predictions from stale weights",
            "bias decayed",
            "L2 penalty on biases, too",
            "clipping per variable instead of globally",
            "Adam without bias correction",
            "Adam's bias correction missing in the first step",
            "decoupled decay after the step",
            "gradients not set to zero in every 50th step",
            "gradients not set to zero in every 500th step",
            "gradients of biases in float32",
            "last row of a call replaced by its neighbour",
            "optimiser started anew in every call",
            "last batch dropped from a call of more than 20 steps",
            "rate halved from the 150th step on",
            "predictions wrong beyond row 1,024",
            "clipped only above twice the norm",
            "scaled to the norm of clipping even if shorter",
            "training rows beyond the 1,024th taken for the first ones",
            "the same units dropped in every step of a call",
            "rate of a schedule never below a quarter of the first",
        ),
    ),
    "gate 3": Gate(
        asks="ten epochs in 32 bits differ from the oracle by rounding alone",
        mistakes=(
            "last batch dropped, in float32 alone",
            "nothing done after a hundred calls, in float32",
            "one stale batch after a hundred calls, in float32",
            "last column of wide kernels never updated, in float32",
            "rate of wide kernels off by 1 % after the first step, in float32",
            "short batch divided by the full size, in float32",
            "every 64th step skipped after the 700th, in float32",
            "predictions a call behind, in float32",
            "last bias never updated after 200 steps, in float32",
        ),
    ),
    "repeatable": Gate(
        asks="the same seed gives the same numbers twice",
        mistakes=("rows shuffled by the framework itself",),
    ),
    "gate 4": Gate(
        asks="the very program that was timed computed the same network, to its last step",
        mistakes=(
            "every 1,000th step left out, in float32",
            "last batch dropped, in float32 alone",
            "nothing done after a hundred calls, in float32",
            "one stale batch after a hundred calls, in float32",
            "gradients not set to zero in every 500th step",
            "every 64th step skipped after the 700th, in float32",
            "rate halved from the 150th step on",
            "last batch dropped from a call of more than 20 steps",
            "last column of wide kernels never updated, in float32",
            "predictions wrong beyond row 1,024",
            "training rows beyond the 1,024th taken for the first ones",
            "predictions a call behind, in float32",
            "last bias never updated after 200 steps, in float32",
        ),
    ),
    "sync": Gate(asks="nothing is left to compute when sync returns", mistakes=("missing sync",)),
    "read-back": Gate(
        asks="threads, device, precision and compiler are those asked for",
        mistakes=("predictions in TF32",),
    ),
}
"""In the order in which they are tried."""
