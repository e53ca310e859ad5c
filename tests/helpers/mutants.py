"""Mutants: each is one mistake a person could make, and the gate by which it has to be caught.

A mutant at the seam changes what reaches or leaves an adapter, so it is the same mistake in every
framework. A mutant inside patches one function of an adapter; those of NumPy are here, those of
the other frameworks in mutation_run.py, which only their own process imports.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from unittest.mock import patch

import numpy as np

from samenet.adapter import Capabilities, DataSource, Layer, Program, Target, draws
from samenet.adapters.numpy import adapter as numpy_adapter
from samenet.adapters.numpy import functions as numpy_functions
from samenet.adapters.numpy import network as numpy_network
from samenet.adapters.numpy import optimizers
from samenet.adapters.numpy.functions import FUNCTIONS
from samenet.adapters.numpy.layers import products
from samenet.certificate import cases, gate_timed, gate_timed_end, gate_training, readback
from samenet.certificate.problem import Build, Check, Problem, train_call
from samenet.spec import AdamConstants, Forms, Network, Schedule
from samenet.worker.cases import checks_of

SMOOTH_ADAM = "training by adam, smooth"
TASK = "task"
"""Stands for a shipped task: gates 1 and 2 before, gate 4 and the read-backs after the clock."""

IRIS, DIGITS, NEURON = f"{TASK} iris", f"{TASK} digits", f"{TASK} single_neuron"

CALLS = 130
"""Of a timed program: more than any mutant waits for."""

Apply = Callable[[Build, Capabilities], tuple[Build, Capabilities]]


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One mistake."""

    what: str
    """As the method page names it."""
    on: str
    """The parity case, or TASK and the name of one."""
    gate: str
    """Which gate catches it first."""
    timed: str = ""
    """A task on which gate 4 sees it too, in what is timed, whatever the gates before it say."""
    apply: Apply = lambda build, capabilities: (build, capabilities)
    inside: Callable[[], AbstractContextManager[object]] = nullcontext


def checks(
    on: str, build: Build, capabilities: Capabilities, problem: Problem | None = None
) -> list[Check]:
    """Return every check of a case, or of a task as a run makes them."""
    if not on.startswith(TASK):
        return list(checks_of(cases.find_case(on), build, capabilities))
    assert problem is not None
    found = gate_training.check_task(problem, build, capabilities)
    target = Target()
    program = build(problem, problem.training, problem.weights, target.dtype)
    losses, weights = [], []
    for call in problem.calls:
        losses.append(train_call(program, call))
        weights = weights or list(program.weights())
    timed = gate_timed.TimedCalls(losses, weights)
    further = itertools.islice(problem.stream(), len(problem.calls), CALLS)
    kept = {
        place: train_call(program, call) for place, call in enumerate(further, len(problem.calls))
    }
    last = gate_timed_end.last_call(problem, program, CALLS, capabilities)
    seen = gate_timed_end.Seen(calls=CALLS, last=last, losses=kept)
    timing = gate_timed_end.Timing(
        problem=problem, build=build, capabilities=capabilities, dtype=target.dtype
    )
    return [
        *found,
        *gate_timed.check_timed_program(problem, build, capabilities, timed, target.dtype),
        readback.check_sync(program, problem.calls[0]),
        readback.check_precision_kept(program, target),
        readback.check_product_precision(build, target),
        *gate_timed_end.of_every_process(timing, last),
        *gate_timed_end.of_first_process(timing, program, seen),
    ]


class Wrapped:
    """A program of which a mutant overrides a method."""

    def __init__(self, program: Program) -> None:
        self.program = program

    def __getattr__(self, name: str) -> object:
        """Leave everything else to the program."""
        return getattr(self.program, name)


def training(change: Callable) -> Apply:
    """Build with another training spec than was asked for."""

    def apply(build, capabilities):
        return lambda p, t, w, d: build(p, change(t), w, d), capabilities

    return apply


def rule(change: Callable[[object], dict]) -> Apply:
    """Build with some constants of the optimiser changed; a probe's SGD may lack them."""

    def changed(spec):
        known = type(spec.optimizer).model_fields
        found = {key: v for key, v in change(spec.optimizer).items() if key in known}
        return spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update=found)})

    return training(changed)


def wrapped(kind: Callable[[Program], object]) -> Apply:
    """Wrap every program."""

    def apply(build, capabilities):
        return lambda *arguments: kind(build(*arguments)), capabilities

    return apply


def wrapped_in(dtype: str, kind: Callable[[Program], object]) -> Apply:
    """Wrap the programs of one precision only."""

    def apply(build, capabilities):
        def made(problem, spec, weights, wanted):
            program = build(problem, spec, weights, wanted)
            return kind(program) if wanted == dtype else program

        return made, capabilities

    return apply


def losses(spec, **changes):
    """Return the training with another loss."""
    return spec.model_copy(update={"loss": spec.loss.model_copy(update=changes)})


def slope_rounded_up(build, capabilities):
    """Take the usual 0.01 for the slope that was asked for."""

    def made(problem, spec, weights, dtype):
        layers = tuple(
            layer.model_copy(
                update={"activation": layer.activation.model_copy(update={"slope": 0.01})}
            )
            for layer in problem.network.layers
        )
        known = problem.network.model_dump(exclude={"layers"})
        network = Network.model_validate({**known, "layers": layers})
        return build(replace(problem, network=network), spec, weights, dtype)

    return made, capabilities


def biases_offset(build, capabilities):
    """Start the biases at 2^-10."""

    def made(problem, spec, weights, dtype):
        moved = [Layer(w.kernel, w.bias + 2.0**-10) for w in weights]
        return build(problem, spec, moved, dtype)

    return made, capabilities


def _turned(weights):
    """Return the weights with square kernels transposed."""
    return [
        Layer(w.kernel.T if w.kernel.shape[0] == w.kernel.shape[1] else w.kernel, w.bias)
        for w in weights
    ]


class ReadsTransposed(Wrapped):
    """Holds square kernels transposed and reads them back as given."""

    def weights(self):
        return _turned(self.program.weights())


def square_transposed(build, capabilities):
    """Compute with the transpose of square kernels."""
    return lambda p, t, w, d: ReadsTransposed(build(p, t, _turned(w), d)), capabilities


class Float32(Wrapped):
    """Says float64 of numbers that were computed in float32."""

    def weights(self):
        return draws.as_dtype(self.program.weights(), "float64")


def float64_is_float32(build, capabilities):
    """Compute in float32 whatever was asked for."""

    def made(problem, spec, weights, dtype):
        program = build(problem, spec, weights, "float32")
        return Float32(program) if dtype == "float64" else program

    return made, capabilities


def labels_shifted(build, capabilities):
    """Load each row with the target of the row before."""

    def made(problem, spec, weights, dtype):
        source = problem.source
        shifted = replace(source, targets=np.roll(source.targets, 1, axis=0))
        return build(replace(problem, source=shifted), spec, weights, dtype)

    return made, capabilities


def declared(**forms: str) -> Apply:
    """Declare another form than the adapter follows."""

    def apply(build, capabilities):
        changed = capabilities.forms.model_copy(update=forms)
        return build, capabilities.model_copy(update={"forms": Forms.model_validate(changed)})

    return apply


class SumForMean(Wrapped):
    """Reports sums over the batch."""

    def train(self, batches):
        self.rows = batches.order.shape[1]
        self.program.train(batches)

    def losses(self):
        return np.asarray(self.program.losses()) * self.rows


def sum_for_mean(build, capabilities):
    """Sum the loss over the batch, and with it the gradient."""

    def made(problem, spec, weights, dtype):
        factor = spec.batch_size
        fast = spec.optimizer.model_copy(
            update={"learning_rate": spec.optimizer.learning_rate * factor}
        )
        summed = spec.model_copy(update={"optimizer": fast})
        return SumForMean(build(problem, summed, weights, dtype))

    return made, capabilities


class LossHalved(Wrapped):
    """Reports half the loss: 1/2 of the squared error is a usual definition."""

    def losses(self):
        return np.asarray(self.program.losses()) / 2


class Ordered(Wrapped):
    """Changes the order of the rows."""

    def train(self, batches):
        self.program.train(replace(batches, order=self.changed(batches.order.copy())))

    def changed(self, order):
        raise NotImplementedError


class TwoSwapped(Ordered):
    """Swaps one sample with one of the next batch."""

    def changed(self, order):
        if len(order) > 1:
            order[0, 0], order[1, 0] = order[1, 0], order[0, 0]
        return order


class OneLost(Ordered):
    """Takes one sample twice and its neighbour never."""

    def changed(self, order):
        if len(order) > 1:
            order[-1, 0] = order[-1, 1]
        return order


class LastDropped(Wrapped):
    """Leaves out the last batch of every call and repeats the last loss in its place."""

    def train(self, batches):
        self.program.train(batches.first(max(1, len(batches.order) - 1)))
        self.missing = len(batches.order) > 1

    def losses(self):
        found = np.asarray(self.program.losses())
        return np.append(found, found[-1]) if self.missing and len(found) > 1 else found


class NotRescaled(Wrapped):
    """Multiplies by masks of 0 and 1: what dropout keeps is not made larger."""

    def train(self, batches):
        masks = tuple(None if m is None else np.sign(m) for m in batches.masks)
        self.program.train(replace(batches, masks=masks))


class StepAhead(Wrapped):
    """Counts the steps from 1 where they are counted from 0."""

    def train(self, batches):
        self.program.train(replace(batches, first_step=batches.first_step + 1))


class Stale(Wrapped):
    """Predicts with the weights of the beginning."""

    def predict(self, rows):
        if not hasattr(self, "first"):
            self.first = np.asarray(self.program.predict(rows))
        return self.first[: len(rows)]


def predicts_stale(build, capabilities):
    """Predict with the initial weights, as a forgotten copy would."""

    def made(problem, spec, weights, dtype):
        program = Stale(build(problem, spec, weights, dtype))
        program.predict(np.arange(len(problem.source.inputs), dtype=np.int32))
        return program

    return made, capabilities


class OwnOrder(Ordered):
    """Shuffles by itself, as `fit` does unless it is told not to."""

    draw = np.random.default_rng()

    def changed(self, order):
        return self.draw.permutation(order.ravel()).astype(np.int32).reshape(order.shape)


class Hasty(Wrapped):
    """Puts its work off; `sync` does not wait for it, only reading does.

    Put off, and not done by another thread: on a busy processor that one may have finished.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.waiting = []

    def train(self, batches):
        self.waiting.append(batches)

    def sync(self):
        pass

    def done(self):
        """Do what was put off, and return the program."""
        for batches in self.waiting:
            self.program.train(batches)
        self.waiting.clear()
        return self.program

    def losses(self):
        return self.done().losses()

    def predict(self, rows):
        return self.done().predict(rows)

    def weights(self):
        return self.done().weights()


def shorter(values: np.ndarray, digits: int = 10) -> np.ndarray:
    """Return float32 numbers rounded to so many binary digits behind the first: 10 is TF32's."""
    if values.dtype != np.float32:
        return values
    dropped = np.int32(1 << (22 - digits))
    bits = values.view(np.int32)
    return ((bits + dropped) & ~np.int32(2 * dropped - 1)).view(np.float32)


def predicts_tf32(build, capabilities):
    """Load inputs that predictions see in TF32."""

    def made(problem, spec, weights, dtype):
        source = problem.source
        rounded = DataSource(
            inputs=shorter(source.inputs), targets=source.targets, train_rows=source.train_rows
        )
        fitting = problem.name == "product"
        return build(replace(problem, source=rounded) if fitting else problem, spec, weights, dtype)

    return made, capabilities


AT_THE_SEAM: dict[str, Mutant] = {
    "rate": Mutant(
        what="learning rate off by a millionth",
        on="training by sgd, smooth",
        gate="gate 2",
        apply=rule(
            lambda o: {"learning_rate": o.learning_rate * (1 + 2.0**-20 * (o.learning_rate < 1))}
        ),
    ),
    "sum_for_mean": Mutant(
        what="sum over the batch instead of the mean",
        on="gradient of tanh, huber(delta=0.5)",
        gate="gate 1",
        apply=sum_for_mean,
    ),
    "loss_reported_halved": Mutant(
        what="loss reported with the factor 1/2",
        on="training by nesterov + several outputs, smooth",
        gate="gate 2",
        apply=wrapped(LossHalved),
    ),
    "loss_halved": Mutant(
        what="loss halved",
        on="gradient of elu, mean_absolute_error",
        gate="gate 1",
        apply=rule(lambda o: {"learning_rate": o.learning_rate / 2}),
    ),
    "adam_epsilon": Mutant(
        what="another epsilon of Adam",
        on=SMOOTH_ADAM,
        gate="gate 2",
        apply=rule(lambda o: {"epsilon": 16 * getattr(o, "epsilon", 0)}),
    ),
    "adam_form": Mutant(
        what="epsilon added to the other root of Adam",
        on=SMOOTH_ADAM,
        gate="gate 2",
        apply=lambda build, c: declared(
            adam="standard" if c.forms.adam == "epsilon_hat" else "epsilon_hat"
        )(build, c),
    ),
    "betas_swapped": Mutant(
        what="betas swapped",
        on=SMOOTH_ADAM,
        gate="gate 2",
        apply=rule(
            lambda o: {"beta1": o.beta2, "beta2": o.beta1} if isinstance(o, AdamConstants) else {}
        ),
    ),
    "beta_rounded": Mutant(
        what="beta2 rounded to float32",
        on=SMOOTH_ADAM,
        gate="gate 2",
        apply=rule(lambda o: {"beta2": getattr(o, "beta2", 0) + 2.0**-26}),
    ),
    "momentum_for_nesterov": Mutant(
        what="momentum for Nesterov",
        on="training by nesterov, smooth",
        gate="gate 2",
        apply=rule(lambda o: {"nesterov": False}),
    ),
    "l2_forgotten": Mutant(
        what="L2 penalty forgotten",
        on="training by momentum + l2, kinked",
        gate="gate 2",
        apply=rule(lambda o: {"l2": 0.0}),
    ),
    "coupled_decay": Mutant(
        what="coupled for decoupled decay",
        on="training by adam + decay, smooth",
        gate="gate 2",
        apply=rule(lambda o: {"l2": o.weight_decay, "weight_decay": 0.0}),
    ),
    "accumulator": Mutant(
        what="Adagrad's sum started at zero",
        on="training by adagrad, smooth",
        gate="gate 2",
        apply=rule(lambda o: {"initial_accumulator": 0.0}),
    ),
    "schedule_ahead": Mutant(
        what="schedule off by one step",
        on="training by sgd + warm-up, kinked",
        gate="gate 2",
        apply=training(
            lambda t: (
                t.model_copy(update={"schedule": Schedule(warmup_steps=15)})
                if t.schedule.warmup_steps
                else t
            )
        ),
    ),
    "samples_swapped": Mutant(
        what="two samples swapped between neighbouring batches",
        on="training by momentum, smooth",
        gate="gate 2",
        apply=wrapped(TwoSwapped),
    ),
    "sample_lost": Mutant(
        what="one sample lost in one batch",
        on="training by momentum, smooth",
        gate="gate 2",
        apply=wrapped(OneLost),
    ),
    "last_batch": Mutant(
        what="last batch dropped",
        on="training by momentum, smooth",
        gate="gate 2",
        apply=wrapped(LastDropped),
    ),
    "last_batch_float32": Mutant(
        what="last batch dropped, in float32 alone",
        on="training by momentum, smooth",
        gate="gate 3",
        timed=NEURON,
        apply=wrapped_in("float32", LastDropped),
    ),
    "labels_shifted": Mutant(
        what="labels shifted by one row",
        on="gradient of tanh, huber(delta=0.5)",
        gate="gate 1",
        apply=labels_shifted,
    ),
    "label_smoothing": Mutant(
        what="a label smoothing of a thousandth",
        on="loss sparse_categorical_cross_entropy",
        gate="gate 0",
        apply=training(lambda t: losses(t, label_smoothing=2.0**-10)),
    ),
    "huber_delta": Mutant(
        what="Huber's delta ignored",
        on="loss huber(delta=0.5)",
        gate="gate 0",
        apply=training(lambda t: losses(t, delta=1.0)),
    ),
    "slope": Mutant(
        what="wrong slope of leaky ReLU",
        on="activation leaky_relu(slope=0.0078125)",
        gate="gate 0",
        apply=slope_rounded_up,
    ),
    "biases_offset": Mutant(
        what="bias not zero",
        on="gradient of tanh, huber(delta=0.5)",
        gate="initial weights",
        apply=biases_offset,
    ),
    "square_transposed": Mutant(
        what="square weight matrix transposed",
        on="gradient of tanh, huber(delta=0.5)",
        gate="gate 1",
        apply=square_transposed,
    ),
    "float64_is_float32": Mutant(
        what="float32 where float64 was asked for",
        on="gradient of tanh, huber(delta=0.5)",
        gate="gate 1",
        apply=float64_is_float32,
    ),
    "dropout_not_rescaled": Mutant(
        what="dropout not rescaled",
        on="training by nesterov + dropout, smooth",
        gate="gate 2",
        apply=wrapped(NotRescaled),
    ),
    "predicts_stale": Mutant(
        what="predictions from stale weights",
        on="training by momentum, smooth",
        gate="gate 2",
        apply=predicts_stale,
    ),
    "own_order": Mutant(
        what="rows shuffled by the framework itself",
        on=cases.SAME_SEED_TWICE,
        gate="repeatable",
        apply=wrapped(OwnOrder),
    ),
    "sync": Mutant(
        what="missing sync",
        on=NEURON,
        gate="sync",
        apply=wrapped_in("float32", Hasty),
    ),
    "predicts_tf32": Mutant(
        what="predictions in TF32",
        on=NEURON,
        gate="read-back",
        apply=predicts_tf32,
    ),
}


def softmax(z):
    """Return softmax by rows."""
    exponentials = np.exp(z - z.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def softmax_twice(z, y, spec):
    """Return the loss of probabilities taken for logits, and its gradient by the logits."""
    p = softmax(z)
    loss, d = FUNCTIONS.categorical_cross_entropy(p, y, spec)
    return loss, p * (d - (d * p).sum(axis=1, keepdims=True))


def clipped_probabilities(z, y, spec):
    """Return binary cross entropy of probabilities clipped to [1e-7, 1 - 1e-7]."""
    p = np.clip(FUNCTIONS.expit(z), 1e-7, 1 - 1e-7)
    inside = (p > 1e-7) & (p < 1 - 1e-7)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))), (p - y) * inside / len(z)


def gelu_tanh(z, slope):
    """Return the tanh approximation of GELU (Hendrycks 2016)."""
    return 0.5 * z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


@contextmanager
def everything_decayed() -> Iterator[None]:
    """Give the decay the biases, too."""
    usual = optimizers.Updates.__init__

    def start(self, *arguments):
        usual(self, *arguments)
        self.decayed = self.parameters

    with patch.object(optimizers.Updates, "__init__", start):
        yield


def everything_penalised(self, gradients):
    """Add the penalty's part to the gradients of biases, too."""
    pairs = zip(gradients, self.parameters, strict=True)
    return [g + self.spec.l2 * parameter for g, parameter in pairs]


def clipped_each(self, gradients, norm_max):
    """Clip every variable on its own."""
    return [g * min(1.0, norm_max / max(float(np.linalg.norm(g)), 1e-300)) for g in gradients]


@contextmanager
def uncorrected() -> Iterator[None]:
    """Leave Adam's bias correction out: after a million steps there is none."""
    usual = optimizers.AdamStandard.__init__

    def start(self, spec, parameters, xp):
        usual(self, spec, parameters, xp)
        self.t = 1_000_000

    with patch.object(optimizers.AdamStandard, "__init__", start):
        yield


@contextmanager
def products_in(digits: int) -> Iterator[None]:
    """Round what enters the forward products to so many binary digits."""
    usual = products.Dense.forward

    def forward(self, x):
        kept = self.kernel
        self.kernel = shorter(kept, digits)
        found = usual(self, shorter(x, digits))
        self.kernel = kept
        return found

    with patch.object(products.Dense, "forward", forward):
        yield


LARGE = "training by adam + large, smooth"
MANY_CALLS = "training by momentum + many calls, smooth"
ADAM_COVERED = "training by adam + l2 + cosine + several outputs, smooth"
CLIPPED = "training by nesterov + clipping + exponential + dropout, smooth"
DECAYED = "training by momentum + decay + step + usual constants, smooth"
SHORT = "training by sgd + l2 + warm-up + short batch, smooth"
"""Cases by which `samenet check` tries all that an adapter offers."""


class OffByOneRow(Ordered):
    """Takes in the last batch of a call the row after the one it should for its last place."""

    def changed(self, order):
        order[-1, -1] = (order[-1, -1] + 1) % (order.max() + 1)
        return order


class DroppedIfLong(LastDropped):
    """Leaves out the last batch of a call of more than 20 steps."""

    def train(self, batches):
        if len(batches.order) > 20:
            super().train(batches)
        else:
            self.missing = False
            self.program.train(batches)


class Counting(Wrapped):
    """Knows which call this is, from 1, and how many steps were before it."""

    calls = steps = 0

    def train(self, batches):
        self.calls += 1
        self.do(batches)
        self.steps += len(batches.order)

    def do(self, batches):
        raise NotImplementedError


class IdleAfter100(Counting):
    """Does nothing from its 101st call on, and repeats its latest losses."""

    def do(self, batches):
        if self.calls <= 100:
            self.program.train(batches)


class StaleAfter100(Counting):
    """Trains on one batch from its 101st call on: the buffer of the input is filled no more."""

    def do(self, batches):
        if self.calls == 100:
            self.kept = batches.order[0]
        if self.calls > 100:
            order = np.broadcast_to(self.kept, batches.order.shape).copy()
            batches = replace(batches, order=order)
        self.program.train(batches)


class SkipsLate(Wrapped):
    """Leaves out every 64th step after the 700th, and repeats the loss before it."""

    def train(self, batches):
        steps = batches.first_step + np.arange(len(batches.order))
        kept = (steps < 700) | (steps % 64 != 0)
        self.found = []
        for place in range(len(steps)):
            if kept[place]:
                masks = tuple(None if m is None else m[place : place + 1] for m in batches.masks)
                self.program.train(
                    replace(
                        batches,
                        order=batches.order[place : place + 1],
                        first_step=int(steps[place]),
                        masks=masks,
                    )
                )
            self.found.append(np.asarray(self.program.losses())[-1])

    def losses(self):
        return np.array(self.found)


class WrongBeyond1024(Wrapped):
    """Predicts for rows from the 1,025th on what the first rows have."""

    def predict(self, rows):
        found = np.array(self.program.predict(rows))
        found[1024:] = found[: len(found[1024:])]
        return found


def numpy_step(change: Callable) -> Callable[[], AbstractContextManager[object]]:
    """Return a patch of NumPy's update: `change(usual, updates, gradients, rate)` in its place."""
    usual = optimizers.Updates.apply

    def apply(self, gradients, rate):
        self.steps = getattr(self, "steps", 0) + 1
        change(partial(usual, self), self, gradients, rate)

    return lambda: patch.object(optimizers.Updates, "apply", apply)


def not_zeroed_every(count: int) -> Callable:
    """Add the gradients of the step before in every so many-th step."""

    def change(usual, updates, gradients, rate):
        before = getattr(updates, "before", None)
        updates.before = [g.copy() for g in gradients]
        if before is not None and updates.steps % count == 0:
            gradients = [g + b for g, b in zip(gradients, before, strict=True)]
        usual(gradients, rate)

    return change


def halved_late(usual, updates, gradients, rate):
    """Halve the rate from the 150th step on."""
    usual(gradients, rate / 2 if updates.steps >= 150 else rate)


def decayed_after(usual, updates, gradients, rate):
    """Decay the weights after the step instead of before it."""
    decay = updates.spec.weight_decay
    kept = updates.spec
    updates.spec = kept.model_copy(update={"weight_decay": 0.0})
    usual(gradients, rate)
    updates.spec = kept
    for kernel in updates.decayed:
        kernel -= (rate * decay) * kernel


def _wide(updates):
    return [k for k in updates.decayed if k.dtype == np.float32 and k.size >= 4096]


def last_column_kept(usual, updates, gradients, rate):
    """Never update the last column of a wide kernel in float32."""
    columns = [kernel[:, -1].copy() for kernel in _wide(updates)]
    usual(gradients, rate)
    for kernel, column in zip(_wide(updates), columns, strict=True):
        kernel[:, -1] = column


def wide_rate_off(usual, updates, gradients, rate):
    """Move wide kernels by 1 % more after the first step, in float32."""
    before = [kernel.copy() for kernel in _wide(updates)]
    usual(gradients, rate)
    if updates.steps > 1:
        for kernel, old in zip(_wide(updates), before, strict=True):
            kernel += np.float32(0.01) * (kernel - old)


def clipped_above_twice(self, gradients, norm_max):
    """Clip only what is more than twice as long as it may be."""
    norm = sum(float(np.vdot(g, g)) for g in gradients) ** 0.5
    return [g * (norm_max / norm) for g in gradients] if norm > 2 * norm_max else gradients


def always_scaled(self, gradients, norm_max):
    """Scale every gradient to the norm, a shorter one too."""
    norm = sum(float(np.vdot(g, g)) for g in gradients) ** 0.5
    return [g * (norm_max / norm) for g in gradients]


def summed_over_outputs(z, y, spec):
    """Return the squared error summed over the outputs, its mean over the rows alone."""
    loss, gradient = FUNCTIONS.mean_squared_error(z, y, spec)
    return loss * z.shape[1], gradient * z.shape[1]


def smoothed_over_others(y, classes, spec):
    """Return targets whose smoothing is shared by the other classes only."""
    share = spec.label_smoothing
    return (1 - share) * y + share / (classes - 1) * (1 - y) if share else y


@contextmanager
def uncorrected_first() -> Iterator[None]:
    """Leave Adam's bias correction out in the first step alone."""
    usual = optimizers.AdamStandard.directions

    def directions(self, gradients):
        first = self.t == 0
        found = usual(self, gradients)
        if not first:
            return found
        return [m / (self.xp.sqrt(v) + self.spec.epsilon) for m, v in self.moments]

    with patch.object(optimizers.AdamStandard, "directions", directions):
        yield


@contextmanager
def state_forgotten() -> Iterator[None]:
    """Start the optimiser anew in every call."""
    usual = numpy_adapter.NumpyProgram.train

    def train(self, batches):
        layers = self.layers
        self.updates = optimizers.Updates(self.training, layers.parameters, layers.decays)
        usual(self, batches)

    with patch.object(numpy_adapter.NumpyProgram, "train", train):
        yield


@contextmanager
def gradients_changed(change: Callable) -> Iterator[None]:
    """Change what the backward pass gives: `change(gradients, rows, kernels)`."""
    usual = numpy_network.Layers.gradients

    def gradients(self, inputs, targets, masks=()):
        loss, found = usual(self, inputs, targets, masks)
        return loss, change(found, len(inputs))

    with patch.object(numpy_network.Layers, "gradients", gradients):
        yield


def bias_sums_float32(found, rows):
    """Round the gradients of biases to float32."""
    del rows
    return [g if g.ndim == 2 else g.astype(np.float32).astype(g.dtype) for g in found]


def divided_by_full_size(found, rows):
    """Divide the gradient of a short batch by the full batch size, in float32."""
    if found[0].dtype != np.float32 or rows in (1, cases.BATCH):
        return found
    return [g * (rows / cases.BATCH) for g in found]


PLANTED: dict[str, Mutant] = {
    "uncorrected_first": Mutant(
        what="Adam's bias correction missing in the first step",
        on=ADAM_COVERED,
        gate="gate 2",
        inside=uncorrected_first,
    ),
    "decayed_after": Mutant(
        what="decoupled decay after the step",
        on=DECAYED,
        gate="gate 2",
        inside=numpy_step(decayed_after),
    ),
    "summed_over_outputs": Mutant(
        what="sum over the outputs instead of the mean",
        on="loss mean_squared_error",
        gate="gate 0",
        inside=lambda: patch.dict(FUNCTIONS.losses, {"mean_squared_error": summed_over_outputs}),
    ),
    "not_zeroed_50": Mutant(
        what="gradients not set to zero in every 50th step",
        on=MANY_CALLS,
        gate="gate 2",
        inside=numpy_step(not_zeroed_every(50)),
    ),
    "not_zeroed_500": Mutant(
        what="gradients not set to zero in every 500th step",
        on=MANY_CALLS,
        gate="gate 2",
        timed=IRIS,
        inside=numpy_step(not_zeroed_every(500)),
    ),
    "bias_sums_float32": Mutant(
        what="gradients of biases in float32",
        on=ADAM_COVERED,
        gate="gate 2",
        inside=partial(gradients_changed, bias_sums_float32),
    ),
    "off_by_one_row": Mutant(
        what="last row of a call replaced by its neighbour",
        on=MANY_CALLS,
        gate="gate 2",
        apply=wrapped(OffByOneRow),
    ),
    "relu_at_0": Mutant(
        what="ReLU's slope at 0 that of the right side",
        on="activation relu",
        gate="gate 0",
        inside=lambda: patch.dict(
            FUNCTIONS.activations,
            {"relu": (FUNCTIONS.activations["relu"][0], lambda z, s: z >= 0)},
        ),
    ),
    "error_at_0": Mutant(
        what="absolute error with a slope at an exact hit",
        on="loss mean_absolute_error",
        gate="gate 0",
        inside=lambda: patch.dict(
            FUNCTIONS.losses,
            {
                "mean_absolute_error": lambda z, y, spec: (
                    np.mean(np.abs(z - y)),
                    np.where(z >= y, 1, -1).astype(z.dtype) / z.size,
                )
            },
        ),
    ),
    "smoothed_over_others": Mutant(
        what="label smoothing shared by the other classes",
        on="loss sparse_categorical_cross_entropy(label_smoothing=0.125)",
        gate="gate 0",
        inside=lambda: patch.object(numpy_functions, "smooth_targets", smoothed_over_others),
    ),
    "idle_after_100": Mutant(
        what="nothing done after a hundred calls, in float32",
        on=MANY_CALLS,
        gate="gate 3",
        timed=IRIS,
        apply=wrapped_in("float32", IdleAfter100),
    ),
    "stale_after_100": Mutant(
        what="one stale batch after a hundred calls, in float32",
        on=MANY_CALLS,
        gate="gate 3",
        timed=IRIS,
        apply=wrapped_in("float32", StaleAfter100),
    ),
    "state_forgotten": Mutant(
        what="optimiser started anew in every call",
        on=ADAM_COVERED,
        gate="gate 2",
        inside=state_forgotten,
    ),
    "dropped_if_long": Mutant(
        what="last batch dropped from a call of more than 20 steps",
        on=LARGE,
        gate="gate 2",
        timed=DIGITS,
        apply=wrapped(DroppedIfLong),
    ),
    "last_column": Mutant(
        what="last column of wide kernels never updated, in float32",
        on=LARGE,
        gate="gate 3",
        timed=DIGITS,
        inside=numpy_step(last_column_kept),
    ),
    "wide_rate": Mutant(
        what="rate of wide kernels off by 1 % after the first step, in float32",
        on=LARGE,
        gate="gate 3",
        inside=numpy_step(wide_rate_off),
    ),
    "halved_late": Mutant(
        what="rate halved from the 150th step on",
        on=MANY_CALLS,
        gate="gate 2",
        timed=IRIS,
        inside=numpy_step(halved_late),
    ),
    "wrong_beyond_1024": Mutant(
        what="predictions wrong beyond row 1,024",
        on=LARGE,
        gate="gate 2",
        timed=IRIS,
        apply=wrapped(WrongBeyond1024),
    ),
    "short_batch_float32": Mutant(
        what="short batch divided by the full size, in float32",
        on=SHORT,
        gate="gate 3",
        inside=partial(gradients_changed, divided_by_full_size),
    ),
    "clipped_above_twice": Mutant(
        what="clipped only above twice the norm",
        on=CLIPPED,
        gate="gate 2",
        inside=lambda: patch.object(optimizers.Updates, "clipped", clipped_above_twice),
    ),
    "always_scaled": Mutant(
        what="scaled to the norm of clipping even if shorter",
        on=CLIPPED,
        gate="gate 2",
        inside=lambda: patch.object(optimizers.Updates, "clipped", always_scaled),
    ),
    "skips_late": Mutant(
        what="every 64th step skipped after the 700th, in float32",
        on=MANY_CALLS,
        gate="gate 3",
        timed=IRIS,
        apply=wrapped_in("float32", SkipsLate),
    ),
}
"""What a framework's maintainer planted to see whether `samenet check` notices: it does, on these
cases, all of which belong to what it tries."""


class RowsModulo1024(Ordered):
    """Takes row numbers modulo 1,024 in the training alone, as ten bits hold them."""

    def changed(self, order):
        return order % 1024


class FirstMasksOnly(Wrapped):
    """Drops the same units in every step of a call: its masks are drawn once."""

    def train(self, batches):
        masks = tuple(None if m is None else np.broadcast_to(m[0], m.shape) for m in batches.masks)
        self.program.train(replace(batches, masks=masks))


class CallBehind(Wrapped):
    """Predicts with the weights of the call before, from the third call on."""

    before = None
    calls = 0

    def train(self, batches):
        self.calls += 1
        self.before = [part.copy() for part in self.program.layers.parameters]
        self.program.train(batches)

    def predict(self, rows):
        if self.calls < 3:
            return self.program.predict(rows)
        held = self.program.layers.parameters
        now = [part.copy() for part in held]
        for part, old in zip(held, self.before, strict=True):
            part[...] = old
        found = np.array(self.program.predict(rows))
        for part, new in zip(held, now, strict=True):
            part[...] = new
        return found


def rate_held(usual, updates, gradients, rate):
    """Let no schedule fall below a quarter of the rate it began with."""
    usual(gradients, max(rate, updates.spec.learning_rate / 4) if updates.steps > 64 else rate)


def last_bias_kept(usual, updates, gradients, rate):
    """Never update the last bias after the 200th step, in float32."""
    bias = updates.parameters[1]  # those of the last layer come first
    kept = bias.copy()
    usual(gradients, rate)
    if updates.steps > 200 and bias.dtype == np.float32:
        bias[...] = kept


def thousandth_left_out(usual, updates, gradients, rate):
    """Leave out every 1,000th step, in float32."""
    if updates.steps % 1000 or gradients[0].dtype != np.float32:
        usual(gradients, rate)


UNFORESEEN: dict[str, Mutant] = {
    "rows_modulo_1024": Mutant(
        what="training rows beyond the 1,024th taken for the first ones",
        on=LARGE,
        gate="gate 2",
        apply=wrapped(RowsModulo1024),
        timed=DIGITS,
    ),
    "first_masks_only": Mutant(
        what="the same units dropped in every step of a call",
        on=CLIPPED,
        gate="gate 2",
        apply=wrapped(FirstMasksOnly),
    ),
    "call_behind": Mutant(
        what="predictions a call behind, in float32",
        on=SMOOTH_ADAM,
        gate="gate 3",
        apply=wrapped_in("float32", CallBehind),
        timed=IRIS,
    ),
    "rate_held": Mutant(
        what="rate of a schedule never below a quarter of the first",
        on=ADAM_COVERED,
        gate="gate 2",
        inside=numpy_step(rate_held),
    ),
    "last_bias_kept": Mutant(
        what="last bias never updated after 200 steps, in float32",
        on=MANY_CALLS,
        gate="gate 3",
        inside=numpy_step(last_bias_kept),
        timed=IRIS,
    ),
    "thousandth_left_out": Mutant(
        what="every 1,000th step left out, in float32",
        on=IRIS,
        gate="gate 4",
        inside=numpy_step(thousandth_left_out),
    ),
}
"""Planted after the gates were written, to see what they catch that nobody had thought of."""

INSIDE_NUMPY: dict[str, Mutant] = {
    **PLANTED,
    **UNFORESEEN,
    "softmax_twice": Mutant(
        what="softmax twice",
        on="loss sparse_categorical_cross_entropy",
        gate="gate 0",
        inside=lambda: patch.dict(
            FUNCTIONS.losses, {"sparse_categorical_cross_entropy": softmax_twice}
        ),
    ),
    "clipped_probabilities": Mutant(
        what="probabilities clipped at 1e-7",
        on="loss binary_cross_entropy",
        gate="gate 0",
        inside=lambda: patch.dict(
            FUNCTIONS.losses, {"binary_cross_entropy": clipped_probabilities}
        ),
    ),
    "gelu_tanh": Mutant(
        what="GELU by tanh instead of erf",
        on="activation gelu",
        gate="gate 0",
        inside=lambda: patch.dict(
            FUNCTIONS.activations,
            {"gelu": (gelu_tanh, FUNCTIONS.activations["gelu"][1])},
        ),
    ),
    "biases_decayed": Mutant(
        what="bias decayed",
        on="training by adam + decay, smooth",
        gate="gate 2",
        inside=everything_decayed,
    ),
    "biases_penalised": Mutant(
        what="L2 penalty on biases, too",
        on="training by momentum + l2, kinked",
        gate="gate 2",
        inside=lambda: patch.object(optimizers.Updates, "penalised", everything_penalised),
    ),
    "clipping_per_variable": Mutant(
        what="clipping per variable instead of globally",
        on="training by sgd + clipping, smooth",
        gate="gate 2",
        inside=lambda: patch.object(optimizers.Updates, "clipped", clipped_each),
    ),
    "adam_uncorrected": Mutant(
        what="Adam without bias correction",
        on=SMOOTH_ADAM,
        gate="gate 2",
        inside=uncorrected,
    ),
    "tf32": Mutant(
        what="TF32 products",
        on="gradient of tanh, huber(delta=0.5)",
        gate="gate 1",
        inside=partial(products_in, 10),
    ),
    "bf16": Mutant(
        what="bf16 products",
        on="gradient of tanh, huber(delta=0.5)",
        gate="gate 1",
        inside=partial(products_in, 7),
    ),
}
