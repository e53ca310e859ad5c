"""The oracle is right: its gradients agree with differences of its own loss."""

from __future__ import annotations

import numpy as np
import pytest

from samenet import draws, oracle
from samenet.adapter import Layer
from samenet.oracle_functions import derivative, loss_per_row, value
from samenet.spec import SGD, Activation, Adam, Dense, Network, TrainSpec

NAMES = (
    *("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"),
    *("gelu", "silu", "softplus", "identity"),
)
LOSSES = ("binary_cross_entropy", "sparse_categorical_cross_entropy", "mean_squared_error")


def network(activation: str, outputs: int) -> Network:
    """Return a small network 4-5-3-outputs."""
    hidden = Activation(name=activation, slope=0.0078125)
    head = Dense(units=outputs, activation=Activation(name="identity"))
    layers = (Dense(units=5, activation=hidden), Dense(units=3, activation=hidden), head)
    return Network(inputs=4, layers=layers)


def problem(loss: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Return inputs (7, 4), targets and the number of outputs that fit a loss."""
    draw = np.random.default_rng(7)
    inputs = draw.normal(size=(7, 4))
    if loss == "sparse_categorical_cross_entropy":
        return inputs, draw.integers(0, 3, 7).astype(np.int32), 3
    if loss == "binary_cross_entropy":
        return inputs, draw.integers(0, 2, (7, 1)).astype(np.float64), 1
    return inputs, draw.normal(size=(7, 2)), 2


@pytest.mark.parametrize("name", NAMES)
def test_activation_derivatives_match_the_complex_step(name: str) -> None:
    """Every activation's derivative equals Im f(z + ih) / h to rounding error."""
    activation = Activation(name=name, slope=0.0078125)
    z = np.array([-20.0, -3.0, -0.5, -1e-3, 1e-3, 0.5, 3.0, 20.0])
    step = value(activation, z + 1e-30j).imag / 1e-30
    np.testing.assert_allclose(derivative(activation, z), step, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_match_the_complex_step(name: str, loss: str) -> None:
    """Every weight's gradient equals the complex-step derivative of the mean loss."""
    inputs, targets, outputs = problem(loss)
    net = network(name, outputs)
    weights = draws.initial_weights(net, task="t", repeat=0)
    found = oracle.flat(oracle.gradient(net, loss, weights, inputs, targets).gradient)
    for index in range(0, len(found), 3):
        vector = oracle.flat(weights).astype(complex)
        vector[index] += 1e-30j
        moved = oracle.unflatten(vector, weights)
        logits = oracle.outputs(net, moved, inputs.astype(complex))
        exact = np.mean(loss_per_row(loss, logits, targets)).imag / 1e-30
        assert found[index] == pytest.approx(exact, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_match_central_differences(loss: str) -> None:
    """The gradient also equals central differences of the real loss, to their own accuracy."""
    inputs, targets, outputs = problem(loss)
    net = network("tanh", outputs)
    weights = draws.initial_weights(net, task="t", repeat=0)
    found = oracle.flat(oracle.gradient(net, loss, weights, inputs, targets).gradient)
    for index in range(0, len(found), 5):
        high, low = oracle.flat(weights), oracle.flat(weights)
        high[index] += 1e-6
        low[index] -= 1e-6
        losses = [
            oracle.gradient(net, loss, oracle.unflatten(v, weights), inputs, targets).loss
            for v in (high, low)
        ]
        assert found[index] == pytest.approx((losses[0] - losses[1]) / 2e-6, rel=1e-6, abs=1e-9)


def test_saturated_losses_stay_finite_and_exact() -> None:
    """At logits of 30 and 100 the losses are the linear tails, not clipped probabilities."""
    z = np.array([[30.0], [100.0], [-100.0]])
    values = loss_per_row("binary_cross_entropy", z, np.array([[0.0], [0.0], [0.0]]))
    np.testing.assert_allclose(values, [30.0, 100.0, 0.0], rtol=1e-12, atol=1e-40)


def one_weight(spec: SGD | Adam, form: str, gradients: list[float]) -> list[float]:
    """Return the weight after each step when the gradients are given."""
    rule = oracle._Sgd(spec) if isinstance(spec, SGD) else oracle._Adam(spec, form)
    weight, path = 0.0, []
    for step, gradient in enumerate(gradients, start=1):
        weight -= float(rule.direction(np.array(gradient), step))
        path.append(weight)
    return path


def test_sgd_follows_its_formula_by_hand() -> None:
    """Momentum and Nesterov give the hand-computed weights of two steps."""
    plain = one_weight(SGD(learning_rate=0.5), "", [1.0, 1.0])
    momentum = one_weight(SGD(learning_rate=0.5, momentum=0.5), "", [1.0, 1.0])
    nesterov = one_weight(SGD(learning_rate=0.5, momentum=0.5, nesterov=True), "", [1.0, 1.0])
    assert plain == [-0.5, -1.0]
    assert momentum == [-0.5, -1.25]
    assert nesterov == [-0.75, -1.625]


def test_the_two_forms_of_adam_differ_as_their_formulas_say() -> None:
    """With a large epsilon the first update is g/(|g|+eps) against g/(|g|+eps/sqrt(1-beta2))."""
    spec = Adam(learning_rate=1.0, beta1=0.5, beta2=0.75, epsilon=0.5)
    assert one_weight(spec, "standard", [1.0]) == [pytest.approx(-1 / 1.5)]
    assert one_weight(spec, "epsilon_hat", [1.0]) == [pytest.approx(-1 / (1 + 0.5 / 0.5))]


def test_a_trajectory_reports_losses_before_updates_and_the_snapshots_asked_for() -> None:
    """Losses are those before each update; snapshots hold the weights after the named step."""
    inputs, targets, outputs = problem("mean_squared_error")
    net = network("tanh", outputs)
    weights = draws.initial_weights(net, task="t", repeat=0)
    training = TrainSpec(
        loss="mean_squared_error", optimizer=SGD(learning_rate=0.125), batch_size=7, epochs=1
    )
    path = oracle.trajectory(net, training, weights, [(inputs, targets)] * 3, snapshots=[1])
    first = oracle.gradient(net, "mean_squared_error", weights, inputs, targets)
    assert path.losses[0] == first.loss
    expected = oracle.flat(weights) - 0.125 * oracle.flat(first.gradient)
    np.testing.assert_array_equal(oracle.flat(path.snapshots[1]), expected)


def test_the_magnitude_bounds_the_gradient_and_survives_cancellation() -> None:
    """Two rows with opposite gradients cancel in the gradient but not in the magnitude."""
    net = Network(inputs=1, layers=(Dense(units=1, activation=Activation(name="identity")),))
    weights = [Layer(np.zeros((1, 1)), np.zeros(1))]
    batch = (net, "mean_squared_error", weights, np.ones((2, 1)), np.array([[1.0], [-1.0]]))
    assert oracle.gradient(*batch).gradient[0].kernel[0, 0] == 0
    assert oracle.magnitude(*batch)[0].kernel[0, 0] == 2
