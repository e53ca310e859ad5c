"""The two README commands, without a network: what they install, remember, say and return."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from samenet.adapter import discovery

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
HANGS = 300.0
"""Seconds after which a process is taken to hang; nothing here needs a tenth of them."""
OLD = ["python3.10", "python3.9", "python3.8", "python3.7", "python3.6"]


def answer_of(*command: str) -> subprocess.CompletedProcess[str]:
    """Return what a command says."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS)


def load(name: str) -> ModuleType:
    """Import a script as a module; their folder is on the path only for as long as that takes."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(SCRIPTS))


parts, setup = load("_parts"), load("_setup")
here, bench, check = load("_here"), load("bench"), load("check")

EXTRAS = {"core": [], "tensorflow": [], "keras": [], "pytorch": [], "test": []}


@pytest.mark.parametrize(
    ("wanted", "parts"),
    [
        (["numpy"], ["core"]),
        (["pytorch", "numpy", "pytorch"], ["core", "pytorch"]),
        (["keras"], ["core", "tensorflow", "keras"]),
        (["keras", "tensorflow"], ["core", "tensorflow", "keras"]),
        (["my_adapter.py"], ["core"]),
    ],
)
def test_parts_are_what_the_frameworks_need(wanted: list[str], parts: list[str]) -> None:
    """Only what was asked for is installed, each part once, the core first, needs before users."""
    assert setup.parts_for(wanted, EXTRAS) == parts


def test_every_framework_has_an_extra_and_a_cost() -> None:
    """What does not come with the core can be installed by its name, at a cost that is said."""
    names = set(parts.EVERY_FRAMEWORK) - {"numpy", "scikit-learn"} | {"core", "docs", "test"}
    assert names <= set(setup.extras())
    assert names == set(parts.COSTS)


def test_frameworks_are_those_of_the_headers_in_their_order() -> None:
    """The scripts offer what is shipped and of use without a GPU, as samenet itself lists it."""
    shipped = [name for name in discovery.shipped_adapters() if name != "cupy"]
    assert list(parts.EVERY_FRAMEWORK) == shipped
    assert set(parts.MAIN_JOB) <= set(shipped)


def test_needs_are_read_from_the_extras_of_the_project() -> None:
    """An extra whose requirements hold those of another one needs it."""
    assert parts.NEEDS == {
        "keras": ("tensorflow",),
        "keras-torch": ("pytorch",),
        "keras-jax": ("jax",),
    }


def test_constraints_pin_what_the_frameworks_install() -> None:
    """Every framework of the main job, and torch 2.13.0 by name, is pinned in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    assert {"numpy", "tensorflow", "keras", "torch", "scikit-learn", "jax"} <= set(pinned)
    assert {"flax", "optax"} <= set(pinned), "what JAX's first example needs"
    assert pinned["torch"] == "2.13.0"


def test_stamp_is_stale_when_anything_it_depends_on_changes() -> None:
    """Another byte in constraints, project file or interpreter gives another key."""
    keys = {
        setup.stamp_key(b"a", b"b", b"c"),
        setup.stamp_key(b"A", b"b", b"c"),
        setup.stamp_key(b"a", b"B", b"c"),
        setup.stamp_key(b"a", b"b", b"C"),
        setup.stamp_key(b"ab", b"", b"c"),
    }
    assert len(keys) == 5
    assert setup.current_key() == setup.current_key()


def test_stamp_counts_only_with_the_same_key(tmp_path: Path) -> None:
    """Parts installed for an older key, or noted in a damaged stamp, are installed again."""
    stamp = tmp_path / "stamp.json"
    assert setup.parts_done(setup.read_stamp(stamp), "k") == []
    stamp.write_text('{"key": "k", "par')
    assert setup.parts_done(setup.read_stamp(stamp), "k") == []
    stamp.write_text(json.dumps({"key": "k", "parts": ["core", "pytorch"]}))
    assert setup.parts_done(setup.read_stamp(stamp), "k") == ["core", "pytorch"]
    assert setup.parts_done(setup.read_stamp(stamp), "other") == []


DEV = ("screens", "structure", "same_output", "fuzz", "growth")
BENCHMARKS = ROOT / "tests" / "benchmarks"


@pytest.mark.parametrize("name", DEV)
def test_tools_for_changing_samenet_know_the_repository(name: str) -> None:
    """What lies in scripts/dev/ reads and writes in this repository, two folders further up."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / "dev" / f"{name}.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    sys.modules[name] = tool  # its dataclasses look their module up
    try:
        spec.loader.exec_module(tool)
    finally:
        del sys.modules[name]
    assert tool.ROOT == ROOT


def test_every_tool_that_names_the_repository_is_looked_at() -> None:
    """A new tool with a ROOT of its own is not forgotten above."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in SCRIPTS.glob("dev/*.py")}
    assert {name for name, text in texts.items() if "\nROOT = " in text} == set(DEV)


def test_the_benchmark_of_a_large_page_starts() -> None:
    """It finds what makes its run: `--help` is an answer, in a process that was told nothing."""
    command = [sys.executable, "-P", str(BENCHMARKS / "large_page.py"), "--help"]
    done = answer_of(*command)
    assert done.returncode == 0, done.stderr
    assert "--tasks" in done.stdout


PIP_SAYS_NO = """\
WARNING: Retrying (Retry(total=0)) after connection broken
ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)
ERROR: No matching distribution found for torch==2.13.0
"""


def test_failure_is_one_clear_sentence() -> None:
    """The message names the part, pip's last error and what to do, without pip's other lines."""
    assert setup.failure("pytorch", PIP_SAYS_NO) == (
        "could not install pytorch: No matching distribution found for torch==2.13.0. "
        "Check the network connection and pip's proxy and index settings."
    )
    assert setup.failure("core", "").startswith("could not install numpy: pip said nothing")


def test_failure_names_the_pin_that_does_not_fit() -> None:
    """When versions conflict the sentence says which one was held, not where pip's manual is."""
    output = (
        "ERROR: Cannot install torch>=2.4 because these package versions have conflicting "
        "dependencies.\nThe conflict is caused by:\n    The user requested torch>=2.4\n"
        "    The user requested (constraint) torch==99.0\n"
        "ERROR: ResolutionImpossible: for help visit the manual\n"
    )
    sentence = setup.failure("pytorch", output)
    assert "Cannot install torch>=2.4" in sentence
    assert "(held at torch==99.0)" in sentence
    assert "manual" not in sentence


def failing(*parts: str) -> Callable[[str], str]:
    """Return a stand-in for pip that cannot install these parts."""
    return lambda part: PIP_SAYS_NO if part in parts else ""


def test_framework_that_fails_is_left_out_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A framework that cannot be installed is named; those after it are installed all the same."""
    done: list[str] = []
    left_out = setup.install_parts(
        ["core", "tensorflow", "pytorch"], failing("tensorflow"), done.append
    )
    assert done == ["core", "pytorch"]
    assert list(left_out) == ["tensorflow"]
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert "Going on without tensorflow." in output.err


def test_framework_whose_need_failed_is_not_tried() -> None:
    """Keras is left out with a reason, and without another download, when TensorFlow is."""
    tried: list[str] = []

    def install(part: str) -> str:
        tried.append(part)
        return failing("tensorflow")(part)

    left_out = setup.install_parts(["core", "tensorflow", "keras"], install, lambda _: None)
    assert tried == ["core", "tensorflow"]
    assert "it needs tensorflow" in left_out["keras"]


def test_core_that_fails_ends_the_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the core nothing runs: one sentence on stderr and exit code 1, no traceback."""

    def main() -> int:
        setup.install_parts(["core", "pytorch"], failing("core"), lambda _: None)
        return 0

    assert setup.guarded(main) == 1
    assert capsys.readouterr().err.startswith("samenet: could not install numpy: No matching")


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 1)]
)
def test_interruption_and_full_disk_are_no_tracebacks(
    error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C and a failing disk end with one sentence and their exit codes."""

    def main() -> int:
        raise error

    assert setup.guarded(main) == code
    assert capsys.readouterr().err.count("\n") == 1


def test_set_up_is_idempotent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start installs nothing; another framework later installs only that one."""
    installed: list[str] = []
    python = setup.venv_python(tmp_path)
    python.parent.mkdir()
    python.touch()
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setattr(setup, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(setup, "make_venv", lambda stamp: None)
    monkeypatch.setattr(setup, "install_in_venv", lambda part: installed.append(part) or "")
    for wanted in (["numpy"], ["numpy"], ["numpy", "pytorch"], ["pytorch"], ["numpy"]):
        assert setup.set_up_venv(wanted) == (python, {})
    assert installed == ["core", "pytorch"]


def test_plan_says_what_how_long_and_how_much() -> None:
    """The first line names frameworks, place, time, download and disk space."""
    line = setup.plan_line(["core", "tensorflow", "keras", "pytorch"], ".venv")
    assert line.startswith(
        "setting up .venv with numpy, tensorflow, keras, pytorch (about 2 minutes"
    )
    assert re.search(r"\d\.\d GB to download, \d\.\d GB on disk.*only once\)$", line)


@pytest.mark.parametrize(
    ("seconds", "text"), [(25, "25 seconds"), (61, "1 minute"), (95, "2 minutes")]
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    """Seconds up to a minute, whole minutes above."""
    assert setup.about(seconds) == text


def test_pip_is_asked_nothing_and_told_no_host() -> None:
    """The user's pip settings hold: no script names an index, a mirror or a trusted host."""
    for script in SCRIPTS.glob("*.py"):
        text = script.read_text(encoding="utf-8")
        assert not re.search(
            r"index-url|trusted-host|find-links|https?://|pypi", text, re.IGNORECASE
        )


def test_quiet_command_returns_its_output_only_on_failure() -> None:
    """What pip prints is kept back when all goes well and handed over when it does not."""
    assert setup.run_quietly([sys.executable, "-c", "print('noise')"]) == ""
    output = setup.run_quietly([sys.executable, "-c", "print('noise'); raise SystemExit(3)"])
    assert output == "noise\n"


def test_long_command_says_that_it_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While pip works for long, a line now and then says so: this one ends only after a line."""
    heard, told = tmp_path / "heard", []

    def say(text: str) -> None:
        told.append(text)
        heard.touch()

    monkeypatch.setattr(setup, "say", say)
    waiting = (
        f"import pathlib, time\nend = time.monotonic() + {HANGS}\n"
        f"while not pathlib.Path({str(heard)!r}).exists() and time.monotonic() < end:\n"
        "    time.sleep(0.01)"
    )
    assert setup.run_quietly([sys.executable, "-c", waiting], heartbeat=0.1) == ""
    assert "still at it" in told[0]


def test_exit_code_of_the_command_is_handed_on() -> None:
    """What `samenet run` or pytest returns is what the script returns."""
    assert setup.run_child([sys.executable, "-c", "raise SystemExit(6)"]) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals of this kind")
def test_ctrl_c_lets_the_command_finish_and_returns_130() -> None:
    """Ctrl-C in the terminal lets the run save what it has; the script then returns 130."""
    child = (
        "import time\n"
        "try: print('ready', flush=True); time.sleep(120)\n"
        "except KeyboardInterrupt: print('saved')"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import _setup\n"
        f"sys.exit(_setup.run_child([sys.executable, '-c', {child!r}]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"  # said by the child: both are at work
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=HANGS)
    assert (process.returncode, output) == (130, "saved\n")
    assert "Traceback" not in errors


@pytest.mark.parametrize("script", ["bench.py", "test.py"])
@pytest.mark.parametrize("python", OLD)
def test_older_python_gets_a_sentence(script: str, python: str) -> None:
    """On an older Python the scripts say which one they need, and exit with 1."""
    version = python.removeprefix("python")
    try:
        probe = subprocess.run(
            [python, "-V"], capture_output=True, text=True, check=False, timeout=HANGS
        ).stdout
    except OSError:
        probe = ""
    if version not in probe:
        pytest.skip(f"{python} is not here")
    done = subprocess.run(
        [python, SCRIPTS / script], capture_output=True, text=True, check=False, timeout=HANGS
    )
    assert done.returncode == 1
    assert re.fullmatch(
        r"samenet: needs Python 3.11 or newer; this is Python 3\.\d+\.\S+\n", done.stderr
    )


@pytest.mark.parametrize("script", ["bench.py", "test.py"])
def test_help_installs_nothing(script: str) -> None:
    """`--help` shows examples at once, also where Python hides the script's folder (-P)."""
    done = subprocess.run(
        [sys.executable, "-P", SCRIPTS / script, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS,
    )
    assert f"python scripts/{script}" in done.stdout
    assert done.stderr == ""


def test_bench_translates_frameworks_and_hands_on_the_rest() -> None:
    """`--frameworks a,b` becomes `--framework` twice; all else reaches `samenet run` in order."""
    request = bench.parse(
        ["digits", "--frameworks", "numpy,pytorch:compiled", "--json", "--out", "x"]
    )
    assert request == (["numpy", "pytorch:compiled"], False, ["digits", "--json", "--out", "x"])
    command = " ".join(bench.run_command(request, Path("py"), {}))
    assert command.startswith("py -P -m samenet run digits --json --out x ")
    assert command.endswith(" --framework numpy --framework pytorch:compiled")


def test_bench_leaves_out_what_could_not_be_installed() -> None:
    """A framework that could not be installed is not asked for; without a list nothing is added."""
    request = bench.parse(["--frameworks", "numpy,pytorch"])
    assert bench.run_command(request, Path("py"), ["pytorch"])[-2:] == ["--framework", "numpy"]
    assert bench.run_command(bench.parse([]), Path("py"), ["pytorch"])[-1] == "run"


def test_bench_refuses_an_unknown_framework_before_it_installs() -> None:
    """A typing error costs no download: one sentence with the nearest name."""
    sentence = bench.unknown_framework(["numpy", "pytroch"], {"numpy", "pytorch"})
    assert (
        sentence
        == "unknown framework 'pytroch'. Did you mean 'pytorch'? Available: numpy, pytorch."
    )
    assert (
        bench.unknown_framework(["numpy", "pytorch:eager", "mine.py"], {"numpy", "pytorch"}) == ""
    )
    assert set(parts.EVERY_FRAMEWORK) <= bench.adapter_names()
    assert bench.to_install(["numpy", "all"]) == list(parts.EVERY_FRAMEWORK)
    assert bench.to_install(["jax:scan"]) == ["jax"]


def test_here_installs_only_what_is_missing() -> None:
    """What is present under its own or another build's name stays; the rest is listed for pip."""
    present = {"numpy": "2.4.6", "tensorflow-cpu": "2.20.0", "scikit-learn": "1.9.1"}
    wanted = ["numpy>=2.0", "tensorflow>=2.16", "scikit_learn>=1.5", "torch>=2.4"]
    assert here.lacking(wanted, present) == ["torch>=2.4"]


def test_here_refuses_to_replace_what_is_too_old() -> None:
    """A distribution that is too old is named with its version; --here does not touch it."""
    with pytest.raises(setup.SetupError, match=r"numpy 1\.26\.4 is too old.*numpy>=2\.0"):
        here.lacking(["numpy>=2.0"], {"numpy": "1.26.4"})


def test_here_holds_a_users_cuda_build() -> None:
    """Every present version is kept, a CUDA build too; samenet's pins are for what is absent."""
    kept = here.keeping(
        {"torch": "2.12.0+cu130", "samenet": "0.1.0"}, "# why\nnumpy==2.4.6\ntorch==2.13.0\n"
    )
    assert kept.splitlines() == ["torch==2.12.0+cu130", "numpy==2.4.6"]


@pytest.mark.parametrize(
    ("version", "numbers"), [("2.13.0+cu126", (2, 13, 0)), ("3.1rc1", (3, 1)), ("", ())]
)
def test_versions_are_compared_by_their_release(version: str, numbers: tuple[int, ...]) -> None:
    """Local builds and release candidates count as the release they belong to."""
    assert here.version_numbers(version) == numbers


def test_here_knows_this_clone() -> None:
    """Only an editable install of this very folder counts as samenet being there."""
    url = json.dumps({"url": ROOT.as_uri(), "dir_info": {"editable": True}})
    assert here.is_this_clone(url)
    assert not here.is_this_clone(
        json.dumps({"url": f"{ROOT.as_uri()}2", "dir_info": {"editable": True}})
    )
    assert not here.is_this_clone(None)


def commands_of_test(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[list[str]]:
    """Return what test.py runs; it is loaded by its place, for `test` is a library's name."""
    monkeypatch.setattr(sys, "path", [*sys.path])  # the script puts its folder there
    spec = importlib.util.spec_from_file_location("the_test_command", SCRIPTS / "test.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[list[str]] = module.steps(arguments, Path("py"))
    return found


@pytest.mark.parametrize("arguments", [(), ("--slow",)])
def test_the_whole_is_checked_and_shared_between_two_processes(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a selection: ruff and mypy, then all tests, each file whole in one of two."""
    checks, tests = commands_of_test(monkeypatch, *arguments)
    assert checks[-1].endswith("check.py")
    said = " ".join(tests)
    assert said.startswith(" ".join(["py -P -m pytest", *arguments]))
    assert "-n 2 --dist loadfile" in said
    assert tests[-1] == "tests"


def test_a_selection_runs_in_one_process_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """With arguments pytest alone gets them, and what a test prints or asks for comes through."""
    chosen = ["tests/spec/test_network.py", "-k", "slope"]
    assert commands_of_test(monkeypatch, *chosen) == [["py", "-P", "-m", "pytest", *chosen]]


def test_the_longest_test_files_are_there_under_their_names() -> None:
    """The files that begin the test command exist: a renamed one would begin too late, unseen."""
    text = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    table = text.partition("LONGEST_FIRST = (")[2].partition("\n)")[0]
    named = re.findall(r'"(\w+\.py)"', table)
    assert named
    assert set(named) <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def test_type_links_follow_the_tree(tmp_path: Path) -> None:
    """`.typing/samenet` gains new files, loses deleted ones and keeps right links untouched."""
    folder, first, second = tmp_path / "links", tmp_path / "a.py", tmp_path / "b.py"
    first.write_text("1")
    second.write_text("2")
    check.update_links(folder, {"a.py": first})
    before = (folder / "a.py").lstat().st_mtime_ns
    check.update_links(folder, {"a.py": first, "b.py": second})
    assert (folder / "a.py").lstat().st_mtime_ns == before
    check.update_links(folder, {"b.py": second})
    assert [path.name for path in folder.iterdir()] == ["b.py"]


def test_every_ignored_lint_rule_has_its_reason() -> None:
    """Ruff checks all rules; each ignored one has a comment that says why."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    ignored = [*lint["ignore"], *(r for rules in lint["per-file-ignores"].values() for r in rules)]
    for rule in ignored:
        assert re.search(rf'^ +"{rule}", +# \S', text, re.MULTILINE), rule
