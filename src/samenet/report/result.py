"""What a finished run answers: a table for people, one JSON document for programs."""

from __future__ import annotations

from typing import Any

from samenet._console import make_printable
from samenet.advice import recommend
from samenet.analysis import (
    check_text,
    control_arms,
    fingerprint,
    interference,
    own_fit,
    predictions,
    roofline,
    totals,
)
from samenet.analysis.deviations import deviation_text, deviations
from samenet.analysis.frames import ArmResult, Frames
from samenet.analysis.quantities import Quantity
from samenet.analysis.totals import Total
from samenet.report import guessing
from samenet.runs.records import Track
from samenet.spec.metrics import main_metric, metric_names
from samenet.spec.task import Task
from samenet.stats.formatting import format_duration, format_seconds
from samenet.stats.intervals import Interval

RESULT_SCHEMA = "samenet-result/1"
QUANTITIES = (Quantity.TOTAL, Quantity.START_UP, Quantity.STEP, Quantity.EPOCH)


def to_document(frames: Frames) -> dict[str, Any]:
    """Return the result as plain data; the schema is docs/result-schema.md."""
    plan = frames.plan
    return {
        "schema": RESULT_SCHEMA,
        "samenet": plan.samenet,
        "created": plan.created,
        "profile": plan.profile,
        "repeats": frames.repeats,
        "verdicts": any(control_arms.allow_verdicts(frames, task) for task in plan.tasks),
        "target": plan.target.model_dump(mode="json"),
        "machine": frames.machine,
        "fingerprint": fingerprint.fingerprint(frames),
        "memory_bytes_per_second": roofline.bytes_per_second(frames),
        "tasks": [_task(frames, task) for task in plan.tasks],
        "failures": frames.failures.drop(columns="detail").astype(object).to_dict("records"),
    }


def _task(frames: Frames, task: Task) -> dict[str, Any]:
    advice = recommend.recommend(frames, task)
    return {
        "name": task.name,
        "kind": str(task.kind),
        "goal": task.goal.model_dump(mode="json") if task.goal else None,
        "instrument": _instrument(frames, task),
        "not_compared": [
            {"arm": arm, "reason": why_not_compared(frames.result(task, arm))}
            for arm in refused_arms(frames, task)
        ],
        "same_network": [_row(frames, task, row) for row in totals.totals(frames, task)],
        "limit": {
            "step_seconds": roofline.floor_seconds(frames, task),
            "operations_per_second": roofline.operations_per_second(frames, task),
        },
        "inference": [
            _predictions(frames.result(task, arm)) for arm in predictions.arms(frames, task)
        ],
        "quickstart": _quick_starts(frames, task),
        "reference": _fits(frames, task, "reference"),
        "advice": None
        if advice is None
        else {
            "choice": list(advice.choice),
            "ranked": advice.ranked,
            "sentence": advice.sentence,
            "details": list(advice.details),
        },
    }


def _instrument(frames: Frames, task: Task) -> dict[str, Any] | None:
    shown = control_arms.check_instrument(frames, task)
    if shown is None:
        return None
    return {
        "reference": shown.arm,
        "verdicts": {
            q: control_arms.allow_verdicts(frames, task, q) for q in control_arms.QUANTITIES
        },
        "control": {
            quantity: {**_interval(ratio), "equivalent": shown.equivalent[quantity]}
            for quantity, ratio in shown.control.items()
        },
        "sensitivity": shown.sensitivity and {**_interval(shown.sensitivity), "seen": shown.seen},
        "refused": control_arms.why_refused(frames, task),
    }


def _row(frames: Frames, task: Task, row: Total) -> dict[str, Any]:
    result = frames.result(task, row.arm)
    return {
        "framework": frames.plan.arm(row.arm).header.name,
        "mode": frames.plan.arm(row.arm).mode,
        "rank": row.rank,
        "factor": _interval(row.factor),
        "verdict": _verdict(row),
        "seconds": {
            str(quantity): _interval(result.typical(quantity))
            for quantity in QUANTITIES
            if result.per_repeat(quantity)
        },
        "steady_state": result.is_steady,
        "share_of_limit": roofline.share(result),
        "own_fit": own_fit.document(result),
        "scores": _scores(result),
        "checks": check_figures(result),
        "deviations": [
            deviation._asdict() for deviation in deviations(frames.deviations, task.name, row.arm)
        ],
    }


def _verdict(row: Total) -> dict[str, Any] | None:
    verdict = row.verdict
    if verdict is None:
        return None
    names = ("p", "adjusted_p", "permutation_p", "equivalence_p", "more_repeats")
    return {"word": verdict.word and str(verdict.word), **{n: getattr(verdict, n) for n in names}}


def _predictions(result: ArmResult) -> dict[str, Any]:
    ways = {way: predictions.seconds(result, way) for way in predictions.WAYS}
    return {
        "framework": result.frames.plan.arm(result.arm).header.name,
        **{
            way: {
                "seconds": {str(rows): _interval(interval) for rows, interval in times.items()},
                "rows_per_second": predictions.throughput(times),
            }
            for way, times in ways.items()
            if times
        },
    }


def _interval(interval: Interval) -> dict[str, float | int]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, "n": interval.n}


def _fits(frames: Frames, task: Task, track: Track) -> list[dict[str, Any]]:
    rows = frames.samples
    rows = rows[(rows.track == track) & (rows.task == task.name) & (rows.phase == "fit")]
    results = [frames.result(task, str(arm), track) for arm in rows.arm.unique()]
    return [
        {
            "framework": result.arm.partition(":")[0],
            "fit_seconds": result.fit_seconds,
            "scores": _scores(result),
        }
        for result in results
    ]


def _quick_starts(frames: Frames, task: Task) -> list[dict[str, Any]]:
    """Return the examples, each with the score that an answer without inputs has."""
    guesses = {guess.arm.partition(":")[0]: guess for guess in guessing.guesses(frames, task)}
    fits = _fits(frames, task, "quickstart")
    for fit in fits:
        guess = guesses.get(fit["framework"])
        fit["guess"] = guess.guess if guess else None
        fit["learns"] = guess.learnt(task) if guess else None
    return fits


def _scores(result: ArmResult) -> dict[str, float]:
    """Return the mean test score per metric over repeats or seeds."""
    scores = {metric: result.score(metric) for metric in (*metric_names(result.task.kind), "loss")}
    return {metric: score for metric, score in scores.items() if score is not None}


def check_figures(result: ArmResult) -> dict[str, Any]:
    """Return a row's own two figures and whether every check passed."""
    rows = result.checks

    def worst(gate: str, quantity: str) -> float | None:
        errors = rows[(rows.gate == gate) & rows.quantity.str.startswith(quantity)].error
        return None if errors.empty else float(errors.max())

    return {
        "passed": result.passed,
        "float64_weights_error": worst("gate 2", "weights"),
        "first_update_error": worst("gate 4", "first update"),
        "epoch_loss_error": worst("gate 4", "epoch loss"),
    }


def to_lines(frames: Frames) -> list[str]:
    """Return the closing lines of a run: one per framework and task, then the advice."""
    shown: list[str] = []
    for task in frames.plan.tasks:
        shown += ["", task.title or task.name]
        reason = control_arms.why_refused(frames, task)
        if reason:
            shown.append(f"  No verdicts: {reason}.")
        for row in totals.totals(frames, task):
            shown += [_line(frames, task, row), *_deviation_lines(frames, task, row.arm)]
        shown += _failure_lines(frames, task)
        shown += [f"  {sentence}" for sentence in guessing.sentences(frames, task)]
        advice = recommend.recommend(frames, task)
        if advice is not None:
            shown += ["", *(f"  {text}" for text in (advice.sentence, *advice.details))]
    shown = [make_printable(text) for text in shown[1:]]
    disturbed = interference.sentence(frames)
    return [*shown, "", disturbed] if disturbed else shown


def _line(frames: Frames, task: Task, row: Total) -> str:
    result = frames.result(task, row.arm)
    metric = main_metric(task.kind).name
    score = result.score(metric)
    shown = "" if score is None else f"  {metric} {score:.3f}"
    step = format_seconds(result.typical(Quantity.STEP).value)
    step += "" if result.is_steady else " (no steady state)"
    checked = "checked: same network" if result.passed else "not checked"
    title, place = frames.title(row.arm), "" if row.rank is None else f"{row.rank}."
    return (
        f"  {place:>2} {title:<22} whole training {format_duration(row.seconds):<24}"
        f" {row.factor.value:>5.2f}×  step {step:<8}{shown}  {checked}"
    )


def _deviation_lines(frames: Frames, task: Task, arm: str) -> list[str]:
    """Say below a row what its framework does otherwise than the spec, and how far that leads."""
    return [
        f"     {deviation_text(deviation)}"
        for deviation in deviations(frames.deviations, task.name, arm)
    ]


def _marked(mark: str, reason: str) -> str:
    """Return a reason after its mark; a reason that begins with the mark says it once."""
    return reason if reason.startswith(f"{mark}: ") else f"{mark}: {reason}"


def _failure_lines(frames: Frames, task: Task) -> list[str]:
    rows = frames.failures[frames.failures.task == task.name]
    lines_found = [
        f"  –  {frames.title(str(row.arm)):<22} {_marked(str(row.mark), str(row.reason))}"
        for row in rows.itertuples()
    ]
    return list(dict.fromkeys(lines_found)) + [
        f"  –  {frames.title(arm):<22} not compared: {why_not_compared(frames.result(task, arm))}"
        for arm in refused_arms(frames, task)
    ]


def refused_arms(frames: Frames, task: Task) -> list[str]:
    """Return the arms of a task with a failed check: their times are not compared."""
    rows = frames.checks[(frames.checks.task == task.name) & ~frames.checks.passed.astype(bool)]
    return sorted(set(rows.arm))


def why_not_compared(result: ArmResult) -> str:
    """Return the first failed check of a result in one sentence."""
    row = result.checks[~result.checks.passed.astype(bool)].iloc[0]
    return check_text.why_failed(row, result.frames.deviations)
