"""Made-up forecasts whose costs are known."""

from __future__ import annotations

from dataclasses import replace

from planted_costs import PLANTED

from samenet.experiments.scaling import forecast
from samenet.experiments.scaling.forecast import Forecast, TrainingSize

ASKED = TrainingSize(widths=(64, 256, 128, 10), batch_size=512, samples=100_000, epochs=20)
RANGES = {name: (0.5 * n, 64.0 * n) for name, n in forecast.size_numbers(ASKED).items()}


def made(arm: str, slower: float = 1.0, start: float = 1.0, error: float = 0.02) -> Forecast:
    """Return a forecast whose steps take so many times as long as the planted ones."""
    costs = {name: slower * seconds for name, seconds in PLANTED.seconds.items()}
    return Forecast(
        arm=arm,
        title=arm,
        adoptable=not arm.startswith("numpy"),
        model=replace(PLANTED, seconds=costs),
        start=start,
        start_per_layer=0.1,
        start_per_shape=0.01,
        start_error=0.05,
        call_error=error,
        sizes=32,
        ranges=RANGES,
        place="cpu, float32, 1 thread",
        when="",
    )
