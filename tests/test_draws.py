"""Random numbers: the same on every call and machine, exact in float32, one stream per purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from samenet import draws
from samenet.spec import Activation, Dense, ModelSpec, Network


@pytest.fixture
def network() -> Network:
    """Return a network wide enough for statistics."""
    layer = Dense(units=200, activation=Activation(name="relu"))
    return ModelSpec(layers=(layer,)).network(inputs=100, outputs=10)


def test_initial_weights_are_exact_in_float32(network: Network) -> None:
    """Every weight survives float32 and back unchanged: all precisions start equal."""
    for layer in draws.initial_weights(network, task="t", repeat=0):
        assert layer.kernel.dtype == np.float64
        np.testing.assert_array_equal(layer.kernel, layer.kernel.astype(np.float32))


def test_initial_weights_follow_glorot(network: Network) -> None:
    """Kernels are uniform in ±sqrt(6 / (fan_in + fan_out)); biases are zero."""
    for layer, (fan_in, fan_out) in zip(
        draws.initial_weights(network, task="t", repeat=0), network.shapes, strict=True
    ):
        limit = math.sqrt(6 / (fan_in + fan_out))
        assert layer.kernel.shape == (fan_in, fan_out)
        assert np.abs(layer.kernel).max() <= np.float32(limit)
        uniform = stats.uniform(-limit, 2 * limit)
        assert stats.kstest(layer.kernel.ravel(), uniform.cdf).pvalue > 1e-3
        assert not layer.bias.any()


def test_draws_are_the_same_on_every_call(network: Network) -> None:
    """Asking twice gives the same weights and the same order."""
    first, second = (draws.initial_weights(network, task="t", repeat=1) for _ in range(2))
    assert all(np.array_equal(a.kernel, b.kernel) for a, b in zip(first, second, strict=True))
    orders = [draws.epoch_order(50, task="t", repeat=1, epoch=2) for _ in range(2)]
    np.testing.assert_array_equal(*orders)


def test_draws_are_the_same_on_every_machine() -> None:
    """A seed and the numbers that follow from it are written down here: they may never change."""
    assert draws.seed_of("digits", 0, "weights") == 192848228915230449
    order = draws.epoch_order(8, task="digits", repeat=0, epoch=0)
    assert order.tolist() == [5, 0, 7, 2, 1, 6, 3, 4]
    assert draws.generator("digits", 0).uniform() == 0.8762630972694971


def test_each_purpose_has_its_own_stream(network: Network) -> None:
    """Weights of another task or repeat share no number, and orders of other epochs differ."""
    kernels = [
        draws.initial_weights(network, task=task, repeat=repeat)[0].kernel
        for task in ("a", "b")
        for repeat in (0, 1)
    ]
    for index, one in enumerate(kernels):
        for other in kernels[index + 1 :]:
            assert np.intersect1d(one, other).size < 100  # of 20,000; chance gives a few
            assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "bc"), ("ab", "c")), (("a", 1), ("a1",)), ((1, 11), (11, 1))]
)
def test_words_of_a_seed_do_not_run_together(
    one: tuple[str | int, ...], other: tuple[str | int, ...]
) -> None:
    """Purposes that would be the same text without borders have different seeds."""
    assert draws.seed_of(*one) != draws.seed_of(*other)


def test_an_order_is_a_permutation() -> None:
    """Every row number once, int32."""
    order = draws.epoch_order(1000, task="t", repeat=0, epoch=0)
    assert order.dtype == np.int32
    assert sorted(order.tolist()) == list(range(1000))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_in_another_precision_is_a_copy(network: Network, dtype: str) -> None:
    """Weights handed to a framework can be changed without changing the drawn ones."""
    weights = draws.initial_weights(network, task="t", repeat=0)
    copy = draws.as_dtype(weights, dtype)
    copy[0].kernel[:] = 0
    assert copy[0].kernel.dtype == dtype
    assert weights[0].kernel.any()
