"""Copies of the example adapter, with some texts replaced."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "autograd_adapter.py"
SOURCE = "https://github.com/HIPS/autograd/blob/master/examples/neural_net.py"


def copy(folder: Path, *changes: tuple[str, str], name: str = "mine.py") -> Path:
    """Write a copy of the example with some texts replaced, each of which is there once."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
