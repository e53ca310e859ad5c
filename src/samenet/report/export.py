"""Figures as files, in a style fit for a paper: a column's width, small type, no page around them.

Text is drawn as outlines in SVG and embedded as TrueType in PDF, so that the files look the same
everywhere; the same figure gives the same bytes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure as Drawing

from samenet.errors import RunFolderError, UsageError
from samenet.machine import plain_files
from samenet.machine.files import write_whole
from samenet.report.blocks import Figure
from samenet.report.plotting import STYLE

FORMATS = ("svg", "png", "pdf")
WIDTH_INCHES = 7.2
"""Both columns of a usual journal page."""

PAPER: dict[Any, Any] = STYLE | {
    "axes.facecolor": "white",
    "axes.labelsize": 7,
    "axes.titlepad": 6,
    "axes.titlesize": 7.5,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.size": 7.5,
    "legend.fontsize": 6.8,
    "pdf.fonttype": 42,
    "savefig.dpi": 300,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
}
METADATA: dict[str, dict[str, None]] = {
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None},
}
CAPTIONS = "captions.md"


def write_figures(figures: Sequence[Figure], folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure in every format, and the titles and reading helps beside them.

    Raises UsageError if the folder cannot be made or written to, or if a file is in the way that
    samenet did not write.
    """
    names = [f"{figure.name}.{kind}" for figure in figures for kind in formats]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ours = read_written(folder)
        for name in (*names, CAPTIONS):
            refuse_foreign(folder / name, ours=name in ours)
        listed = sorted({*ours, *names, CAPTIONS})
        write_whole(folder / WRITTEN, "".join(f"{name}\n" for name in listed))
        for figure in figures:
            for kind in formats:
                write_whole(folder / f"{figure.name}.{kind}", _drawn(figure, kind))
        write_whole(folder / CAPTIONS, captions(figures))
    except OSError as error:
        raise UsageError(f"Cannot write figures to {folder}: {error.strerror}.") from None
    return [folder / name for name in (*names, CAPTIONS)]


WRITTEN = "written-by-samenet.txt"
"""Beside the pictures, one name a line: those that samenet wrote, and may write or take away."""


def read_written(folder: Path) -> list[str]:
    """Return the names of the files in a folder that samenet says it wrote."""
    try:
        return plain_files.read_text(folder / WRITTEN).splitlines()
    except (OSError, RunFolderError):
        return []


def refuse_foreign(path: Path, *, ours: bool) -> None:
    """Raise UsageError if something is in a path that samenet did not write; a link never is."""
    if path.is_symlink() or (path.exists() and not ours):
        raise UsageError(
            f"{path} is there already, and samenet did not write it: move it away, or name "
            "another place."
        )


def captions(figures: Sequence[Figure]) -> str:
    """Return the title and the reading help of each figure as Markdown."""
    parts = (
        f"## {figure.name}\n\n**{_inert(figure.title)}.** {_inert(figure.help)}\n"
        for figure in figures
    )
    return "\n".join(parts)


def _inert(text: str) -> str:
    """Return a text with Markdown's special characters escaped: names in it come from data."""
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", escape(text, quote=False))


def _drawn(figure: Figure, kind: str) -> bytes:
    from samenet.report import svg

    with rc_context(PAPER), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        drawing = _sized(figure.draw(False))
        return svg.write(drawing, kind, METADATA[kind], dpi=300)


def _sized(drawing: Drawing) -> Drawing:
    width, height = drawing.get_size_inches()
    drawing.set_size_inches(WIDTH_INCHES, height * WIDTH_INCHES / width)
    return drawing
