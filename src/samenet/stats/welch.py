"""The difference of two means whose repeats are not paired: one run against another.

Repeats of one run are paired, because its arms ran close together. Repeats of two runs are not:
the third process of one and the third of the other share nothing but a number (a tool that paired
them was reported as a bug: https://github.com/morluto/flameox/issues/231), and pairing them would
halve the degrees of freedom at best and follow a chance correlation at worst.

Welch, The generalization of Student's problem when several different population variances are
involved, Biometrika 34 (1947); degrees of freedom by Satterthwaite, Biometrics Bulletin 2 (1946).
"""

from __future__ import annotations

import math

from samenet.stats.intervals import Estimate


def difference(base: Estimate, new: Estimate) -> Estimate:
    """Return new - base as an estimate; it knows no interval if one of them has a single repeat."""
    centre = float(new.centre) - float(base.centre)
    if min(base.n, new.n) < 2:
        return Estimate(centre=centre, spread=0.0, n=1)
    parts = [float(each.error) ** 2 for each in (base, new)]
    if not any(parts):
        return Estimate(centre=centre, spread=0.0, n=base.n + new.n - 1)
    below = sum(part**2 / each.freedom for part, each in zip(parts, (base, new), strict=True))
    n = sum(parts) ** 2 / below + 1
    return Estimate(centre=centre, spread=math.sqrt(sum(parts) * n), n=n)
