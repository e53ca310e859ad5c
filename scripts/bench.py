"""Compare the frameworks: `python scripts/bench.py` sets up `.venv` once and runs the main job.

    python scripts/bench.py                                the main job: six frameworks
    python scripts/bench.py --frameworks numpy,pytorch     install and compare only these
    python scripts/bench.py --frameworks all               every framework in every mode
    python scripts/bench.py --data sales.csv --target price
    python scripts/bench.py --here                         use the active environment

All other arguments go on to `samenet run`.
"""

import sys

if sys.version_info < (3, 11):  # before any import that an older Python cannot read
    sys.exit(f"samenet: needs Python 3.11 or newer; this is Python {sys.version.split()[0]}.")

import argparse
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))  # not there under `python -P`

from _here import set_up_here
from _parts import ADAPTERS, EVERY_FRAMEWORK, MAIN_JOB
from _setup import guarded, run_child, say, set_up_venv

ALL = "all"


class Request(NamedTuple):
    """What the user asked for."""

    frameworks: list[str]
    """As given, e.g. 'pytorch:compiled' or a path; empty for the main job's."""
    here: bool
    rest: list[str]


def parse(arguments: Sequence[str]) -> Request:
    """Return the request; everything that is not ours goes on to `samenet run`."""
    summary, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="bench.py",
        description=summary,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--frameworks",
        "--framework",
        action="append",
        default=[],
        metavar="A,B",
        help="install and run only these, e.g. numpy,pytorch or pytorch:compiled",
    )
    parser.add_argument(
        "--here",
        action="store_true",
        help="use the active environment; install only what it lacks, change nothing it has",
    )
    options, rest = parser.parse_known_args(arguments)
    names = [name.strip() for text in options.frameworks for name in text.split(",")]
    return Request([name for name in names if name], options.here, rest)


def adapter_names() -> set[str]:
    """Return the names of the built-in adapters, read from their files without running them."""
    return {ALL, *(header["name"] for header in ADAPTERS)}


def unknown_framework(frameworks: Iterable[str], names: Iterable[str]) -> str:
    """Return a sentence about the first name that is no adapter, or ""."""
    allowed = sorted(names)
    for framework in frameworks:
        name = framework.partition(":")[0]
        if name not in allowed and not framework.endswith(".py"):
            near = difflib.get_close_matches(name, allowed, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            return f"unknown framework '{name}'.{hint} Available: {', '.join(allowed)}."
    return ""


def to_install(frameworks: Sequence[str]) -> list[str]:
    """Return the frameworks that are needed, without their modes."""
    names = [name.partition(":")[0] for name in frameworks or MAIN_JOB]
    return list(EVERY_FRAMEWORK) if ALL in names else names


def run_command(request: Request, python: Path, left_out: Iterable[str]) -> list[str]:
    """Return the `samenet run` command for what could be installed."""
    gone = set(left_out)
    kept = [f for f in request.frameworks if f.partition(":")[0] not in gone]
    flags = [word for framework in kept for word in ("--framework", framework)]
    return [str(python), "-P", "-m", "samenet", "run", *request.rest, *flags]


def main() -> int:
    """Set up, run, and return the exit code of `samenet run`."""
    request = parse(sys.argv[1:])
    problem = unknown_framework(request.frameworks, adapter_names())
    if problem:
        say(problem)
        return 2
    wanted = to_install(request.frameworks)
    python, left_out = set_up_here(wanted) if request.here else set_up_venv(wanted)
    if set(wanted) <= set(left_out):
        say("none of the frameworks asked for could be installed; nothing was run")
        return 1
    code = run_child(run_command(request, python, left_out))
    asked_in_vain = bool(request.frameworks) and bool(left_out)
    return 3 if code == 0 and asked_in_vain else code


if __name__ == "__main__":
    sys.exit(guarded(main))
