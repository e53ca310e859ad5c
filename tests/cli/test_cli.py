"""The command line: one sentence and an exit code for every mistake, one document for programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from samenet._version import __version__
from samenet.cli import main
from samenet.errors import RefusedError, SamenetError, UsageError, WorkerError
from samenet.machine import lock, paths
from samenet.spec import load_task
from samenet.spec.task_file import format_task_file

FRAMEWORKS = ["torch", "tensorflow", "keras", "jax", "sklearn"]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command line in this process; return exit code, standard output and error."""
    code = main._code(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def spawned(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person does."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "samenet", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


WRONG = [
    (("rnu",), "Did you mean 'run'?"),
    (("run", "digitz"), "Did you mean 'digits'?"),
    (("run", "iris", "--framework", "numpi"), "Did you mean 'numpy'?"),
    (("run", "iris", "--framework", "pytorch:compile"), "Did you mean 'compiled'?"),
    (("run", "iris", "--framework", "gone.py"), "Cannot read the adapter"),
    (("run", "gone.toml"), "Cannot read the task file gone.toml"),
    (("run", "--data", "gone.csv", "--target", "y"), "gone.csv"),
    (("run", "--data", "gone.csv"), "--data needs --target"),
    (("run", "--target", "y"), "add --data"),
    (("run", "iris", "--budget", "soon"), "'soon' is not a duration"),
    (("run", "iris", "--hidden", "64;32"), "--hidden 64;32"),
    (("run", "iris", "--hidden", "-4"), "--hidden -4"),
    (("run", "iris", "--set", "training.epochs"), "write KEY=VALUE"),
    (("run", "iris", "--set", "training.epochs=-1"), "training.epochs"),
    (("run", "iris", "--set", "model.layers.9.units=4"), "the task has no such place"),
    (("run", "iris", "--set", "model.layers.0.activation=rellu"), "'rellu'"),
    (("run", "iris", "iris"), "called 'iris'"),
    (("resume", "gone"), "There is no run folder gone"),
    (("verify", "gone"), "There is no run folder gone"),
    (("report", "gone"), "There is no run folder gone"),
    (("advise", "gone"), "There is no run folder gone"),
    (("init", "mine.txt", "--data", "x.csv", "--target", "y"), "ends in .toml"),
    (("certify", "digitz"), "Did you mean 'digits'?"),
    (("trace", "digitz"), "Did you mean 'digits'?"),
    (("run", "glyphs", "--hidden", "64"), "glyphs has layer 1 (conv2d)"),
    (("study", "activations", "series"), "series has layer 1 (lstm)"),
    (("check", "pytorhc"), "Did you mean 'pytorch'?"),
    (("check", "gone.py"), "Cannot read the adapter"),
    (("contest", "pytorch", "gone.py"), "Cannot read the adapter"),
    (("compare", "gone", "gone.json"), "Cannot read gone"),
    (("contest", "numpy:plain", "numpy:plain"), "name two different loops"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=lambda v: " ".join(v)[:40])
def test_a_mistake_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every wrong name, number or path gives one line on standard error and nothing else."""
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.startswith("samenet: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


OPTIONS = [
    (("run", "--frame", "numpy"), "--framework"),
    (("run", "--repeats", "0"), "0"),
    (("run", "--epochs", "-3"), "-3"),
    (("run", "--batch", "nan"), "nan"),
    (("run", "--threads", "none"), "none"),
    (("run", "--profile", "fast"), "fast"),
    (("run", "--device", "tpu"), "tpu"),
    (("run", "--dtype", "float16"), "float16"),
    (("run", "--track", "slow"), "slow"),
    (("init", "mine.toml"), "--data"),
    (("verify",), "RUN"),
    (("list", "frameworkz"), "frameworkz"),
]


@pytest.mark.parametrize(("arguments", "received"), OPTIONS, ids=lambda v: " ".join(v)[:40])
def test_a_wrong_option_says_what_was_received(
    arguments: tuple[str, ...], received: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option or a value that does not exist is named, with exit code 2 and no traceback."""
    code, out, err = call(capsys, *arguments)
    assert (code, out) == (2, "")
    assert received in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (WorkerError("no"), 3),
        (RefusedError("no"), 6),
        (SamenetError("no"), 1),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_failure_has_its_exit_code(
    error: BaseException,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The tree of errors maps to exit codes; an interruption is 130."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", fail)
    assert call(capsys, "doctor")[0] == code


def test_a_second_run_at_the_same_time_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """While one run measures, another is refused with 6 and leaves no folder behind."""
    out = tmp_path / "run"
    with lock.machine_lock():
        code, _, err = call(capsys, "run", "iris", "--framework", "numpy", "--out", str(out))
    assert code == 6
    assert "Another samenet run is measuring" in err
    assert not out.exists()


def test_a_full_disk_is_refused_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too little space the run is refused with 6 and leaves no folder behind."""
    monkeypatch.setattr(paths, "free_bytes", lambda folder: 1000)
    out = tmp_path / "run"
    code, _, err = call(capsys, "run", "iris", "--framework", "numpy", "--out", str(out))
    assert code == 6
    assert "Less than 200 MB are free" in err
    assert not out.exists()


def test_doctor_says_that_the_disk_is_full(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would refuse a run is among its reasons, with the exit code of a refusal."""
    monkeypatch.setattr(paths, "free_bytes", lambda folder: 1000)
    code, out, _ = call(capsys, "doctor", "--json")
    assert code == 6
    assert any("Less than 200 MB are free" in reason for reason in json.loads(out)["refusals"])


def test_help_shows_five_commands_and_all_of_them_on_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`--help` lists the five everyday commands; `--help --all` lists the rest as well."""
    short = call(capsys, "--help")[1]
    whole = call(capsys, "--help", "--all")[1]
    assert all(f"  {name} " in short for name in main.SHOWN)
    assert not any(f"  {name} " in short for name in main.REST)
    assert all(f"  {name} " in whole for name in main.SHOWN | main.REST)


@pytest.mark.parametrize("name", [*main.SHOWN, *main.REST])
def test_every_command_has_an_example_and_json(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command's help shows how it is called, and each can answer a program."""
    code, out, _ = call(capsys, name, "--help")
    assert code == 0
    assert f"samenet {name}" in out.partition("Options:")[0].partition("Example")[2]
    assert "--json" in out


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints name and version."""
    assert call(capsys, "--version")[:2] == (0, f"samenet {__version__}\n")


JSON_COMMANDS = [
    ("doctor", "--json"),
    ("list", "tasks", "--json"),
    ("list", "frameworks", "--json"),
    ("list", "runs", "--json"),
    ("run", "iris", "--framework", "numpy", "--dry-run", "--json"),
]


@pytest.mark.parametrize("arguments", JSON_COMMANDS, ids=" ".join)
def test_json_is_one_document_and_nothing_else(
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --json standard output is one line of JSON; what is said to people goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert out.count("\n") == 1
    json.loads(out)


def test_the_result_of_a_run_is_one_document(finished_run: Path) -> None:
    """`run --json` prints one JSON document on standard output, progress on the other stream."""
    text = (finished_run.parent / "stdout.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert text.count("\n") == 1
    assert document["schema"] == "samenet-result/1"
    (row,) = document["tasks"][0]["same_network"]
    assert (row["framework"], row["checks"]["passed"]) == ("numpy", True)
    assert row["checks"]["float64_weights_error"] < 1e-12
    assert "timed" in (finished_run.parent / "stderr.txt").read_text(encoding="utf-8")


def test_json_of_a_run_with_failures_is_still_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash in one repeat and a refusal of one task leave a document that any parser reads.

    JSON has no NaN: a failure that belongs to no repeat says null.
    """
    recorder = Path(__file__).parents[1] / "helpers" / "recorder_adapter.py"
    large = tmp_path / "large.toml"
    large.write_text(
        format_task_file(load_task("wine", [("training.batch_size", "9999")])), "utf-8"
    )
    faults = [{"job": "cell~*~r0", "at": "train", "how": "raise"}]
    monkeypatch.setenv("SAMENET_RECORDER", json.dumps({"faults": faults}))
    arguments = ["--framework", str(recorder), "--repeats", "1", "--track", "same"]
    code, out, _ = call(
        capsys, "run", "iris", str(large), *arguments, "--out", str(tmp_path / "run"), "--json"
    )

    def refuse(text: str) -> float:
        raise AssertionError(f"{text} is no JSON")

    document = json.loads(out, parse_constant=refuse)
    assert code == 3
    repeats = {failure["repeat"] for failure in document["failures"]}
    assert repeats == {None, 0}


def test_no_color_means_no_color(tmp_path: Path) -> None:
    """With NO_COLOR, and when the output is no terminal, not one escape character is printed."""
    for environment in ({"NO_COLOR": "1"}, {"TERM": "xterm-256color"}):
        done = spawned("run", "iris", "--framework", "numpy", "--dry-run", **environment)
        assert done.returncode == 0
        assert "\x1b" not in done.stdout + done.stderr


def test_help_needs_no_library_but_click() -> None:
    """`samenet --help` imports no NumPy, pandas or pydantic, so it stays under 0.2 s.

    The time itself is a benchmark's matter; what would cost it is seen here.
    """
    heavy = {"numpy", "pandas", "pydantic", "scipy", "matplotlib", "rich", "jinja2", *FRAMEWORKS}
    code = (
        "import sys\nfrom samenet.cli.main import main\nsys.argv = ['samenet', '--help']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('LOADED', *(set(sys.modules) & {heavy!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]


def test_the_parent_of_a_run_imports_no_framework(finished_run: Path) -> None:
    """A whole run, page included, leaves its own process without a framework or scikit-learn."""
    loaded = set((finished_run.parent / "modules.txt").read_text(encoding="utf-8").split())
    assert {"samenet", "numpy"} <= loaded
    assert loaded & set(FRAMEWORKS) == set()
