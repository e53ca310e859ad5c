"""Text for a terminal: names and reasons come from data, and none of them may steer it."""

from __future__ import annotations

from unicodedata import category

import click


def say(text: str = "", *, err: bool = False) -> None:
    """Print a text for people; control characters in it are shown instead of obeyed."""
    click.echo(printable(text), err=err)


def printable(text: str) -> str:
    """Return a text for a terminal: what would move its cursor or change its colours is shown.

    Control characters (Unicode class Cc, tab and line end apart) become \x1b and the like, and so
    do the marks that turn the direction of writing around (class Cf).
    """
    return "".join(
        each if each in "\n\t" or category(each) not in {"Cc", "Cf"} else ascii(each)[1:-1]
        for each in text
    )
