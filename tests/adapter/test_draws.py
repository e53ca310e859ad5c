"""Random numbers: the same on every call and machine, exact in float32, one stream per purpose."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from samenet import _random
from samenet.adapter import draws
from samenet.spec import Activation, Dense, InitializerName, ModelSpec, Network


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


VARIANCES: dict[str, Callable[[int, int], float]] = {
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
}


@pytest.mark.parametrize("name", get_args(InitializerName))
def test_initial_weights_follow_their_initializer(network: Network, name: str) -> None:
    """Kernels have the variance and the law of the initialiser's name; biases are zero."""
    scheme, _, law = name.partition("_")
    network = network.model_copy(update={"initializer": name})
    for layer, shape in zip(
        draws.initial_weights(network, task="t", repeat=0), network.shapes, strict=True
    ):
        variance = VARIANCES[scheme](*shape)
        assert layer.kernel.shape == shape
        assert layer.kernel.var() == pytest.approx(variance, rel=0.1)
        assert stats.kstest(layer.kernel.ravel(), _law(law, variance).cdf).pvalue > 1e-3
        assert not layer.bias.any()


def _law(name: str, variance: float) -> stats.distributions.rv_frozen:
    if name == "normal":
        return stats.norm(0, math.sqrt(variance))
    limit = math.sqrt(3 * variance)
    return stats.uniform(-limit, 2 * limit)


@pytest.mark.parametrize("scheme", VARIANCES)
def test_uniform_weights_stay_inside_their_limit(network: Network, scheme: str) -> None:
    """A uniform kernel reaches ±sqrt(3 * variance) and not beyond; a normal one goes beyond."""
    limit = math.sqrt(3 * VARIANCES[scheme](*network.shapes[0]))
    largest = {
        law: np.abs(
            draws.initial_weights(
                network.model_copy(update={"initializer": f"{scheme}_{law}"}), task="t", repeat=0
            )[0].kernel
        ).max()
        for law in ("uniform", "normal")
    }
    assert 0.99 * limit < largest["uniform"] <= np.float32(limit) < largest["normal"]


def test_draws_are_the_same_on_every_call(network: Network) -> None:
    """Asking twice gives the same weights and the same order."""
    first, second = (draws.initial_weights(network, task="t", repeat=1) for _ in range(2))
    assert all(np.array_equal(a.kernel, b.kernel) for a, b in zip(first, second, strict=True))
    orders = [draws.epoch_order(50, task="t", repeat=1, epoch=2) for _ in range(2)]
    np.testing.assert_array_equal(*orders)


def test_draws_are_the_same_on_every_machine() -> None:
    """A seed and the numbers that follow from it are written down here: they may never change."""
    assert _random.derive_seed("digits", 0, "weights") == 192848228915230449
    order = draws.epoch_order(8, task="digits", repeat=0, epoch=0)
    assert order.tolist() == [5, 0, 7, 2, 1, 6, 3, 4]
    assert _random.make_generator("digits", 0).uniform() == 0.8762630972694971


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
    assert _random.derive_seed(*one) != _random.derive_seed(*other)


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


STEPS, BATCH = 40, 8


def dropping(*shares: float) -> Network:
    layers = [Dense(units=50, activation=Activation(name="relu"), dropout=p) for p in shares]
    return ModelSpec(layers=tuple(layers)).network(inputs=3, outputs=2)


def masks_of(
    network: Network, *, task: str = "t", repeat: int = 0, first_step: int = 0
) -> tuple[np.ndarray | None, ...]:
    return draws.dropout_masks(
        network, (STEPS, BATCH), task=task, repeat=repeat, first_step=first_step
    )


@pytest.mark.parametrize("share", [0.125, 0.25, 0.5, 0.9])
def test_a_mask_drops_its_share_and_scales_the_rest(share: float) -> None:
    """Each value is 0, with the layer's probability, or 1 / (1 - p) in float32; the mean is 1."""
    mask = masks_of(dropping(share))[0]
    assert mask is not None
    assert (mask.shape, mask.dtype) == ((STEPS, BATCH, 50), np.float32)
    assert set(np.unique(mask)) == {np.float32(0), np.float32(1 / (1 - share))}
    kept, deviation = np.mean(mask > 0), math.sqrt(share * (1 - share) / mask.size)
    assert abs(kept - (1 - share)) < 4 * deviation
    assert abs(mask.mean() - 1) < 4 * deviation / (1 - share)


def test_only_layers_with_dropout_have_a_mask() -> None:
    """There is one entry per layer, the head included, None where nothing is dropped."""
    assert [mask is not None for mask in masks_of(dropping(0.5, 0.0, 0.25))] == [
        *(True, False, True),
        False,
    ]
    assert masks_of(dropping(0.0, 0.0)) == ()


def test_masks_are_the_same_on_every_call() -> None:
    """Asking twice for the masks of the same steps gives the same numbers."""
    for one, other in zip(masks_of(dropping(0.5)), masks_of(dropping(0.5)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_masks_are_the_same_on_every_machine() -> None:
    """The first values of a mask are written down here: they may never change."""
    mask = masks_of(dropping(0.5), task="digits")[0]
    assert mask is not None
    assert mask[0, 0, :12].tolist() == [0, 2, 0, 0, 2, 0, 0, 2, 0, 2, 0, 0]


def test_each_step_layer_repeat_and_task_has_its_own_mask() -> None:
    """Masks of other steps, layers, repeats or tasks agree in half of their places: by chance."""
    first, second, _ = masks_of(dropping(0.5, 0.5))
    assert first is not None
    found = [
        first,
        second,
        masks_of(dropping(0.5), first_step=STEPS)[0],
        masks_of(dropping(0.5), repeat=1)[0],
        masks_of(dropping(0.5), task="u")[0],
    ]
    for place, one in enumerate(found):
        for other in found[place + 1 :]:
            assert np.mean(one == other) == pytest.approx(0.5, abs=0.05)
    assert np.mean(first[1:] == first[:-1]) == pytest.approx(0.5, abs=0.05)
