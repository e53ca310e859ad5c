"""What memory a framework needs is measured in workers of its own, whatever the parent holds."""

from __future__ import annotations

import sys

import pytest

from samenet.selftest import base


@pytest.mark.skipif(sys.platform == "win32", reason="measured on POSIX systems only")
def test_what_is_touched_is_what_is_reported() -> None:
    """The self-test: 300 MB more are seen as 300 +- 6 MB, and no memory run takes a time."""
    finding = base.run_selftest("memory", base.SelfTestOrder(short=True))
    assert finding.passed, finding.plain()
