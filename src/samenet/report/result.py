"""What a finished run answers: a table for people, one JSON document for programs."""

from __future__ import annotations

from typing import Any

from samenet._console import printable
from samenet.advice import recommend
from samenet.analysis import (
    certificates,
    control_arms,
    fingerprint,
    interference,
    own_fit,
    predictions,
    roofline,
    scores,
    totals,
)
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import seconds_of
from samenet.analysis.totals import Total
from samenet.runs.records import HUGE
from samenet.spec.metrics import main_of, names_of
from samenet.spec.task import Task
from samenet.stats.formatting import duration, words
from samenet.stats.intervals import Interval, geometric

RESULT_SCHEMA = "samenet-result/1"
QUANTITIES = ("total", "start_up", "step", "epoch")


def document(frames: Frames) -> dict[str, Any]:
    """Return the result as plain data; the schema is docs/result-schema.md."""
    plan = frames.plan
    return {
        "schema": RESULT_SCHEMA,
        "samenet": plan.samenet,
        "created": plan.created,
        "profile": plan.profile,
        "repeats": frames.repeats,
        "verdicts": any(control_arms.verdicts(frames, task) for task in plan.tasks),
        "target": plan.target.model_dump(mode="json"),
        "machine": frames.machine,
        "fingerprint": fingerprint.fingerprint(frames),
        "memory_bytes_per_second": roofline.bytes_per_second(frames),
        "tasks": [_task(frames, task) for task in plan.tasks],
        "failures": frames.failures.drop(columns="detail").astype(object).to_dict("records"),
    }


def _task(frames: Frames, task: Task) -> dict[str, Any]:
    found = recommend.recommend(frames, task)
    return {
        "name": task.name,
        "kind": str(task.kind),
        "goal": task.goal.model_dump(mode="json") if task.goal else None,
        "instrument": _instrument(frames, task),
        "not_compared": [
            {"arm": arm, "reason": why_not(frames, task, arm)} for arm in refused(frames, task)
        ],
        "same_network": [_row(frames, task, row) for row in totals.totals(frames, task)],
        "limit": {
            "step_seconds": roofline.floor_seconds(frames, task),
            "operations_per_second": roofline.operations_per_second(frames, task),
        },
        "inference": [_predictions(frames, task, arm) for arm in predictions.arms(frames, task)],
        "quickstart": _scores(frames, task, "quickstart"),
        "reference": _scores(frames, task, "reference"),
        "advice": None
        if found is None
        else {
            "choice": list(found.choice),
            "sentence": found.sentence,
            "details": list(found.details),
        },
    }


def _instrument(frames: Frames, task: Task) -> dict[str, Any] | None:
    found = control_arms.shown(frames, task)
    if found is None:
        return None
    return {
        "reference": found.arm,
        "verdicts": {q: control_arms.verdicts(frames, task, q) for q in control_arms.QUANTITIES},
        "control": {
            quantity: {**_interval(ratio), "equivalent": found.equivalent[quantity]}
            for quantity, ratio in found.control.items()
        },
        "sensitivity": found.sensitivity and {**_interval(found.sensitivity), "seen": found.seen},
        "refused": control_arms.why_refused(frames, task),
    }


def _row(frames: Frames, task: Task, row: Total) -> dict[str, Any]:
    times = {name: seconds_of(frames, task, row.arm, name) for name in QUANTITIES}
    return {
        "framework": frames.plan.arm(row.arm).header.name,
        "mode": frames.plan.arm(row.arm).mode,
        "rank": row.rank,
        "factor": _interval(row.factor),
        "verdict": _verdict(row),
        "seconds": {
            name: _interval(geometric(list(found.values())))
            for name, found in times.items()
            if found
        },
        "steady_state": frames.settled(task.name, row.arm),
        "share_of_limit": roofline.share(frames, task, row.arm),
        "own_fit": own_fit.document(frames, task, row.arm),
        "scores": _means(frames, task, "same", row.arm),
        "checks": checks(frames, task, row.arm),
        "deviations": [
            each._asdict() for each in certificates.deviations(frames, task.name, row.arm)
        ],
    }


def _verdict(row: Total) -> dict[str, Any] | None:
    found = row.verdict
    if found is None:
        return None
    names = ("p", "adjusted_p", "permutation_p", "equivalence_p", "more_repeats")
    return {"word": found.word and str(found.word), **{n: getattr(found, n) for n in names}}


def _predictions(frames: Frames, task: Task, arm: str) -> dict[str, Any]:
    ways = {way: predictions.seconds(frames, task, arm, way) for way in predictions.WAYS}
    return {
        "framework": frames.plan.arm(arm).header.name,
        **{
            way: {
                "seconds": {str(rows): _interval(each) for rows, each in times.items()},
                "rows_per_second": predictions.throughput(times),
            }
            for way, times in ways.items()
            if times
        },
    }


def _interval(found: Interval) -> dict[str, float | int]:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}


def _scores(frames: Frames, task: Task, track: str) -> list[dict[str, Any]]:
    rows = frames.samples
    rows = rows[(rows.track == track) & (rows.task == task.name) & (rows.phase == "fit")]
    return [
        {
            "framework": str(arm).partition(":")[0],
            "fit_seconds": group.seconds.tolist(),
            "scores": _means(frames, task, track, str(arm)),
        }
        for arm, group in rows.groupby("arm", sort=False)
    ]


def _means(frames: Frames, task: Task, track: str, arm: str) -> dict[str, float]:
    """Return the mean test score per metric over repeats or seeds."""
    names = (*names_of(task.kind), "loss")
    found = {m: scores.score(frames, task, track=track, arm=arm, metric=m) for m in names}
    return {metric: value for metric, value in found.items() if value is not None}


def checks(frames: Frames, task: Task, arm: str) -> dict[str, Any]:
    """Return a row's own two figures and whether every check passed."""
    rows = frames.checks[(frames.checks.task == task.name) & (frames.checks.arm == arm)]

    def worst(gate: str, quantity: str) -> float | None:
        errors = rows[(rows.gate == gate) & rows.quantity.str.startswith(quantity)].error
        return None if errors.empty else float(errors.max())

    return {
        "passed": bool(rows.passed.all()) and not rows.empty,
        "float64_weights_error": worst("gate 2", "weights"),
        "first_update_error": worst("gate 4", "first update"),
        "epoch_loss_error": worst("gate 4", "epoch loss"),
    }


def lines(frames: Frames) -> list[str]:
    """Return the closing lines of a run: one per framework and task, then the advice."""
    found: list[str] = []
    for task in frames.plan.tasks:
        reason = control_arms.why_refused(frames, task)
        found += ["", f"{task.title or task.name}"]
        found += [f"  No verdicts: {reason}."] if reason else []
        for row in totals.totals(frames, task):
            found += [_line(frames, task, row), *_deviation_lines(frames, task, row.arm)]
        found += _failure_lines(frames, task)
        advice = recommend.recommend(frames, task)
        found += (
            [] if advice is None else ["", *(f"  {s}" for s in (advice.sentence, *advice.details))]
        )
    disturbed = interference.sentence(frames)
    return [*map(printable, found[1:]), *(["", disturbed] if disturbed else [])]


def _line(frames: Frames, task: Task, row: Total) -> str:
    step = seconds_of(frames, task, row.arm, "step")
    metric = main_of(task.kind).name
    score = scores.score(frames, task, track="same", arm=row.arm, metric=metric)
    shown = "" if score is None else f"  {metric} {score:.3f}"
    each = words(geometric(list(step.values())).value)
    each += "" if frames.settled(task.name, row.arm) else " (no steady state)"
    title, place = frames.title(row.arm), "" if row.rank is None else f"{row.rank}."
    return (
        f"  {place:>2} {title:<22} whole training {duration(row.seconds):<24}"
        f" {row.factor.value:>5.2f}×  step {each:<8}{shown}  {_checked(frames, task, row.arm)}"
    )


def _deviation_lines(frames: Frames, task: Task, arm: str) -> list[str]:
    """Say below a row what its framework does otherwise than the spec, and how far that leads."""
    return [
        f"     {certificates.deviation_text(each)}"
        for each in certificates.deviations(frames, task.name, arm)
    ]


def _checked(frames: Frames, task: Task, arm: str) -> str:
    found = checks(frames, task, arm)
    return "checked: same network" if found["passed"] else "not checked"


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
        f"  –  {frames.title(arm):<22} not compared: {why_not(frames, task, arm)}"
        for arm in refused(frames, task)
    ]


def refused(frames: Frames, task: Task) -> list[str]:
    """Return the arms of a task with a failed check: their times are not compared."""
    rows = frames.checks[(frames.checks.task == task.name) & ~frames.checks.passed.astype(bool)]
    return sorted(set(rows.arm))


def why_not(frames: Frames, task: Task, arm: str) -> str:
    """Return the first failed check of an arm in one sentence."""
    rows = frames.checks[(frames.checks.task == task.name) & (frames.checks.arm == arm)]
    row = rows[~rows.passed.astype(bool)].iloc[0]
    if row.error >= HUGE:
        return f"{row.gate}, {row.quantity} is not a number: a smaller learning rate may help"
    because = certificates.because(frames, task.name, arm, str(row.detail))
    figures = f"{row.error:.2g} instead of at most {row.limit:.2g}"
    return f"{row.gate}, {row.quantity}: {figures}{because}"
