"""Other work on one processor, for tests of the instrument.

As a program (`python -m samenet.selftest.fakes.load CORE FROM TO SECONDS`) it keeps a share of the
processor busy until it is ended; the share grows from FROM to TO within SECONDS.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Self

from samenet.machine import clock, system

TURN_SECONDS = 0.01


class BackgroundLoad:
    """The program, stopped until `on`."""

    def __init__(self, core: int, share: float, end: float | None = None) -> None:
        """Name the processor, the share of it that is taken, and the share a minute later."""
        self.words = [str(core), str(share), str(share if end is None else end), "60"]

    def __enter__(self) -> Self:
        """Start it, stopped."""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, *self.words],
            env={**os.environ, system.PARENT_VARIABLE: str(os.getpid())},
        )
        self.turn(on=False)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()

    def turn(self, *, on: bool) -> None:
        """Let it go on, or hold it."""
        self.process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)


def keep_busy(core: int, first: float, last: float, seconds: float) -> None:
    """Take a share of every hundredth of a second."""
    system.die_with_parent()
    system.pin([core])
    start = clock.now()
    while True:
        moment = clock.now()
        grown = min(1.0, (moment - start) / seconds)
        share = first + (last - first) * grown
        while clock.now() - moment < share * TURN_SECONDS:
            pass
        if share < 1:
            time.sleep((1 - share) * TURN_SECONDS)


if __name__ == "__main__":
    keep_busy(int(sys.argv[1]), *map(float, sys.argv[2:5]))
