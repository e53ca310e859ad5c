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


@dataclass(frozen=True, slots=True, kw_only=True)
class InLayers:
    """Mistakes in some kinds of layers that one gate is the first to catch."""

    kinds: tuple[str, ...]
    gate: str
    mistakes: tuple[str, ...]
    """tests/helpers/layer_mutants.py plants every one of them."""


IN_LAYERS: tuple[InLayers, ...] = (
    InLayers(
        kinds=("conv1d", "conv2d"),
        gate="gate 1",
        mistakes=(
            "kernel of a convolution flipped",
            "windows of a convolution begin one later",
            'the one zero of a sequence\'s "same" before instead of after',
            'the odd zero of "same" before instead of after',
            "bias of a convolution moved by the mean over places",
        ),
    ),
    InLayers(
        kinds=("flatten",),
        gate="gate 1",
        mistakes=("flattened channels first",),
    ),
    InLayers(
        kinds=("max_pool",),
        gate="gate 1",
        mistakes=(
            "gradients of overlapping max windows not added",
            "max pool padded with zeros",
        ),
    ),
    InLayers(
        kinds=("average_pool", "global_average_pool"),
        gate="gate 1",
        mistakes=(
            "average pool divided by its stride",
            "gradients of overlapping average windows not added",
            "global average pool that adds up",
        ),
    ),
    InLayers(
        kinds=("batch_norm",),
        gate="gate 1",
        mistakes=(
            "epsilon of batch norm 0.001 instead of 2^-10",
            "epsilon of batch norm added to the root",
            "kept statistics used in training",
            "statistics of the batch without a gradient",
            "batch norm with statistics of every place",
        ),
    ),
    InLayers(
        kinds=("batch_norm",),
        gate="gate 2",
        mistakes=(
            "momentum of batch norm the other way round",
            "variance that batch norm keeps divided by the other of B and B - 1",
            "statistics of batch norm read back as they began",
            "statistics of the batch used in prediction",
            "kept statistics moved by predictions",
            "variance of B - 1 kept, and not declared",
            "kept statistics decayed like weights",
            "scales of norms decayed",
        ),
    ),
    InLayers(
        kinds=("batch_norm",),
        gate="gate 3",
        mistakes=("momentum of batch norm the other way round, in float32 alone",),
    ),
    InLayers(
        kinds=("layer_norm",),
        gate="gate 1",
        mistakes=(
            "epsilon of layer norm 0.00001 instead of 2^-16",
            "epsilon of layer norm added to the root",
            "variance of layer norm divided by one less",
        ),
    ),
    InLayers(
        kinds=("simple_rnn", "lstm", "gru"),
        gate="gate 1",
        mistakes=(
            "a sequence read from its end",
            "recurrent kernel transposed",
            "first step of a sequence given instead of the last",
            "a step over padding after the last",
            "gradient through time cut after three steps",
            "gradient of a recurrent kernel by h of the same step",
        ),
    ),
    InLayers(
        kinds=("simple_rnn", "lstm", "gru"),
        gate="gate 2",
        mistakes=(
            "h not set to zero between batches",
            "L2 penalty on the biases of gates",
            "no L2 penalty on recurrent kernels",
            "recurrent kernels left out of clipping",
        ),
    ),
    InLayers(
        kinds=("lstm",),
        gate="gate 1",
        mistakes=(
            "gates g and o of an LSTM exchanged",
            "1 added to the bias of an LSTM's forget gate",
            "a second bias of an LSTM trained",
        ),
    ),
    InLayers(
        kinds=("gru",),
        gate="gate 1",
        mistakes=(
            "gates z and r of a GRU exchanged",
            "h of a GRU shared out by z the other way round",
            "reset of a GRU before the product",
        ),
    ),
    InLayers(
        kinds=("attention",),
        gate="gate 1",
        mistakes=(
            "causal mask forgotten",
            "causal mask where none was asked for",
            "heads interleaved instead of side by side",
            "output kernel of attention transposed",
            "keys and values exchanged",
            "scores of attention not scaled",
            "scores of attention scaled twice",
            "scores scaled by the whole width instead of a head's",
            "softmax of attention over the wrong axis",
            "softmax of attention in float32 where float64 was asked for",
            "causal mask off by one step",
            "later steps hidden after the softmax",
        ),
    ),
    InLayers(
        kinds=("embedding",),
        gate="gate 1",
        mistakes=(
            "token numbers counted from 1",
            "gradient of a token averaged over its places",
            "only the last place of a token counted",
            "token 0 taken for padding",
            "embedding times the root of its width",
        ),
    ),
    InLayers(
        kinds=("embedding",),
        gate="gate 2",
        mistakes=(
            "squares of a token's occurrences instead of the square of their sum",
            "tokens that do not occur left alone by Adam",
            "L2 penalty on the table of an embedding",
        ),
    ),
    InLayers(
        kinds=("positions",),
        gate="gate 1",
        mistakes=(
            "positions off by one",
            "positions not trained",
        ),
    ),
    InLayers(
        kinds=("residual",),
        gate="gate 1",
        mistakes=(
            "what goes around a residual's chain forgotten",
            "residual added before its last layer instead of after",
            "gradient around a residual's chain lost",
            "residuals inside one another closed in the wrong order",
        ),
    ),
    InLayers(
        kinds=("conv1d", "conv2d", "dense"),
        gate="gate 1",
        mistakes=("dropped before the activation instead of after",),
    ),
)


def usual_mistakes(gate: str, kinds: set[str]) -> tuple[str, ...]:
    """Return what usually makes a gate fail on a network of these kinds; else, on any."""
    own = [one.mistakes for one in IN_LAYERS if one.gate == gate and kinds & {*one.kinds}]
    return tuple(what for mistakes in own for what in mistakes) or GATES[gate].mistakes
