"""Takes a known time to import; the fake adapter's header names it."""

from __future__ import annotations

import time

from samenet.selftest.fakes.known import PHASES

time.sleep(PHASES["import"])
