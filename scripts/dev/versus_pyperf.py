"""The same planted differences through pyperf and through samenet, in turns, one table.

    .venv/bin/python -m pip install pyperf
    .venv/bin/python scripts/dev/versus_pyperf.py --n 8

Each round makes one trial of each size with either tool; they take turns in going first. Both time
the same training calls of the same program on the same data and processor: samenet as
`samenet selftest inject` does, in a whole run of 12 repeats; pyperf with its defaults (20
processes, 3 values each), the program and then the planted one, and `pyperf compare_to`, as its
documentation says. That takes about as long; the minutes stand beside. What is right: a planted
difference called slower; none called none. pyperf has no word for a tie: that it was not
significant counts as right.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from samenet.execution import session
from samenet.machine import clock, system
from samenet.selftest import base, trials

SIZES = (0, 2, 3, 5, 10)
Tool = Callable[[int, Path], tuple[bool, bool, float]]
"""Returns whether a pair is called different, and slower, and the ratio that was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one tool says of one size."""

    tool: str
    percent: int
    trials: int
    right: int
    false_differences: int
    read_percent: float
    minutes: float

    @property
    def line(self) -> str:
        """Return the row as text."""
        share = base.rate_figure("", self.right, self.trials)
        each = f"{self.minutes / self.right:8.2f}" if self.right else "   never"
        return (
            f"{self.tool:<8} {self.percent:+4d} % {self.right:>4} of {self.trials:<3} "
            f"[{share.low:4.0%}, {share.high:4.0%}] {self.false_differences:>6} "
            f"{self.read_percent:+8.2f} % {self.minutes:8.1f} {each}"
        )


HEAD = (
    "tool     planted   right      95 % interval  false     read as  minutes  minutes per right one"
)


def main() -> int:
    """Make the trials and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--n", type=int, default=8, help="rounds (default: 8)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    chosen = parser.parse_args()
    if importlib.util.find_spec("pyperf") is None:
        sys.exit(f"versus_pyperf: install pyperf first: {sys.executable} -m pip install pyperf")
    with tempfile.TemporaryDirectory() as place:
        rows = compared(chosen.n, prepared(Path(place) / "run"))
    if chosen.json:
        print(json.dumps({"schema": "samenet-versus/1", "rows": [asdict(row) for row in rows]}))
    else:
        print("\n".join([HEAD, *(row.line for row in rows)]))
    return 0


def prepared(folder: Path) -> Path:
    """Return the folder of a run that holds the trials' data."""
    session.start_run(trials.plan_of(0, 1).only("prepare"), folder, lambda *_: None)
    return folder


def compared(rounds: int, data: Path) -> list[Row]:
    """Return both tools' rows, size by size."""
    tools: dict[str, Tool] = {"samenet": by_samenet, "pyperf": by_pyperf}
    rows: dict[tuple[str, int], list[tuple[bool, bool, float, float]]] = {
        (tool, percent): [] for percent in SIZES for tool in tools
    }
    for number, percent in itertools.product(range(rounds), SIZES):
        turns = list(tools) if number % 2 else list(tools)[::-1]
        for tool in turns:
            start = clock.now()
            answer = tools[tool](percent, data)
            rows[tool, percent].append((*answer, clock.now() - start))
            said = "different" if answer[0] else "no difference"
            read = f"{100 * (answer[2] - 1):+.2f} %"
            print(f"round {number + 1}, +{percent} %, {tool}: {read}, {said}", file=sys.stderr)
    return [row(*key, answers) for key, answers in rows.items()]


def row(tool: str, percent: int, answers: Sequence[tuple[bool, bool, float, float]]) -> Row:
    """Return what the trials of one tool and size come to."""
    different = sum(each[0] for each in answers)
    slower = sum(each[1] for each in answers)
    return Row(
        tool=tool,
        percent=percent,
        trials=len(answers),
        right=slower if percent else len(answers) - different,
        false_differences=different - slower if percent else different,
        read_percent=100 * (math.exp(fmean(math.log(each[2]) for each in answers)) - 1),
        minutes=sum(each[3] for each in answers) / 60,
    )


def by_samenet(percent: int, data: Path) -> tuple[bool, bool, float]:
    """Make a trial as the instrument's test of itself does."""
    del data  # it prepares its own
    trial = trials.run_trial(percent)
    return trial.different, trial.slower, trial.ratio.value


def by_pyperf(percent: int, data: Path) -> tuple[bool, bool, float]:
    """Time the program and the planted one with pyperf, and let it compare."""
    with tempfile.TemporaryDirectory() as place:
        files = [
            timed(Path(place) / f"{name}.json", data, percent, planted=planted)
            for name, planted in (("plain", False), ("planted", True))
        ]
        said = pyperf("compare_to", *map(str, files))
        one, other = (mean_seconds(file) for file in files)
    different = "not significant" not in said.lower()
    return different, different and other > one, other / one


def timed(file: Path, data: Path, percent: int, *, planted: bool) -> Path:
    """Let pyperf time a stretch, with its defaults, on the processor that samenet measures on."""
    setup = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        f"from _stretch import stretch; "
        f"work = stretch({(str(data), trials.TASK, trials.PAIR)!r}, {percent}, planted={planted})"
    )
    core = system.measuring_cores(1)[-1]
    inherited = ",".join(system.THREAD_VARIABLES)
    options = ["-q", "-o", str(file), f"--affinity={core}", f"--inherit-environ={inherited}"]
    pyperf("timeit", *options, "-s", setup, "work()")
    return file


def pyperf(*words: str) -> str:
    """Run pyperf with one thread, and return what it prints."""
    one = dict.fromkeys(system.THREAD_VARIABLES, "1")
    command = [sys.executable, "-m", "pyperf", *words]
    done = subprocess.run(
        command, env={**os.environ, **one}, capture_output=True, text=True, check=True
    )
    return done.stdout


def mean_seconds(file: Path) -> float:
    """Return the mean of all values, which pyperf compares."""
    runs = json.loads(file.read_text(encoding="utf-8"))["benchmarks"][0]["runs"]
    return fmean(value for run in runs for value in run.get("values", ()))


if __name__ == "__main__":
    sys.exit(main())
