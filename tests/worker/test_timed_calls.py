"""What a program is timed on: calls that all differ, drawn outside the clock, few at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from samenet.adapter.arrays import Batches
from samenet.certificate.problem import Problem, task_problem
from samenet.machine import clock
from samenet.spec import load_task
from samenet.tasks import sources
from samenet.worker import timing
from samenet.worker.timing import AHEAD, Calls, Fed, Stretch


class Recording:
    """A program that keeps the orders it is asked for, and says when."""

    def __init__(self) -> None:
        self.orders: list[bytes] = []
        self.steps: list[int] = []

    def train(self, batches: Batches) -> None:
        self.orders.append(batches.order.tobytes())
        self.steps.append(batches.first_step)

    def losses(self) -> np.ndarray:
        return np.zeros(1)

    def sync(self) -> None:
        """Everything is done."""


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Return iris as the gates see it."""
    task = load_task("iris")
    return task_problem(task, sources.prepare(task))


def test_no_call_repeats_and_none_is_left_out(problem: Problem) -> None:
    """Over warm-up, looks at `sync` and stretches every order is new, and the steps go on."""
    program, calls = Recording(), Calls(problem.stream())
    for _ in problem.calls:
        program.train(next(calls))
    fed = Fed(program, calls)  # type: ignore[arg-type]
    for _ in range(5):
        fed.train(problem.calls[0])
    stretch = Stretch(program, calls, 3, (0, 0), keep=True)  # type: ignore[arg-type]
    for _ in range(300):
        stretch.prepare()
        stretch()
    assert len(set(program.orders)) == len(program.orders) == calls.taken
    assert program.steps == [place * problem.shape.steps for place in range(calls.taken)]


def test_what_was_done_can_be_drawn_again(problem: Problem) -> None:
    """The stream of a problem is the same each time: nobody has to keep what was timed."""
    program, calls = Recording(), Calls(problem.stream())
    stretch = Stretch(program, calls, 4, (0, 0), keep=False)  # type: ignore[arg-type]
    for _ in range(20):
        stretch.prepare()
        stretch()
    again = [call.order.tobytes() for call in itertools.islice(problem.stream(), calls.taken)]
    assert program.orders == again


def test_few_calls_are_held_at_a_time(problem: Problem) -> None:
    """At most eight stretches are drawn ahead, however long the timing; with masks only one."""
    calls = Calls(problem.stream())
    held = []
    for _ in range(100):
        calls.take(5)
        held.append(len(calls.drawn))
    assert max(held) == (AHEAD - 1) * 5
    masked = Calls(
        Batches(order=call.order, masks=(np.ones((1, 1, 1), np.float32),))
        for call in problem.stream()
    )
    for _ in range(10):
        masked.take(5)
        assert len(masked.drawn) == 0


def test_nothing_is_drawn_and_nothing_read_inside_the_clock(
    problem: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the clock runs the program is asked to train and to wait, and nothing else happens."""
    inside: list[str] = []
    running = [False]

    def timed(work: Callable[[], object]) -> float:
        running[0] = isinstance(work, Stretch)
        work()
        running[0] = False
        return 1.0

    def noted(name: str, work: Callable[..., object]) -> Callable[..., object]:
        def do(*arguments: object) -> object:
            inside.extend([name] if running[0] else [])
            return work(*arguments)

        return do

    program = Recording()
    program.losses = noted("losses", program.losses)  # type: ignore[method-assign,assignment]
    calls = Calls(problem.stream())
    calls.take = noted("take", calls.take)  # type: ignore[method-assign,assignment]
    monkeypatch.setattr(clock, "time_call", timed)
    stretch = Stretch(program, calls, 2, (1, 3), keep=True)  # type: ignore[arg-type]
    timing.take_samples(stretch, 0.0, 40, 40, stretch.prepare)
    assert inside == []
    assert len(stretch.kept.losses) > timing.KEPT_FIRST
    assert len(program.orders) == 40 * 4


def test_planted_steps_are_exact() -> None:
    """Whole calls first, then the steps of a shorter one: together exactly so many per cent."""
    for per_chunk, percent, steps in ((20, 5, 44), (100, 3, 7), (1, 25, 44)):
        whole, rest = timing.more_calls(per_chunk, percent, steps)
        assert whole * steps + rest == per_chunk * steps * percent // 100
        assert rest < steps
