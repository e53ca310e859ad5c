"""What a reader of the page may choose: which results to see, and what to compare them with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from samenet.analysis.frames import Frames
from samenet.runs.plan import task_title
from samenet.stats.intervals import t_factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing to choose: its value in the page's attributes and its title for people."""

    value: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """Options of one kind, each shown or not."""

    key: str
    """The attribute of the page that it goes by: task, framework, mode or device."""
    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterChoices:
    """Everything to choose from in one report."""

    menus: tuple[Menu, ...]
    """Without those in which there is nothing to choose."""
    baselines: tuple[Option, ...]
    quantiles: tuple[float, ...]
    """Of Student's t at 95 % for 2, 3 ... repeats: factors against another baseline need them."""


def filter_choices(*runs: Frames) -> FilterChoices:
    """Return what there is to choose in a run, or in several on one page."""
    plans = [frames.plan for frames in runs]
    arms = list({arm.name: arm for plan in plans for arm in plan.arms}.values())
    tasks = [(task.name, task_title(plan, task.name)) for plan in plans for task in plan.tasks]
    devices = [(plan.target.device, plan.target.device.upper()) for plan in plans]
    menus = (
        _menu("task", "Tasks", tasks),
        _menu("framework", "Frameworks", ((a.header.name, a.header.title) for a in arms)),
        _menu("mode", "Modes", ((arm.mode, arm.mode) for arm in arms)),
        _menu("device", "Devices", devices),
    )
    most = max(2, *(frames.repeats for frames in runs))
    return FilterChoices(
        menus=tuple(menu for menu in menus if len(menu.options) > 1),
        baselines=tuple(Option(value=a.name, title=runs[0].title(a.name)) for a in arms),
        quantiles=tuple(round(t_factor(n), 6) for n in range(2, most + 1)),
    )


def _menu(key: str, title: str, pairs: Iterable[tuple[str, str]]) -> Menu:
    found = tuple(Option(value=value, title=name) for value, name in dict(pairs).items())
    return Menu(key=key, title=title, options=found)
