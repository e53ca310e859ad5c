"""Matplotlib's SVG made fit to stand in a page: own ids, no inline style, the page's colours.

Two pictures of matplotlib in one page share ids and carry metadata that HTML does not know; inline
style is refused by the page's content security policy. All of that is mended here.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.figure import Figure as Drawing

from samenet.report import annotations as report_annotations
from samenet.report.blocks import Figure
from samenet.report.plotting import INK, STYLE

FONT_PROPERTIES = {"font", "font-family", "font-style", "font-variant", "font-stretch"}
"""Left to the page, whose font is narrower than the one matplotlib made room for."""

HEAD = re.compile(r'<svg\b[^>]*\bviewBox="(?P<box>[^"]+)"[^>]*>')
"""Where matplotlib's drawing begins, after XML's own lines."""

GROUND = r'(<g id="patch_1">.*?fill: )#ffffff'
"""The white behind a picture in a file; the page has a ground of its own."""


def draw(figure: Figure, *, narrow: bool) -> Drawing:
    """Return the picture as matplotlib draws it."""
    with rc_context(STYLE):
        return figure.draw(narrow)


def save(drawing: Drawing, kind: str) -> bytes:
    """Return the picture as an "svg" or "png" file; the same numbers give the same bytes."""
    metadata: Mapping[str, None] = {"Date": None} if kind == "svg" else {"Software": None}
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser's font has it
        return write(drawing, kind, metadata, dpi=150)


def write(drawing: Drawing, kind: str, metadata: Mapping[str, None], *, dpi: int) -> bytes:
    """Return the picture as a file, in the style that is in force."""
    file = io.BytesIO()
    meanings = report_annotations.number_marks(drawing) if kind == "svg" else {}
    drawing.savefig(file, format=kind, metadata=metadata, dpi=dpi)
    content = file.getvalue()
    if kind != "svg":
        return content
    return report_annotations.restore_marks(content.decode(), meanings).encode()


def draw_as_svg(drawing: Drawing) -> str:
    """Return a new picture as SVG and freeze its layout for the forms drawn later."""
    text = save(drawing, "svg").decode()
    drawing.set_layout_engine(None)  # looking again would take half the time of every form
    return text


def inline(text: str, *, prefix: str, label: str) -> Markup:
    """Return SVG as an element of the page; every id in it starts with the prefix."""
    head = HEAD.search(text)
    if head is None:
        raise ValueError("This is no SVG with a viewBox.")
    text = text[head.end() :]
    text = re.sub(GROUND, r"\1none", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"\s*\n\s*", " ", text)
    # In a style, too, which becomes attributes only below; what is no reference is merely not used.
    referred = sorted(set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)))
    ids = {name: f"{prefix}-{number}" for number, name in enumerate(referred)}
    # Only tags are changed: a name that looks like an attribute stays the name it is.
    text = TAG.sub(lambda tag: _fit_for_page(tag[0], ids), text)
    text = _ungrouped(re.sub(r"\s*(/?>) <", r"\1<", text)).lstrip()
    # scalable, and named for screen readers
    title = f"{prefix}-title"
    return Markup(  # noqa: S704 - matplotlib escaped the texts in it
        f'<svg class="picture" viewBox="{head["box"]}" role="img" aria-labelledby="{title}">'
        f"<title id='{title}'>{escape(label)}</title>{text}"
    )


REFERENCE = re.compile(r'( (?:xlink:href="#|(?:clip-path|fill|stroke)="url\(#))([^")]+)')
"""One part of a picture used by another: matplotlib's markers, glyphs, hatches and clips."""

TAG = re.compile(r"<[^<>]*>")
"""Matplotlib escapes both brackets in texts and in values of attributes."""


def _fit_for_page(tag: str, ids: Mapping[str, str]) -> str:
    """Return a tag with its style as attributes, the page's ids and colours, and short numbers.

    Every pattern holds a quotation mark, which no value of an attribute does: it is escaped there.
    """
    tag = re.sub(r' style="([^"]*)"', _declarations, tag)
    tag = re.sub(r' id="([^"]+)"', lambda m: f' id="{ids[m[1]]}"' if m[1] in ids else "", tag)
    tag = REFERENCE.sub(lambda m: m[1] + ids[m[2]], tag)
    tag = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, tag)
    tag = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", tag)
    tag = re.sub(rf' (fill|stroke)="{INK}"', r' \1="currentColor"', tag)
    return tag.replace(' xlink:href="', ' href="')


def _declarations(style: re.Match[str]) -> str:
    """Return the declarations of a style attribute as attributes of their own."""
    pairs = [part.split(":", 1) for part in style[1].split(";") if ":" in part]
    named = [(name.strip(), value.strip()) for name, value in pairs]
    return "".join(f' {name}="{value}"' for name, value in named if name not in FONT_PROPERTIES)


def _rounded(attribute: re.Match[str]) -> str:
    """Return coordinates rounded to a tenth of a point, and those of a path without spaces."""
    text = re.sub(r"(\d+\.\d)\d+", r"\1", attribute[0])
    text = re.sub(r"\.0(?!\d)", "", text)
    return re.sub(r" ?([MLzCQ]) ?", r"\1", text) if text.startswith(" d=") else text


def _ungrouped(text: str) -> str:
    """Drop groups without attributes; their content stays."""
    parts: list[str] = []
    kept: list[bool] = []
    for part in re.split(r"(<g[^>]*>|</g>)", text):
        if part.startswith("<g"):
            bare = part in {"<g>", "<g/>"}
            parts.append("" if bare else part)
            if not part.endswith("/>"):
                kept.append(not bare)
        elif part == "</g>":
            parts.append(part if kept.pop() else "")
        else:
            parts.append(part)
    return "".join(parts)
