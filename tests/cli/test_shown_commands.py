"""Every `samenet` line that README and guide show is run, in a folder with what it speaks of.

A line that would measure for minutes is run with the fewest things to measure, or with
`--dry-run`; those that cannot be made short are run by `scripts/test.py --slow`.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from forecast_fixture import made
from report_fixture import ENDED, MACHINE, recorded

import samenet
from samenet.cli import main
from samenet.experiments.scaling import forecast
from samenet.machine import paths
from samenet.report import page as report_page
from samenet.runs.folder import Store

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^(?:\$ )?samenet ([^#\n]+)", re.MULTILINE)

SHORTER = {
    "run": ["--dry-run"],
    "ladder": ["--dry-run"],
    "layers": ["--dry-run"],
    "certify": ["--quick"],
    "check": ["--task", "iris"],
    "contest": ["--task", "iris", "--repeats", "1"],
    "selftest": ["--short", "--n", "1"],
    "study": ["--framework", "numpy", "--epochs", "1", "--seeds", "2"],
}
"""What is added to a line so that its job is a small one."""
SLOW = re.compile(
    r"certify|check|contest|resume|selftest|study|trace|verify|doctor --deep|.*--framework all"
)
"""Lines that start many processes, however small the job, or go on with a real run."""
CODES = {"compare": {0, 5}, "contest": {0, 5}, "selftest": {0, 3}}
"""Exit codes that are answers: a single trial may be too few to tell, or miss a limit."""


def shown() -> list[str]:
    """Return the arguments of every shown line, each once."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    blocks = [lines for text in texts for kind, lines in BLOCK.findall(text) if not kind]
    lines = [line.strip() for block in blocks for line in LINE.findall(block)]
    return list(dict.fromkeys(lines))


def is_slow(line: str) -> bool:
    """Return whether a line waits for the slow tests."""
    return SLOW.match(line) is not None


def arguments(line: str) -> list[str]:
    """Return a shown line as it is run here: smaller, in the framework that starts fastest."""
    words = shlex.split(line)
    words += ["iris"] if line == "certify --all" else _shorter(words)
    if words[0] in ("run", "certify", "trace") and "--framework" not in words:
        words += ["--framework", "numpy"]
    return words


def _shorter(words: list[str]) -> list[str]:
    """Return what makes a line's job small; chosen tasks, or a list of tests, are small already."""
    chosen = bool(words[1:]) and not words[1].startswith("-")
    small = {"certify": chosen, "selftest": not chosen}.get(words[0], False)
    return [] if small else SHORTER.get(words[0], [])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a made-up run, whole, with its page."""
    folder = tmp_path_factory.mktemp("measured")
    arms = ("numpy:plain", "pytorch:eager")
    plan, records = recorded(tasks=["digits"], arms=arms, refused=(), failed=())
    store = Store(folder)
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    store.write_json("machine.json", MACHINE)
    store.append([*records, ENDED])
    report_page.write_report(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, measured: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which lines are run: table, task, adapter, runs; costs are fitted."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "runs_folder", lambda: tmp_path / "runs")
    monkeypatch.setattr(forecast, "recall", lambda: [made("pytorch")])
    draw = np.random.default_rng(0)
    table = pd.DataFrame(draw.normal(size=(400, 4)), columns=["area", "age", "price", "days"])
    table.to_csv("sales.csv", index=False)
    shutil.copy(ROOT / "tasks" / "iris.toml", "my_task.toml")
    shutil.copy(ROOT / "tests" / "examples" / "autograd_adapter.py", "mine.py")
    for name in ("before", "after", "runs/…"):
        shutil.copytree(measured, name)
    return tmp_path


def ran(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a line and see that it did what it is for."""
    words = arguments(line)
    if "task.toml" in words and words[0] == "run":
        made = "init task.toml --data sales.csv --target price"
        assert main._code(shlex.split(made)) == 0
    code = main._code(words)
    out, err = capsys.readouterr()
    assert code in CODES.get(words[0], {0}), err
    assert out.strip()


def test_there_are_lines_to_run() -> None:
    """Lines are found, for the five commands of the help at least, and all name a command."""
    assert set(main.SHOWN) <= {line.split()[0] for line in shown()} <= set(main.SHOWN | main.REST)


@pytest.mark.parametrize("line", [line for line in shown() if not is_slow(line)])
@pytest.mark.usefixtures("folder")
def test_a_shown_line_works(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line copied from README or guide does its job; jobs of minutes say what they would do."""
    ran(line, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line in shown() if is_slow(line)])
def test_a_shown_line_that_takes_long_works(
    line: str, folder: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines that start many processes, or need all files of a real run, work too."""
    shutil.rmtree(folder / "runs")
    shutil.copytree(finished_run, folder / "runs" / "…")
    ran(line, capsys)


def programs() -> list[str]:
    """Return the Python blocks of README and guide that measure."""
    texts = [page.read_text(encoding="utf-8") for page in PAGES]
    blocks = [lines for text in texts for kind, lines in BLOCK.findall(text) if kind == "python"]
    return [lines for lines in blocks if "samenet.run(" in lines]


@pytest.mark.slow
@pytest.mark.parametrize("program", programs())
def test_a_shown_program_works(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python code copied from README or guide measures; here two frameworks, once."""
    few = {"frameworks": ("numpy", "pytorch"), "repeats": 1, "track": "same", "quiet": True}
    run = samenet.run
    monkeypatch.setattr(samenet, "run", lambda *data, **given: run(*data, **{**given, **few}))
    table = pd.read_csv(folder / "sales.csv")
    names = {"X": table[["area", "age"]], "y": table["price"]}
    exec(program, names)
    assert names["result"].advice()
