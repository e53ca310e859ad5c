"""What can be installed: the core and one part per framework, and what each takes.

The frameworks are read from the headers of the adapters, which are plain data, and what each of
them requires from pyproject.toml: nothing of samenet can be imported yet.
"""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CORE = "core"


def headers() -> Iterator[dict[str, Any]]:
    """Yield the literal at the top of each shipped adapter, without running its file."""
    for file in sorted((ROOT / "adapters").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "ADAPTER = {" in text:
            for node in ast.parse(text, filename=str(file)).body:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ADAPTER":
                    yield ast.literal_eval(node.value)


def requirements() -> dict[str, list[str]]:
    """Return the requirements of every extra of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    return extras


ADAPTERS = sorted(headers(), key=lambda header: (header.get("order", 1000), header["name"]))
EXTRAS = requirements()
FREE = EXTRAS["all"][0].partition("[")[2].rstrip("]").split(",")
"""What the extra "all" brings: it leaves out what is of no use without a GPU."""

MAIN_JOB = ("numpy", "scikit-learn", "tensorflow", "keras", "pytorch", "jax")
"""What the main job compares; the first two come with the core."""
EVERY_FRAMEWORK = tuple(
    header["name"] for header in ADAPTERS if not header.get("extra") or header["extra"] in FREE
)

DISTRIBUTIONS = {
    header["extra"]: header["distributions"] for header in ADAPTERS if header.get("extra")
}


def framework_of(part: str) -> set[str]:
    """Return the requirements of an extra that are the framework itself, not its first example."""
    names = DISTRIBUTIONS[part]
    return {need for need in EXTRAS[part] if re.split(r"[^\w-]", need, maxsplit=1)[0] in names}


NEEDS: Mapping[str, tuple[str, ...]] = {
    part: needs
    for part in FREE
    if (needs := tuple(other for other in FREE if framework_of(other) < framework_of(part)))
}
"""Extras that contain another one: it is installed, counted and reported on its own."""


class Cost(NamedTuple):
    """What one part takes: megabytes to download, megabytes on disk, seconds on two cores."""

    download: int
    disk: int
    seconds: int


COSTS: Mapping[str, Cost] = {
    CORE: Cost(105, 490, 35),
    "tensorflow": Cost(612, 1990, 35),
    "keras": Cost(2, 30, 3),
    "pytorch": Cost(201, 865, 22),
    "jax": Cost(115, 490, 12),
    "keras-torch": Cost(2, 30, 3),
    "keras-jax": Cost(2, 30, 3),
    "docs": Cost(23, 113, 5),
    "test": Cost(85, 270, 12),
}
"""Measured with constraints.txt on Linux x86-64 and an empty pip cache, PyTorch's CPU build."""

UNKNOWN = Cost(100, 300, 20)
"""Of a part that nobody has measured."""
