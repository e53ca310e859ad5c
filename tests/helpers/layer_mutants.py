"""Mutants of layers: mistakes in convolutions, norms, recurrence, tables, attention, residuals.

A mutant at the seam hands an adapter another network than was asked for, or its weights otherwise,
and reads them back: that is the same mistake in every framework, without a word about it. Those
inside NumPy replace the transform of a kind; the ones of other frameworks are in
layer_mutation_run.py. Each is shown on the smallest case that has what it is about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from unittest.mock import patch

import numpy as np
from mutants import Apply, Mutant, Wrapped, declared, wrapped

from samenet.adapter import Array, Capabilities, Dtype, Layer
from samenet.adapters.numpy import network as numpy_network
from samenet.adapters.numpy import optimizers
from samenet.adapters.numpy.layers import (
    MAKE,
    Drop,
    Elementwise,
    Fork,
    Join,
    attention,
    norms,
    recurrence,
    tables,
    windows,
)
from samenet.certificate import cases, gate_gradients, gate_training
from samenet.certificate.problem import Build, Check
from samenet.spec import Network, Place
from samenet.spec.layers import ActivationLayer

Change = Callable[[Place], Place]
Turn = Callable[[Place, Layer], Layer]
DTYPES: tuple[Dtype, ...] = ("float64", "float32")


def with_places(network: Network, places: Iterable[Place]) -> Network:
    """Return a network that says of itself that it is made of these places."""
    changed = network.model_copy()
    changed.__dict__["places"] = tuple(places)
    return changed


def misread(change: Change, *, in_dtype: str = "") -> Apply:
    """Build another network than was asked for: every place is changed; in one precision alone."""

    def apply(build, capabilities):
        def made(problem, spec, weights, dtype):
            if in_dtype not in ("", dtype):
                return build(problem, spec, weights, dtype)
            other = with_places(problem.network, map(change, problem.network.places))
            return build(replace(problem, network=other), spec, weights, dtype)

        return made, capabilities

    return apply


def setting(kind: str, **values: object) -> Change:
    """Change fields of a kind's layers; a value may be a function of the layer."""

    def change(place):
        if place.kind != kind:
            return place
        found = {k: v(place.layer) if callable(v) else v for k, v in values.items()}
        return replace(place, layer=place.layer.model_copy(update=found))

    return change


mirrored = setting("batch_norm", rate=lambda layer: 1 - layer.rate)


def role(of: Iterable[str], role: str) -> Change:
    """Take the arrays of some roles for another: decay, penalty and clipping ask for it."""
    roles = set(of)

    def change(place):
        parameters = {
            name: replace(found, role=role) if found.role in roles else found
            for name, found in place.parameters.items()
        }
        return replace(place, parameters=parameters)

    return change


def padded_before(place: Place) -> Place:
    """Put the odd zero of "same" before instead of after."""
    if not hasattr(place.layer, "paddings"):
        return place

    class Before(type(place.layer)):
        def paddings(self, shape):
            return [(after, before) for before, after in super().paddings(shape)]

    known = {name: getattr(place.layer, name) for name in type(place.layer).model_fields}
    return replace(place, layer=Before.model_construct(**known))


def without_residuals(place: Place) -> Place:
    """Forget what went around a chain."""
    if place.kind not in ("fork", "join"):
        return place
    return replace(place, layer=ActivationLayer.model_validate({"activation": "identity"}))


class ReadsTurned(Wrapped):
    """Reads back, turned as they were given, weights that it holds otherwise."""

    def __init__(self, program, back):
        super().__init__(program)
        self.back = back

    def weights(self):
        return self.back(self.program.weights())


def held(turn: Turn, back: Turn | None = None) -> Apply:
    """Hold weights otherwise than they are given; `back` undoes it, `turn` itself if it can."""

    def apply(build, capabilities):
        def made(problem, spec, weights, dtype):
            def each(how, layers):
                return [how(*both) for both in zip(problem.network.places, layers, strict=True)]

            program = build(problem, spec, each(turn, weights), dtype)
            return ReadsTurned(program, partial(each, back or turn))

        return made, capabilities

    return apply


def of_kind(*kinds: str, **changes: Callable[[Array, Place], Array]) -> Turn:
    """Change named arrays of some kinds."""

    def turn(place, layer):
        if place.kind not in kinds:
            return layer
        return Layer(
            **{
                name: np.ascontiguousarray(changes[name](array, place))
                if name in changes
                else array
                for name, array in layer.items()
            }
        )

    return turn


def gates(kind: str, *order: int) -> Apply:
    """Take the gates of a recurrent layer in another order, which undoes itself."""

    def turn(array, place):
        del place
        parts = np.split(array, len(order), axis=-1)
        return np.concatenate([parts[k] for k in order], axis=-1)

    return held(of_kind(kind, kernel=turn, recurrent=turn, bias=turn))


def negated(array: Array, place: Place) -> Array:
    """Return the arrays of a GRU whose z is 1 - z."""
    signs = np.ones(array.shape[-1])
    signs[: place.layer.units] = -1
    return array * signs.astype(array.dtype)


def flipped(array: Array, place: Place) -> Array:
    """Return a kernel from its other end, along all of its places."""
    del place
    return np.flip(array, tuple(range(array.ndim - 2)))


def forget_bias(amount: float) -> Turn:
    """Add to the bias of the forget gate."""

    def turn(array, place):
        del place
        moved = array.copy()
        units = len(array) // 4
        moved[units : 2 * units] += amount
        return moved

    return of_kind("lstm", bias=turn)


def _interleaved(place: Place, *, back: bool) -> Array:
    width, heads = place.inputs[-1], place.layer.heads
    order = np.arange(width).reshape(-1, heads).T.ravel()  # of head 0: 0, heads, 2 heads ...
    return np.argsort(order) if back else order


def heads_interleaved(*, back: bool) -> Turn:
    """Give head k the columns k, k + heads, k + 2 heads ... instead of neighbours."""
    columns = lambda array, place: array[:, _interleaved(place, back=back)]  # noqa: E731
    rows = lambda array, place: array[_interleaved(place, back=back)]  # noqa: E731
    return of_kind("attention", query=columns, key=columns, value=columns, output=rows)


def flattened() -> Apply:
    """Take an image for channels, height, width where it is height, width, channels."""

    def order(shape):
        numbers = np.arange(math.prod(shape)).reshape(shape)
        return np.moveaxis(numbers, -1, 0).ravel()

    def apply(build, capabilities):
        def made(problem, spec, weights, dtype):
            places = problem.network.places
            at = next(i for i, place in enumerate(places) if place.kind == "flatten")
            there = order(places[at].inputs)
            back_again = np.argsort(there)

            def rows_in(how, layers):
                found = list(layers)
                following = found[at + 1]
                found[at + 1] = Layer(**{**following, "kernel": following["kernel"][how]})
                return found

            program = build(problem, spec, rows_in(back_again, weights), dtype)
            return ReadsTurned(program, partial(rows_in, there))

        return made, capabilities

    return apply


def join_earlier(build, capabilities):
    """Add what went around a chain before its last layer instead of after it."""

    def made(problem, spec, weights, dtype):
        places = problem.network.places
        join = next(i for i, place in enumerate(places) if place.kind == "join")
        order = [*range(len(places))]
        order[join - 1 : join + 1] = [join, join - 1]
        turn = lambda items: [items[i] for i in order]  # noqa: E731
        other = with_places(problem.network, turn(places))
        program = build(replace(problem, network=other), spec, turn(weights), dtype)
        return ReadsTurned(program, turn)

    return made, capabilities


def loaded(change: Callable) -> Apply:
    """Load other inputs."""

    def apply(build, capabilities):
        def made(problem, spec, weights, dtype):
            source = problem.source
            other = replace(source, inputs=change(source.inputs, problem.network))
            return build(replace(problem, source=other), spec, weights, dtype)

        return made, capabilities

    return apply


class StatisticsOfTheStart(Wrapped):
    """Reads back the statistics that a batch norm had when it was built."""

    def __init__(self, program):
        super().__init__(program)
        self.first = self.program.weights()

    def weights(self):
        return [
            Layer(**{n: old[n] if n in ("mean", "variance") else now[n] for n in now})
            for now, old in zip(self.program.weights(), self.first, strict=True)
        ]


def by(network: str, rule: str) -> str:
    """Return the name of a case."""
    return f"network {network} by {rule}"


SAME = by("conv2d same", "momentum + l2")
STRIDE = by("conv2d stride", "sgd")
CONV1D = by("conv1d", "momentum + l2")
POOLED = by("max pool overlapping", "momentum")
MEANS = by("average pool overlapping", "adam")
NORM = by("batch norm", "momentum + decay")
PLACES = by("batch norm after conv2d", "nesterov")
ROWS = by("layer norm", "momentum")
LSTM, GRU, RNN = (by(kind, "momentum + l2") for kind in ("lstm", "gru", "simple rnn"))
TWICE = by("lstm twice", "adam + clipping")
HEADS, CAUSAL = by("attention", "momentum + l2"), by("attention causal", "adam + decay")
TOKENS, ADAM_TOKENS = by("embedding", "sgd"), by("embedding", "adam + l2")
AROUND = by("residual", "momentum")
ADAMW = by("transformer causal", "adamw")


def _seam(what: str, on: str, gate: str, apply: Apply) -> Mutant:
    return Mutant(what=what, on=on, gate=gate, apply=apply)


LAYERS_AT_THE_SEAM: dict[str, Mutant] = {
    "flatten_order": _seam("flattened channels first", SAME, "gate 1", flattened()),
    "kernel_flipped": _seam(
        "kernel of a convolution flipped",
        SAME,
        "gate 1",
        held(of_kind("conv1d", "conv2d", kernel=flipped)),
    ),
    "batch_norm_epsilon": _seam(
        "epsilon of batch norm 0.001 instead of 2^-10",
        NORM,
        "gate 1",
        misread(setting("batch_norm", epsilon=1e-3)),
    ),
    "layer_norm_epsilon": _seam(
        "epsilon of layer norm 0.00001 instead of 2^-16",
        ROWS,
        "gate 1",
        misread(setting("layer_norm", epsilon=1e-5)),
    ),
    "rate_mirrored": _seam(
        "momentum of batch norm the other way round",
        NORM,
        "gate 2",
        misread(mirrored),
    ),
    "other_variance": _seam(
        "variance that batch norm keeps divided by the other of B and B - 1",
        NORM,
        "gate 2",
        lambda build, c: declared(
            running_variance="biased" if c.forms.running_variance == "unbiased" else "unbiased"
        )(build, c),
    ),
    "statistics_stale": _seam(
        "statistics of batch norm read back as they began",
        NORM,
        "gate 2",
        wrapped(StatisticsOfTheStart),
    ),
    "lstm_gates": _seam(
        "gates g and o of an LSTM exchanged", LSTM, "gate 1", gates("lstm", 0, 1, 3, 2)
    ),
    "forget_bias": _seam(
        "1 added to the bias of an LSTM's forget gate",
        LSTM,
        "gate 1",
        held(forget_bias(1.0), forget_bias(-1.0)),
    ),
    "gru_gates": _seam("gates z and r of a GRU exchanged", GRU, "gate 1", gates("gru", 1, 0, 2)),
    "update_mirrored": _seam(
        "h of a GRU shared out by z the other way round",
        GRU,
        "gate 1",
        held(of_kind("gru", kernel=negated, recurrent=negated, bias=negated)),
    ),
    "backwards": _seam(
        "a sequence read from its end",
        RNN,
        "gate 1",
        loaded(lambda inputs, network: inputs[:, ::-1] if inputs.ndim == 3 else inputs),
    ),
    "recurrent_transposed": _seam(
        "recurrent kernel transposed",
        RNN,
        "gate 1",
        held(of_kind("simple_rnn", recurrent=lambda array, place: array.T)),
    ),
    "mask_forgotten": _seam(
        "causal mask forgotten", CAUSAL, "gate 1", misread(setting("attention", causal=False))
    ),
    "mask_invented": _seam(
        "causal mask where none was asked for",
        HEADS,
        "gate 1",
        misread(setting("attention", causal=True)),
    ),
    "heads_interleaved": _seam(
        "heads interleaved instead of side by side",
        HEADS,
        "gate 1",
        held(heads_interleaved(back=True), heads_interleaved(back=False)),
    ),
    "output_transposed": _seam(
        "output kernel of attention transposed",
        HEADS,
        "gate 1",
        held(of_kind("attention", output=lambda array, place: array.T)),
    ),
    "keys_for_values": _seam(
        "keys and values exchanged",
        HEADS,
        "gate 1",
        held(
            lambda place, layer: (
                Layer(**{**layer, "key": layer["value"], "value": layer["key"]})
                if place.kind == "attention"
                else layer
            )
        ),
    ),
    "positions_shifted": _seam(
        "positions off by one",
        by("positions", "adam"),
        "gate 1",
        held(
            of_kind("positions", table=lambda array, place: np.roll(array, 1, axis=0)),
            of_kind("positions", table=lambda array, place: np.roll(array, -1, axis=0)),
        ),
    ),
    "tokens_shifted": _seam(
        "token numbers counted from 1",
        TOKENS,
        "gate 1",
        loaded(
            lambda inputs, network: (
                (inputs + 1) % network.vocabulary if network.vocabulary else inputs
            )
        ),
    ),
    "residual_forgotten": _seam(
        "what goes around a residual's chain forgotten",
        AROUND,
        "gate 1",
        misread(without_residuals),
    ),
    "join_earlier": _seam(
        "residual added before its last layer instead of after", AROUND, "gate 1", join_earlier
    ),
    "scales_decayed": _seam(
        "scales of norms decayed", NORM, "gate 2", misread(role(["scale"], "kernel"))
    ),
    "tables_penalised": _seam(
        "L2 penalty on the table of an embedding",
        ADAM_TOKENS,
        "gate 2",
        misread(role(["table"], "kernel")),
    ),
    "gate_biases_penalised": _seam(
        "L2 penalty on the biases of gates", GRU, "gate 2", misread(role(["bias"], "kernel"))
    ),
    "recurrent_not_penalised": _seam(
        "no L2 penalty on recurrent kernels", LSTM, "gate 2", misread(role(["recurrent"], "bias"))
    ),
    "rate_mirrored_float32": _seam(
        "momentum of batch norm the other way round, in float32 alone",
        NORM,
        "gate 3",
        misread(mirrored, in_dtype="float32"),
    ),
}
"""The same in every framework: each reads the spec's places, and has weights to take and give."""


def made_of(**kinds: type) -> Callable[[], AbstractContextManager[object]]:
    """Make the places of some kinds in NumPy of other transforms."""
    return lambda: patch.dict(MAKE, kinds)


class WindowsLater(windows.Windows):
    """Windows that begin one number later; the last ones run on at the beginning."""

    def pad(self, x, value=0.0):
        return np.roll(super().pad(x, value), -1, axis=1)


class StrideOffset(windows.Convolution):
    """A convolution whose windows begin one later."""

    def __init__(self, given):
        super().__init__(given)
        self.windows = WindowsLater(given.place)


class DividedByStride(windows.AveragePool):
    """Means that divide by how far windows stand apart, not by their size."""

    @property
    def factor(self):
        return math.prod(self.windows.sizes) / math.prod(self.windows.strides)

    def forward(self, x):
        found, kept = super().forward(x)
        return found * self.factor, kept

    def backward(self, delta, kept):
        return super().backward(delta * self.factor, kept)


class Overlapped:
    """Gives a number in several windows the gradient of the last of them, not the sum."""

    def __init__(self, given):
        super().__init__(given)
        self.windows.overlap = False


class MeansOverwritten(Overlapped, windows.AveragePool):
    """An average pool of that kind."""


class LargestOverwritten(Overlapped, windows.MaxPool):
    """A max pool of that kind."""


class ZerosAround(windows.Windows):
    """Windows with zeros around, whatever is asked for."""

    def pad(self, x, value=0.0):
        del value
        return super().pad(x)


class PaddedWithZeros(windows.MaxPool):
    """A max pool that sees zeros around."""

    def __init__(self, given):
        super().__init__(given)
        self.windows = ZerosAround(given.place)


class LargestShared(windows.MaxPool):
    """No mistake: equal numbers share the gradient."""

    def forward(self, x):
        values = np.stack(self.windows.numbers(self.windows.pad(x, -np.inf)))
        largest = values.max(axis=0)
        return largest, self.shares(values == largest).astype(x.dtype)

    def shares(self, at):
        return at / at.sum(axis=0)

    def backward(self, delta, kept):
        return self.windows.spread(delta * kept, len(delta), delta.dtype), []


class LargestLast(LargestShared):
    """No mistake: of equal numbers the last gets the gradient."""

    def shares(self, at):
        last = len(at) - 1 - at[::-1].argmax(axis=0)
        return np.arange(len(at)).reshape(-1, *[1] * last.ndim) == last


class BiasMeans(windows.Convolution):
    """A convolution whose bias gets the mean over places instead of the sum."""

    def backward(self, delta, kept):
        back, found = super().backward(delta, kept)
        return back, [g if g.ndim > 1 else g / math.prod(self.windows.counts) for g in found]


class Sums(windows.GlobalAveragePool):
    """A global pool that does not divide."""

    def forward(self, x):
        found, kept = super().forward(x)
        return found * math.prod(kept[1:-1]), kept

    def backward(self, delta, kept):
        return super().backward(delta * math.prod(kept[1:-1]), kept)


class EpsilonOutside(norms.Norm):
    """Epsilon added to the root instead of the variance."""

    def forward(self, x):
        table = x.reshape(-1, x.shape[-1])
        mean = table.mean(axis=self.axis, keepdims=True)
        centred = table - mean
        variance = (centred * centred).mean(axis=self.axis, keepdims=True)
        self.remember(mean, variance, len(table))
        root = np.sqrt(variance) + self.layer.epsilon
        u = centred / root
        return (u * self.scale + self.offset).reshape(x.shape), (u, root)


class BatchEpsilonOutside(EpsilonOutside, norms.BatchNorm):
    """A batch norm of that kind."""


class LayerEpsilonOutside(EpsilonOutside, norms.LayerNorm):
    """A layer norm of that kind."""


class BatchInUse(norms.BatchNorm):
    """A batch norm that predicts by the statistics of what it is given, and keeps none of it."""

    def predict(self, x):
        kept = {name: array.copy() for name, array in self.arrays.items()}
        found = self.forward(x)[0]
        for name in ("mean", "variance"):
            self.arrays[name][...] = kept[name]
        return found


class KeptInTraining(norms.BatchNorm):
    """A batch norm that is left in its mode of use while it trains."""

    def forward(self, x):
        root = np.sqrt(self.arrays["variance"] + self.layer.epsilon)[None]
        table = x.reshape(-1, x.shape[-1])
        u = (table - self.arrays["mean"]) / root
        return self.predict(x), (u, root)

    def backward(self, delta, kept):
        u, root = kept
        table = delta.reshape(u.shape)
        back = (table * self.scale / root).reshape(delta.shape)
        return back, [(table * u).sum(axis=0), table.sum(axis=0)]


class StatisticsConstant(norms.BatchNorm):
    """A batch norm that takes the statistics of its batch for constants in its gradient."""

    def backward(self, delta, kept):
        u, root = kept
        _, gradients = super().backward(delta, kept)
        return (delta.reshape(u.shape) * self.scale / root).reshape(delta.shape), gradients


class KeptUnbiased(norms.BatchNorm):
    """A batch norm that keeps the variance of B - 1 and does not say so."""

    def remember(self, mean, variance, count):
        super().remember(mean, variance * (count / (count - 1)), count)


class KeptEverywhere(norms.BatchNorm):
    """A batch norm that moves what it keeps while it predicts, too."""

    def predict(self, x):
        found = super().predict(x)
        self.forward(x)
        return found


class PlaceByPlace(norms.BatchNorm):
    """A batch norm with statistics of every place of an image."""

    def forward(self, x):
        wide = x.reshape(len(x), -1)
        mean = wide.mean(axis=0)
        variance = wide.var(axis=0)
        channels = x.shape[-1]
        self.remember(
            mean.reshape(1, -1, channels).mean(axis=1),
            variance.reshape(1, -1, channels).mean(axis=1),
            len(x),
        )
        root = np.sqrt(variance + self.layer.epsilon)
        u = ((wide - mean) / root).reshape(x.shape)
        return u * self.scale + self.offset, (u, root.reshape(x.shape[1:]))

    def backward(self, delta, kept):
        u, root = kept
        axes = tuple(range(delta.ndim - 1))
        g = delta * self.scale
        back = (g - g.mean(axis=0) - u * (g * u).mean(axis=0)) / root
        return back, [(delta * u).sum(axis=axes), delta.sum(axis=axes)]


class VarianceOfOneLess(norms.LayerNorm):
    """A layer norm with the variance of D - 1."""

    def forward(self, x):
        z, (u, root) = super().forward(x)
        factor = math.sqrt(1 - 1 / x.shape[-1])
        del z
        u *= factor
        return (u * self.scale + self.offset).reshape(x.shape), (u, root / factor)


class StateDecayed(norms.BatchNorm):
    """Statistics that shrink with the weights, as if they were trained."""

    def remember(self, mean, variance, count):
        super().remember(mean, variance, count)
        for name in ("mean", "variance"):
            self.arrays[name] *= 1 - 2.0**-10


class FirstStep:
    """Gives h of the first step instead of the last."""

    def outputs(self, states):
        return states[1]

    def arriving(self, delta, length):
        found = super().arriving(delta, length)
        return found[::-1].copy()


class FirstOfSimpleRNN(FirstStep, recurrence.SimpleRNN):
    """A simple RNN of that kind."""


class OneMore:
    """Goes on for a step of zeros after the last, as over padding."""

    def steps_of(self, x):
        steps = super().steps_of(x)
        return np.concatenate([steps, np.zeros_like(steps[:1])])

    def backward(self, delta, kept):
        back, gradients = super().backward(delta, kept)
        return None if back is None else back[:, :-1], gradients


class OneMoreOfLSTM(OneMore, recurrence.LSTM):
    """An LSTM of that kind."""


class KeepsItsState:
    """Begins a batch with h of the batch before; in use it begins at zero."""

    last = None

    def states(self, steps):
        found = super().states(steps)
        if self.last is not None and self.last.shape == found[0].shape:
            found[0] = self.last
        return found

    def forward(self, x):
        h, kept = super().forward(x)
        self.last = kept[1][-1].copy()
        return h, kept

    def predict(self, x):
        self.last, last = None, self.last
        found = super().forward(x)[0]
        self.last = last
        return found


class StatefulRNN(KeepsItsState, recurrence.SimpleRNN):
    """A simple RNN of that kind."""


class Truncated(recurrence.SimpleRNN):
    """A simple RNN whose gradient goes back three steps only."""

    def backward(self, delta, kept):
        steps, h = kept
        cut = len(steps) - 3
        back, found = super().backward(delta, (steps[cut:], h[cut:]))
        if back is not None:
            before = np.zeros((len(back), cut, back.shape[-1]), back.dtype)
            back = np.concatenate([before, back], axis=1)
        return back, found


class StepNow(recurrence.SimpleRNN):
    """A simple RNN whose recurrent kernel's gradient takes h of the step itself."""

    def gradients(self, steps, states, by_x, by_h):
        return super().gradients(steps, np.concatenate([states[1:], states[:1]]), by_x, by_h)


class SecondBias(recurrence.LSTM):
    """An LSTM with two biases, both trained: their sum moves twice as far."""

    def backward(self, delta, kept):
        back, (kernel, recurrent, bias) = super().backward(delta, kept)
        return back, [kernel, recurrent, 2 * bias]


class ResetBefore(recurrence.GRU):
    """A GRU that resets h before the product: n = tanh(x K + b0 + (r h) R + b1)."""

    def forward(self, x):
        wide, units = 2 * self.units, self.units
        steps = self.steps_of(x)
        sums = self.sums_of(steps, self.bias[0] + self.bias[1])
        h = self.states(steps)
        z, r, n = (np.empty_like(h[1:]) for _ in range(3))
        for t, a in enumerate(sums):
            both = 0.5 + 0.5 * np.tanh(0.5 * (a[:, :wide] + h[t] @ self.recurrent[:, :wide]))
            z[t], r[t] = both[:, :units], both[:, units:]
            n[t] = np.tanh(a[:, wide:] + (r[t] * h[t]) @ self.recurrent[:, wide:])
            h[t + 1] = z[t] * h[t] + (1 - z[t]) * n[t]
        return self.outputs(h), (steps, z, r, n, h)

    def backward(self, delta, kept):
        steps, z, r, n, h = kept
        wide = 2 * self.units
        arriving = self.arriving(delta, len(steps))
        by_z = np.empty((*z.shape[:2], 3 * self.units), z.dtype)
        by_h = np.zeros_like(h[0])
        for t in reversed(range(len(steps))):
            by_h = by_h + arriving[t]
            by_n = by_h * (1 - z[t]) * (1 - n[t] ** 2)
            by_reset = by_n @ self.recurrent[:, wide:].T
            by_z[t] = np.concatenate(
                [
                    by_h * (h[t] - n[t]) * z[t] * (1 - z[t]),
                    by_reset * h[t] * r[t] * (1 - r[t]),
                    by_n,
                ],
                axis=1,
            )
            back = by_z[t, :, :wide] @ self.recurrent[:, :wide].T
            by_h = by_h * z[t] + by_reset * r[t] + back
        back, (kernel, recurrent, bias) = self.gradients(steps, h, by_z, by_z)
        reset = (r * h[:-1]).reshape(-1, self.units)
        recurrent[:, wide:] = reset.T @ by_z[..., wide:].reshape(len(reset), -1)
        return back, [kernel, recurrent, np.stack([bias, bias])]


class Scaled(attention.Attention):
    """Attention with another factor before the softmax."""

    power = 0.0

    def __init__(self, given):
        super().__init__(given)
        self.scale = self.scale**self.power


class NotScaled(Scaled):
    """Attention without a factor."""


class ScaledTwice(Scaled):
    """Attention with queries and scores scaled."""

    power = 2.0


class ScaledByWidth(Scaled):
    """Attention with the root of the whole width instead of a head's."""

    def __init__(self, given):
        super().__init__(given)
        self.scale = 1 / math.sqrt(given.place.inputs[-1])


class MaskLater(attention.Attention):
    """Attention whose causal mask lets a step see the one after it."""

    def __init__(self, given):
        super().__init__(given)
        if self.later is not None:
            self.later = np.triu(self.later, 2)


class Weighed(attention.Attention):
    """Attention written once more, with what its weights are made of left open."""

    axis = -1

    def softmax(self, scores):
        if self.later is not None:
            scores = np.where(self.later, -np.inf, scores).astype(scores.dtype)
        e = np.exp(scores - scores.max(axis=self.axis, keepdims=True))
        return e / e.sum(axis=self.axis, keepdims=True)

    def masked(self, p):
        return p

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        q, k, v = (self.split(rows @ self.arrays[name], len(x)) for name in self.trained[:3])
        p = self.softmax((q * self.scale) @ k.swapaxes(2, 3))
        seen = self.merge(self.masked(p) @ v)
        return (seen @ self.arrays["output"]).reshape(x.shape), (rows, q, k, v, p, seen)

    def backward(self, delta, kept):
        rows, q, k, v, p, seen = kept
        by_seen = self.split(delta.reshape(rows.shape) @ self.arrays["output"].T, len(delta))
        by_p = self.masked(by_seen @ v.swapaxes(2, 3))
        by_scores = p * (by_p - (by_p * p).sum(axis=self.axis, keepdims=True)) * self.scale
        by_parts = [
            self.merge(by_scores @ k),
            self.merge(by_scores.swapaxes(2, 3) @ q),
            self.merge(self.masked(p).swapaxes(2, 3) @ by_seen),
        ]
        pairs = zip(by_parts, self.trained, strict=False)
        back = sum(part @ self.arrays[name].T for part, name in pairs).reshape(delta.shape)
        found = [rows.T @ part for part in by_parts] + [seen.T @ delta.reshape(rows.shape)]
        return (back if self.passes_on else None), found


class OverQueries(Weighed):
    """Attention whose softmax runs over the steps that look, not those that are seen."""

    axis = -2


class SoftmaxInFloat32(Weighed):
    """Attention whose softmax is made in float32, as jax.nn.dot_product_attention has it."""

    def softmax(self, scores):
        return super().softmax(scores.astype(np.float32)).astype(scores.dtype)


class MaskedAfter(Weighed):
    """Attention that hides later steps after the softmax: the weights left do not add up to 1."""

    def __init__(self, given):
        super().__init__(given)
        self.hidden, self.later = self.later, None

    def masked(self, p):
        return p if self.hidden is None else np.where(self.hidden, 0, p).astype(p.dtype)


class PositionsFixed(tables.Positions):
    """Positions that are not trained."""

    def backward(self, delta, kept):
        back, found = super().backward(delta, kept)
        return back, [np.zeros_like(g) for g in found]


def occurrences(tokens: Array, like: Array) -> Array:
    """Return how often each token occurs, as a column."""
    return np.bincount(tokens.ravel(), minlength=len(like))[:, None].astype(like.dtype)


class Averaged(tables.Embedding):
    """An embedding whose gradient is the mean over the places of a token."""

    def backward(self, delta, kept):
        _, (gradient,) = super().backward(delta, kept)
        return None, [gradient / np.maximum(occurrences(kept, gradient), 1)]


class LastOnly(tables.Embedding):
    """An embedding whose gradient is that of a token's last place: `g[tokens] = delta`."""

    def backward(self, delta, kept):
        gradient = np.zeros_like(self.arrays["table"])
        gradient[kept.ravel()] = delta.reshape(kept.size, -1)
        return None, [gradient]


class FirstNotTrained(tables.Embedding):
    """An embedding that takes token 0 for padding, and does not train it."""

    def backward(self, delta, kept):
        _, (gradient,) = super().backward(delta, kept)
        gradient[0] = 0
        return None, [gradient]


class TimesRoot(tables.Embedding):
    """An embedding times the root of its width, as in the paper of the transformer."""

    def forward(self, x):
        found, kept = super().forward(x)
        return found * math.sqrt(found.shape[-1]), kept

    def backward(self, delta, kept):
        return super().backward(delta * math.sqrt(delta.shape[-1]), kept)


class Sparse(np.ndarray):
    """A gradient that knows of its occurrences."""

    squares: Array
    present: Array


class Occurring(tables.Embedding):
    """An embedding whose gradient tells the squares of its occurrences, and which there are."""

    def backward(self, delta, kept):
        _, (gradient,) = super().backward(delta, kept)
        found = gradient.view(Sparse)
        found.squares = np.zeros_like(gradient)
        np.add.at(found.squares, kept.ravel(), delta.reshape(kept.size, -1) ** 2)
        found.present = occurrences(kept, gradient) > 0
        return None, [found]


@contextmanager
def adam_changed(change: Callable) -> Iterator[None]:
    """Change what Adam makes of a gradient by occurrences: `change(adam, moments, gradient)`."""
    usual = optimizers.AdamStandard.directions

    def directions(self, gradients):
        before = [(m.copy(), v.copy()) for m, v in self.moments]
        found = usual(self, [np.asarray(g) for g in gradients])
        for place, gradient in enumerate(gradients):
            if isinstance(gradient, Sparse):
                found[place] = change(self, before[place], self.moments[place], gradient)
        return found

    with (
        patch.dict(MAKE, {"embedding": Occurring}),
        patch.object(optimizers.AdamStandard, "directions", directions),
    ):
        yield


def squares_of_occurrences(adam, before, after, gradient):
    """Feed Adam the squares of all occurrences of a token, not the square of their sum."""
    (m, v), spec = after, adam.spec
    v[...] = spec.beta2 * before[1] + (1 - spec.beta2) * gradient.squares
    root = (1 - spec.beta2**adam.t) ** 0.5
    return m / (1 - spec.beta1**adam.t) / (np.sqrt(v) / root + spec.epsilon)


def lazy(adam, before, after, gradient):
    """Leave tokens alone that do not occur: their moments do not shrink, nor do they move."""
    for moment, old in zip(after, before, strict=True):
        np.copyto(moment, old, where=~gradient.present)
    (m, v), spec = after, adam.spec
    root = (1 - spec.beta2**adam.t) ** 0.5
    step = m / (1 - spec.beta1**adam.t) / (np.sqrt(v) / root + spec.epsilon)
    return np.where(gradient.present, step, 0).astype(m.dtype)


@contextmanager
def clipped_without_recurrent() -> Iterator[None]:
    """Leave recurrent kernels out of the clipping, and of its norm."""
    usual = recurrence.Recurrent.gradients

    def gradients(self, *arguments):
        back, (kernel, recurrent, *others) = usual(self, *arguments)
        return back, [kernel, recurrent.view(Sparse), *others]

    def clipped(self, found, norm_max):
        others = [g for g in found if not isinstance(g, Sparse)]
        norm = sum(float(np.vdot(g, g)) for g in others) ** 0.5
        factor = min(1.0, norm_max / max(norm, 1e-300))
        return [np.asarray(g) if isinstance(g, Sparse) else factor * g for g in found]

    with (
        patch.object(recurrence.Recurrent, "gradients", gradients),
        patch.object(optimizers.Updates, "clipped", clipped),
    ):
        yield


@contextmanager
def skip_without_gradient() -> Iterator[None]:
    """Lose the gradient that goes around the chain of a residual."""

    def backward(self, delta, kept):
        self.stack.pop()
        return delta, []

    with patch.object(Fork, "backward", backward):
        yield


@contextmanager
def first_waiting() -> Iterator[None]:
    """Add at a join what the first fork kept, not the latest."""

    def forward(self, x):
        return x + self.stack.pop(0), None

    with patch.object(Join, "forward", forward):
        yield


@contextmanager
def masked_before() -> Iterator[None]:
    """Multiply by the mask of dropout before the activation instead of after it."""
    usual = numpy_network.Layers.__init__

    def start(self, *arguments):
        usual(self, *arguments)
        for chain, step in ((self.transforms, 1), (self.way_back, -1)):
            for at, one in enumerate(chain):
                before = at - step
                if isinstance(one, Drop) and isinstance(chain[before], Elementwise):
                    chain[at], chain[before] = chain[before], one
                    break

    with patch.object(numpy_network.Layers, "__init__", start):
        yield


def _inside(what: str, on: str, gate: str, inside: Callable) -> Mutant:
    return Mutant(what=what, on=on, gate=gate, inside=inside)


LAYERS_INSIDE_NUMPY: dict[str, Mutant] = {
    "stride_offset": _inside(
        "windows of a convolution begin one later", STRIDE, "gate 1", made_of(conv2d=StrideOffset)
    ),
    "conv1d_padding": Mutant(
        what='the one zero of a sequence\'s "same" before instead of after',
        on=CONV1D,
        gate="gate 1",
        apply=misread(padded_before),
    ),
    "conv2d_padding": Mutant(
        what='the odd zero of "same" before instead of after',
        on=SAME,
        gate="gate 1",
        apply=misread(padded_before),
    ),
    "divided_by_stride": _inside(
        "average pool divided by its stride", MEANS, "gate 1", made_of(average_pool=DividedByStride)
    ),
    "means_overwritten": _inside(
        "gradients of overlapping average windows not added",
        MEANS,
        "gate 1",
        made_of(average_pool=MeansOverwritten),
    ),
    "largest_overwritten": _inside(
        "gradients of overlapping max windows not added",
        POOLED,
        "gate 1",
        made_of(max_pool=LargestOverwritten),
    ),
    "padded_with_zeros": _inside(
        "max pool padded with zeros", POOLED, "gate 1", made_of(max_pool=PaddedWithZeros)
    ),
    "bias_means": _inside(
        "bias of a convolution moved by the mean over places",
        SAME,
        "gate 1",
        made_of(conv2d=BiasMeans),
    ),
    "global_sum": _inside(
        "global average pool that adds up", STRIDE, "gate 1", made_of(global_average_pool=Sums)
    ),
    "batch_in_use": _inside(
        "statistics of the batch used in prediction", NORM, "gate 2", made_of(batch_norm=BatchInUse)
    ),
    "kept_in_training": _inside(
        "kept statistics used in training", NORM, "gate 1", made_of(batch_norm=KeptInTraining)
    ),
    "batch_epsilon_outside": _inside(
        "epsilon of batch norm added to the root",
        NORM,
        "gate 1",
        made_of(batch_norm=BatchEpsilonOutside),
    ),
    "layer_epsilon_outside": _inside(
        "epsilon of layer norm added to the root",
        ROWS,
        "gate 1",
        made_of(layer_norm=LayerEpsilonOutside),
    ),
    "statistics_constant": _inside(
        "statistics of the batch without a gradient",
        NORM,
        "gate 1",
        made_of(batch_norm=StatisticsConstant),
    ),
    "kept_everywhere": _inside(
        "kept statistics moved by predictions", NORM, "gate 2", made_of(batch_norm=KeptEverywhere)
    ),
    "kept_unbiased": _inside(
        "variance of B - 1 kept, and not declared",
        PLACES,
        "gate 2",
        made_of(batch_norm=KeptUnbiased),
    ),
    "place_by_place": _inside(
        "batch norm with statistics of every place",
        PLACES,
        "gate 1",
        made_of(batch_norm=PlaceByPlace),
    ),
    "state_decayed": _inside(
        "kept statistics decayed like weights", NORM, "gate 2", made_of(batch_norm=StateDecayed)
    ),
    "one_less": _inside(
        "variance of layer norm divided by one less",
        ROWS,
        "gate 1",
        made_of(layer_norm=VarianceOfOneLess),
    ),
    "first_step": _inside(
        "first step of a sequence given instead of the last",
        RNN,
        "gate 1",
        made_of(simple_rnn=FirstOfSimpleRNN),
    ),
    "one_more": _inside(
        "a step over padding after the last", LSTM, "gate 1", made_of(lstm=OneMoreOfLSTM)
    ),
    "stateful": _inside(
        "h not set to zero between batches", RNN, "gate 2", made_of(simple_rnn=StatefulRNN)
    ),
    "truncated": _inside(
        "gradient through time cut after three steps",
        RNN,
        "gate 1",
        made_of(simple_rnn=Truncated),
    ),
    "step_now": _inside(
        "gradient of a recurrent kernel by h of the same step",
        RNN,
        "gate 1",
        made_of(simple_rnn=StepNow),
    ),
    "second_bias": _inside(
        "a second bias of an LSTM trained", LSTM, "gate 1", made_of(lstm=SecondBias)
    ),
    "reset_before": _inside(
        "reset of a GRU before the product", GRU, "gate 1", made_of(gru=ResetBefore)
    ),
    "not_scaled": _inside(
        "scores of attention not scaled", HEADS, "gate 1", made_of(attention=NotScaled)
    ),
    "scaled_twice": _inside(
        "scores of attention scaled twice", HEADS, "gate 1", made_of(attention=ScaledTwice)
    ),
    "scaled_by_width": _inside(
        "scores scaled by the whole width instead of a head's",
        HEADS,
        "gate 1",
        made_of(attention=ScaledByWidth),
    ),
    "over_queries": _inside(
        "softmax of attention over the wrong axis",
        HEADS,
        "gate 1",
        made_of(attention=OverQueries),
    ),
    "softmax_float32": _inside(
        "softmax of attention in float32 where float64 was asked for",
        HEADS,
        "gate 1",
        made_of(attention=SoftmaxInFloat32),
    ),
    "mask_later": _inside(
        "causal mask off by one step", CAUSAL, "gate 1", made_of(attention=MaskLater)
    ),
    "masked_after": _inside(
        "later steps hidden after the softmax", CAUSAL, "gate 1", made_of(attention=MaskedAfter)
    ),
    "positions_fixed": _inside(
        "positions not trained",
        by("positions", "adam"),
        "gate 1",
        made_of(positions=PositionsFixed),
    ),
    "embedding_averaged": _inside(
        "gradient of a token averaged over its places",
        TOKENS,
        "gate 1",
        made_of(embedding=Averaged),
    ),
    "last_occurrence": _inside(
        "only the last place of a token counted", TOKENS, "gate 1", made_of(embedding=LastOnly)
    ),
    "padding_token": _inside(
        "token 0 taken for padding", TOKENS, "gate 1", made_of(embedding=FirstNotTrained)
    ),
    "embedding_scaled": _inside(
        "embedding times the root of its width", TOKENS, "gate 1", made_of(embedding=TimesRoot)
    ),
    "squares_of_occurrences": _inside(
        "squares of a token's occurrences instead of the square of their sum",
        ADAM_TOKENS,
        "gate 2",
        partial(adam_changed, squares_of_occurrences),
    ),
    "lazy": _inside(
        "tokens that do not occur left alone by Adam",
        ADAM_TOKENS,
        "gate 2",
        partial(adam_changed, lazy),
    ),
    "clipped_without_recurrent": _inside(
        "recurrent kernels left out of clipping", TWICE, "gate 2", clipped_without_recurrent
    ),
    "skip_lost": _inside(
        "gradient around a residual's chain lost", AROUND, "gate 1", skip_without_gradient
    ),
    "first_waiting": _inside(
        "residuals inside one another closed in the wrong order", AROUND, "gate 1", first_waiting
    ),
    "masked_before": _inside(
        "dropped before the activation instead of after", SAME, "gate 1", masked_before
    ),
}

TIES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "the first": made_of(max_pool=windows.MaxPool),
    "the last": made_of(max_pool=LargestLast),
    "all alike": made_of(max_pool=LargestShared),
}
"""To which of several largest numbers of a window its gradient goes: all of them are right."""

LAYERS = {**LAYERS_AT_THE_SEAM, **LAYERS_INSIDE_NUMPY}


def first_failure(
    mutant: Mutant, build: Build, offered: Capabilities, dtypes: Iterable[Dtype] = DTYPES
) -> Check | None:
    """Return the first check that a mutant fails: float64 first, gate 1 before a training.

    What is caught is built and compiled no more often than it takes to catch it.
    """
    with mutant.inside():
        made, offers = mutant.apply(build, offered)
        case = cases.find_case(mutant.on)
        for dtype in dtypes:
            only = offers.model_copy(update={"dtypes": (dtype,)})
            found = gate_gradients.check_weights_and_gradients(case.shown, made, only)
            if all(check.passed for check in found) and (
                dtype == "float64" or case.gates == "1 to 3"
            ):
                found = gate_training.check_training(case.shown, made, only, dtype)
            for check in found:
                if not check.passed:
                    return check
    return None
