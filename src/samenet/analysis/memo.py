"""Answers about a run, each computed once: the parts of a report ask the same questions again.

Frames never change, so an answer stays true as long as they are there; it goes with them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from samenet.spec.task import Task

Asked = TypeVar("Asked")
More = ParamSpec("More")
Answer = TypeVar("Answer")


def remember(
    function: Callable[Concatenate[Asked, More], Answer],
) -> Callable[Concatenate[Asked, More], Answer]:
    """Return a function of frames that keeps its answers; other arguments go by name or value."""
    kept: WeakKeyDictionary[Any, dict[Any, Answer]] = WeakKeyDictionary()

    @wraps(function)
    def remembering(frames: Asked, /, *args: More.args, **named: More.kwargs) -> Answer:
        answers = kept.setdefault(frames, {})
        key = (*map(_key, args), *((name, _key(value)) for name, value in sorted(named.items())))
        if key not in answers:
            answers[key] = function(frames, *args, **named)
        return answers[key]

    return remembering


@contextmanager
def pause_collector() -> Iterator[None]:
    """Keep the cycle collector away from millions of records, which it would walk again and again.

    Records and the parts of a page refer to plain values: there is hardly a cycle to find.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _key(value: object) -> object:
    """Return what stands for an argument: a task goes by its name and how long it is trained."""
    if isinstance(value, Task):
        return value.name, value.training.epochs
    return tuple(value) if isinstance(value, list) else value
