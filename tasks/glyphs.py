"""Characters as images: the outlines of matplotlib's own fonts, moved, turned and scaled by chance.

Only the outlines come from a font file; what is inside them is counted here, in whole numbers, and
a turn is a rational one, so the same seed gives the same bytes on every machine. Another version of
matplotlib can ship other outlines: the hash of the prepared rows, which every run keeps, shows it.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib import ft2font
from numpy.typing import NDArray
from pydantic import Field

from samenet._random import make_generator
from samenet.tasks.options import SyntheticOptions

SIDE = 28
"""Pixels along a side of an image."""
EM = 24.0
"""Pixels of the size of a font: a digit is then 17 or 18 high."""
FINE = 4
"""Places of the finer grid per pixel: of its shades an image has about every fourth."""
ROWS_AT_ONCE = 1024
MIDDLE = 0.3
"""What stands in the middle of an image, in sizes of the font above the line."""

SANS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique", "cmss10")
SERIF = (
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmti10"),
)
MONO = ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "cmtt10")

DIGITS = "0123456789"
ALL = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class GlyphOptions(SyntheticOptions):
    """The options of images of characters."""

    characters: Literal["digits", "all"] = "digits"
    """The ten digits, or the digits and both alphabets: 62."""
    asked: Literal["character", "serif", "turn"] = "character"
    """What is to be told: which one it is, whether its font has serifs, how far it is turned."""
    noise: float = Field(default=0.125, ge=0)
    """Deviation of what is added to every pixel; ink is 1, paper 0."""


def glyphs(options: GlyphOptions) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return images (rows, 28 * 28) and what is asked of each: texts, 0 or 1, or degrees."""
    draw = make_generator("glyphs", options.seed)
    characters = DIGITS if options.characters == "digits" else ALL
    fonts = (*SANS, *SERIF) if options.asked == "serif" else (*SANS, *SERIF, *MONO)
    which = draw.permutation(np.arange(options.rows) % len(characters))
    font = draw.integers(0, len(fonts), options.rows)
    half = draw.uniform(-0.25, 0.25, options.rows)  # the tangent of half the turn
    size = draw.uniform(0.75, 1.125, options.rows)
    shift = draw.uniform(-3, 3, (options.rows, 2))
    sheets = np.stack([_sheet(name, character) for name in fonts for character in characters])
    sheet = font * len(characters) + which
    images = np.empty((options.rows, SIDE**2), np.float32)
    for start in range(0, options.rows, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        images[rows] = _moved(sheets, sheet[rows], half[rows], size[rows], shift[rows])
    images += options.noise * draw.standard_normal(images.shape, dtype=np.float32)
    if options.asked == "turn":
        return images, np.degrees(2 * np.arctan(half))
    if options.asked == "serif":
        return images, (font >= len(SANS)).astype(np.int64)
    return images, np.array(list(characters), dtype=object)[which]


def _moved(
    sheets: NDArray[np.uint8],
    sheet: NDArray[np.int64],
    half: NDArray[np.float64],
    size: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Return an image for every row: the shade of its sheet where each pixel comes from.

    cos = (1 - t²) / (1 + t²) and sin = 2 t / (1 + t²), t the tangent of half the turn: no library
    of mathematical functions has a say in where a pixel falls.
    """
    cosine, sine = (1 - half**2) / (1 + half**2), 2 * half / (1 + half**2)
    pixel = np.arange(SIDE) - (SIDE - 1) / 2
    y = (pixel[None, :, None] - shift[:, :1, None]) / size[:, None, None]
    x = (pixel[None, None, :] - shift[:, 1:, None]) / size[:, None, None]
    cosine, sine = cosine[:, None, None], sine[:, None, None]
    middle, last = sheets.shape[1] / 2, sheets.shape[1] - 1
    down = np.clip(np.floor((cosine * y + sine * x) * FINE + middle), 0, last).astype(np.int32)
    right = np.clip(np.floor((cosine * x - sine * y) * FINE + middle), 0, last).astype(np.int32)
    ink = sheets[sheet[:, None, None], down, right].reshape(len(sheet), -1)
    return ink.astype(np.float32) / np.float32(FINE**2)


@cache
def _sheet(font: str, character: str) -> NDArray[np.uint8]:
    """Return how many of the places of the pixel around every place are ink, 0 to FINE²."""
    edges = _outline(font, character)
    places = (SIDE + 8) * FINE
    edges = edges * (EM * FINE) + places / 2
    inside = _inside(edges, places).astype(np.int32)
    summed = np.pad(inside.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    below = summed[FINE:] - summed[:-FINE]
    box = below[:, FINE:] - below[:, :-FINE]
    return np.pad(box, (FINE // 2, FINE // 2 - 1)).astype(np.uint8)


def _inside(edges: NDArray[np.float64], places: int) -> NDArray[np.bool_]:
    """Return which places of a grid the outline winds around: edges (count, from and to, x and y).

    Along each line of the grid every edge that crosses it adds its direction to all places right of
    the crossing; what does not add up to 0 is inside.
    """
    (x0, y0), (x1, y1) = edges[:, 0].T, edges[:, 1].T
    line = np.arange(places)[:, None] + 0.5
    crosses = (y0 <= line) != (y1 <= line)
    number, edge = np.nonzero(crosses)
    share = (number + 0.5 - y0[edge]) / (y1[edge] - y0[edge])
    first = np.clip(np.ceil(x0[edge] + share * (x1[edge] - x0[edge]) - 0.5), 0, places)
    winding = np.zeros((places, places + 1), np.int32)
    np.add.at(winding, (number, first.astype(np.int64)), np.where(y1[edge] > y0[edge], 1, -1))
    return winding.cumsum(axis=1)[:, :-1] != 0


CURVE_PARTS = 8
MOVE, LINE, CURVE, CUBIC, CLOSE = 1, 2, 3, 4, 79
"""What matplotlib calls the parts of a path."""


def _outline(font: str, character: str) -> NDArray[np.float64]:
    """Return the edges of a character, (count, 2, 2), in sizes of the font; y points down."""
    path = Path(mpl.get_data_path(), "fonts", "ttf", f"{font}.ttf")
    face = ft2font.FT2Font(str(path))
    face.set_size(100, 72)
    flags: Any = getattr(ft2font, "LoadFlags", None)  # since matplotlib 3.10
    unhinted = flags.NO_HINTING if flags else ft2font.LOAD_NO_HINTING  # type: ignore[attr-defined]
    face.load_char(ord(character), flags=unhinted)
    points, codes = face.get_path()
    points = np.asarray(points, np.float64) / 100
    edges: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    here = start = points[0]
    place = 0
    while place < len(codes):
        code = codes[place]
        count = {CURVE: 2, CUBIC: 3}.get(code, 1)
        if code == MOVE:
            here = start = points[place]
        elif code == CLOSE:
            edges.append((here, start))
            here = start
        else:
            for point in _pieces(here, points[place : place + count]):
                edges.append((here, point))
                here = point
        place += count
    found = np.array(edges)
    middle = (found[:, :, 0].min() + found[:, :, 0].max()) / 2
    return np.stack([found[:, :, 0] - middle, MIDDLE - found[:, :, 1]], axis=2)


def _pieces(here: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ends of the straight pieces of a line, or of a curve by de Casteljau's way."""
    if len(points) == 1:
        return points
    share = (np.arange(1, CURVE_PARTS + 1) / CURVE_PARTS)[:, None]
    level = [np.broadcast_to(p, (CURVE_PARTS, 2)) for p in (here, *points)]
    while len(level) > 1:
        level = [a + share * (b - a) for a, b in pairwise(level)]
    return level[0]
