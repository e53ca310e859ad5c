"""The result of a contest from its run: the verdict, as Markdown to paste and as one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samenet.analysis import certificates, control_arms
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.quantities import Quantity
from samenet.experiments.contest import rule as contest_rule
from samenet.experiments.contest.rule import Comparison, Verdict
from samenet.report.result import why_not
from samenet.runs.passes import BLOCKS
from samenet.runs.plan import Arm
from samenet.runs.records import CertificateRecord, FailureRecord, JobFinished, Record
from samenet.runs.redaction import without_folders
from samenet.stats.formatting import words
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval


def rule(margin: float) -> str:
    """Return the published rule in one sentence."""
    return (
        "A loop that is checked, defensible and faster beyond the margin replaces ours: the whole "
        f"95 % interval of ours / challenger above {1 + margin:.2f} on the geometric mean over the "
        f"tasks, above {1 / (1 + margin):.2f} on each; at least {VERDICT_REPEATS_MIN} repeats."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """A finished contest: arm names, what was compared, and the verdict."""

    frames: Frames
    ours: str
    challenger: str
    comparison: Comparison | None
    """None if the loops may not be compared."""
    verdict: Verdict


def settle(
    frames: Frames,
    records: Sequence[Record],
    *,
    ours: str,
    challenger: str,
    undefended: Sequence[str],
) -> Contest:
    """Return the result of a contest whose run has finished."""
    reason = _obstacle(frames, (ours, challenger)) or _unproven(frames)
    if reason:
        verdict = contest_rule.refused(without_folders(reason))
        comparison = None
    else:
        comparison = contest_rule.compare(
            {
                task.name: (
                    frames.result(task, ours).step,
                    frames.result(task, challenger).step,
                )
                for task in frames.plan.tasks
            }
        )
        verdict = contest_rule.judge(
            comparison,
            margin=frames.plan.margin,
            undefended=undefended,
            seconds_per_repeat=_seconds(frames, records),
        )
    return Contest(
        frames=frames, ours=ours, challenger=challenger, comparison=comparison, verdict=verdict
    )


def _unproven(frames: Frames) -> str:
    """Return the first task on which the instrument may give no verdict, and why, or ""."""
    for task in frames.plan.tasks:
        reason = control_arms.why_refused(frames, task, Quantity.STEP)
        if reason:
            return f"on {task.title or task.name}, {reason}"
    return ""


def refuses(records: Sequence[Record]) -> bool:
    """Return whether a record already rules out the comparison: more measuring is pointless."""
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
        return why_not(result)
    rows = result.frames.failures
    rows = rows[(rows.task == result.task.name) & (rows.arm == result.arm)]
    if len(rows):
        return f"{rows.iloc[0].mark}: {rows.iloc[0].reason}"
    return ""


def _lacking(result: ArmResult) -> str:
    return "" if result.step and result.passed else "nothing was measured"


def _seconds(frames: Frames, records: Sequence[Record]) -> float:
    """Return how long one repeat took: both loops on every task, control and sensitivity arm."""
    spent = [
        record.seconds
        for record in records
        if isinstance(record, JobFinished) and record.pass_name in BLOCKS
    ]
    return sum(spent) / max(1, frames.plan.repeats)


def markdown(contest: Contest) -> str:
    """Return the verdict with everything it rests on; no name of a host, a user or a folder."""
    frames = contest.frames
    plan = contest.frames.plan
    ours, theirs = _described(frames, contest.ours), _described(frames, contest.challenger)
    rows = [f"| {name} | {ours[name]} | {theirs[name]} |" for name in ours]
    return "\n".join(
        [
            f"### {contest.challenger} against {contest.ours}",
            "",
            f"**Verdict: {contest.verdict.sentence}.**",
            "",
            "| | ours | challenger |",
            "|---|---|---|",
            *rows,
            "",
            *_times(contest),
            (
                f"Machine: {_machine(frames.machine)}; {plan.target}. Time of one training step; "
                f"repeats in fresh processes: {plan.repeats}, each loop first in every second one. "
                f"samenet {plan.samenet}, {plan.created}."
            ),
            "",
            f"Rule: {rule(plan.margin)}",
        ]
    )


def _described(frames: Frames, name: str) -> dict[str, str]:
    """Return one loop's column of the first table; dashes for an arm that could not run."""
    arm = next((planned for planned in frames.plan.arms if planned.name == name), None)
    if arm is None:
        return dict.fromkeys(("loop", "versions", "checked", "why", "source"), "–")
    return {
        "loop": f"{arm.header.title}, `{arm.name}`, file {arm.digest[:12]}",
        "versions": ", ".join(f"{package} {version}" for package, version in arm.versions.items()),
        "checked": certificates.figures(certificates.worst_errors(frames, name)) or "–",
        "why": _cell(arm.header.modes[arm.mode].why),
        "source": _cell(arm.header.modes[arm.mode].source),
    }


def _cell(text: str) -> str:
    """Return a stranger's text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|") or "–"


def _times(contest: Contest) -> list[str]:
    if contest.comparison is None:
        return []
    rows = []
    for name, estimate in contest.comparison.tasks.items():
        task = contest.frames.plan.task(name)
        rows.append(
            f"| {_cell(task.title or name)} | {_step(contest, name, contest.ours)} "
            f"| {_step(contest, name, contest.challenger)} | {_factor(estimate.ratio())} |"
        )
    overall = _factor(contest.comparison.overall.ratio())
    return [
        "| task | ours, a step | challenger, a step | ours / challenger, 95 % interval |",
        "|---|---|---|---|",
        *rows,
        f"| geometric mean | | | {overall} |",
        "",
    ]


def _title(found: Contest, name: str) -> str:
    task = found.frames.plan.task(name)
    return _cell(task.title or task.name)


def _step(found: Contest, task_name: str, arm: str) -> str:
    result = found.frames.result(found.frames.plan.task(task_name), arm)
    return words(result.typical(Quantity.STEP).value)


def _factor(factor: Interval) -> str:
    span = f" ({factor.low:.3f} to {factor.high:.3f})" if factor.known else ""
    return f"{factor.value:.3f}{span}"


def _machine(facts: dict[str, Any]) -> str:
    pinned = "" if facts["pinned"] else ", not pinned"
    return (
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, "
        f"Python {facts['python']}{pinned}"
    )


def document(contest: Contest) -> dict[str, Any]:
    """Return the result as plain data."""
    plan = contest.frames.plan
    comparison = contest.comparison
    estimates = comparison.tasks if comparison else {}
    return {
        "schema": "samenet-contest/1",
        "samenet": plan.samenet,
        "created": plan.created,
        "verdict": contest.verdict.answer,
        "sentence": contest.verdict.sentence,
        "rule": rule(plan.margin),
        "repeats": plan.repeats,
        "target": plan.target.model_dump(mode="json"),
        "machine": contest.frames.machine,
        "loops": [_loop(contest, arm) for arm in plan.arms],
        "factor": _plain(comparison.overall.ratio()) if comparison else None,
        "factors": {task: _plain(estimate.ratio()) for task, estimate in estimates.items()},
        "step_seconds": {
            task.name: {
                arm.name: list(contest.frames.result(task, arm.name).step.values())
                for arm in plan.arms
            }
            for task in plan.tasks
        },
        "markdown": markdown(contest),
    }


def _loop(contest: Contest, arm: Arm) -> dict[str, Any]:
    mode = arm.header.modes[arm.mode]
    return {
        "role": "ours" if arm.name == contest.ours else "challenger",
        "arm": arm.name,
        "digest": arm.digest,
        "versions": arm.versions,
        "why": mode.why,
        "source": mode.source,
        "errors": certificates.worst_errors(contest.frames, arm.name),
    }


def _plain(factor: Interval) -> dict[str, float | int | None]:
    """Return an interval as JSON has it: one repeat has no ends."""
    low, high = (factor.low, factor.high) if factor.known else (None, None)
    return {"value": factor.value, "low": low, "high": high, "n": factor.n}
