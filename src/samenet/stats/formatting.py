"""Numbers for people: times with a readable unit, few digits, no exponents."""

from __future__ import annotations

from samenet.stats.intervals import Interval

INFINITE = 1e308
"""From here on an error stands for one that is infinite or undefined, which JSON has not."""


def format_duration(interval: Interval) -> str:
    """Return a time with its interval, e.g. '1.9 s [1.7, 2.1]'."""
    value = format_seconds(interval.value)
    if not interval.known:
        return value
    _, scale = _unit(interval.value)
    return (
        f"{value} [{format_digits(interval.low / scale)}, {format_digits(interval.high / scale)}]"
    )


def format_seconds(seconds: float) -> str:
    """Return a time with a readable unit, three digits."""
    unit, scale = _unit(seconds)
    return f"{format_digits(seconds / scale)} {unit}"


def format_digits(value: float, count: int = 3) -> str:
    """Return a number with `count` significant digits, no exponent from 1 up: 0.123, 12.3, 1230."""
    rounded = float(f"{value:.{count}g}")
    return f"{rounded:.0f}" if abs(rounded) >= 10**count else f"{value:.{count}g}"


def format_count(value: float) -> str:
    """Return a measured count with three digits and separators: 91,000,000, 12.3."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else format_digits(value)


def _unit(seconds: float) -> tuple[str, float]:
    seconds = float(f"{seconds:.3g}")  # 999.7 ms are printed as 1 s
    for unit, scale in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= scale * (2 if unit in ("h", "min") else 1):
            return unit, scale
    return "ns", 1e-9


def format_small(value: float) -> str:
    """Return a spread with two digits: 0.013, 5.7e-6, 0."""
    mantissa, mark, exponent = f"{value:.2g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else mantissa


def error_text(error: float) -> str:
    """Return an error with one digit, e.g. '3e-7'; errors are orders of magnitude.

    What is infinite or undefined is said to be no number; a record has 1e308 for it.
    """
    if not abs(error) < INFINITE:
        return "not a number"
    if error == 0:
        return "0"
    mantissa, _, exponent = f"{error:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
