"""The oracle is right: its gradients agree with differences of its loss, its steps with hands."""

from __future__ import annotations

import math
from typing import Any, get_args

import numpy as np
import pytest

from samenet.adapter import Layer, draws
from samenet.certificate.oracle import network as oracle
from samenet.certificate.oracle.functions import derivative, loss_per_row, mean_loss, value
from samenet.certificate.oracle.network import Batch
from samenet.certificate.oracle.optimizers import Updater
from samenet.spec import (
    Activation,
    ActivationName,
    Dense,
    Forms,
    Loss,
    LossName,
    Network,
    TrainSpec,
    parse,
)

NAMES = get_args(ActivationName)
LOSSES = {
    "binary_cross_entropy": Loss(name="binary_cross_entropy"),
    "binary, smoothed": Loss(name="binary_cross_entropy", label_smoothing=0.125),
    "categorical_cross_entropy": Loss(name="categorical_cross_entropy"),
    "categorical, smoothed": Loss(name="categorical_cross_entropy", label_smoothing=0.25),
    "sparse_categorical_cross_entropy": Loss(name="sparse_categorical_cross_entropy"),
    "sparse, smoothed": Loss(name="sparse_categorical_cross_entropy", label_smoothing=0.25),
    "mean_squared_error": Loss(name="mean_squared_error"),
    "mean_absolute_error": Loss(name="mean_absolute_error"),
    "huber": Loss(name="huber"),
    "huber, delta 0.25": Loss(name="huber", delta=0.25),
}
MSE = LOSSES["mean_squared_error"]


def network(activation: str, outputs: int, *, dropout: float = 0.0) -> Network:
    """Return a small network 4-5-3-outputs."""
    hidden = Activation(name=activation, slope=0.0078125 if activation == "leaky_relu" else 0.01)
    layers = (
        Dense(units=5, activation=hidden, dropout=dropout),
        Dense(units=3, activation=hidden),
        Dense(units=outputs, activation=Activation(name="identity")),
    )
    return Network(inputs=4, layers=layers)


def problem(loss: Loss, net: Network | None = None) -> Batch:
    """Return seven rows with targets that fit a loss, and masks if the network drops values."""
    draw = np.random.default_rng(7)
    inputs, classes = draw.normal(size=(7, 4)), draw.integers(0, 3, 7)
    targets = {
        "binary_cross_entropy": draw.integers(0, 2, (7, 1)).astype(np.float64),
        "sparse_categorical_cross_entropy": classes.astype(np.int32),
        "categorical_cross_entropy": np.eye(3)[classes],
    }.get(loss.name, draw.normal(size=(7, 2)))
    masks: tuple[Any, ...] = ()
    if net is not None and net.has_dropout:
        calls = draws.dropout_masks(net, (1, 7), task="t", repeat=0, first_step=0)
        masks = tuple(None if mask is None else mask[0] for mask in calls)
    return Batch(inputs, targets, masks)


def outputs_of(loss: Loss) -> int:
    return {"binary_cross_entropy": 1}.get(loss.name, 3 if "categorical" in loss.name else 2)


def complex_step(net: Network, loss: Loss, weights: Any, batch: Batch, index: int) -> float:
    """Return the derivative of the mean loss by one weight, without cancellation."""
    vector = oracle.flatten(weights).astype(complex)
    vector[index] += 1e-30j
    moved = oracle.unflatten(vector, weights)
    logits = oracle.forward(net, moved, batch.inputs.astype(complex), batch.masks).sums[-1]
    return float(np.mean(loss_per_row(loss, logits, batch.targets)).imag / 1e-30)


@pytest.mark.parametrize("name", NAMES)
def test_activation_derivatives_match_the_complex_step(name: str) -> None:
    """Every activation's derivative equals Im f(z + ih) / h to rounding error."""
    activation = network(name, 1).layers[0].activation
    z = np.array([-20.0, -3.0, -0.5, -1e-3, 1e-3, 0.5, 3.0, 20.0])
    step = value(activation, z + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(derivative(activation, z), step, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("slope", [-0.5, 0.25, 1.0, 1.5])
def test_a_leaky_relu_has_the_slope_that_was_asked_for(slope: float) -> None:
    """Below 0 a leaky ReLU is slope * z, whatever the slope; at 0 its derivative is the slope."""
    activation = Activation(name="leaky_relu", slope=slope)
    assert value(activation, np.array([-2.0, 0.0, 3.0])).tolist() == [-2 * slope, 0, 3]
    assert derivative(activation, np.array([-2.0, 0.0, 3.0])).tolist() == [slope, slope, 1]


@pytest.mark.parametrize("dropout", [0.0, 0.5], ids=["whole", "masked"])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_match_the_complex_step(name: str, loss: Loss, dropout: float) -> None:
    """Every weight's gradient equals the complex-step derivative of the mean loss, masks or not."""
    net = network(name, outputs_of(loss), dropout=dropout)
    batch = problem(loss, net)
    assert bool(batch.masks) == bool(dropout)
    weights = draws.initial_weights(net, task="t", repeat=0)
    found = oracle.flatten(oracle.gradient(net, loss, weights, batch).gradient)
    for index in range(0, len(found), 3):
        exact = complex_step(net, loss, weights, batch, index)
        assert found[index] == pytest.approx(exact, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_match_central_differences(loss: Loss) -> None:
    """The gradient also equals central differences of the real loss, to their own accuracy."""
    net = network("tanh", outputs_of(loss), dropout=0.5)
    batch = problem(loss, net)
    weights = draws.initial_weights(net, task="t", repeat=0)
    found = oracle.flatten(oracle.gradient(net, loss, weights, batch).gradient)
    for index in range(0, len(found), 5):
        high, low = oracle.flatten(weights), oracle.flatten(weights)
        high[index] += 1e-6
        low[index] -= 1e-6
        losses = [
            oracle.gradient(net, loss, oracle.unflatten(v, weights), batch).loss
            for v in (high, low)
        ]
        assert found[index] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6, abs=1e-9)


def test_both_sides_of_every_kink_are_tried() -> None:
    """The problem of the tests above has residuals on both sides of 0 and of the huber's delta."""
    net = network("tanh", 2)
    weights, batch = draws.initial_weights(net, task="t", repeat=0), problem(MSE)
    residuals = oracle.outputs(net, weights, batch.inputs) - batch.targets
    for border in (-0.25, 0.0, 0.25):
        assert (residuals < border).any()
        assert (residuals > border).any()
    assert (np.abs(residuals) < 0.25).any()


LOG2, LOG3 = math.log(2), math.log(3)
BY_HAND = [
    ("binary_cross_entropy", [[0.0]], [[1.0]], LOG2),
    ("binary_cross_entropy", [[LOG3]], [[0.0]], math.log(4)),
    ("binary_cross_entropy(label_smoothing=0.5)", [[LOG3]], [[0.0]], math.log(4) - 0.25 * LOG3),
    ("categorical_cross_entropy", [[LOG2, 0.0, 0.0]], [[1.0, 0.0, 0.0]], LOG2),
    (
        "categorical_cross_entropy(label_smoothing=0.75)",
        [[LOG2, 0.0, 0.0]],
        [[1.0, 0.0, 0.0]],
        math.log(4) - 0.5 * LOG2,
    ),
    ("sparse_categorical_cross_entropy", [[LOG2, 0.0, 0.0]], [1], math.log(4)),
    (
        "sparse_categorical_cross_entropy(label_smoothing=0.75)",
        [[LOG2, 0.0, 0.0]],
        [1],
        math.log(4) - 0.25 * LOG2,
    ),
    ("mean_squared_error", [[1.0, 5.0]], [[0.0, 2.0]], 5.0),
    ("mean_absolute_error", [[1.0, 5.0]], [[0.0, 8.0]], 2.0),
    ("huber", [[1.0, 5.0]], [[0.5, 2.0]], (0.125 + 2.5) / 2),
    ("huber(delta=2.0)", [[1.0, 5.0]], [[0.0, 8.0]], (0.5 + 4.0) / 2),
    ("huber(delta=0.5)", [[1.0, 5.0]], [[0.5, 8.0]], (0.125 + 1.375) / 2),
]


@pytest.mark.parametrize(("text", "logits", "targets", "expected"), BY_HAND, ids=str)
def test_a_loss_follows_its_formula_by_hand(
    text: str, logits: Any, targets: Any, expected: float
) -> None:
    """Each loss of one row is the hand-computed number; of the same row twice, the same mean."""
    values = {"loss": text, "optimizer": SGD, "batch_size": 1, "epochs": 1}
    loss = parse(TrainSpec, values, where="x").loss
    z, wanted = np.array(logits), np.array(targets)
    assert mean_loss(loss, z, wanted) == pytest.approx(expected, rel=1e-14)
    assert mean_loss(loss, np.tile(z, (2, 1)), np.concatenate([wanted] * 2)) == pytest.approx(
        expected, rel=1e-14
    )


def test_every_loss_is_tried() -> None:
    """The tables above hold all six losses, with every argument they have."""
    assert {loss.name for loss in LOSSES.values()} == set(get_args(LossName))
    assert {text.partition("(")[0] for text, *_ in BY_HAND} == set(get_args(LossName))


def test_class_numbers_and_one_hot_rows_are_the_same_loss() -> None:
    """The two categorical cross entropies differ in how targets are written, in nothing else."""
    dense, sparse = LOSSES["categorical, smoothed"], LOSSES["sparse, smoothed"]
    net = network("tanh", 3)
    weights = draws.initial_weights(net, task="t", repeat=0)
    one = oracle.gradient(net, dense, weights, problem(dense))
    other = oracle.gradient(net, sparse, weights, problem(sparse))
    assert one.loss == other.loss
    np.testing.assert_array_equal(oracle.flatten(one.gradient), oracle.flatten(other.gradient))


def test_saturated_losses_stay_finite_and_exact() -> None:
    """At logits of 30 and 100 the losses are the linear tails, not clipped probabilities."""
    z, zeros = np.array([[30.0], [100.0], [-100.0]]), np.zeros((3, 1))
    values = loss_per_row(LOSSES["binary_cross_entropy"], z, zeros)
    np.testing.assert_allclose(values, [30.0, 100.0, 0.0], rtol=1e-12, atol=1e-40)
    rows = np.array([[1000.0, 0.0, 0.0], [0.0, 0.0, 1000.0]])
    values = loss_per_row(LOSSES["sparse_categorical_cross_entropy"], rows, np.array([2, 2]))
    np.testing.assert_array_equal(values, [1000.0, 0.0])


def test_predictions_know_no_dropout() -> None:
    """Masks belong to the training: the outputs are those of the whole network."""
    net = network("tanh", 2, dropout=0.5)
    weights, batch = draws.initial_weights(net, task="t", repeat=0), problem(MSE, net)
    whole = oracle.outputs(net, weights, batch.inputs)
    np.testing.assert_array_equal(whole, oracle.forward(net, weights, batch.inputs).sums[-1])
    masked = oracle.forward(net, weights, batch.inputs, batch.masks).sums[-1]
    assert np.abs(masked - whole).max() > 0.1


def test_what_a_mask_drops_learns_nothing() -> None:
    """Weights into and out of a unit that every row drops have no gradient."""
    net = network("tanh", 2, dropout=0.5)
    inputs, targets, _ = problem(MSE)
    mask = np.ones((7, 5), np.float32)
    mask[:, 2] = 0
    weights = draws.initial_weights(net, task="t", repeat=0)
    found = oracle.gradient(net, MSE, weights, Batch(inputs, targets, (mask, None, None))).gradient
    assert not found[0].kernel[:, 2].any()
    assert not found[0].bias[2].any()
    assert not found[1].kernel[2].any()
    assert np.count_nonzero(found[0].kernel) == 16


# The optimisers: one kernel number and one bias, both 1 at the start, two steps.

SGD = {"name": "sgd", "learning_rate": 0.5}
MOMENTUM = {**SGD, "momentum": 0.5}
NESTEROV = {**MOMENTUM, "nesterov": True}
ADAM = {"name": "adam", "learning_rate": 1.0, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.5}
ADAMW = {**ADAM, "name": "adamw", "learning_rate": 0.5, "weight_decay": 0.5}
RMSPROP = {"name": "rmsprop", "learning_rate": 1.0, "rho": 0.75, "epsilon": 0.5}
ADAGRAD = {"name": "adagrad", "learning_rate": 1.0, "initial_accumulator": 5.0, "epsilon": 0.5}
HALVED = {"name": "step", "steps": 1, "drop": 0.5}
"""The second step has half the rate of the first."""


SINGLE = Network(inputs=1, layers=(Dense(units=1),))


def path(
    rule: dict[str, Any], *gradients: tuple[float, float], schedule: Any = "constant", **forms: str
) -> list[float]:
    """Return kernel and bias after each step, in one row, when the gradients are given."""
    values = {"loss": "huber", "batch_size": 1, "epochs": 1, "schedule": schedule}
    training = TrainSpec.model_validate({**values, "optimizer": rule})
    start = [Layer(np.ones((1, 1)), np.ones(1))]
    updater = Updater(SINGLE, training, Forms.model_validate(forms), start)
    steps = [updater.step(np.array(g), t) for t, g in enumerate(gradients, start=1)]
    return np.concatenate(steps).tolist()


@pytest.mark.parametrize("form", ["rate_outside", "rate_inside"])
def test_sgd_follows_its_formula_by_hand(form: str) -> None:
    """Plain, with momentum and with Nesterov; with a constant rate both forms are the same."""
    gradients = (1.0, -1.0), (1.0, 0.5)
    assert path(SGD, *gradients, momentum=form) == [0.5, 1.5, 0, 1.25]
    assert path(MOMENTUM, *gradients, momentum=form) == [0.5, 1.5, -0.25, 1.5]
    assert path(NESTEROV, *gradients, momentum=form) == [0.25, 1.75, -0.625, 1.5]


def test_the_two_forms_of_momentum_differ_once_the_rate_changes() -> None:
    """Outside, the whole buffer feels the new rate; inside, what was gathered keeps the old one."""
    gradients, halved = ((1.0, 0.0), (1.0, 0.0)), {"schedule": HALVED}
    kernel = slice(0, None, 2)
    assert path(MOMENTUM, *gradients, momentum="rate_outside", **halved)[kernel] == [0.5, 0.125]
    assert path(MOMENTUM, *gradients, momentum="rate_inside", **halved)[kernel] == [0.5, 0]
    assert path(NESTEROV, *gradients, momentum="rate_outside", **halved)[kernel] == [0.25, -0.1875]
    assert path(NESTEROV, *gradients, momentum="rate_inside", **halved)[kernel] == [0.25, -0.25]


def test_the_two_forms_of_adam_follow_their_formulas_by_hand() -> None:
    """Epsilon is added to the corrected root, or to the uncorrected one ("epsilon hat")."""
    gradients = (1.0, 1.0), (-1.0, 1.0)
    standard = [1 / 3, 1 / 3, 5 / 9, -1 / 3]
    assert path(ADAM, *gradients, adam="standard") == pytest.approx(standard, rel=1e-14)
    root = math.sqrt(7) / 4
    hat = [0.5, 0.5, 0.5 + root / 3 / (root + 0.5), 0.5 - root / (root + 0.5)]
    assert path(ADAM, *gradients, adam="epsilon_hat") == pytest.approx(hat, rel=1e-14)


def test_the_two_forms_of_adamw_follow_their_formulas_by_hand() -> None:
    """The kernel shrinks by the quarter rate * decay before Adam's step; the bias does not."""
    gradients = (1.0, 1.0), (-1.0, 1.0)
    first = 0.75 - 1 / 3
    standard = [first, 2 / 3, 0.75 * first + 1 / 9, 1 / 3]
    assert path(ADAMW, *gradients, adam="standard") == pytest.approx(standard, rel=1e-14)
    root = math.sqrt(7) / 4
    hat = [0.5, 0.75, 0.375 + root / 6 / (root + 0.5), 0.75 - root / 2 / (root + 0.5)]
    assert path(ADAMW, *gradients, adam="epsilon_hat") == pytest.approx(hat, rel=1e-14)


def test_the_two_forms_of_rmsprop_follow_their_formulas_by_hand() -> None:
    """Epsilon stands beside the root of the running mean of squares, or under it."""
    gradients = (2.0, 0.0), (1.0, 2.0)
    outside = [1 - 2 / 1.5, 1, 1 - 3 / 1.5, 1 - 2 / 1.5]
    assert path(RMSPROP, *gradients, rmsprop="epsilon_outside") == pytest.approx(outside, rel=1e-14)
    root = math.sqrt(1.5)
    inside = [1 - 2 / root, 1, 1 - 3 / root, 1 - 2 / root]
    assert path(RMSPROP, *gradients, rmsprop="epsilon_inside") == pytest.approx(inside, rel=1e-14)


def test_the_two_forms_of_adagrad_follow_their_formulas_by_hand() -> None:
    """Epsilon stands beside the root of the sum of squares, or under it; the sum starts at 5."""
    gradients = (2.0, 0.0), (4.0, 2.0)
    outside = [1 - 2 / 3.5, 1, 1 - 2 / 3.5 - 4 / 5.5, 1 - 2 / 3.5]
    assert path(ADAGRAD, *gradients, adagrad="epsilon_outside") == pytest.approx(outside, rel=1e-14)
    nine, more = math.sqrt(9.5), math.sqrt(25.5)
    inside = [1 - 2 / nine, 1, 1 - 2 / nine - 4 / more, 1 - 2 / nine]
    assert path(ADAGRAD, *gradients, adagrad="epsilon_inside") == pytest.approx(inside, rel=1e-14)


def test_a_penalty_is_part_of_the_gradient_of_the_kernels() -> None:
    """With l2 the gradient grows by l2 * kernel, step by step; the bias is not penalised."""
    found = path({**SGD, "l2": 0.5}, (1.0, 1.0), (1.0, 1.0))
    assert found == [0.25, 0.5, -0.3125, 0]


def test_a_penalty_goes_through_the_moments() -> None:
    """Adam divides the penalty by its root like any gradient: that is not the decay of AdamW."""
    first = path({**ADAM, "l2": 1.0}, (0.0, 0.0))
    assert first == pytest.approx([1 - 1 / 1.5, 1], rel=1e-14)


@pytest.mark.parametrize("form", ["rate_outside", "rate_inside"])
def test_a_decoupled_decay_shrinks_the_kernels_before_the_step(form: str) -> None:
    """The kernel is multiplied by 1 - rate * decay, outside momentum; the bias never is."""
    found = path({**MOMENTUM, "weight_decay": 0.5}, (1.0, 1.0), (1.0, 1.0), momentum=form)
    assert found == [0.25, 0.5, 0.1875 - 0.75, -0.25]


def test_a_decoupled_decay_follows_the_schedule() -> None:
    """Half the rate is half the decay."""
    found = path({**SGD, "weight_decay": 0.5}, (0.0, 0.0), (0.0, 0.0), schedule=HALVED)
    assert found == [0.75, 1, 0.75 * 0.875, 1]


@pytest.mark.parametrize("form", ["exact", "epsilon"])
def test_a_long_gradient_is_scaled_to_the_norm(form: str) -> None:
    """Kernel 3 and bias 4 have the length 5, of which clipping leaves 2.5, or a millionth less."""
    length = 5.0 if form == "exact" else 5.0 + 1e-6
    expected = [1 - 1.5 * 2.5 / length, 1 - 2.0 * 2.5 / length]
    found = path({**SGD, "clip_norm": 2.5}, (3.0, 4.0), clipping=form)
    assert found == pytest.approx(expected, rel=1e-15)
    assert (found == [0.25, 0]) == (form == "exact")


@pytest.mark.parametrize("form", ["exact", "epsilon"])
def test_a_short_gradient_is_left_alone(form: str) -> None:
    """Below the norm nothing is scaled, and a gradient of zeros divides by nothing."""
    rule = {**SGD, "clip_norm": 8.0}
    assert path(rule, (3.0, 4.0), (0.0, 0.0), clipping=form) == [-0.5, -1, -0.5, -1]


def test_clipping_sees_the_penalty_but_not_the_decay() -> None:
    """The penalty is added before the length is taken; a decoupled decay is no gradient."""
    penalised = path({**SGD, "l2": 2.0, "clip_norm": 2.5}, (1.0, 4.0))
    assert penalised == [1 - 0.75, 1 - 1.0]
    decayed = path({**SGD, "weight_decay": 1.0, "clip_norm": 2.5}, (3.0, 4.0))
    assert decayed == [0.5 - 0.75, 1 - 1.0]


def test_clipping_comes_before_the_moments() -> None:
    """What the optimiser gathers is the clipped gradient."""
    found = path({**MOMENTUM, "clip_norm": 2.5}, (3.0, 4.0), (0.0, 0.0))
    assert found == [0.25, 0, 0.25 - 0.375, -0.5]


# A whole training.


def spec(optimizer: dict[str, Any], **changes: Any) -> TrainSpec:
    values = {"loss": "mean_squared_error", "batch_size": 7, "epochs": 1, **changes}
    return TrainSpec.model_validate({**values, "optimizer": optimizer})


def test_a_trajectory_reports_losses_before_updates_and_the_snapshots_asked_for() -> None:
    """Losses are those before each update; snapshots hold the weights after the named step."""
    net, batch = network("tanh", 2), problem(MSE)
    weights = draws.initial_weights(net, task="t", repeat=0)
    training = spec({**SGD, "learning_rate": 0.125})
    found = oracle.trajectory(net, training, weights, [batch] * 3, forms=Forms(), snapshots=[1, 3])
    first = oracle.gradient(net, MSE, weights, batch)
    assert found.losses[0] == first.loss
    expected = oracle.flatten(weights) - 0.125 * oracle.flatten(first.gradient)
    np.testing.assert_array_equal(oracle.flatten(found.snapshots[1]), expected)
    assert sorted(found.snapshots) == [1, 3]
    np.testing.assert_array_equal(oracle.flatten(found.snapshots[3]), oracle.flatten(found.final))
    second = oracle.gradient(net, MSE, found.snapshots[1], batch)
    assert found.losses[1] == second.loss


def test_a_trajectory_follows_schedule_masks_and_every_part_of_an_update() -> None:
    """Rate, mask, penalty and clipping of each step are those of that step, done by hand here."""
    net = network("tanh", 2, dropout=0.5)
    whole, masked = problem(MSE), problem(MSE, net)
    current = draws.initial_weights(net, task="t", repeat=0)
    training = spec({**SGD, "l2": 0.125, "clip_norm": 0.25}, schedule=HALVED)
    found = oracle.trajectory(net, training, current, [masked, whole, masked], forms=Forms())
    for batch, rate in ((masked, 0.5), (whole, 0.25), (masked, 0.25)):
        raw = oracle.gradient(net, MSE, current, batch).gradient
        penalised = [
            Layer(g.kernel + 0.125 * w.kernel, g.bias) for g, w in zip(raw, current, strict=True)
        ]
        norm = np.linalg.norm(oracle.flatten(penalised))
        assert norm > 0.25
        moved = oracle.flatten(current) - rate * 0.25 / norm * oracle.flatten(penalised)
        current = oracle.unflatten(moved, current)
    np.testing.assert_allclose(oracle.flatten(found.final), oracle.flatten(current), rtol=1e-14)


def test_the_loss_of_a_trajectory_holds_no_penalty() -> None:
    """What is reported is the loss of the data, with a penalty and without."""
    net, batch = network("tanh", 2), problem(MSE)
    weights = draws.initial_weights(net, task="t", repeat=0)
    plain = oracle.trajectory(net, spec(SGD), weights, [batch], forms=Forms())
    penalised = oracle.trajectory(net, spec({**SGD, "l2": 8.0}), weights, [batch], forms=Forms())
    assert plain.losses[0] == penalised.losses[0]


@pytest.mark.parametrize("rule", [NESTEROV, ADAM, ADAMW, RMSPROP, ADAGRAD], ids=lambda r: r["name"])
def test_a_trajectory_in_float32_stays_in_float32(rule: dict[str, Any]) -> None:
    """Asked for float32 the oracle rounds like it, and ends near its own float64 result."""
    net = network("tanh", 2, dropout=0.5)
    weights, batch = draws.initial_weights(net, task="t", repeat=0), problem(MSE, net)
    training = spec({**rule, "learning_rate": 2.0**-7, "clip_norm": 0.5}, schedule=HALVED)
    ends = {
        dtype: oracle.trajectory(
            net, training, weights, [batch] * 20, forms=Forms(), dtype=dtype
        ).final
        for dtype in ("float32", "float64")
    }
    assert {part.dtype for layer in ends["float32"] for part in layer.values()} == {
        np.dtype(np.float32)
    }
    assert 1e-9 < oracle.distance(ends["float32"], ends["float64"]) < 1e-5


# What the gates measure by.


def test_the_magnitude_bounds_the_gradient_and_survives_cancellation() -> None:
    """Two rows with opposite gradients cancel in the gradient but not in the magnitude."""
    net = Network(inputs=1, layers=(Dense(units=1, activation=Activation(name="identity")),))
    weights = [Layer(np.zeros((1, 1)), np.zeros(1))]
    batch = Batch(np.ones((2, 1)), np.array([[1.0], [-1.0]]))
    assert oracle.gradient(net, MSE, weights, batch).gradient[0].kernel[0, 0] == 0
    assert oracle.magnitude(net, MSE, weights, batch)[0] == 2


def kinked(activation: str) -> tuple[Network, list[Layer], Batch]:
    """Return 1-1-1: z = 2x - 1 and 3 times the activation, on x = 1 and x = 0.75, targets 2."""
    layers = (
        Dense(units=1, activation=Activation(name=activation)),
        Dense(units=1, activation=Activation(name="identity")),
    )
    weights = [
        Layer(np.array([[2.0]]), np.array([-1.0])),
        Layer(np.array([[3.0]]), np.array([0.0])),
    ]
    batch = Batch(np.array([[1.0], [0.75]]), np.array([[2.0], [2.0]]))
    return Network(inputs=1, layers=layers), weights, batch


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "selu"])
def test_the_margin_is_the_nearest_row_to_a_kink(activation: str) -> None:
    """The rows have z = 1 of 2 + 1 and z = 0.5 of 1.5 + 1: the margin is a fifth."""
    net, weights, batch = kinked(activation)
    assert oracle.kink_margin(net, MSE, weights, batch) == pytest.approx(0.2)


@pytest.mark.parametrize("activation", ["tanh", "elu", "gelu", "softplus"])
def test_without_a_kink_the_margin_is_infinite(activation: str) -> None:
    """Smooth activations with a smooth loss come near to nothing."""
    net, weights, batch = kinked(activation)
    assert oracle.kink_margin(net, MSE, weights, batch) == math.inf
    assert oracle.kink_margin(net, LOSSES["huber"], weights, batch) == math.inf


def test_the_margin_sees_the_kink_of_the_absolute_error() -> None:
    """The outputs 3 and 1.5 are 1 and 0.5 from the target 2: 1 of 5, and 0.5 of 3.5, a seventh."""
    net, weights, batch = kinked("relu")
    loss = LOSSES["mean_absolute_error"]
    assert oracle.kink_margin(net, loss, weights, batch) == pytest.approx(1 / 7)


def test_disturbed_weights_are_as_far_as_was_asked_and_the_same_everywhere() -> None:
    """Every kernel number moves by the relative size, in a pattern of signs; biases stay."""
    weights = [Layer(np.arange(1.0, 13.0).reshape(4, 3), np.ones(3))]
    moved = oracle.disturb(weights, 0.25)
    relative = moved[0].kernel / weights[0].kernel - 1
    np.testing.assert_allclose(np.abs(relative), 0.25, rtol=1e-14)
    assert {*np.sign(relative).ravel()} == {-1, 1}
    np.testing.assert_array_equal(moved[0].bias, weights[0].bias)
    other = oracle.disturb(weights, 0.25, pattern=1)
    assert (other[0].kernel != moved[0].kernel).any()


def test_the_distance_is_relative_over_all_weights() -> None:
    """One of the numbers 3 and 4 off by 0.5 is a distance of 0.5 / 5."""
    truth = [Layer(np.array([[3.0]]), np.array([4.0]))]
    assert oracle.distance([Layer(np.array([[3.5]]), np.array([4.0]))], truth) == 0.1
