"""What single layers took, per framework and against the best, as lines and as one document.

Against the best: seconds over those of the best framework, paired in a repeat, with an interval
that holds for all pairs of frameworks together (Bonferroni: 1 - 0.05 / pairs), for the best is
chosen from the same numbers. Where the interval reaches down to 1, or does not leave the margin of
5 %, it is too close to call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from samenet._console import make_printable
from samenet.analysis.frames import Frames, Memory
from samenet.analysis.memo import remember
from samenet.experiments.layers import networks
from samenet.report.result import why_not_compared
from samenet.runs.timed_checks import GATE
from samenet.spec.task import Task
from samenet.stats import intervals, pairwise, steady_state
from samenet.stats.formatting import error_text, format_digits, format_seconds
from samenet.stats.intervals import Interval, PerRepeat
from samenet.stats.significance import ALPHA
from samenet.stats.verdicts import VerdictWord

SCHEMA = "samenet-layers/1"

PASSES = {"forward": "forward", "step": "forward + backward"}
"""The two passes that are timed: the phase of the records, and what people call it."""

INCLUDED = (
    "forward: predict of the resident batch, its outputs fetched to the host.",
    (
        "forward + backward: one call of train with one batch: rows taken by number, forward, "
        "mean squared error, backward, update by SGD."
    ),
    (
        "Both hold the layer and what stands around it: before it the least that has weights, so "
        "that the gradient goes through the layer (not before dense and embedding), and a head of "
        "one output."
    ),
    (
        "memory: the largest size of a process of its own that trains and predicts, without what "
        "is there after the import."
    ),
)
"""What the numbers hold, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """One framework against the best of a network, in one pass."""

    best: str
    ratio: Interval
    """Seconds over those of the best; 1 of the best itself."""

    @property
    def word(self) -> str:
        """Return what may be said of it: nothing of the best, and of what is slower its factor."""
        if self.ratio.n < 2:
            return str(VerdictWord.UNKNOWN)
        is_slower = self.ratio.low > 1 and self.ratio.high > 1 + intervals.MARGIN
        return str(VerdictWord.SLOWER if is_slower else VerdictWord.CLOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerResult:
    """One network: the times of the frameworks that may be compared, and why others have none."""

    task: Task
    times: Mapping[str, Mapping[str, PerRepeat]]
    """{pass: {arm: {repeat: seconds}}}, the fastest in a training step first."""
    memory: Mapping[str, Memory]
    absent: Mapping[str, str]
    """{arm: why, in words}."""

    def typical(self, name: str, arm: str) -> Interval:
        """Return the geometric mean over the repeats, with its interval."""
        return intervals.geometric_mean(list(self.times[name][arm].values()))

    def against_best(self, name: str, arm: str) -> Against | None:
        """Return an arm against the best; None of the best itself, or if no repeat holds both."""
        times = self.times[name]
        best = pairwise.fastest_arm(times)
        if arm == best or not times[arm].keys() & times[best].keys():
            return None
        pairs = len(pairwise.all_pairs(times))
        ratio = intervals.paired_ratio(times[arm], times[best], 1 - ALPHA / pairs)
        return Against(best=best, ratio=ratio)


@remember
def results(frames: Frames) -> list[LayerResult]:
    """Return every network of a run, in the plan's order."""
    seconds = _seconds(frames)
    return [_result(frames, task, seconds) for task in networks.single_layers(frames.plan.tasks)]


_Seconds = Mapping[tuple[str, str, str], Mapping[int, float]]
"""{(task, arm, pass): {repeat: seconds}}."""


def _seconds(frames: Frames) -> _Seconds:
    """Return one number per process: the median of its settled samples, per call."""
    rows = frames.samples[frames.samples.track == "layers"]
    rows = rows[rows.phase.isin(list(PASSES))]
    found: dict[tuple[str, str, str], dict[int, float]] = {}
    for _, part in rows.groupby(["task", "arm", "phase", "repeat"], sort=False):
        first = part.iloc[0]
        per_call = median(steady_state.drop_warm_up(tuple(part.seconds))) / int(first.steps)
        process = (str(first.task), str(first.arm), str(first.phase))
        found.setdefault(process, {})[int(first["repeat"])] = per_call
    return found


def _result(frames: Frames, task: Task, seconds: _Seconds) -> LayerResult:
    arms = [arm.name for arm in frames.plan.arms]
    absent = {arm: why for arm in arms if (why := _why_absent(frames, task, arm, seconds))}
    compared = [arm for arm in arms if arm not in absent]
    compared.sort(
        key=lambda arm: intervals.speed_key(list(seconds[task.name, arm, "step"].values()))
    )
    other_mode = {arm for arm, why in absent.items() if why.startswith(OTHER_MODE)}
    memory = {arm: frames.result(task, arm).memory for arm in compared}
    return LayerResult(
        task=task,
        times={name: {a: seconds[task.name, a, name] for a in compared} for name in PASSES},
        memory={arm: found for arm, found in memory.items() if found},
        absent={arm: why for arm, why in absent.items() if arm not in other_mode},
    )


OTHER_MODE = "runs as "
"""So begins the reason of a mode that was not asked for by name, where another one is better."""


def _why_absent(frames: Frames, task: Task, arm: str, seconds: _Seconds) -> str:
    """Return why a framework has no number for a network, or "": it is proved, and it was timed."""
    rows = frames.failures[(frames.failures.task == task.name) & (frames.failures.arm == arm)]
    for mark, reason in zip(rows.mark, rows.reason, strict=True):
        return _in_words(str(mark), str(reason))
    result = frames.result(task, arm)
    if not result.checks.passed.astype(bool).all():
        return f"not compared: {why_not_compared(result)}"
    if not all((task.name, arm, name) in seconds for name in PASSES):
        return "not measured"
    timed = set(seconds[task.name, arm, "step"])
    if lacking := timed - _looked_at(frames, task, arm):
        return f"not compared: nothing shows that process {min(lacking) + 1} did the same"
    return ""


def _looked_at(frames: Frames, task: Task, arm: str) -> set[int]:
    """Return the repeats whose timed program was looked at after its last call."""
    checks = frames.result(task, arm).checks
    kept = checks[(checks.gate == GATE) & checks["repeat"].notna()]
    by_repeat: dict[int, set[str]] = {}
    for repeat, quantity in zip(kept["repeat"], kept.quantity, strict=True):
        by_repeat.setdefault(int(repeat), set()).add(str(quantity))
    return {repeat for repeat, found in by_repeat.items() if set(LOOKED_AT) <= found}


LOOKED_AT = ("first update", "last call", "outputs")
"""What is asked of every timed program after its last call, of gate 4."""


def _in_words(mark: str, reason: str) -> str:
    """Return why there is no number, the mark said once; what is not offered says so first."""
    if mark != "unsupported":
        return reason if reason.startswith(mark) else f"{mark}: {reason}"
    if reason.startswith(OTHER_MODE):
        return reason
    what, _, has = reason.partition(" is not offered")
    return f"not offered: {what}{has}" if has else f"not offered: {reason}"


def to_lines(frames: Frames) -> list[str]:
    """Return the table: per network a line for every framework."""
    shown: list[str] = []
    for result in results(frames):
        shown += ["", result.task.title, *(_rows(frames, result) or ["  nothing to compare"])]
    shown += ["", *INCLUDED, *_about_proof(frames)]
    return [make_printable(line) for line in shown[1:]]


def _rows(frames: Frames, result: LayerResult) -> list[str]:
    head = f"  {'':<26}{'forward':<34}{'forward + backward':<34}{'memory':>8}"
    lines = [head] if result.times["step"] else []
    for arm in result.times["step"]:
        forward, step = (_shown(result, name, arm) for name in PASSES)
        line = f"  {frames.title(arm):<26}{forward:<34}{step:<34}{_memory(result, arm):>8}"
        lines.append(line.rstrip())
    return lines + [f"  {frames.title(arm):<26}{why}" for arm, why in result.absent.items()]


def _shown(result: LayerResult, name: str, arm: str) -> str:
    """Return a time, and its factor against the best with the interval, or that it is too close."""
    time = f"{format_seconds(result.typical(name, arm).value):<9}"
    against = result.against_best(name, arm)
    return f"{time}{factor_text(against)}" if against else f"{time}best"


def factor_text(against: Against) -> str:
    """Return '1.75× [1.6, 1.9]', or the word where it is too close to call."""
    ratio = against.ratio
    factor = f"{format_digits(ratio.value)}×"
    if not ratio.known:
        return factor
    factor += f" [{format_digits(ratio.low)}, {format_digits(ratio.high)}]"
    return against.word if against.word == VerdictWord.CLOSE else factor


MEGABYTE = 1e6


def own_bytes(memory: Memory) -> float:
    """Return what a process took beyond what is there after the import, or on the device."""
    if memory.device_peak is not None:
        return memory.device_peak
    return memory.peak - memory.after_import


def _memory(result: LayerResult, arm: str) -> str:
    memory = result.memory.get(arm)
    return "" if memory is None else f"{own_bytes(memory) / MEGABYTE:.0f} MB"


def _about_proof(frames: Frames) -> list[str]:
    """Say what was proved before anything was timed, with the worst error and its limit."""
    rows = frames.checks[(frames.checks.gate == "gate 1") & frames.checks.passed.astype(bool)]
    if rows.empty:
        return []
    parts = [
        f"{error_text(part.error.max())} in {dtype} (limits from {error_text(part.limit.min())})"
        for dtype, part in rows.groupby("dtype")
    ]
    worst = " and ".join(parts)
    said = "Proved the same before it was timed, on each network and batch"
    return [f"{said}: gradients off by at most {worst}."]


def to_document(frames: Frames) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "schema": SCHEMA,
        "samenet": frames.plan.samenet,
        "target": frames.plan.target.model_dump(mode="json"),
        "machine": frames.machine,
        "repeats": frames.plan.repeats,
        "included": list(INCLUDED),
        "layers": [_plain(frames, result) for result in results(frames)],
    }


def _plain(frames: Frames, result: LayerResult) -> dict[str, Any]:
    network = networks.network_of(result.task)
    return {
        "layer": networks.kind_of(result.task),
        "size": networks.size_of(result.task),
        "title": result.task.title,
        "network": result.task.model.model_dump(mode="json")["layers"],
        "inputs": list(network.input_shape),
        "batch_size": result.task.training.batch_size,
        "parameters": network.parameters,
        "operations_per_row": network.operations,
        "results": [_plain_arm(frames, result, arm) for arm in result.times["step"]],
        "absent": dict(result.absent),
    }


def _plain_arm(frames: Frames, result: LayerResult, arm: str) -> dict[str, Any]:
    memory = result.memory.get(arm)
    return {
        "arm": arm,
        **{key: _plain_pass(result, name, arm) for name, key in DOCUMENT_KEYS.items()},
        "memory": None
        if memory is None
        else {
            "bytes": own_bytes(memory),
            "bytes_after_import": memory.after_import,
            "bytes_peak": memory.peak,
            "device_bytes_peak": memory.device_peak,
        },
        "gradient_error": _gradient_errors(frames, result.task, arm),
    }


DOCUMENT_KEYS = {"forward": "forward", "step": "forward_backward"}


def _plain_pass(result: LayerResult, name: str, arm: str) -> dict[str, Any]:
    typical, against = result.typical(name, arm), result.against_best(name, arm)
    seconds = result.times[name][arm]
    return {
        "seconds": typical.value,
        "low": typical.low,
        "high": typical.high,
        "per_repeat": {str(repeat): seconds[repeat] for repeat in sorted(seconds)},
        "against_best": None
        if against is None
        else {
            "best": against.best,
            "factor": against.ratio.value,
            "low": against.ratio.low,
            "high": against.ratio.high,
            "verdict": against.word,
        },
    }


def _gradient_errors(frames: Frames, task: Task, arm: str) -> dict[str, dict[str, float]]:
    """Return error and limit of gate 1 by dtype."""
    checks = frames.result(task, arm).checks
    rows = checks[checks.gate == "gate 1"]
    return {
        str(dtype): {"error": float(error), "limit": float(limit)}
        for dtype, error, limit in zip(rows.dtype, rows.error, rows.limit, strict=True)
    }


def has_failures(frames: Frames) -> bool:
    """Return whether a number is missing that should be there; not offered is no failure."""
    found = results(frames)
    wrong = [
        why
        for result in found
        for why in result.absent.values()
        if not why.startswith(("not offered", "not installed"))
    ]
    return bool(wrong) or not any(result.times["step"] for result in found)
