"""How long a training will take here that nobody has measured, and what that advises.

    total = start + first call + epochs * steps per epoch * call / steps per call

A call's seconds come from the fitted cost model; the start, from an empty interpreter to the first
call and without its steps, grows with the number of layers, for what is built, and with that of
different shapes among them, for what is compiled once each. Both
have an error of their own: what they were off by at the measured sizes, each left out in turn. The
95 % interval is both errors, as Student's t has them, at once.

Nothing here imports pandas or a framework: an answer takes less than a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from samenet._text import join
from samenet.adapter.api import Offer, placed
from samenet.adapter.batching import call_shape
from samenet.advice.needs import LACKS, NO_WISHES, Wishes
from samenet.errors import RefusedError, UsageError
from samenet.experiments.scaling.cost_model import Call, CostModel, shapes, touched, weights
from samenet.machine import cache, system
from samenet.stats.formatting import digits, duration, words
from samenet.stats.intervals import MARGIN, Interval, t_factor

KIND = "cost-models"
MAKE = "samenet ladder"
MAKE_MINUTES = "about 6 to 12 minutes per framework"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What is asked about: units from the inputs to the outputs, and how long it is trained."""

    widths: tuple[int, ...]
    batch_size: int
    samples: int
    epochs: int = 1

    def __post_init__(self) -> None:
        """Raise UsageError for what is no training."""
        if len(self.widths) < 2 or min(self.widths) < 1:
            raise UsageError("--model: write the units from inputs to outputs, e.g. 64-256-128-10.")
        if self.samples < self.batch_size:
            raise UsageError(f"{self.samples} samples make no batch of {self.batch_size}.")

    @property
    def name(self) -> str:
        """Return the layers as they are written."""
        return "-".join(map(str, self.widths))

    def with_batch(self, batch_size: int) -> Training:
        """Return the same training in other batches."""
        return replace(self, batch_size=batch_size)

    def lasting(self, epochs: int) -> Training:
        """Return the same training with other epochs."""
        return replace(self, epochs=epochs)

    def of_steps(self, steps: int) -> Training:
        """Return the same training with as many whole epochs as these steps need."""
        each = call_shape(self.samples, self.batch_size).steps_per_epoch
        return self.lasting(-(-steps // each))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is known of one arm on this machine."""

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
    """On how many sizes all this rests."""
    ranges: Mapping[str, tuple[float, float]]
    """Of each thing that a size has, the least and the most that was measured."""
    place: str
    """Where, how precisely and on how many threads."""
    when: str
    device: str = "cpu"
    offers: tuple[Offer, ...] = ()
    install_bytes: int = 0
    """With all that it requires; 0 if nobody knows."""
    import_seconds: float = 0.0
    """The upper end of its interval, where there is one."""

    def seconds(self, training: Training) -> Interval:
        """Return the total time with its interval; `outside` says whether it means anything."""
        counts = (1, len(training.widths) - 1, shapes(training.widths))
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

    def outside(self, training: Training) -> str:
        """Return what of a training lies beyond the measured range, or an empty text."""
        for name, number in numbers(training).items():
            low, high = self.ranges[name]
            if not low <= number <= high:
                return f"{name}: {number:,.0f}, measured were {low:,.0f} to {high:,.0f}"
        return ""


def numbers(training: Training) -> dict[str, float]:
    """Return what a size is judged by: whether it lies in the range that was measured."""
    call = Call(training.widths, training.batch_size, 1)
    return {
        "rows of a batch": training.batch_size,
        "layers with weights": len(training.widths) - 1,
        "weights": weights(call),
        "numbers touched by a step": touched(call),
    }


def widths_of(text: str) -> tuple[int, ...]:
    """Return (64, 256, 128, 10) for '64-256-128-10'; any other text is a UsageError."""
    parts = text.replace("→", "-").replace(",", "-").split("-")
    if len(parts) < 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UsageError(f"--model {text}: write units from inputs to outputs, e.g. 64-256-128-10.")
    return tuple(int(part) for part in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One arm's prediction."""

    forecast: Forecast
    seconds: Interval

    @property
    def error(self) -> float:
        """Return half the interval as a logarithm, in standard errors."""
        return math.log(self.seconds.high / self.seconds.value) / t_factor(self.seconds.n)


def rows(forecasts: Iterable[Forecast], training: Training) -> list[Row]:
    """Return every arm's prediction, the fastest first; raises RefusedError out of range."""
    known = list(forecasts)
    beyond = [each.outside(training) for each in known]
    if all(beyond):
        raise RefusedError(
            f"{training.name} in batches of {training.batch_size} lies outside the sizes that were "
            f"measured here ({beyond[0]}): no prediction. Measure it: samenet run."
        )
    pairs = zip(known, beyond, strict=True)
    inside = [Row(forecast=each, seconds=each.seconds(training)) for each, why in pairs if not why]
    return sorted(inside, key=lambda row: row.seconds.value)


def choice(found: Sequence[Row]) -> list[Row]:
    """Return the fastest that can be adopted, then those the prediction does not tell from it."""
    own = [row for row in found if row.forecast.adoptable]
    return [row for row in own if row is own[0] or _alike(row, own[0])]


def _alike(row: Row, best: Row) -> bool:
    """Return whether the difference is within its own 95 % interval."""
    apart = math.log(row.seconds.value / best.seconds.value)
    return apart <= t_factor(best.seconds.n) * math.hypot(row.error, best.error)


def why_not(found: Forecast, training: Training, wishes: Wishes) -> str:
    """Return why an arm does not meet what is asked, or an empty text."""
    if wishes.device is not None and placed(wishes.device)["device"] != found.device:
        return f"was measured on {found.device}"
    lacking = [LACKS[need] for need in wishes.needs if need not in found.offers]
    if lacking:
        return " and ".join(lacking)
    megabytes = found.install_bytes / 1e6
    most = wishes.install_mb_most
    if most is not None and not megabytes:
        return "has no known size"
    if most is not None and megabytes > most:
        return f"takes {megabytes:.0f} MB with all that it requires"
    slowest = wishes.import_seconds_most
    if slowest is not None and found.import_seconds > slowest:
        return f"is imported in {words(found.import_seconds)}"
    limit = wishes.time_limit_seconds
    if limit is None or found.outside(training):
        return ""
    seconds = found.seconds(training)  # within the limit is only what is so with all its interval
    return f"trains for {duration(seconds)}" if seconds.high > limit else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the predictions say to what is asked."""

    training: Training
    left: tuple[Forecast, ...]
    """Those that meet it."""
    excluded: Mapping[str, str]
    """Per arm that does not, its title and why, as a sentence."""

    @property
    def rows(self) -> list[Row]:
        """Return the predictions of those that are left; raises RefusedError out of range."""
        return rows(self.left, self.training) if self.left else []

    def lines(self) -> list[str]:
        """Return the answer for people: the advice, every prediction, what would change it."""
        found = self.rows
        if not found:
            return ["No framework that was fitted here meets all that is asked.", *self._reasons()]
        best = choice(found)
        return [
            _sentence(self.training, best) if best else "Only reference lines are left to choose.",
            *(_row(row, best) for row in found),
            *(changes(self.left, self.training) if best else ()),
            *_left_out(self.left, self.training),
            *self._reasons(),
            _basis(found),
        ]

    def _reasons(self) -> list[str]:
        return [f"  {sentence}" for sentence in self.excluded.values()]

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        found = self.rows
        return {
            "choice": [row.forecast.arm for row in choice(found)],
            "seconds": {row.forecast.arm: asdict(row.seconds) for row in found},
            "excluded": dict(self.excluded),
            "lines": self.lines(),
        }


def answer(forecasts: Sequence[Forecast], training: Training, wishes: Wishes = NO_WISHES) -> Answer:
    """Return what is predicted for those that meet the wishes, and why others do not.

    Raises RefusedError for a device on which no cost was fitted.
    """
    if wishes.device is not None:
        devices = sorted({each.device for each in forecasts})
        if placed(wishes.device)["device"] not in devices:
            raise RefusedError(
                f"Costs were fitted on {join(devices)} and say nothing about {wishes.device}. "
                f"Fit them there first: {MAKE} --device {wishes.device}"
            )
    reasons = {each.arm: why_not(each, training, wishes) for each in forecasts}
    return Answer(
        training=training,
        left=tuple(each for each in forecasts if not reasons[each.arm]),
        excluded={
            each.arm: f"{each.title} is left out: it {reasons[each.arm]}."
            for each in forecasts
            if reasons[each.arm]
        },
    )


def _sentence(training: Training, best: Sequence[Row]) -> str:
    first, *rest = (row.forecast.title for row in best)
    where = f"{training.name}, batch {training.batch_size}, {training.samples:,} samples"
    total = f"about {duration(best[0].seconds)} for {training.epochs:,} epochs, start-up included"
    if not rest:
        return f"{where}: use {first}, {total}."
    return f"{where}: {first}, {total}; not told apart from it: {', '.join(rest)}."


def _row(row: Row, best: Sequence[Row]) -> str:
    more = row.seconds.value - best[0].seconds.value if best else 0.0
    tail = f"  {words(100 * more)} more in 100 trainings" if more > 0 else ""
    mark = "" if row.forecast.adoptable else "  (a reference line)"
    return f"  {row.forecast.title:<24} {duration(row.seconds):<24}{tail}{mark}"


def _left_out(forecasts: Sequence[Forecast], training: Training) -> list[str]:
    pairs = ((each.title, each.outside(training)) for each in forecasts)
    return [f"  {title}: not predicted, {why}." for title, why in pairs if why]


def _basis(found: Sequence[Row]) -> str:
    off = max(row.forecast.call_error for row in found)
    sizes = min(row.forecast.sizes for row in found)
    places = "; ".join(sorted({row.forecast.place for row in found}))
    return (
        f"Predicted from {sizes} measured sizes ({places}), which the fits miss by up to "
        f"{digits(100 * off, 2)} % (root mean square, each left out in turn). Not measured itself."
    )


def changes(forecasts: Sequence[Forecast], training: Training) -> list[str]:
    """Say from which batch size and from how many epochs on another arm is the choice."""
    found = []
    batches = [2**power for power in range(3, 17) if 2**power <= training.samples]
    now = choice(rows(forecasts, training))
    up = (training.with_batch(n) for n in batches if n > training.batch_size)
    down = (training.with_batch(n) for n in reversed(batches) if n < training.batch_size)
    lengths = [round(m * 10**power) for power in range(7) for m in (1, 2, 5)]
    longer = (training.lasting(n) for n in lengths if n > training.epochs)
    shorter = (training.lasting(n) for n in reversed(lengths) if n < training.epochs)
    for before, others in (("From batch", up), ("Up to batch", down)):
        other = _first_change(forecasts, now, others)
        if other:
            found.append(f"  {before} {other[0].batch_size}: {other[1]} (looked at powers of two).")
    for before, others in (("From about", longer), ("Up to about", shorter)):
        other = _first_change(forecasts, now, others)
        if other:
            found.append(f"  {before} {other[0].epochs:,} epochs: {other[1]}.")
    return found


def _first_change(
    forecasts: Sequence[Forecast], now: Sequence[Row], others: Iterator[Training]
) -> tuple[Training, str] | None:
    """Return the first training whose fastest arm is another one and told apart from today's."""
    titles = {row.forecast.title for row in now}
    for training in others:
        if any(each.outside(training) for each in forecasts):
            return None
        best = choice(rows(forecasts, training))
        gain = _gain(forecasts, now[0], best[0], training)
        if best[0].forecast.title not in titles and gain > MARGIN:
            return training, best[0].forecast.title
    return None


def _gain(forecasts: Sequence[Forecast], now: Row, best: Row, training: Training) -> float:
    """Return by which share today's choice takes longer in another training."""
    own = next(row for row in rows(forecasts, training) if row.forecast.arm == now.forecast.arm)
    return own.seconds.value / best.seconds.value - 1


def remember(found: Iterable[Forecast]) -> None:
    """Keep what a ladder found, arm by arm, for this machine; the newest of each counts."""
    known = {each.arm: _plain(each) for each in found}
    if known:
        cache.put(KIND, _key(), {**(cache.get(KIND, _key()) or {}), **known})


def remembered() -> list[Forecast]:
    """Return what was found on this machine; raises RefusedError if that is nothing."""
    stored = cache.get(KIND, _key()) or {}
    if not stored:
        raise RefusedError(
            f"No cost was fitted on this machine yet. `{MAKE}` does it ({MAKE_MINUTES}); "
            f"--framework NAME chooses one, --dry-run says how long it takes."
        )
    return [_forecast(each) for each in stored.values()]


def _key() -> str:
    return cache.key_of(system.processor(), 3)


def _plain(found: Forecast) -> dict[str, Any]:
    names = Forecast.__dataclass_fields__
    values: dict[str, Any] = {name: getattr(found, name) for name in names}
    model = {name: getattr(found.model, name) for name in CostModel.__dataclass_fields__}
    return {**values, "model": {**model, "seconds": dict(found.model.seconds)}}


def _forecast(stored: dict[str, Any]) -> Forecast:
    ranges = {name: (low, high) for name, (low, high) in stored["ranges"].items()}
    lists = {name: stored["model"][name] for name in ("places", "pulls")}
    tuples = {"places": tuple(map(tuple, lists["places"])), "pulls": tuple(lists["pulls"])}
    model = CostModel(**{**stored["model"], **tuples})
    offers = tuple(stored["offers"])
    return Forecast(**{**stored, "model": model, "ranges": ranges, "offers": offers})
