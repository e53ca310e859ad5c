"""Check everything: `python scripts/test.py` sets up `.venv` once, then lint, types and tests.

    python scripts/test.py                     check.py (ruff, mypy, import contracts), all tests
    python scripts/test.py --slow              also the tests that take minutes
    python scripts/test.py tests/spec/test_network.py -k slope     only pytest, with these arguments

The whole takes at most 12 minutes on two cores, once `.venv` is there: two processes share the test
files. With arguments there is one, so that what it prints and a debugger come through.
"""

import sys

if sys.version_info < (3, 11):  # before any import that an older Python cannot read
    sys.exit(f"samenet: needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.")

import os
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # not there under `python -P`

from _parts import EVERY_FRAMEWORK, ROOT
from _setup import INTERRUPTED, guarded, run_child, say, set_up_venv

SIDE_BY_SIDE = (
    *("-n", "2"),
    *("--dist", "loadfile"),  # what a file has prepared, an imported framework say, is there once
    *("--no-loadscope-reorder",),  # tests/conftest.py knows better which files take long
    *("--benchmark-disable",),
)
"""Two processes and not one per core: many tests start processes of their own and wait."""


def steps(arguments: Sequence[str], python: Path) -> list[list[str]]:
    """Return the commands to run: the checks too, unless pytest was given something to select.

    `-P` keeps the repository's root off the import path: only the installed samenet is tested.
    """
    pytest = [str(python), "-P", "-m", "pytest", *arguments]
    if set(arguments) - {"--slow"}:
        return [pytest]
    return [
        [str(python), "-P", str(ROOT / "scripts" / "check.py")],
        [*pytest, *SIDE_BY_SIDE, "tests"],
    ]


def shown(command: Sequence[str]) -> str:
    """Return a command as one would type it in the repository's root."""
    return " ".join(word.removeprefix(f"{ROOT}{os.sep}") for word in command)


def main() -> int:
    """Set up, run every step, and return the first exit code that is not 0."""
    arguments = sys.argv[1:]
    if "-h" in arguments or "--help" in arguments:
        print(__doc__)
        return 0
    python, _ = set_up_venv([*EVERY_FRAMEWORK, "docs", "test"])
    codes = []
    for command in steps(arguments, python):
        say("running " + shown(command))
        codes.append(run_child(command, cwd=ROOT))
        if codes[-1] == INTERRUPTED:
            break
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(guarded(main))
