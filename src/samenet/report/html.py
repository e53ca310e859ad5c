"""The parts of the page that there are thousands of: rows of tables, with their signs and bars.

Names from data are escaped here, and only here, on their way into a table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from markupsafe import Markup, escape

from samenet.report.blocks import Cell, Column, Sign, Table

SHAPES = {
    "o": '<circle r="6"/>',
    "s": '<path d="M-5.5-5.5h11v11h-11z"/>',
    "^": '<path d="M0-6.5 6.5 5.5h-13z"/>',
    "v": '<path d="M0 6.5-6.5-5.5h13z"/>',
    "D": '<path d="M0-7 7 0 0 7-7 0z"/>',
    "P": '<path d="M-2-7h4v5h5v4h-5v5h-4v-5h-5v-4h5z"/>',
    "X": '<path d="M-6-3-3-6 0-3 3-6 6-3 3 0 6 3 3 6 0 3-3 6-6 3-3 0z"/>',
}
"""What stands for each of matplotlib's markers, in a box from -8 to 8."""


def mark_up_code(text: str) -> Markup:
    """Return a text for the page in which anything between backticks is set as code."""
    escaped = escape(text)
    if "`" not in escaped:
        return escaped
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escaped)))  # noqa: S704 - escaped


def data_attributes(**named: str) -> Markup:
    """Return the data attributes by which the page's script filters; empty ones are left out."""
    pairs = "".join(f' data-{name}="{escape(value)}"' for name, value in named.items() if value)
    return Markup(pairs)  # noqa: S704 - escaped


def block_attributes(thing: object) -> Markup:
    """Return the attributes of a block: whichever of task, arm, device and view it has."""
    names = ("task", "arm", "device", "view")
    return data_attributes(**{name: getattr(thing, name, "") for name in names})


def name_signs(tables: Iterable[Table]) -> dict[Sign, str]:
    """Return an id for every sign in the tables: each is drawn once and referred to by its id."""
    signs = dict.fromkeys(
        cell.sign for table in tables for row in table.rows for cell in row if cell.sign
    )
    return {sign: f"sign-{number}" for number, sign in enumerate(signs)}


def draw_signs(signs: Mapping[Sign, str]) -> Markup:
    """Return the signs as symbols, to stand in the page once."""
    elements = "".join(
        f'<symbol id="{name}" viewBox="-8 -8 16 16" fill="{escape(sign.color)}">'
        f"{SHAPES.get(sign.marker, SHAPES['o'])}</symbol>"
        for sign, name in signs.items()
    )
    return Markup(elements)  # noqa: S704 - escaped


def render_rows(table: Table, signs: Mapping[Sign, str]) -> Markup:
    """Return the body of a table."""
    longest = [_longest(table, column) for column in range(len(table.columns))]
    lines = "".join(_row(table.columns, row, longest, signs) for row in table.rows)
    return Markup(lines)  # noqa: S704 - escaped


def _longest(table: Table, column: int) -> float:
    """Return the largest number that a bar of this column has to show."""
    cells = [row[column] for row in table.rows if column < len(row) and row[column].repeats]
    return max((cell.high or cell.value or 0.0 for cell in cells), default=0.0)


def _row(
    columns: tuple[Column, ...],
    row: tuple[Cell, ...],
    longest: list[float],
    signs: Mapping[Sign, str],
) -> str:
    subject = {name: _first(row, name) for name in ("arm", "task", "device")}
    color = next((cell.sign.color for cell in row if cell.sign), "currentColor")
    cells = [
        _cell(cell, columns[column], tag="td" if column else "th", signs=signs)
        + (_bar(cell, longest[column], color) if cell.repeats else "")
        + ("</td>" if column else "</th>")
        for column, cell in enumerate(row)
    ]
    return f"<tr{data_attributes(**subject)}>{''.join(cells)}</tr>\n"


def _first(row: tuple[Cell, ...], name: str) -> str:
    return next((getattr(cell, name) for cell in row if getattr(cell, name)), "")


def _cell(cell: Cell, column: Column, *, tag: str, signs: Mapping[Sign, str]) -> str:
    """Return a cell without its closing tag."""
    span = f' colspan="{cell.span}"' if cell.span > 1 else ""
    scope = ' scope="row"' if tag == "th" else ""
    head = f"<{tag}{scope}{span}{_classes(cell, column)}{_numbers(cell)}>"
    lines = "".join(f"<small>{mark_up_code(line)}</small>" for line in cell.below)
    if lines and cell.relative == "lines":
        lines = f'<span class="relative">{lines}</span>'
    return f"{head}{_sign(cell, signs)}{_text(cell)}{lines}"


def _classes(cell: Cell, column: Column) -> str:
    names = (
        "" if column.numeric and cell.span == 1 else "words",
        "quiet" if cell.quiet else "",
        f"relative {cell.relative}" if cell.relative in {"factor", "difference"} else "",
    )
    classes = " ".join(filter(None, names))
    return f' class="{classes}"' if classes else ""


def _numbers(cell: Cell) -> str:
    data = "" if cell.value is None else f' data-value="{cell.value:.6g}"'
    if not cell.repeats:
        return data
    repeats = " ".join("-" if repeat is None else f"{repeat:.6g}" for repeat in cell.repeats)
    return f'{data} data-repeats="{repeats}"'


def _sign(cell: Cell, signs: Mapping[Sign, str]) -> str:
    if cell.sign is None:
        return ""
    return f'<svg class="sign" aria-hidden="true"><use href="#{signs[cell.sign]}"/></svg>'


def _text(cell: Cell) -> str:
    if cell.link.startswith(("https://", "http://")):
        return f'<a href="{escape(cell.link)}" rel="noreferrer">{escape(cell.text)}</a>'
    return str(mark_up_code(cell.text))


def _bar(cell: Cell, longest: float, color: str) -> str:
    """Return a bar as long as the value, over it a line as long as the interval."""
    if not cell.value or not longest:
        return ""
    width, low, high = (
        100 * (end or cell.value) / longest for end in (cell.value, cell.low, cell.high)
    )
    return (
        f'<svg class="bar"><rect width="{width:.3g}%" fill="{escape(color)}"/>'
        f'<rect x="{low:.3g}%" y="40%" width="{high - low:.3g}%"/></svg>'
    )
