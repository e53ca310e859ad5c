"""How a training is cut into calls: every row once per epoch, one shape for the clock."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samenet.adapter.batching import STEPS_PER_CALL_MAX, call_shape, timed_calls, whole_epoch

SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 64)).filter(lambda pair: pair[0] >= pair[1])


@settings(max_examples=150, deadline=None)
@given(size=SIZES, repeat=st.integers(0, 3), epoch=st.integers(0, 3))
def test_an_epoch_visits_every_row_exactly_once(
    size: tuple[int, int], repeat: int, epoch: int
) -> None:
    """Whatever rows and batch size: all calls of an epoch together hold every row once."""
    rows, batch = size
    shape = call_shape(rows, batch)
    calls = whole_epoch(shape, task="t", repeat=repeat, train_rows=rows, epoch=epoch)
    visited = np.concatenate([call.order.ravel() for call in calls])
    assert sorted(visited.tolist()) == list(range(rows))
    assert sum(len(call.order) for call in calls) == shape.steps_per_epoch


@settings(max_examples=150, deadline=None)
@given(size=SIZES)
def test_steps_are_counted_without_a_gap(size: tuple[int, int]) -> None:
    """Over two epochs each call begins at the step where the one before ended."""
    rows, batch = size
    shape = call_shape(rows, batch)
    step = 0
    for epoch in range(2):
        for call in whole_epoch(shape, task="t", repeat=0, train_rows=rows, epoch=epoch):
            assert call.first_step == step
            step += len(call.order)


@settings(max_examples=150, deadline=None)
@given(size=st.tuples(st.integers(1, 40_000), st.integers(1, 8)).filter(lambda p: p[0] >= p[1]))
def test_every_timed_call_has_the_one_shape(size: tuple[int, int]) -> None:
    """All timed calls have one shape of at most 256 steps, whole batches, no row twice an epoch."""
    rows, batch = size
    shape = call_shape(rows, batch)
    assert 1 <= shape.steps <= STEPS_PER_CALL_MAX
    stream = timed_calls(shape, task="t", repeat=0, train_rows=rows)
    calls = list(islice(stream, shape.calls_per_epoch))
    assert {call.order.shape for call in calls} == {(shape.steps, batch)}
    visited = np.concatenate([call.order.ravel() for call in calls])
    assert len(set(visited.tolist())) == len(visited)


def test_a_short_last_batch_is_a_call_of_its_own() -> None:
    """100 rows in batches of 32: one call of three batches, then one of four rows."""
    calls = whole_epoch(call_shape(100, 32), task="t", repeat=0, train_rows=100, epoch=0)
    assert [call.order.shape for call in calls] == [(3, 32), (1, 4)]


@pytest.mark.parametrize(
    ("rows", "steps", "calls"),
    [(256, 256, 1), (257, 128, 2), (512, 256, 2), (513, 171, 3), (1000, 250, 4)],
)
def test_long_epochs_are_cut_into_equal_calls(rows: int, steps: int, calls: int) -> None:
    """More than 256 steps are cut into the fewest calls of equal length that fit."""
    shape = call_shape(rows, 1)
    assert (shape.steps, shape.calls_per_epoch) == (steps, calls)


def test_orders_are_what_frameworks_take() -> None:
    """Row numbers are int32, the steps of a call are rows of one array."""
    (call,) = whole_epoch(call_shape(64, 16), task="t", repeat=0, train_rows=64, epoch=0)
    assert call.order.dtype == np.int32
    assert call.order.shape == (4, 16)


def test_epochs_and_repeats_have_their_own_order() -> None:
    """Two epochs, and two repeats, visit the rows in different orders; the same one is the same."""
    orders = {
        (repeat, epoch): whole_epoch(
            call_shape(64, 64), task="t", repeat=repeat, train_rows=64, epoch=epoch
        )[0].order.tobytes()
        for repeat in range(2)
        for epoch in range(2)
    }
    assert len(set(orders.values())) == 4
