"""Text for a terminal: names and reasons come from data and must not control it."""

from __future__ import annotations

import errno
from unicodedata import category

import click


def print_text(text: str = "", *, err: bool = False) -> None:
    """Print a text for people; control characters in it are shown instead of obeyed.

    Raises OSError if it cannot be written, unless the terminal is gone: then nobody reads it.
    """
    try:
        click.echo(make_printable(text), err=err)
    except OSError as error:
        if not err or error.errno != errno.EIO:
            raise


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
