"""Marks in a picture: what each drawn thing stands for, so that the page can filter and explain it.

Matplotlib writes an artist's group id into its SVG. Here that id is a bare number; the task, the
arm and the sentence it stands for stay with the artist and never pass through the text of the
picture, in which names from data stand: a name cannot be taken for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from weakref import WeakKeyDictionary

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like, same_color
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from samenet.analysis.frames import Frames
from samenet.report.blocks import known_arms
from samenet.report.html import data_attributes
from samenet.runs.plan import task_title

PREFIX = "mark-"
MarkKind = Literal["task", "arm", "view", "device", "tip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureNames:
    """The names of arms, frameworks and tasks in pictures, and the frameworks' colours."""

    arms: Mapping[str, str] = field(default_factory=dict)
    """{title: arm}, and {title: framework} where a picture has no modes."""
    colors: Mapping[str, str] = field(default_factory=dict)
    """{colour: framework}, those that one framework has for itself."""
    tasks: Mapping[str, str] = field(default_factory=dict)
    """{title: task}."""


def collect_names(frames: Frames) -> PictureNames:
    """Return what the pictures of a run may show."""
    plan = frames.plan
    colors: dict[str, set[str]] = {}
    for arm in plan.arms:
        colors.setdefault(frames.color(arm.name), set()).add(arm.header.name)
    return PictureNames(
        arms={arm.header.title: arm.header.name for arm in plan.arms}
        | {frames.title(arm): arm for arm in known_arms(frames)},
        colors={
            color: owners.pop()
            for color, owners in colors.items()
            if len(owners) == 1 and is_color_like(color)
        },
        tasks={task_title(plan, task.name): task.name for task in plan.tasks},
    )


def merge_names(names_of_runs: Iterable[PictureNames]) -> PictureNames:
    """Return what the pictures of several runs may show."""
    all_names = list(names_of_runs)
    return PictureNames(
        arms={title: arm for names in all_names for title, arm in names.arms.items()},
        colors={color: name for names in all_names for color, name in names.colors.items()},
        tasks={title: task for names in all_names for title, task in names.tasks.items()},
    )


_MEANINGS: WeakKeyDictionary[Artist, Mapping[str, str]] = WeakKeyDictionary()
"""What artists stand for, as long as they live."""


def mark(artist: Artist, **of: str) -> None:
    """Say what an artist stands for: task=, arm=, view=, device=, and tip= what to say of it.

    Raises ValueError for anything else: the names become attributes of the page.
    """
    if strange := of.keys() - set(get_args(MarkKind)):
        raise ValueError(f"An artist has no {', '.join(sorted(strange))}.")
    _MEANINGS[artist] = {name: value for name, value in of.items() if value}


def number_marks(drawing: Drawing) -> dict[str, Mapping[str, str]]:
    """Give every marked artist an id for the SVG that follows; return what each id stands for."""
    meanings: dict[str, Mapping[str, str]] = {}
    for artist in drawing.findobj():
        if artist in _MEANINGS:
            name = f"{PREFIX}{len(meanings)}"
            artist.set_gid(name)
            meanings[name] = _MEANINGS[artist]
    return meanings


def mark_all(drawing: Drawing, known: PictureNames) -> None:
    """Mark what no section has marked: panels and names by text, everything else by colour."""
    for axes in drawing.axes:
        _mark(axes, "task", known.tasks.get(axes.get_title(loc="left") or axes.get_title()))
    for text in drawing.findobj(Text):
        _mark(text, "arm", known.arms.get(text.get_text()))
    for artist in drawing.findobj():
        if isinstance(artist, Line2D | Rectangle):
            _mark(artist, "arm", _framework(artist, known))


def _mark(artist: Artist, name: MarkKind, value: str | None) -> None:
    if value and artist not in _MEANINGS:
        mark(artist, **{name: value})


def _framework(artist: Line2D | Rectangle, known: PictureNames) -> str | None:
    if isinstance(artist.axes, Axes) and artist is artist.axes.patch:
        return None
    drawn = artist.get_color() if isinstance(artist, Line2D) else artist.get_facecolor()[:3]
    return next((name for color, name in known.colors.items() if same_color(color, drawn)), None)


def restore_marks(text: str, meanings: Mapping[str, Mapping[str, str]]) -> str:
    """Return SVG in which the ids of marked groups are the data attributes they stand for.

    Only the heads of groups are looked at: in a text a bracket is escaped, so no name is one.
    """

    def attributes_of(match: re.Match[str]) -> str:
        return f"<g{data_attributes(**meanings.get(match[1], {}))}"

    return re.sub(rf'<g id="({PREFIX}\d+)"', attributes_of, text)
