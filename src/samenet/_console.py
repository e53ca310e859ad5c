"""Text for a terminal: names and reasons come from data and must not control it."""

from __future__ import annotations

from unicodedata import category

import click


def print_text(text: str = "", *, err: bool = False) -> None:
    """Print a text for people; control characters in it are shown instead of obeyed."""
    click.echo(make_printable(text), err=err)


def make_printable(text: str) -> str:
    """Return a text for a terminal: what would move its cursor or change its colours is shown.

    Control characters (Unicode class Cc, tab and line end apart) become \x1b and the like, and so
    do the marks that turn the direction of writing around (class Cf).
    """
    return "".join(
        character
        if character in "\n\t" or category(character) not in {"Cc", "Cf"}
        else ascii(character)[1:-1]
        for character in text
    )
