"""The code behind the numbers: each adapter's source beside its step times."""

from __future__ import annotations

from samenet.analysis import totals
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.report.blocks import Code, Section, Text
from samenet.runs import adapter_source
from samenet.runs.plan import Arm, task_title
from samenet.stats import formatting

ORDER = 4
WITH_LADDER = True


def section(frames: Frames) -> Section | None:
    """Return the source of every framework in the plan."""
    if not frames.plan.arms:
        return None
    return Section(
        id="loops",
        title="The code that was timed",
        summary="Each framework’s training loop beside its time per step. Judge for yourself.",
        blocks=(
            Text(
                lines=(
                    (
                        "One file per framework. The loop is the one its own experts would defend; "
                        "the reason and a public source stand above it."
                    ),
                )
            ),
            *(_code(frames, arm) for arm in frames.plan.arms),
        ),
    )


def _code(frames: Frames, arm: Arm) -> Code:
    text, remark = adapter_source.read_source(arm, frames.sources)
    excerpt = adapter_source.extract_loop(text)
    mode = arm.header.modes[arm.mode]
    steps = [
        f"{task_title(frames.plan, task.name)} {formatting.format_duration(total.seconds)}"
        for task in frames.plan.tasks
        for total in totals.totals(frames, task, quantity=Quantity.STEP)
        if total.arm == arm.name
    ]
    facts = [
        f"Time per step: {'; '.join(steps)}." if steps else "No step time in this run.",
        f"Why this loop: {mode.why}.",
    ]
    if remark:
        facts.append(remark)
    return Code(
        arm=arm.name,
        title=frames.title(arm.name),
        facts=tuple(facts),
        link=mode.source,
        excerpt=excerpt,
        source=text,
    )
