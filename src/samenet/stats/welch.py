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


def welch_difference(base: Estimate, new: Estimate) -> Estimate:
    """Return new - base; the estimate has no interval if either has a single repeat."""
    centre = float(new.centre) - float(base.centre)
    if min(base.n, new.n) < 2:
        return Estimate(centre=centre, spread=0.0, n=1)
    base_variance, new_variance = float(base.standard_error) ** 2, float(new.standard_error) ** 2
    variance = base_variance + new_variance
    if not variance:
        return Estimate(centre=centre, spread=0.0, n=base.n + new.n - 1)
    # Welch-Satterthwaite: the degrees of freedom, and one more, as a single sample would have it.
    n = 1 + variance**2 / (
        base_variance**2 / base.degrees_of_freedom + new_variance**2 / new.degrees_of_freedom
    )
    return Estimate(centre=centre, spread=math.sqrt(variance * n), n=n)
