"""Lint and type-check everything: `python scripts/check.py` (`--fix` repairs what ruff can).

mypy cannot follow the mapping of root folders to `samenet.*` in an editable install (setuptools
issue 3518), so it reads `.typing/samenet`: a git-ignored folder of links, kept in step here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LEAVES = ("adapters", "tasks", "reports")


def wanted_links() -> dict[str, Path]:
    """Return what `.typing/samenet` is to hold: all of the core, and the leaves."""
    core = {p.name: p for p in (ROOT / "src" / "samenet").iterdir() if p.name != "__pycache__"}
    return core | {name: ROOT / name for name in LEAVES}


def link(place: Path, target: Path) -> None:
    """Make a link, or a copy where the system allows no links."""
    try:
        place.symlink_to(os.path.relpath(target, place.parent), target_is_directory=target.is_dir())
    except OSError:
        copy = shutil.copytree if target.is_dir() else shutil.copy2
        copy(target, place)


def remove(place: Path) -> None:
    """Remove a link, or the copy that stands for one."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink()


def update_links(folder: Path, wanted: Mapping[str, Path]) -> None:
    """Bring the folder in step; right links stay as they are, copies are made anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for place in folder.iterdir():
        if not place.is_symlink() or wanted.get(place.name) != place.resolve():
            remove(place)
    for name, target in wanted.items():
        if not (folder / name).is_symlink():
            link(folder / name, target)


def commands(*, fix: bool) -> list[list[str]]:
    """Return the three checks, by the interpreter that runs this."""
    repair = ["--fix"] if fix else []
    only_look = [] if fix else ["--check"]
    return [
        ["ruff", "check", "--quiet", *repair, "."],
        ["ruff", "format", "--quiet", *only_look, "."],
        ["mypy", "--package", "samenet"],
        ["mypy", *(str(Path("scripts", f"{name}.py")) for name in ("bench", "test", "check"))],
    ]


def main() -> int:
    """Run all checks and return 1 if any found something."""
    update_links(ROOT / ".typing" / "samenet", wanted_links())
    failed = False
    for command in commands(fix="--fix" in sys.argv[1:]):
        print("check:", *command, file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False)
        failed = failed or done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
