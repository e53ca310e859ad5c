"""Runs that an earlier version wrote: read, reported, verified and advised on by this one.

How they were made stands beside them, in tests/data/runs_before_packages/README.md.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import tarfile
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest

import samenet

ANSWERS = {
    "iris_quick": (
        ("scikit-learn (fit)", "PyTorch (eager)", "NumPy (plain)"),
        ("1.01 s [0.517, 1.97]", "1.92 s [1.08, 3.42]", "211 ms [137, 325]"),
    ),
    "iris_interrupted": (
        ("scikit-learn (fit)", "NumPy (plain)"),
        ("849 ms [819, 880]", "178 ms [55.1, 577]"),
    ),
    "study_interrupted": ((), ()),
}
"""Of each run the frameworks and the whole trainings that the version that made it printed."""

MISMATCH = 3
"""The exit code of `samenet verify` where something does not agree."""

NOTHING_COMPARED = 6
"""The exit code of `samenet advise` of a run without a result that could be compared."""

FIGURES = {
    "iris_quick": "1.01 0.517 1.97 0.92 952 8 1.92 1.08 3.42 922 412 1430 92.2 100 0.982 0.947"
    " 0.974 19 20 3 3 15 5 23 4 20 20 0.23 0.05",
    "iris_interrupted": "849 819 880 19 20 2 2 15 5 3.7 4 4 4 0.10 0.05",
    "study_interrupted": "0 1 2 2 0.51 0.05",
}
"""Every number of the page's first screen, in its order; its words may be corrected."""


class Reported(NamedTuple):
    """A run folder and what the commands printed about it, with their exit codes."""

    folder: Path
    verify: str
    advise: str

    @property
    def page(self) -> Text:
        """Return the page's text."""
        text = Text()
        text.feed((self.folder / "report.html").read_text(encoding="utf-8"))
        return text


class Text(HTMLParser):
    """The visible text of a page, and that of its first screen alone."""

    def __init__(self) -> None:
        super().__init__()
        self.everything: list[str] = []
        self.first_screen: list[str] = []
        self.hidden = self.first = False

    def handle_starttag(self, tag, attrs):
        self.hidden = self.hidden or tag in {"script", "style"}
        self.first = self.first or ("class", "advice") in attrs

    def handle_endtag(self, tag):
        self.hidden = self.hidden and tag not in {"script", "style"}
        self.first = self.first and tag != "section"

    def handle_data(self, data):
        words = [] if self.hidden else data.split()
        self.everything += words
        self.first_screen += words if self.first else []


def command(*words: str, codes: frozenset[int] | set[int] = frozenset({0})) -> str:
    """Run a command of samenet that ends with one of these codes and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "samenet", *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=ANSWERS)
def reported(
    request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Reported:
    """Unpack a run and let every command that reads one do so."""
    parent = tmp_path_factory.mktemp("old")
    archive = root / "tests" / "data" / "runs_before_packages" / f"{request.param}.tar.xz"
    with tarfile.open(archive) as file:
        file.extractall(parent, filter="data")
    folder = parent / request.param
    command("report", str(folder))
    verified = command("verify", str(folder), "--json", codes={0, MISMATCH})
    return Reported(folder, verified, command("advise", str(folder), codes={0, NOTHING_COMPARED}))


RECOMPUTED = re.compile(r"score .*: recorded (\S+), recomputed (\S+)")


def is_rounding(sentence: str) -> bool:
    """Return whether a score was recomputed to all but its last digits.

    Another processor rounds a logarithm otherwise; that is no fault of who reads the run.
    """
    match = RECOMPUTED.fullmatch(sentence)
    return match is not None and math.isclose(*map(float, match.groups()), rel_tol=1e-12)


def test_an_old_run_is_verified(reported: Reported) -> None:
    """Records, data, outputs, scores, page and advice of an earlier version's run agree."""
    verified = json.loads(reported.verify)
    assert [mismatch for mismatch in verified["mismatches"] if not is_rounding(mismatch)] == []
    lines = (reported.folder / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert verified["looked_at"]["records"] == len(lines)
    assert verified["notes"][0] == (
        "the run was written before records were chained: deletions cannot be seen"
    )


def test_the_page_of_an_old_run_holds_what_was_measured(reported: Reported) -> None:
    """The page names the run's frameworks and gives their whole trainings as they were printed."""
    frameworks, times = ANSWERS[reported.folder.name]
    text = " ".join(reported.page.everything)
    assert [name for name in frameworks if name not in text] == []
    assert [time for time in times if time not in text] == []


def test_the_main_answer_of_an_old_run_keeps_its_figures(reported: Reported) -> None:
    """Every number of the first screen is the one that the version that made the run printed."""
    found = re.findall(r"\d+(?:\.\d+)?", " ".join(reported.page.first_screen))
    assert " ".join(found) == FIGURES[reported.folder.name]


def test_an_old_run_is_advised_on(reported: Reported) -> None:
    """The recommendation speaks for the framework it always did, or says that there is none."""
    frameworks, times = ANSWERS[reported.folder.name]
    first = reported.advise.splitlines()[0]
    if frameworks:
        assert frameworks[0] in first
        assert times[0] in first
    else:
        assert "no result" in first


def test_python_opens_an_old_run(reported: Reported) -> None:
    """`samenet.load` gives the records of an earlier version's run as tables."""
    times = samenet.load(reported.folder).frame()
    assert len(set(times.arm)) == len(ANSWERS[reported.folder.name][0])
    assert (times.seconds > 0).all()


def test_an_old_run_names_nobody(reported: Reported) -> None:
    """No file of the archive holds a home folder or an absolute path but the installation's."""
    for name in ("plan.json", "machine.json", "records.jsonl"):
        text = (reported.folder / name).read_text(encoding="utf-8")
        paths = re.findall(r"(?<![:/\w.])/(?:[\w.-]+/)+", text) + re.findall(r"[A-Z]:\\", text)
        assert [path for path in paths if not path.startswith("/opt/samenet/lib/")] == []
