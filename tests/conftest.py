"""What every test needs: no display, a cache of its own, and slow tests only on request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from samenet.runs import environment

ROOT = Path(__file__).resolve().parent.parent

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib, here or in a worker
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings would fill the output

# A shell that starts the tests in the background has Ctrl-C ignored, and children inherit that: the
# tests that send one would wait for ever. With a handler here, children start with the default.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--slow`."""
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


LONGEST_FIRST = (
    *("test_certify.py", "test_mutants.py", "test_kill_and_resume.py", "test_adapter_check.py"),
    *("test_oracle_against_frameworks.py", "test_keras_backends.py", "test_keras_layers.py"),
    *("test_faulty_adapters.py", "test_chaos.py", "test_faults.py", "test_session.py"),
    *("test_parsers.py", "test_tampering.py", "test_cli.py", "test_api.py", "test_devices.py"),
)
"""Files of half a minute and more. Two processes take the files in turn: none is to be left alone
at the end with a long one."""


def turn(item: pytest.Item) -> int:
    """Return when a test has its turn: its file's place among the longest, or after them all."""
    name = item.path.name
    return LONGEST_FIRST.index(name) if name in LONGEST_FIRST else len(LONGEST_FIRST)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files; skip the tests marked slow unless asked for."""
    items.sort(key=turn)
    if config.getoption("--slow"):
        return
    skip = pytest.mark.skip(reason="takes minutes; run with --slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the session, and the workers it starts, an empty cache: the user's stays untouched."""
    folder = tmp_path_factory.mktemp("samenet-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAMENET_CACHE", str(folder))
        patch.setenv("SAMENET_LOCK", str(folder / "measuring.lock"))  # other sessions may test too
        yield folder


@pytest.fixture(autouse=True)
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on what else runs: in this process the machine is always calm.

    A screening measures on a busy machine too, so that workers and commands need no such help.
    """
    calm = {"others": 0.0, "steal": 0.0, "pressure": 0.0, "throttled": 0.0}
    monkeypatch.setattr(environment, "compare_counters", lambda before, after: dict(calm))
    monkeypatch.setattr(environment, "WINDOW_SECONDS", 0.0)


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root."""
    return ROOT


PARENT = """
import sys
from pathlib import Path
from samenet.cli.main import main
folder = Path(sys.argv[-1])
try:
    main()
finally:
    (folder.parent / "modules.txt").write_text("\\n".join(sys.modules), "utf-8")
"""
"""The command line, which at its end writes down what its own process has imported."""


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a whole run of numpy on iris, two repeats; copy it before changing anything.

    Beside the folder: stdout.json, stderr.txt, and modules.txt, the parent's imports.
    """
    folder = tmp_path_factory.mktemp("finished") / "run"
    command = "run iris --framework numpy --track same --repeats 2 --json --out"
    done = subprocess.run(
        [sys.executable, "-P", "-c", PARENT, *command.split(), str(folder)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    (folder.parent / "stdout.json").write_bytes(done.stdout)
    (folder.parent / "stderr.txt").write_bytes(done.stderr)
    return folder
