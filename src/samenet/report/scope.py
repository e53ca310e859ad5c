"""How much of a run the page shows: every result always, every detail only of a run of usual size.

A sweep of thousands of results would be a page of hundreds of megabytes, of which nobody reads the
thousandth picture.
"""

from __future__ import annotations

from samenet.analysis.frames import Frames
from samenet.analysis.subset import is_large


def scope_sentence(frames: Frames) -> str:
    """Return what the page of a large run leaves out, and where to find it."""
    count = len(frames.plan.tasks)
    if not is_large(frames):
        return ""
    return (
        f"This run has {count} tasks. “Times per task” has every result; the recommendation, "
        "pictures and details are those of the first task. From Python, samenet.load(run) gives "
        "the rest as data frames."
    )
