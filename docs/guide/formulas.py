"""Formulas as MathML, which browsers draw themselves: no script, nothing from another host."""

from __future__ import annotations

import re
from typing import Any

from docutils.nodes import Element, SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx


def written(formula: str, **how: bool) -> str:
    r"""Return a formula in LaTeX as MathML; docutils does not know \dots by its short name."""
    return tex2mathml(re.sub(r"\\dots\b", r"\\ldots", formula), **how)


def visit_inline(writer: Any, node: Element) -> None:
    """Write a formula within a line."""
    writer.body.append(written(node.astext()))
    raise SkipNode


def visit_block(writer: Any, node: Element) -> None:
    """Write a formula on a line of its own."""
    writer.body.append(f"<p>{written(node.astext(), as_block=True)}</p>")
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Offer Sphinx this way of writing formulas."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True}
