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


def drawn(figure: Figure, *, narrow: bool) -> Drawing:
    """Return the picture as matplotlib draws it."""
    with rc_context(STYLE):
        return figure.draw(narrow)


def saved(drawing: Drawing, kind: str) -> bytes:
    """Return the picture as an "svg" or "png" file; the same numbers give the same bytes."""
    metadata: Mapping[str, None] = {"Date": None} if kind == "svg" else {"Software": None}
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser's font has it
        return written(drawing, kind, metadata, dpi=150)


def written(drawing: Drawing, kind: str, metadata: Mapping[str, None], *, dpi: int) -> bytes:
    """Return the picture as a file, in the style that is in force."""
    file = io.BytesIO()
    drawing.savefig(file, format=kind, metadata=metadata, dpi=dpi)
    content = file.getvalue()
    return report_annotations.restored(content.decode()).encode() if kind == "svg" else content


def placed(drawing: Drawing) -> str:
    """Return a new picture as SVG and freeze its layout for the forms drawn later."""
    text = saved(drawing, "svg").decode()
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
    text = re.sub(r' style="([^"]*)"', _attributes, text)
    text = _own_ids(text, prefix)
    text = _smaller(text).replace(INK, "currentColor").replace("xlink:href", "href").lstrip()
    # scalable, and named for screen readers
    title = f"{prefix}-title"
    return Markup(  # noqa: S704 - matplotlib escaped the texts in it
        f'<svg class="picture" viewBox="{head["box"]}" role="img" aria-labelledby="{title}">'
        f"<title id='{title}'>{escape(label)}</title>{text}"
    )


def _attributes(style: re.Match[str]) -> str:
    """Return the declarations of a style attribute as attributes of their own."""
    pairs = [part.split(":", 1) for part in style[1].split(";") if ":" in part]
    named = [(name.strip(), value.strip()) for name, value in pairs]
    return "".join(f' {name}="{value}"' for name, value in named if name not in FONT_PROPERTIES)


def _own_ids(text: str, prefix: str) -> str:
    """Prefix the ids that are referred to and drop the others."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    short = {name: f"{prefix}-{number}" for number, name in enumerate(sorted(used))}
    text = re.sub(r' id="([^"]+)"', lambda m: f' id="{short[m[1]]}"' if m[1] in used else "", text)
    return re.sub(r'(href="#|url\(#)([^")]+)', lambda m: m[1] + short[m[2]], text)


def _smaller(text: str) -> str:
    """Round coordinates to a tenth of a point; drop plain groups, spaces and line ends."""
    text = re.sub(r"\s*\n\s*", " ", text)
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, text)
    text = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", text)
    return _ungrouped(re.sub(r"\s*(/?>) <", r"\1<", text))


def _rounded(attribute: re.Match[str]) -> str:
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
