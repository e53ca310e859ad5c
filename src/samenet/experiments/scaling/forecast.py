"""Predictions of trainings that were never measured here, and the advice that follows.

    total = start + first call + epochs * steps per epoch * call / steps per call

A call's seconds come from the fitted cost model. The start, from an empty interpreter to the first
call but without its steps, grows with the number of layers, which are built, and with the number of
different shapes among them, each of which is compiled once. Both have an error of their own: what
they were off by at the measured sizes, each left out in turn. The 95 % interval adds the two
errors, each taken at its Student t quantile.

Nothing here imports pandas or a framework: an answer takes less than a second.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from samenet._text import join_names, shorten
from samenet.adapter.api import Offer
from samenet.adapter.batching import call_shape
from samenet.advice.needs import LACKS, NO_WISHES, Wishes
from samenet.errors import RefusedError, UsageError
from samenet.experiments.scaling.cost_model import (
    Call,
    CostModel,
    count_shapes,
    count_touched,
    count_weights,
)
from samenet.machine import cache, system
from samenet.machine.devices import parse_device
from samenet.stats.formatting import format_digits, format_duration, format_seconds
from samenet.stats.intervals import MARGIN, Interval, t_factor

CACHE_KIND = "cost-models"
LADDER_COMMAND = "samenet ladder"
LADDER_MINUTES = "about 6 to 12 minutes per framework"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSize:
    """The training asked about: units from inputs to outputs, and how long it is trained."""

    widths: tuple[int, ...]
    batch_size: int
    samples: int
    epochs: int = 1

    def __post_init__(self) -> None:
        """Raise UsageError for widths or samples that make no training."""
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise UsageError("--model: write the units from inputs to outputs, e.g. 64-256-128-10.")
        if self.samples < self.batch_size:
            raise UsageError(f"{self.samples} samples make no batch of {self.batch_size}.")

    @property
    def name(self) -> str:
        """Return the layers as users write them: '64-256-10'."""
        return "-".join(map(str, self.widths))

    def with_batch(self, batch_size: int) -> TrainingSize:
        """Return the same training in other batches."""
        return replace(self, batch_size=batch_size)

    def lasting(self, epochs: int) -> TrainingSize:
        """Return the same training with other epochs."""
        return replace(self, epochs=epochs)

    def of_steps(self, steps: int) -> TrainingSize:
        """Return the same training with the whole epochs that these steps need."""
        each = call_shape(self.samples, self.batch_size).steps_per_epoch
        return self.lasting(-(-steps // each))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What predicts one arm's trainings on this machine."""

    arm: str
    title: str
    adoptable: bool
    model: CostModel
    start: float
    start_per_layer: float
    start_per_shape: float
    """For each different pair of inputs and units that a layer has."""
    start_error: float
    """Root of the mean squared error of the logarithm."""
    call_error: float
    sizes: int
    """The number of sizes that it was fitted to."""
    ranges: Mapping[str, tuple[float, float]]
    """The smallest and the largest measured value of each number that describes a size."""
    place: str
    """Where, how precisely and on how many threads."""
    when: str
    device: str = "cpu"
    offers: tuple[Offer, ...] = ()
    install_bytes: int = 0
    """With all that it requires; 0 if nobody knows."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the packages that it was measured with."""
    import_seconds: float = 0.0
    """The upper end of its interval, where there is one."""

    def seconds(self, training: TrainingSize) -> Interval:
        """Return the total time with its interval; meaningless for what lies `outside`."""
        counts = (1, len(training.widths) - 1, count_shapes(training.widths))
        costs = (self.start, self.start_per_layer, self.start_per_shape)
        start = sum(count * cost for count, cost in zip(counts, costs, strict=True))
        shape = call_shape(training.samples, training.batch_size)
        call = self.model.predict(training.widths, training.batch_size, shape.steps)
        work = call + training.epochs * shape.steps_per_epoch * call / shape.steps
        t = t_factor(self.sizes)
        low, high = (
            start * math.exp(sign * t * self.start_error)
            + work * math.exp(sign * t * self.call_error)
            for sign in (-1, 1)
        )
        return Interval(value=start + work, low=low, high=high, n=self.sizes)

    def outside(self, training: TrainingSize) -> str:
        """Return which number of a training lies outside the measured range, or an empty text."""
        for name, number in size_numbers(training).items():
            low, high = self.ranges[name]
            if not low <= number <= high:
                return f"{name}: {number:,.0f}, measured were {low:,.0f} to {high:,.0f}"
        return ""


def size_numbers(training: TrainingSize) -> dict[str, float]:
    """Return the numbers of a size that have to lie in the measured range."""
    call = Call(training.widths, training.batch_size, 1)
    return {
        "rows of a batch": training.batch_size,
        "layers with weights": len(training.widths) - 1,
        "weights": count_weights(call),
        "numbers touched by a step": count_touched(call),
    }


WIDTH = re.compile("[1-9][0-9]{0,8}")
"""One of the numbers in 64-256-128-10."""


def parse_widths(text: str) -> tuple[int, ...]:
    """Return (64, 256, 128, 10) for '64-256-128-10'; any other text is a UsageError."""
    parts = text.replace("→", "-").replace(",", "-").split("-")
    if not 2 <= len(parts) <= 100 or not all(WIDTH.fullmatch(part.strip()) for part in parts):
        raise UsageError(
            f"--model {shorten(text)}: write units from inputs to outputs, e.g. 64-256-128-10."
        )
    return tuple(int(part.strip()) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePrediction:
    """One arm's prediction."""

    forecast: Forecast
    seconds: Interval

    @property
    def error(self) -> float:
        """Return the standard error of the logarithm."""
        return math.log(self.seconds.high / self.seconds.value) / t_factor(self.seconds.n)


def predict_times(forecasts: Iterable[Forecast], training: TrainingSize) -> list[TimePrediction]:
    """Return every arm's prediction, fastest first; raises RefusedError if all are out of range.

    Without any forecast there is no prediction.
    """
    known = list(forecasts)
    beyond = [forecast.outside(training) for forecast in known]
    if known and all(beyond):
        raise RefusedError(
            f"{training.name} in batches of {training.batch_size} lies outside the sizes that were "
            f"measured here ({beyond[0]}): no prediction. Measure it: samenet run."
        )
    inside = [
        TimePrediction(forecast=forecast, seconds=forecast.seconds(training))
        for forecast, why in zip(known, beyond, strict=True)
        if not why
    ]
    return sorted(inside, key=lambda row: row.seconds.value)


def choose_fastest(predictions: Sequence[TimePrediction]) -> list[TimePrediction]:
    """Return the fastest adoptable arm, then those that are not told apart from it."""
    adoptable = [row for row in predictions if row.forecast.adoptable]
    chosen = adoptable[:1]
    for row in adoptable[1:]:
        # not told apart: the difference lies within its own 95 % interval
        best = adoptable[0]
        difference = math.log(row.seconds.value / best.seconds.value)
        if difference <= t_factor(best.seconds.n) * math.hypot(row.error, best.error):
            chosen.append(row)
    return chosen


def why_not(forecast: Forecast, training: TrainingSize, wishes: Wishes) -> str:
    """Return why an arm does not meet the requirements, or an empty text."""
    if wishes.device is not None and parse_device(wishes.device)["device"] != forecast.device:
        return f"was measured on {forecast.device}"
    lacking = [LACKS[need] for need in wishes.needs if need not in forecast.offers]
    if lacking:
        return " and ".join(lacking)
    megabytes = forecast.install_bytes / 1e6
    most = wishes.install_mb_most
    if most is not None and not megabytes:
        return "has no known size"
    if most is not None and megabytes > most:
        return f"takes {megabytes:.0f} MB with all that it requires"
    slowest = wishes.import_seconds_most
    if slowest is not None and forecast.import_seconds > slowest:
        return f"is imported in {format_seconds(forecast.import_seconds)}"
    limit = wishes.time_limit_seconds
    if limit is None or forecast.outside(training):
        return ""
    seconds = forecast.seconds(training)  # the whole interval has to lie within the limit
    return f"trains for {format_duration(seconds)}" if seconds.high > limit else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of the predictions to a question."""

    training: TrainingSize
    left: tuple[Forecast, ...]
    """Those that meet it."""
    excluded: Mapping[str, str]
    """Per arm that does not, its title and why, as a sentence."""

    @property
    def rows(self) -> list[TimePrediction]:
        """Return the predictions of those that are left; raises RefusedError out of range."""
        return predict_times(self.left, self.training) if self.left else []

    def lines(self) -> list[str]:
        """Return the answer as text: the advice, every prediction, and what would change it."""
        predictions = self.rows
        if not predictions:
            return ["No framework that was fitted here meets all that is asked.", *self._reasons()]
        best = choose_fastest(predictions)
        return [
            _sentence(self.training, best) if best else "Only reference lines are left to choose.",
            *(_row(row, best) for row in predictions),
            *(find_changes(self.left, self.training) if best else ()),
            *_left_out(self.left, self.training),
            *self._reasons(),
            _basis(predictions),
        ]

    def _reasons(self) -> list[str]:
        return [f"  {sentence}" for sentence in self.excluded.values()]

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        predictions = self.rows
        return {
            "choice": [row.forecast.arm for row in choose_fastest(predictions)],
            "seconds": {row.forecast.arm: asdict(row.seconds) for row in predictions},
            "excluded": dict(self.excluded),
            "lines": self.lines(),
        }


def answer(
    forecasts: Sequence[Forecast], training: TrainingSize, wishes: Wishes = NO_WISHES
) -> Answer:
    """Return the predictions of those that meet the wishes, and why others do not.

    Only what was fitted under one set of conditions is ranked: where most were, or else the newest.
    Raises RefusedError for a device on which no cost was fitted.
    """
    if wishes.device is not None:
        devices = sorted({forecast.device for forecast in forecasts})
        if parse_device(wishes.device)["device"] not in devices:
            raise RefusedError(
                f"Costs were fitted on {join_names(devices)} and say nothing about "
                f"{wishes.device}. "
                f"Fit them there first: {LADDER_COMMAND} --device {wishes.device}"
            )
    reasons = [why_not(forecast, training, wishes) for forecast in forecasts]
    meeting = [f for f, reason in zip(forecasts, reasons, strict=True) if not reason]
    place = _usual_place(meeting)
    left = tuple(forecast for forecast in meeting if forecast.place == place)
    ranked = {forecast.arm for forecast in left}
    excluded = {}
    for forecast, reason in zip(forecasts, reasons, strict=True):
        if forecast in left:
            continue
        # one arm may have been fitted in several places
        key = f"{forecast.arm} ({forecast.place})" if forecast.arm in ranked else forecast.arm
        why = reason or f"was fitted on {forecast.place}, what is ranked on {place}"
        excluded[key] = f"{forecast.title} is left out: it {why}."
    return Answer(training=training, left=left, excluded=excluded)


def _usual_place(forecasts: Sequence[Forecast]) -> str:
    """Return where most of them were fitted; of several such places, where the newest was."""
    places: dict[str, list[str]] = {}
    for forecast in forecasts:
        places.setdefault(forecast.place, []).append(forecast.when)
    return max(places, key=lambda place: (len(places[place]), max(places[place])), default="")


def _sentence(training: TrainingSize, best: Sequence[TimePrediction]) -> str:
    first, *rest = (row.forecast.title for row in best)
    where = f"{training.name}, batch {training.batch_size}, {training.samples:,} samples"
    duration = format_duration(best[0].seconds)
    total = f"about {duration} for {training.epochs:,} epochs, start-up included"
    if not rest:
        return f"{where}: use {first}, {total}."
    return f"{where}: {first}, {total}; not told apart from it: {', '.join(rest)}."


def _row(row: TimePrediction, best: Sequence[TimePrediction]) -> str:
    more = row.seconds.value - best[0].seconds.value if best else 0.0
    tail = f"  {format_seconds(100 * more)} more in 100 trainings" if more > 0 else ""
    mark = "" if row.forecast.adoptable else "  (a reference line)"
    return f"  {row.forecast.title:<24} {format_duration(row.seconds):<24}{tail}{mark}"


def _left_out(forecasts: Sequence[Forecast], training: TrainingSize) -> list[str]:
    pairs = ((each.title, each.outside(training)) for each in forecasts)
    return [f"  {title}: not predicted, {why}." for title, why in pairs if why]


def _basis(predictions: Sequence[TimePrediction]) -> str:
    off = max(row.forecast.call_error for row in predictions)
    sizes = min(row.forecast.sizes for row in predictions)
    places = "; ".join(sorted({row.forecast.place for row in predictions}))
    packages = {item for row in predictions for item in row.forecast.versions.items()}
    versions = "".join(f"; {name} {version}" for name, version in sorted(packages))
    return (
        f"Predicted from {sizes} measured sizes ({places}{versions}), which the fits miss by up to "
        f"{format_digits(100 * off, 2)} % (root mean square, each left out in turn). "
        "Not measured itself."
    )


def find_changes(forecasts: Sequence[Forecast], training: TrainingSize) -> list[str]:
    """Return from which batch size, and from how many epochs, another arm becomes the choice."""
    now = choose_fastest(predict_times(forecasts, training))
    sentences = []

    batches = [2**power for power in range(3, 17) if 2**power <= training.samples]
    larger = (training.with_batch(n) for n in batches if n > training.batch_size)
    smaller = (training.with_batch(n) for n in reversed(batches) if n < training.batch_size)
    for start, others in (("From batch", larger), ("Up to batch", smaller)):
        change = _first_change(forecasts, now, others)
        if change:
            changed, title = change
            sentences.append(f"  {start} {changed.batch_size}: {title} (powers of two were tried).")

    lengths = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    longer = (training.lasting(n) for n in lengths if n > training.epochs)
    shorter = (training.lasting(n) for n in reversed(lengths) if n < training.epochs)
    for start, others in (("From about", longer), ("Up to about", shorter)):
        change = _first_change(forecasts, now, others)
        if change:
            changed, title = change
            sentences.append(f"  {start} {changed.epochs:,} epochs: {title}.")
    return sentences


def _first_change(
    forecasts: Sequence[Forecast], now: Sequence[TimePrediction], others: Iterator[TrainingSize]
) -> tuple[TrainingSize, str] | None:
    """Return the first training in which another arm is clearly faster, and that arm's title."""
    titles = {row.forecast.title for row in now}
    for training in others:
        if any(forecast.outside(training) for forecast in forecasts):
            return None
        predictions = predict_times(forecasts, training)
        best = choose_fastest(predictions)[0]
        current = next(row for row in predictions if row.forecast.arm == now[0].forecast.arm)
        gain = current.seconds.value / best.seconds.value - 1
        if best.forecast.title not in titles and gain > MARGIN:
            return training, best.forecast.title
    return None


FORECAST_VALUES = TypeAdapter(Forecast)
"""Between a forecast and the plain values that the cache holds of it."""

FORECASTS = TypeAdapter(dict[str, Forecast])
"""All that the cache holds of one machine."""


def remember(forecasts: Iterable[Forecast]) -> None:
    """Keep a ladder's forecasts for this machine.

    Each arm's newest one replaces the one before that was fitted in the same place.
    """
    new = list(forecasts)
    if new:
        known = {f"{f.arm} on {f.place}": f for f in (*_stored(), *new)}
        values = {key: FORECAST_VALUES.dump_python(forecast) for key, forecast in known.items()}
        cache.put(CACHE_KIND, _key(), values)


def recall() -> list[Forecast]:
    """Return this machine's forecasts; raises RefusedError if there are none."""
    stored = _stored()
    if not stored:
        raise RefusedError(
            f"No cost was fitted on this machine yet. `{LADDER_COMMAND}` does it "
            f"({LADDER_MINUTES}); --framework NAME chooses one, --dry-run says how long it takes."
        )
    return stored


def _stored() -> list[Forecast]:
    stored = cache.get(CACHE_KIND, _key(), FORECASTS.validate_python) or {}
    return list(stored.values())


def _key() -> str:
    return cache.key_of(system.processor_name(), 3)
