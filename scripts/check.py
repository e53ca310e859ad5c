"""Lint, type-check, and check who imports whom: `python scripts/check.py` (`--fix` repairs lint).

mypy and import-linter cannot follow the mapping of root folders to `samenet.*` in an editable
install (setuptools issue 3518), so they read `.typing/samenet`: a git-ignored folder of links, kept
in step here. The contracts of import-linter are in pyproject.toml.
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


LINT_IMPORTS = "from importlinter.cli import lint_imports_command as main; main()"
"""import-linter has no `-m` form; its console script may be that of another environment."""

TYPED_SCRIPTS = ("bench", "test", "check", "dev/structure", "dev/same_output")


def commands(*, fix: bool) -> list[list[str]]:
    """Return the checks as arguments of the interpreter that runs this."""
    repair = ["--fix"] if fix else []
    only_look = [] if fix else ["--check"]
    return [
        ["-m", "ruff", "check", "--quiet", *repair, "."],
        ["-m", "ruff", "format", "--quiet", *only_look, "."],
        ["-m", "mypy", "--package", "samenet"],
        ["-m", "mypy", *(str(Path("scripts", f"{name}.py")) for name in TYPED_SCRIPTS)],
        ["-c", LINT_IMPORTS, "--no-cache", "--no-logo"],
    ]


def main() -> int:
    """Run all checks and return 1 if any found something."""
    update_links(ROOT / ".typing" / "samenet", wanted_links())
    environment = {**os.environ, "PYTHONPATH": str(ROOT / ".typing")}  # for the last: see above
    failed = False
    for command in commands(fix="--fix" in sys.argv[1:]):
        print("check:", *command[1:], file=sys.stderr, flush=True)
        reads_links = LINT_IMPORTS in command
        done = subprocess.run(
            [sys.executable, "-P", *command],
            cwd=ROOT,
            env=environment if reads_links else None,
            check=False,
        )
        failed = failed or done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
