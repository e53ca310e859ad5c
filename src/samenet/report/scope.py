"""How much of a run the page shows: every result always, every detail only of a run of usual size.

A sweep of thousands of results would be a page of hundreds of megabytes, of which nobody reads the
thousandth picture.
"""

from __future__ import annotations

from samenet.analysis.frames import Frames
from samenet.analysis.subset import detailed_part


def scope_sentence(frames: Frames) -> str:
    """Return what the page of a large run leaves out, and where to find it."""
    detailed = detailed_part(frames)
    if detailed is frames:
        return ""
    count, shown = len(frames.plan.tasks), len(detailed.plan.tasks)
    first = "the first task" if shown == 1 else f"the first {shown} tasks"
    return (
        f"This run has {count} tasks. “Times per task” has every result; the recommendation, "
        f"pictures and details are those of {first}. From Python, samenet.load(run) gives "
        "the rest as data frames."
    )
