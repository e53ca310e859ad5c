"""Fuzz every parser for a night: a million cases each, steered by coverage where atheris is there.

    python scripts/dev/fuzz.py                        10^6 cases of every parser
    python scripts/dev/fuzz.py record plan            only these
    python scripts/dev/fuzz.py --seconds 60           at most a minute each

Without atheris (it builds on Linux with clang) the bytes are random ones and mutations of those
that reached new lines. What fails is written to tests/corpus/PARSER/, which the tests replay.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

CASES = 1_000_000
CORPUS = ROOT / "tests" / "corpus"
LENGTH_MAX = 48
KEPT_MAX = 2000


def main() -> int:
    """Fuzz each parser in a process of its own; returns 1 if there was a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parsers", nargs="*")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        (name,) = options.parsers
        return fuzz(name, options.cases, options.seconds, options.seed)
    import fuzz_parsers

    atheris = importlib.util.find_spec("atheris") is not None
    print("with atheris" if atheris else "without atheris (pip install atheris): own guidance")
    codes = [
        subprocess.run(
            [sys.executable, "-P", __file__, "--one", name, f"--cases={options.cases}",
             f"--seconds={options.seconds}", f"--seed={options.seed}"],
            check=False,
        ).returncode
        for name in options.parsers or fuzz_parsers.PARSERS
    ]  # fmt: skip
    return int(any(codes))


class Lines:
    """The lines of samenet that a case reached for the first time."""

    def __init__(self) -> None:
        """Nothing is reached yet."""
        self.seen: set[tuple[str, int]] = set()
        self.new = False

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        """Follow the lines of samenet and no others."""
        if "samenet" not in frame.f_code.co_filename:
            return None
        place = (frame.f_code.co_filename, frame.f_lineno)
        if event == "line" and place not in self.seen:
            self.seen.add(place)
            self.new = True
        return self.trace


def fuzz(name: str, cases: int, seconds: float, seed: int) -> int:
    """Fuzz one parser, print what was seen, and return 1 if there was a finding."""
    if importlib.util.find_spec("atheris") is not None:
        return fuzz_guided(name, cases, seconds, seed)
    import fuzz_parsers

    choose, lines = random.Random(seed), Lines()  # noqa: S311 - bytes for parsers
    kept = [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))] or [b""]
    started, count, accepted = time.monotonic(), 0, 0
    findings: dict[str, bytes] = {}
    fuzz_parsers.run(name, b"")  # what is read once is no part of a case
    while count < cases and time.monotonic() - started < seconds:
        case = mutated(choose, kept)
        # following lines costs ten times a case: one in eight, and the others are for the number
        watched = count % 8 == 0
        lines.new = False
        sys.settrace(lines.trace if watched else None)
        try:
            accepted += fuzz_parsers.run(name, case)
        except fuzz_parsers.ParserFaultError as finding:
            findings.setdefault(str(finding)[:60], case)
        finally:
            sys.settrace(None)
        count += 1
        if lines.new and len(kept) < KEPT_MAX:
            kept.append(case)
    report(name, count, accepted, lines, findings, time.monotonic() - started)
    return int(bool(findings))


def fuzz_guided(name: str, cases: int, seconds: float, seed: int) -> int:
    """Fuzz one parser with atheris, which steers by the branches that samenet's code takes."""
    import atheris

    with atheris.instrument_imports(include=["samenet", "tomllib", "click"]):
        import fuzz_parsers
    lines, findings, started = Lines(), {}, time.monotonic()
    fuzz_parsers.run(name, b"")
    count = accepted = 0

    def one(case: bytes) -> None:
        nonlocal count, accepted
        watched = count % 64 == 0
        sys.settrace(lines.trace if watched else None)
        try:
            accepted += fuzz_parsers.run(name, case)
        except fuzz_parsers.ParserFaultError as finding:
            findings.setdefault(str(finding)[:60], case)
        finally:
            sys.settrace(None)
        count += 1
        if count >= cases or time.monotonic() - started > seconds:
            report(name, count, accepted, lines, findings, time.monotonic() - started)
            os._exit(int(bool(findings)))  # libFuzzer would go on

    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as grown:
        flags = [f"-max_len={LENGTH_MAX}", f"-seed={seed + 1}", "-rss_limit_mb=0", "-verbosity=0"]
        atheris.Setup([sys.argv[0], grown, str(folder), *flags], one)
        atheris.Fuzz()
    return 0


def mutated(choose: random.Random, kept: list[bytes]) -> bytes:
    """Return new bytes: random ones, or a change of some that reached new lines."""
    if choose.random() < 0.3:
        return choose.randbytes(choose.randrange(LENGTH_MAX))
    case = bytearray(choose.choice(kept))
    for _ in range(choose.randrange(1, 4)):
        place = choose.randrange(len(case) + 1)
        kind = choose.randrange(3)
        if kind == 0:
            case[place:place] = choose.randbytes(choose.randrange(1, 5))
        elif kind == 1:
            del case[place : place + choose.randrange(1, 5)]
        else:
            case[place : place + 1] = choose.randbytes(1)
    return bytes(case[:LENGTH_MAX])


def report(
    name: str, count: int, accepted: int, lines: Lines, findings: dict[str, bytes], seconds: float
) -> None:
    """Print one line, and keep the cases that failed."""
    places = f"{len(lines.seen)} lines of {len({file for file, _ in lines.seen})} files"
    print(
        f"{name:14} {count:9,} cases in {seconds:5.0f} s, "
        f"{accepted / max(count, 1):4.0%} accepted, {places}, {len(findings)} findings",
        flush=True,
    )
    for sentence, case in findings.items():
        path = CORPUS / name / hashlib.sha256(case).hexdigest()[:8]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case)
        print(f"  {path.relative_to(ROOT)}: {sentence}")


if __name__ == "__main__":
    sys.exit(main())
