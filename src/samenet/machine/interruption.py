"""The end of a program on request: Ctrl-C, a closed terminal, a system that shuts down.

The first such signal raises in the main thread, where everything is put in order; that takes
moments, so a second one changes nothing. A third ends the process on the spot: what is on the disk
is fit for a resume at any instant.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKING_TO_END = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")
    if hasattr(signal, name)
]

ENOUGH = 3
"""So many requests end the process without putting anything in order."""


class Interrupted(KeyboardInterrupt):
    """A signal asked this program to end."""

    def __init__(self, number: int) -> None:
        """Keep the signal's number."""
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Handler:
    """Counts the requests."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise Interrupted for the first, ignore the second, end at the third."""
        del frame
        self.count += 1
        if self.count == 1:
            raise Interrupted(number)
        if self.count >= ENOUGH:
            os._exit(exit_code(number))


@contextmanager
def interruptible() -> Iterator[None]:
    """Let signals that ask for an end raise Interrupted here, once; ignored ones stay ignored.

    `nohup` ignores a closed terminal, a shell's background job Ctrl-C. Inside another such block,
    or outside the main thread, which alone gets signals, this changes nothing.
    """
    before = {number: signal.getsignal(number) for number in ASKING_TO_END}
    nested = any(isinstance(handler, _Handler) for handler in before.values())
    if nested or threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = _Handler()
    chosen = {n: old for n, old in before.items() if old not in {signal.SIG_IGN, None}}
    try:
        for number in chosen:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in chosen.items():
            signal.signal(number, old)


def exit_code(number: int) -> int:
    """Return what a shell shows for a program that a signal has ended."""
    return 128 + number
