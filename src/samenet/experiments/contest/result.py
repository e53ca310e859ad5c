"""The result of a contest from its run: the verdict, as Markdown to paste and as one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samenet.analysis import certificates, control_arms
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.quantities import Quantity
from samenet.experiments.contest import networks
from samenet.experiments.contest import rule as contest_rule
from samenet.experiments.contest.rule import (
    CONFIDENCE,
    Comparisons,
    ContestVerdict,
    Judged,
    LoopComparison,
)
from samenet.report.result import why_not_compared
from samenet.runs.passes import BLOCK_PASSES
from samenet.runs.plan import Arm
from samenet.runs.records import CertificateRecord, FailureRecord, JobFinished, Record
from samenet.runs.redaction import remove_folders
from samenet.stats.formatting import format_seconds
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval


def rule_sentence(margin: float) -> str:
    """Return the published rule in one sentence."""
    return (
        "A loop that is checked, defensible and faster beyond the margin, in the whole training on "
        "the tasks of the main job or in the step on these, a medium and a large network, and in "
        "neither slower, replaces ours: in one of them the whole "
        f"{100 * CONFIDENCE:.3g} % interval of ours / challenger above {1 + margin:.2f} on the "
        f"geometric mean over the tasks, in both the 95 % interval above {1 / (1 + margin):.2f} on "
        f"each task; at least {VERDICT_REPEATS_MIN} repeats."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A finished contest: arm names, what was compared, and the verdict."""

    frames: Frames
    ours: str
    challenger: str
    compared: Comparisons
    """By what is judged; empty if the loops may not be compared."""
    verdict: ContestVerdict


def settle(
    frames: Frames,
    records: Sequence[Record],
    *,
    ours: str,
    challenger: str,
    undefended: Sequence[str],
) -> Contest:
    """Return the result of a contest that was carried out."""
    compared: Comparisons = {}
    if reason := _obstacle(frames, (ours, challenger)):
        verdict = contest_rule.refuse(remove_folders(reason))
    elif reason := _unproven(frames):
        verdict = contest_rule.too_noisy(reason)
    else:
        compared = {
            judged: contest_rule.compare(
                {
                    task.name: (
                        frames.result(task, ours).per_repeat(QUANTITIES[judged]),
                        frames.result(task, challenger).per_repeat(QUANTITIES[judged]),
                    )
                    for task in networks.judged_by(judged, frames.plan.tasks)
                }
            )
            for judged in Judged
            if networks.judged_by(judged, frames.plan.tasks)
        }
        verdict = contest_rule.judge(
            compared,
            margin=frames.plan.margin,
            undefended=undefended,
            unmeasured=networks.left_out(frames.plan.tasks),
            seconds_per_repeat=_seconds(frames, records),
        )
    return Contest(
        frames=frames, ours=ours, challenger=challenger, compared=compared, verdict=verdict
    )


QUANTITIES = {Judged.WHOLE: Quantity.TOTAL, Judged.STEP: Quantity.STEP}


def _unproven(frames: Frames) -> str:
    """Return why the instrument may give no verdict on the first such task, or an empty text."""
    for judged, quantity in QUANTITIES.items():
        for task in networks.judged_by(judged, frames.plan.tasks):
            reason = control_arms.why_refused(frames, task, quantity)
            if reason:
                return f"{judged} on {task.title or task.name}: {reason}"
    return ""


def has_refusal(records: Sequence[Record]) -> bool:
    """Return whether records stand against a comparison: measuring on would be in vain."""
    return any(
        isinstance(record, FailureRecord)
        or (isinstance(record, CertificateRecord) and not record.passed)
        for record in records
    )


def _obstacle(frames: Frames, arms: Sequence[str]) -> str:
    """Return the first reason why the two may not be compared, or an empty text."""
    results = [frames.result(task, arm) for arm in arms for task in frames.plan.tasks]
    for why in (_why, _lacking):
        for result in results:
            reason = why(result)
            if reason:
                return f"{result.arm} on {result.task.title or result.task.name}: {reason}"
    return ""


def _why(result: ArmResult) -> str:
    if not result.checks.passed.astype(bool).all():
        return why_not_compared(result)
    rows = result.frames.failures
    rows = rows[(rows.task == result.task.name) & (rows.arm == result.arm)]
    if len(rows):
        return f"{rows.iloc[0].mark}: {rows.iloc[0].reason}"
    return ""


def _lacking(result: ArmResult) -> str:
    if not (result.step and result.passed):
        return "nothing was measured"
    return "" if result.is_steady else "its steps never settled"


def _seconds(frames: Frames, records: Sequence[Record]) -> float:
    """Return how long one repeat took: both loops on every task, control and sensitivity arm."""
    spent = [
        record.seconds
        for record in records
        if isinstance(record, JobFinished) and record.pass_name in BLOCK_PASSES
    ]
    return sum(spent) / max(1, frames.repeats)


def to_markdown(found: Contest) -> str:
    """Return the verdict with everything it rests on; no name of a host, a user or a folder."""
    frames, plan = found.frames, found.frames.plan
    ours, theirs = _described(frames, found.ours), _described(frames, found.challenger)
    rows = [f"| {name} | {ours[name]} | {theirs[name]} |" for name in ours]
    return "\n".join(
        [
            f"### {found.challenger} against {found.ours}",
            "",
            f"**Verdict: {found.verdict.sentence}.**",
            "",
            "| | ours | challenger |",
            "|---|---|---|",
            *rows,
            "",
            *_times(found),
            f"Machine: {_machine(frames.machine)}; {plan.target}. {_how(frames)}",
            "",
            f"Rule: {rule_sentence(plan.margin)}",
        ]
    )


def _how(frames: Frames) -> str:
    plan = frames.plan
    return (
        f"Repeats in fresh processes: {frames.repeats}, each loop first "
        f"in every second one. samenet {plan.samenet}, {plan.created}."
    )


def _described(frames: Frames, name: str) -> dict[str, str]:
    """Return the lines of the first table of one loop; an arm that could not run has few."""
    arm = next((each for each in frames.plan.arms if each.name == name), None)
    if arm is None:
        return dict.fromkeys(("loop", "versions", "checked", "why", "source"), "–")
    return {
        "loop": f"{arm.header.title}, `{arm.name}`, file {arm.digest[:12]}",
        "versions": ", ".join(f"{package} {version}" for package, version in arm.versions.items()),
        "checked": certificates.figures_text(certificates.worst_errors(frames, name)) or "–",
        "why": _cell(arm.header.modes[arm.mode].why),
        "source": _cell(arm.header.modes[arm.mode].source),
    }


def _cell(text: str) -> str:
    """Return a stranger's text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|") or "–"


def _times(found: Contest) -> list[str]:
    lines: list[str] = []
    for judged, comparison in found.compared.items():
        lines += [
            f"| {judged} | ours | challenger | ours / challenger, 95 % interval |",
            "|---|---|---|---|",
        ]
        for task, each in comparison.tasks.items():
            ours, theirs = (
                _seconds_text(found, task, arm, judged) for arm in (found.ours, found.challenger)
            )
            lines.append(f"| {_title(found, task)} | {ours} | {theirs} | {_factor(each.ratio())} |")
        lines += [f"| geometric mean | | | {_factor(comparison.overall.ratio())} |", ""]
    return lines


def _title(found: Contest, name: str) -> str:
    task = found.frames.plan.task(name)
    return _cell(task.title or task.name)


def _seconds_text(found: Contest, task: str, arm: str, judged: Judged) -> str:
    result = found.frames.result(found.frames.plan.task(task), arm)
    return format_seconds(result.typical(QUANTITIES[judged]).value)


def _factor(factor: Interval) -> str:
    span = f" ({factor.low:.3f} to {factor.high:.3f})" if factor.known else ""
    return f"{factor.value:.3f}{span}"


def _machine(facts: dict[str, Any]) -> str:
    pinned = "" if facts["pinned"] else ", not pinned"
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, "
        f"Python {facts['python']}{pinned}"
    )


def to_document(found: Contest) -> dict[str, Any]:
    """Return the result as plain data."""
    plan = found.frames.plan
    return {
        "schema": "samenet-contest/2",
        "samenet": plan.samenet,
        "created": plan.created,
        "verdict": found.verdict.answer,
        "sentence": found.verdict.sentence,
        "rule": rule_sentence(plan.margin),
        "repeats": found.frames.repeats,
        "target": plan.target.model_dump(mode="json"),
        "machine": found.frames.machine,
        "loops": [_loop(found, arm) for arm in plan.arms],
        "judged": {str(judged): _judged(each) for judged, each in found.compared.items()},
        "step_seconds": _raw(found, Judged.STEP),
        "whole_training_seconds": _raw(found, Judged.WHOLE),
        "markdown": to_markdown(found),
    }


def _loop(found: Contest, arm: Arm) -> dict[str, Any]:
    mode = arm.header.modes[arm.mode]
    return {
        "role": "ours" if arm.name == found.ours else "challenger",
        "arm": arm.name,
        "digest": arm.digest,
        "versions": arm.versions,
        "why": mode.why,
        "source": mode.source,
        "errors": certificates.worst_errors(found.frames, arm.name),
    }


def _judged(found: LoopComparison) -> dict[str, Any]:
    """Return the factors ours / challenger of one quantity: over all tasks, and of each."""
    tasks = {task: _plain(each.ratio()) for task, each in found.tasks.items()}
    return {"factor": _plain(found.overall.ratio()), "factors": tasks}


def _raw(found: Contest, judged: Judged) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of each repeat, by task and loop."""
    frames = found.frames
    return {
        task.name: {
            arm.name: list(frames.result(task, arm.name).per_repeat(QUANTITIES[judged]).values())
            for arm in frames.plan.arms
        }
        for task in networks.judged_by(judged, frames.plan.tasks)
    }


def _plain(factor: Interval) -> dict[str, float | int | None]:
    """Return an interval as JSON has it: one repeat has no ends."""
    low, high = (factor.low, factor.high) if factor.known else (None, None)
    return {"value": factor.value, "low": low, "high": high, "n": factor.n}
