"""The notebook's two forms: `python docs/notebooks/make.py` writes the .ipynb from the .py.

    python docs/notebooks/make.py          after the .py was edited
    python docs/notebooks/make.py --run    execute it (minutes); 1 if a cell fails or a figure is
                                           missing; the executed copy goes to runs/

A cell that promises a figure has a tag "figure-NAME". Needs the extra `notebook`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "from_a_neuron_to_a_benchmark.py"
CELL_SECONDS_MAX = 600
INLINE = "module://matplotlib_inline.backend_inline"
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook() -> Any:
    """Return the .py as a notebook without outputs; the same text gives the same file."""
    import jupytext

    found = jupytext.read(SOURCE)
    for number, cell in enumerate(found.cells, start=1):
        cell["id"] = f"cell-{number}"
    found.metadata = {"kernelspec": KERNEL, "jupytext": {"formats": "ipynb,py:percent"}}
    found.nbformat, found.nbformat_minor = 4, 5
    return found


def text_of(found: Any) -> str:
    """Return what stands in the .ipynb file."""
    import nbformat

    return f"{nbformat.writes(found)}\n"


def promised(found: Any) -> list[str]:
    """Return the names of the figures that cells promise."""
    return [name for cell in found.cells for name in _names(cell)]


def missing(found: Any) -> list[str]:
    """Return the promised figures that an executed notebook does not show."""
    return [name for cell in found.cells if not _shows_figure(cell) for name in _names(cell)]


def _names(cell: Any) -> list[str]:
    tags = cell.metadata.get("tags", [])
    return [tag.removeprefix("figure-") for tag in tags if tag.startswith("figure-")]


def _shows_figure(cell: Any) -> bool:
    """Return whether a cell shows a picture: an image, or HTML that holds one."""
    shown = [output.get("data", {}) for output in cell.get("outputs", [])]
    return any("image/png" in data or "<svg" in data.get("text/html", "") for data in shown)


def executed(folder: Path) -> Any:
    """Return the notebook after a run in a fresh kernel; raises CellExecutionError if one fails."""
    from nbclient import NotebookClient

    found = notebook()
    os.environ["MPLBACKEND"] = INLINE  # a kernel inherits it; pictures go into the notebook
    client = NotebookClient(
        found,
        timeout=CELL_SECONDS_MAX,
        kernel_name=KERNEL["name"],
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    return found


def main(arguments: list[str]) -> int:
    """Write the .ipynb, or execute the notebook and look for its figures."""
    if arguments != ["--run"]:
        SOURCE.with_suffix(".ipynb").write_text(text_of(notebook()), encoding="utf-8")
        return 0
    root = HERE.parent.parent
    found = executed(root)
    folder = root / "runs"
    path = folder / f"{SOURCE.stem}-executed.ipynb"
    path.write_text(text_of(found), encoding="utf-8")
    lacking = missing(found)
    print(f"{path}\nmissing figures: {', '.join(lacking) or 'none'}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
