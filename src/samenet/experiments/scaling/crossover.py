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
from samenet.analysis.memo import remember
from samenet.experiments.scaling import fit, ladder
from samenet.experiments.scaling.cost_model import CostModel
from samenet.experiments.scaling.fit import FittedArm
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
    """A framework's mode on a device: its fitted costs, their error, and the sizes they rest on."""

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
        return inside and point.work <= max(known.work for known in self.measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapField:
    """One size of the map; contenders go by their index in the list."""

    point: Point
    seconds: tuple[float, ...]
    best: tuple[int, ...]
    """The fastest, and those that are not told apart from it, fastest first."""
    measured: bool
    """Within what was measured of every contender; otherwise it is extrapolated."""
    plain_enough: bool
    """Whether 100 trainings with what samenet brings along take less than a minute longer."""
    graphics_pays: bool
    """Whether a GPU is faster than every processor, and told apart from it."""


@remember
def find_contenders(frames: Frames) -> list[Contender]:
    """Return the frameworks of a run whose costs were fitted."""
    return [_contender(frames, each) for each in fit.fit_arms(frames)]


def _contender(frames: Frames, fitted: FittedArm) -> Contender:
    return Contender(
        arm=fitted.arm,
        device=frames.plan.target.device,
        model=fitted.model,
        spread=_spread(fitted, frames.plan.margin),
        measured=tuple(
            point
            for task in ladder.ladder_points(frames.plan.tasks)
            if fitted.arm in frames.compared(task) and (point := _point(task))
        ),
    )


def _point(task: Task) -> Point | None:
    """Return the size of a ladder's point, None if its layers differ in width."""
    width = int(task.data.options["features"])
    hidden = task.model.hidden or ()  # a ladder's points have dense layers alone
    if any(layer.units != width for layer in hidden):
        return None
    return Point(width, task.training.batch_size, len(hidden))


def _spread(fitted: FittedArm, margin: float) -> float:
    """Return the root mean square of log errors, but no less than an equivalent difference."""
    judged = fitted.held_out or fitted.left_out
    squares = [math.log1p(p.error) ** 2 if p.error > -1 else math.inf for p in judged]
    return max(math.sqrt(sum(squares) / len(squares)), math.log1p(margin) / NORMAL)


def make_map(contenders: Sequence[Contender], depth: int) -> list[list[MapField]]:
    """Return the map of one depth: a row per width, a field per batch size."""
    return [
        [_place(contenders, Point(width, batch, depth)) for batch in BATCHES] for width in WIDTHS
    ]


def _place(contenders: Sequence[Contender], point: Point) -> MapField:
    seconds = tuple(max(contender.seconds(point), 1e-12) for contender in contenders)
    order = sorted(range(len(contenders)), key=seconds.__getitem__)
    first = order[0]
    best = tuple(k for k in order if k == first or not _apart(contenders, seconds, first, k))
    return MapField(
        point=point,
        seconds=seconds,
        best=best,
        measured=all(contender.reaches(point) for contender in contenders),
        plain_enough=_plain_enough(contenders, seconds),
        graphics_pays=_graphics_pays(contenders, seconds),
    )


def _apart(
    contenders: Sequence[Contender], seconds: Sequence[float], first: int, second: int
) -> bool:
    bound = NORMAL * math.hypot(contenders[first].spread, contenders[second].spread)
    return abs(math.log(seconds[first] / seconds[second])) > bound


def _plain_enough(contenders: Sequence[Contender], seconds: Sequence[float]) -> bool:
    plain = [s for contender, s in zip(contenders, seconds, strict=True) if is_plain(contender)]
    return bool(plain) and 100 * STEPS * (min(plain) - min(seconds)) < ENOUGH_SECONDS


def is_plain(contender: Contender) -> bool:
    """Return whether it is one of the plain libraries that are installed with samenet."""
    return contender.arm.partition(":")[0] in discovery.included_adapters()


def _graphics_pays(contenders: Sequence[Contender], seconds: Sequence[float]) -> bool:
    on_device = {
        gpu: [k for k, contender in enumerate(contenders) if (contender.device != "cpu") == gpu]
        for gpu in (True, False)
    }
    if not all(on_device.values()):
        return False
    gpu, cpu = (min(on_device[gpu], key=seconds.__getitem__) for gpu in (True, False))
    return seconds[gpu] < seconds[cpu] and _apart(contenders, seconds, gpu, cpu)
