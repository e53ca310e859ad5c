"""Signals that ask for an end: the first raises, the second is ignored, the third ends at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from samenet.machine.interruption import Interrupted, interruptible

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"])
def test_the_first_signal_raises_and_the_second_does_not_disturb(name: str) -> None:
    """What puts things in order after the first is not torn from its work by a second."""
    number, in_order = signal.Signals[name], []

    def work() -> None:
        with interruptible():
            try:
                os.kill(os.getpid(), number)
            finally:
                os.kill(os.getpid(), number)
                in_order.append(True)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as raised:
        work()
    assert (raised.value.number, in_order) == (number, [True])
    assert signal.getsignal(number) is before


THRICE = """
import os, signal
from samenet.machine.interruption import interruptible
with interruptible():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    finally:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        print("never")
"""


def test_the_third_ends_the_process() -> None:
    """Whatever hangs in the cleaning up, a person who insists is free."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", THRICE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")


def test_what_is_ignored_stays_ignored() -> None:
    """`nohup` ignores a closed terminal: a run under it goes on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
