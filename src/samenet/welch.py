"""The ratio of two independent runs: Welch's interval of the logarithms of process medians.

Repeats of one run are paired, because its arms ran close together. Repeats of two runs are not:
the third process of one and the third of the other share nothing but a number (a tool that paired
them was reported as a bug: https://github.com/morluto/flameox/issues/231), and pairing them would
halve the degrees of freedom at best and follow a chance correlation at worst.

Welch, The generalization of Student's problem when several different population variances are
involved, Biometrika 34 (1947); degrees of freedom by Satterthwaite, Biometrics Bulletin 2 (1946).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from scipy.special import stdtr, stdtrit

from samenet.statistics import CONFIDENCE, Interval, t_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Logarithms of the process medians of one arm in one run, as two moments."""

    mean: float
    variance: float
    n: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Sample:
        """Return the sample of times."""
        logs = [math.log(value) for value in seconds]
        return cls(mean=fmean(logs), variance=variance(logs) if len(logs) > 1 else 0, n=len(logs))

    @classmethod
    def of_interval(cls, found: Mapping[str, float]) -> Sample:
        """Return the sample behind a printed t interval, which holds all that Welch needs."""
        n = int(found["n"])
        half = (math.log(found["high"]) - math.log(found["low"])) / 2
        deviation = half * math.sqrt(n) / t_factor(n) if n > 1 else 0.0
        return cls(mean=math.log(found["value"]), variance=deviation**2, n=n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The logarithm of new / base with its standard error; unknown if a run has one repeat."""

    centre: float
    error: float
    freedom: float

    @property
    def known(self) -> bool:
        """Return whether both runs have repeats enough for an interval."""
        return self.freedom > 0

    def ratio(self, confidence: float = CONFIDENCE) -> Interval:
        """Return new / base with its interval; its `n` is the degrees of freedom plus one."""
        half = 0.0
        if self.known and self.error:
            half = float(stdtrit(self.freedom, 0.5 + confidence / 2)) * self.error
        return Interval(
            value=math.exp(self.centre),
            low=math.exp(self.centre - half),
            high=math.exp(self.centre + half),
            n=round(self.freedom) + 1,
        )

    def p_not_beyond(self, limit: float) -> float:
        """Return the one-sided p value of 'new / base is at most `limit`'."""
        if not self.known:
            return 1.0
        beyond = self.centre - math.log(limit)
        if not self.error:
            return 0.0 if beyond > 0 else 1.0
        return float(stdtr(self.freedom, -beyond / self.error))


def difference(base: Sample, new: Sample) -> Difference:
    """Return new against base."""
    parts = [each.variance / each.n for each in (base, new)]
    return Difference(
        centre=new.mean - base.mean,
        error=math.sqrt(sum(parts)),
        freedom=_freedom(base, new, parts),
    )


def _freedom(base: Sample, new: Sample, parts: Sequence[float]) -> float:
    if min(base.n, new.n) < 2:
        return 0.0
    if not any(parts):
        return base.n + new.n - 2
    below = sum(part**2 / (each.n - 1) for part, each in zip(parts, (base, new), strict=True))
    return float(sum(parts) ** 2 / below)
