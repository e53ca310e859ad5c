"""Two loops of one network head to head: the published rule, as pure functions of step times.

A loop that is checked, defensible and faster beyond the margin replaces ours:

    checked      every gate passed on every task, gate 4 in every process that was timed
    defensible   its mode names a reason and a public source
    faster       the whole 95 % t interval of ours / challenger lies above 1 + margin, on the
                 geometric mean over the tasks, paired within repeats
    nowhere      on no task may the challenger be slower beyond the margin: each task's whole
    slower       interval lies above 1 / (1 + margin)

The margin is 5 %, the interval Student's t of paired log-ratios from at least 8 repeats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal

from samenet.statistics import CONFIDENCE, MARGIN, VERDICT_REPEATS_MIN, Interval, t_factor

Kind = Literal["replaces", "faster", "too close", "slower", "cannot tell", "not compared"]
PerRepeat = Mapping[int, float]

EQUIVALENCE = 0.90
"""The interval of two one-sided tests at 5 % each (Schuirmann 1987)."""

LOG_MARGIN = math.log(1 + MARGIN)
REPEATS_MAX = 400
"""A difference that so many repeats would not settle lies at the margin itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean log-ratio ours / challenger over repeats; above 0 the challenger is faster."""

    centre: float
    spread: float
    """Standard deviation over repeats."""
    n: int

    def half(self, confidence: float = CONFIDENCE) -> float:
        """Return the half width of the t interval; one repeat has none."""
        if self.n < 2:
            return math.inf
        return t_factor(self.n, confidence) * self.spread / math.sqrt(self.n)

    def at(self, n: int) -> Estimate:
        """Return what so many repeats would probably give."""
        return Estimate(centre=self.centre, spread=self.spread, n=n)

    @property
    def low(self) -> float:
        """Return the lower end of the 95 % interval."""
        return self.centre - self.half()

    @property
    def high(self) -> float:
        """Return the upper end of the 95 % interval."""
        return self.centre + self.half()

    @property
    def factor(self) -> Interval:
        """Return how many times as fast the challenger is, with the 95 % interval."""
        centre, low, high = (math.exp(x) for x in (self.centre, self.low, self.high))
        return Interval(value=centre, low=low, high=high, n=self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The step times of two loops, paired within repeats."""

    overall: Estimate
    """Of the geometric mean over the tasks."""
    tasks: dict[str, Estimate]

    def at(self, n: int) -> Comparison:
        """Return what so many repeats would probably give."""
        tasks = {name: each.at(n) for name, each in self.tasks.items()}
        return Comparison(overall=self.overall.at(n), tasks=tasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the rule says, as a word for programs and a sentence for people."""

    kind: Kind
    sentence: str


def compare(times: Mapping[str, tuple[PerRepeat, PerRepeat]]) -> Comparison:
    """Return the estimates from (ours, challenger) per task: seconds of a step by repeat.

    Only repeats that hold both loops on every task count. Raises ValueError if there is none.
    """
    whole = set.intersection(*(set(a) & set(b) for a, b in times.values()))
    if not whole:
        raise ValueError("No repeat holds both loops on every task.")
    logs = {
        task: [math.log(ours[r] / theirs[r]) for r in sorted(whole)]
        for task, (ours, theirs) in times.items()
    }
    means = [fmean(each) for each in zip(*logs.values(), strict=True)]
    return Comparison(
        overall=_estimate(means), tasks={task: _estimate(each) for task, each in logs.items()}
    )


def _estimate(logs: Sequence[float]) -> Estimate:
    spread = stdev(logs) if len(logs) > 1 else 0.0
    return Estimate(centre=fmean(logs), spread=spread, n=len(logs))


def kind_of(found: Comparison) -> Kind:
    """Return what the step times alone say; whether a loop is defended is asked afterwards."""
    overall, tasks = found.overall, found.tasks.values()
    if overall.n < VERDICT_REPEATS_MIN:
        return "cannot tell"
    if overall.low > LOG_MARGIN:
        if any(task.high < -LOG_MARGIN for task in tasks):
            return "faster"
        return "replaces" if all(task.low > -LOG_MARGIN for task in tasks) else "cannot tell"
    if overall.high < -LOG_MARGIN:
        return "slower"
    near = abs(overall.centre) + overall.half(EQUIVALENCE) < LOG_MARGIN
    return "too close" if near else "cannot tell"


def repeats_needed(found: Comparison) -> int | None:
    """Return how many repeats would probably settle it, or None if no reasonable number would.

    One repeat tells no spread: then the fewest that allow a verdict.
    """
    if found.overall.n < 2:
        return VERDICT_REPEATS_MIN
    for n in range(max(found.overall.n + 1, VERDICT_REPEATS_MIN), REPEATS_MAX + 1):
        if kind_of(found.at(n)) != "cannot tell":
            return n
    return None


def judge(found: Comparison, *, undefended: Sequence[str], seconds_per_repeat: float) -> Verdict:
    """Return the verdict on a challenger whose checks have all passed."""
    kind, factor = kind_of(found), found.overall.factor
    span = f"(95 % interval {factor.low:.2f} to {factor.high:.2f})"
    if kind == "cannot tell":
        return Verdict(kind=kind, sentence=_more(found, seconds_per_repeat))
    if kind == "too close":
        return Verdict(kind=kind, sentence=f"too close to call: within {MARGIN:.0%} {span}")
    if kind == "slower":
        return Verdict(kind=kind, sentence=f"slower: {factor.value:.2f}× as fast {span}")
    reasons = [
        f"slower beyond {MARGIN:.0%} on {task}"
        for task, each in found.tasks.items()
        if each.high < -LOG_MARGIN
    ]
    reasons += [f"nothing defends it, missing in the header: {', '.join(undefended)}"] * bool(
        undefended
    )
    if reasons:
        text = f"{factor.value:.2f}× faster {span}, but does not replace ours: "
        return Verdict(kind="faster", sentence=text + "; ".join(reasons))
    text = f"replaces ours: checked, defended and {factor.value:.2f}× faster {span}"
    return Verdict(kind="replaces", sentence=text)


def _more(found: Comparison, seconds_per_repeat: float) -> str:
    """Return how much longer it would take to tell; a longer contest starts from the beginning."""
    needed = repeats_needed(found)
    if needed is None:
        return f"cannot tell: the difference lies at the margin of {MARGIN:.0%} itself"
    minutes = max(1, math.ceil((needed - found.overall.n) * seconds_per_repeat / 60))
    plural = "" if minutes == 1 else "s"
    return f"cannot tell yet: about {minutes} more minute{plural} (--repeats {needed})"


def refused(reason: str) -> Verdict:
    """Return the verdict on loops that may not be compared."""
    return Verdict(kind="not compared", sentence=f"not compared: {reason}")
