"""Who wins at which size, from fitted costs: the cross-over map of batch and width.

A prediction is as good as the model's own predictions of sizes it had not seen. Their root mean
square error, of logarithms, is taken for the spread s of a framework's predictions, and two
frameworks are told apart at a size where |log(one / other)| > 1.96 sqrt(s1^2 + s2^2): the bound
that the difference of two normal errors exceeds in 5 % of cases. All others are a tie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from samenet.adapter import discovery
from samenet.analysis.frames import Frames
from samenet.analysis.memo import once
from samenet.experiments.scaling import fit, ladder
from samenet.experiments.scaling.cost_model import CostModel
from samenet.experiments.scaling.fit import Fitted
from samenet.experiments.scaling.ladder import CLASSES
from samenet.spec.task import Task

WIDTHS = tuple(2**power for power in range(4, 12))
BATCHES = tuple(2**power for power in range(4, 13))
DEPTHS = (1, 2, 3, 4)
NORMAL = 1.96

STEPS = 1000
"""Of the training for which a plain library is called enough, or not."""
ENOUGH_SECONDS = 60.0
"""Less than this in 100 trainings does not matter, as in the advice."""
STEPS_PER_CALL = 64
"""Of the call whose fixed cost the predicted steps share."""


class Point(NamedTuple):
    """A size: units of the inputs and of every hidden layer, rows of a step, hidden layers."""

    width: int
    batch_size: int
    depth: int

    @property
    def work(self) -> int:
        """Return the multiplications of one forward pass, without the head's."""
        return self.depth * self.width**2 * self.batch_size

    def __str__(self) -> str:
        """Return the size as tables show it, e.g. '256 × 2, batch 64'."""
        return f"{self.width} × {self.depth}, batch {self.batch_size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A framework in its mode on a device: its fitted costs, how sure they are, and from where."""

    arm: str
    device: str
    model: CostModel
    spread: float
    """Of log(predicted / measured), of sizes that the model had not seen."""
    measured: tuple[Point, ...]

    def seconds(self, point: Point) -> float:
        """Return the predicted seconds of a step of a size."""
        widths = (*(point.width,) * (point.depth + 1), CLASSES)
        return self.model.predict(widths, point.batch_size, STEPS_PER_CALL) / STEPS_PER_CALL

    def reaches(self, point: Point) -> bool:
        """Return whether a size lies within what was measured, in every direction."""
        inside = all(
            min(values) <= size <= max(values)
            for size, values in zip(point, zip(*self.measured, strict=True), strict=True)
        )
        return inside and point.work <= max(each.work for each in self.measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One size of the map; contenders by their place in the list."""

    point: Point
    seconds: tuple[float, ...]
    best: tuple[int, ...]
    """The fastest, and those that are not told apart from it, fastest first."""
    measured: bool
    """Within what was measured of every contender; otherwise it is extrapolated."""
    plain_enough: bool
    """Whether 100 trainings with what samenet brings along take less than a minute longer."""
    graphics_pays: bool
    """Whether a GPU is told apart from every processor, and faster."""


@once
def contenders(frames: Frames) -> list[Contender]:
    """Return the frameworks of a run whose costs were fitted."""
    return [_contender(frames, each) for each in fit.fitted(frames)]


def _contender(frames: Frames, each: Fitted) -> Contender:
    return Contender(
        arm=each.arm,
        device=frames.plan.target.device,
        model=each.model,
        spread=_spread(each, frames.plan.margin),
        measured=tuple(
            point
            for task in ladder.points(frames.plan.tasks)
            if each.arm in frames.compared(task) and (point := _point(task))
        ),
    )


def _point(task: Task) -> Point | None:
    """Return the size of a point of the ladder, None if its layers differ in width."""
    width = int(task.data.options["features"])
    if any(layer.units != width for layer in task.model.layers):
        return None
    return Point(width, task.training.batch_size, len(task.model.layers))


def _spread(each: Fitted, margin: float) -> float:
    """Return the root mean square of log errors, at least what counts as no difference."""
    judged = each.held_out or each.left_out
    squares = [math.log1p(p.error) ** 2 if p.error > -1 else math.inf for p in judged]
    return max(math.sqrt(sum(squares) / len(squares)), math.log1p(margin) / NORMAL)


def mapped(found: Sequence[Contender], depth: int) -> list[list[Place]]:
    """Return the map of one depth: a row per width, a place per batch size."""
    return [[_place(found, Point(width, batch, depth)) for batch in BATCHES] for width in WIDTHS]


def _place(found: Sequence[Contender], point: Point) -> Place:
    seconds = tuple(max(each.seconds(point), 1e-12) for each in found)
    order = sorted(range(len(found)), key=seconds.__getitem__)
    first = order[0]
    best = tuple(k for k in order if k == first or not _apart(found, seconds, first, k))
    return Place(
        point=point,
        seconds=seconds,
        best=best,
        measured=all(each.reaches(point) for each in found),
        plain_enough=_plain_enough(found, seconds),
        graphics_pays=_graphics_pays(found, seconds),
    )


def _apart(found: Sequence[Contender], seconds: Sequence[float], one: int, other: int) -> bool:
    bound = NORMAL * math.hypot(found[one].spread, found[other].spread)
    return abs(math.log(seconds[one] / seconds[other])) > bound


def _plain_enough(found: Sequence[Contender], seconds: Sequence[float]) -> bool:
    plain = [s for each, s in zip(found, seconds, strict=True) if is_plain(each)]
    return bool(plain) and 100 * STEPS * (min(plain) - min(seconds)) < ENOUGH_SECONDS


def is_plain(each: Contender) -> bool:
    """Return whether it is what one has before one looks for a framework."""
    return each.arm.partition(":")[0] in discovery.included()


def _graphics_pays(found: Sequence[Contender], seconds: Sequence[float]) -> bool:
    places = {
        cuda: [k for k, each in enumerate(found) if (each.device == "cuda") == cuda]
        for cuda in (True, False)
    }
    if not all(places.values()):
        return False
    gpu, cpu = (min(places[cuda], key=seconds.__getitem__) for cuda in (True, False))
    return seconds[gpu] < seconds[cpu] and _apart(found, seconds, gpu, cpu)
