"""`samenet check`: a stranger's adapter passes; what is broken in a copy is named by its item."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from example_adapter import EXAMPLE, SOURCE, copy
from mutants import AT_THE_SEAM, INSIDE_NUMPY

from samenet.adapter import Target, checklist, discovery, file_checks
from samenet.adapter.discovery import AdapterFile
from samenet.certificate.gate_info import GATES
from samenet.cli.commands import check as command
from samenet.errors import UsageError
from samenet.execution import adapter_check
from samenet.execution.adapter_check import Examination
from samenet.machine import clock
from samenet.worker.contract import CHECKS, try_items
from samenet.worker.contract.subject import Subject


def failed(examination: Examination) -> list[str]:
    """Return the keys of the items that failed."""
    return [finding.item.key for finding in examination.findings if finding.state == "failed"]


def examined(path: Path, *tasks: str) -> Examination:
    """Return what came of a file."""
    return adapter_check.examine(str(path), Target(), tasks, say=lambda line: None)


# The example.


def test_the_example_is_one_file_of_less_than_a_hundred_lines() -> None:
    """A framework that is not shipped needs no more than that."""
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) < 100
    assert discovery.read(EXAMPLE).header.name not in discovery.shipped_adapters()


def test_the_example_keeps_the_contract() -> None:
    """`samenet check` on the example ends with 0, and every item and every gate holds."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "samenet", "check", str(EXAMPLE), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (document,) = json.loads(done.stdout)["adapters"]
    items = [*checklist.FILE_ITEMS, *checklist.PROGRAM_ITEMS]
    keys = [*(item.key for item in items), "ran", "covered", *GATES]
    assert [item["item"] for item in document["items"]] == keys
    assert {item["state"] for item in document["items"]} == {"ok"}
    assert document["passed"]


@pytest.mark.parametrize("name", sorted(discovery.shipped_adapters()))
def test_the_file_of_a_shipped_adapter_keeps_the_contract(name: str) -> None:
    """What is asked of a stranger's file holds for ours: reasons, sources, imports, names."""
    found = discovery.shipped_adapters()[name]
    assert {key: check(found) for key, check in file_checks.CHECKS.items() if check(found)} == {}


# What is wrong in the file itself.

IN_FILE = {
    "no public source": ("defended", (SOURCE, "a friend told me"), "grad: source"),
    "no reason": (
        "defended",
        ("loss and gradient in one pass by value_and_grad, weights and data as arrays", " "),
        "grad: why",
    ),
    "another framework's part": (
        "own_imports",
        ("import autograd.numpy as np", "import autograd.numpy as np\nimport sklearn"),
        "it imports sklearn",
    ),
    "a shipped adapter": (
        "own_imports",
        (
            "from autograd import",
            "from samenet.adapters.numpy import adapter\nfrom autograd import",
        ),
        "samenet.adapters.numpy.adapter",
    ),
    "a download": (
        "no_network",
        ("from autograd import", "from urllib.request import urlopen\nfrom autograd import"),
        "urllib.request.urlopen",
    ),
    "threads of its own": (
        "environment",
        (
            '"imports": ["autograd"]',
            '"environment": {"OMP_NUM_THREADS": "8"}, "imports": ["numpy"]',
        ),
        "OMP_NUM_THREADS",
    ),
    "a device of its own": (
        "environment",
        (
            '"imports": ["autograd"]',
            '"environment": {"JAX_PLATFORMS": "cpu"}, "imports": ["numpy"]',
        ),
        "JAX_PLATFORMS",
    ),
    "devices in a group of its own": (
        "environment",
        (
            '"imports": ["autograd"]',
            '"variables": {"cuda": {"CUDA_VISIBLE_DEVICES": "0,1"}}, "imports": ["numpy"]',
        ),
        "CUDA_VISIBLE_DEVICES",
    ),
    "threads said twice": (
        "environment",
        (
            '"imports": ["autograd"]',
            '"environment": {"A": "1"}, "variables": {"cpu": {"A": "2"}}, "imports": ["numpy"]',
        ),
        "it sets A",
    ),
}


@pytest.mark.parametrize("what", IN_FILE)
def test_what_is_wrong_in_the_file_is_named_without_running_it(what: str, tmp_path: Path) -> None:
    """A fault that can be read off the file is named by its item alone."""
    key, change, said = IN_FILE[what]
    leaf = discovery.read(copy(tmp_path, change))
    answers = {name: check(leaf) for name, check in file_checks.CHECKS.items() if check(leaf)}
    assert list(answers) == [key]
    assert said in answers[key]


def test_a_file_named_like_its_framework_is_told_to_be_renamed(tmp_path: Path) -> None:
    """A file `autograd.py` would be imported in the framework's place."""
    found = discovery.read(copy(tmp_path, name="autograd.py"))
    assert "autograd.py is also the name of a library" in file_checks.named(found)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"name": "autograd"', '"name": "Auto Grad"', "ADAPTER: name"),
        ('"title": "Autograd"', '"title": str(1)', "this must be plain data"),
        ('"title": "Autograd"', '"titel": "Autograd"', "titel"),
        ("ADAPTER = {", "HEADER = {", "no line ADAPTER"),
        ("def wake(target):", "def wake(target)", "expected ':'"),
    ],
)
def test_a_header_that_cannot_be_read_stops_everything_else(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    """A wrong field, a call, a missing header, a syntax error: the first item, and no traceback."""
    examination = examined(copy(tmp_path, (old, new)))
    assert failed(examination) == ["header"]
    assert said in examination.findings[0].found
    assert {finding.state for finding in examination.findings[1:]} == {"not tried"}


@pytest.mark.parametrize(
    ("key", "change", "said"),
    [
        ("installed", ('"scipy"]', '"no-such-library"]'), "pip install no-such-library"),
        ("loads", ("ACTIVATIONS = {", "import math.nothing\nACTIVATIONS = {"), "No module named"),
        ("capabilities", ("def capabilities", "def offers"), "no attribute 'capabilities'"),
        ("capabilities", ('("sgd", "adam")', '("sgd", "lion")'), "does not know: lion"),
        ("capabilities", ('("sgd", "adam")', "()"), "no optimizers"),
    ],
)
def test_an_adapter_that_does_not_start_is_told_where_it_fails(
    key: str, change: tuple[str, str], said: str, tmp_path: Path
) -> None:
    """Not installed, not loadable, and offering nothing are three things, told apart."""
    examination = examined(copy(tmp_path, change))
    assert failed(examination) == [key]
    (finding,) = (f for f in examination.findings if f.state == "failed")
    assert said in finding.found


# What is wrong in the program.

TRAIN = "            rows = batches.order[step]\n"
PROGRAM: dict[str, tuple[str, tuple[str, str], str]] = {
    "wake fails": ("wakes", ("value_and_grad(np.sum)(", "value_and_grad(np.summe)("), "summe"),
    "a method is missing": ("builds", ("def sync", "def wait"), "_Program has no sync"),
    "no read_back": ("builds", ("def read_back", "def read"), "no function read_back"),
    "build takes another mode": ("builds", ("*, target, mode)", "*, target)"), "'mode'"),
    "load fails": ("loads_rows", ("source.inputs", "source.rows"), "'rows'"),
    "starts elsewhere": ("starts", ("p.astype(dtype) for", "p.astype(dtype) + 0.125 for"), "0.12"),
    "train fails": ("trains", (TRAIN, TRAIN + "            1 / 0\n"), "by zero (mine.py, line"),
    "losses of all calls": ("losses", ("self.step_losses.append(loss)", "pass"), "shape (0,)"),
    "no last axis": (
        "outputs",
        ("self.inputs[rows])\n\n    def weights", "self.inputs[rows])[:, 0]\n\n    def weights"),
        "shape (5,)",
    ),
    "plain pairs": (
        "starts",
        ("[Layer(*pair) for pair in", "[pair for pair in"),
        "instead of samenet.adapter.Layer",
    ),
    "no copies": ("copies", ("p.copy() for", "p for"), "change when training goes on"),
    "biases stay": (
        "changes",
        ("p -= rate * ", "p -= (p.ndim - 1) * rate * "),
        "unchanged: bias 0, bias 1",
    ),
    "own shuffling": (
        "repeats",
        (TRAIN, "            rows = __import__('numpy').random.permutation(160)[:16]\n"),
        "differ by",
    ),
    "own order": ("order", (TRAIN, "            rows = np.arange(16) + step\n"), "whatever"),
    "one size of batch": (
        "short_calls",
        (TRAIN, "            rows = batches.order[step].reshape(16)\n"),
        "cannot reshape",
    ),
    "sorted rows": (
        "any_rows",
        ("self.outputs(self.parameters, self.inputs[rows])\n\n", ("self.outputs(self.parameters, "
         "self.inputs[np.sort(rows)])\n\n")),
        "repeated rows",
    ),
    "predict changes state": (
        "undisturbed",
        ("    def predict(self, rows):\n", ("    def predict(self, rows):\n"
         "        self.moments[0][0][0] += len(rows) == 192\n")),
        "weights differ",
    ),
    "no threads": ("reads_back", ('"threads": max(threads, default=1), ', ""), "no threads"),
    "other threads": ("reads_back", ("max(threads, default=1)", "77"), "77 (asked for "),
}  # fmt: skip


def subject(path: Path, reached: list[str] | None = None) -> Subject:
    """Return an adapter as a worker sees it."""
    adapter, header = discovery.load(path), discovery.read(path).header
    ((mode, about),) = header.modes.items()
    return Subject(
        adapter=adapter,
        mode=mode,
        compiler=about.compiler,
        target=Target(threads=blas_threads()),
        capabilities=adapter.capabilities(),
        reached=reached or [],
    )


def blas_threads() -> int:
    """Return what the example reads back here: the tests' own process is not pinned."""
    return int(discovery.load(EXAMPLE).read_back(None, Target())["threads"])


@pytest.mark.parametrize("what", PROGRAM)
def test_a_fault_in_the_program_is_named_by_its_item(what: str, tmp_path: Path) -> None:
    """The first item that fails is the right one, and says what it found."""
    key, change, said = PROGRAM[what]
    path = copy(tmp_path, change)
    answers = try_items("program", subject(path), tmp_path)
    item, fault = next(((item, fault) for item, fault in answers if fault), (None, ""))
    assert item is not None, "the fault was not seen"
    assert (item.key, said in fault) == (key, True), fault
    assert item.mend
    assert item.expected


def test_a_program_without_a_fault_passes_every_item() -> None:
    """What the faults are planted in has none."""
    answers = list(try_items("program", subject(EXAMPLE), EXAMPLE.parent))
    assert [item for item, _ in answers] == list(checklist.PROGRAM_ITEMS)
    assert {found for _, found in answers} == {""}


def test_a_sync_that_does_not_wait_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that a thread still does when `sync` returns shows when the weights are read.

    The thread begins when the weights are asked for, and the clock counts the calls it has trained:
    on a busy machine as on an idle one, all of the work is left.
    """
    path = copy(
        tmp_path,
        ("import autograd.numpy as np\n", LATER_IMPORTS),
        ("        self.moments =", "        self.begin = Event()\n        self.moments ="),
        ("    def train(self, batches):\n", TRAIN_LATER),
        ("    def weights(self):\n", WEIGHTS_LATER),
    )
    asked = subject(path)

    def seconds(work: Callable[[], object]) -> float:
        before = len(asked.adapter.TRAINED)
        work()
        return 0.01 * (len(asked.adapter.TRAINED) - before)

    monkeypatch.setattr(clock, "time_call", seconds)
    assert CHECKS["waits"](asked) == "100% of the work was left after sync()"


LATER_IMPORTS = """from threading import Event, Thread

import autograd.numpy as np

TRAINED = []
"""
TRAIN_LATER = """    def train(self, batches):
        before = getattr(self, "thread", None)
        self.thread = Thread(target=self.train_later, args=(batches, before), daemon=True)
        self.thread.start()

    def train_later(self, batches, before):
        self.begin.wait()
        if before:
            before.join()
        self.train_now(batches)
        TRAINED.append(batches)

    def train_now(self, batches):
"""
WEIGHTS_LATER = """    def weights(self):
        self.begin.set()
        self.thread.join()
        self.begin.clear()
"""


def test_every_item_has_its_function_and_says_how_to_mend_it() -> None:
    """No item is a title alone, and no two share a key."""
    items = [item for part in checklist.ITEMS_BY_PART.values() for item in part]
    assert len({item.key for item in items}) == len(items)
    assert all(item.asks and item.expected and item.mend for item in items)
    in_workers = {item.key for item in (*checklist.PROGRAM_ITEMS, *checklist.QUICK_START_ITEMS)}
    assert set(CHECKS) == in_workers


# The quick start.

QUICK = '''"""A quick start."""
import numpy as np
PAGES = {"regression": {"page": "https://example.org/first", "read": "2026-11-25"}}
class Mean:
    def fit(self, epochs):
        return [1.0] * epochs
    def predict(self, inputs):
        return np.zeros((len(inputs), 1))
def quickstart(network, training, data, *, seed):
    return Mean()
'''


@pytest.mark.parametrize(
    ("key", "old", "new", "said"),
    [
        ("", "", "", ""),
        ("there", "def quickstart", "def quick", "no function quickstart"),
        ("pages", "https://example.org", "example.org", "regression: no page"),
        ("pages", "PAGES", "SITES", "no PAGES of plain data"),
        ("fits", "[1.0] * epochs", "[1.0]", "fit(2) gives the losses [1.0]"),
        ("fits", "(len(inputs), 1)", "len(inputs)", "the shape (64,) instead of (64, 1)"),
        ("fits", "regression", "multiclass", "(64, 1) instead of (64, 3)"),
        ("fits", "zeros((len(inputs), 1))", "zeros((len(inputs), 1)) / missing", "line 8"),
    ],
)
def test_a_fault_in_the_quick_start_is_named_by_its_item(
    key: str, old: str, new: str, said: str, tmp_path: Path
) -> None:
    """Place, page, losses and predictions of a quick start are looked at one by one."""
    change = ('"imports": ["autograd"]', '"quickstart": "quick.py", "imports": ["autograd"]')
    path = copy(tmp_path, change)
    (tmp_path / "quick.py").write_text(QUICK.replace(old, new) if old else QUICK, "utf-8")
    arm = Described(discovery.read(path))
    wrong = [(item.key, fault) for item, fault in try_items("quick start", arm, tmp_path) if fault]
    assert [name for name, _ in wrong][:1] == ([key] if key else [])
    assert all(said in fault for _, fault in wrong[:1])


class Described:
    """What the quick start's items read of an arm."""

    def __init__(self, found: AdapterFile) -> None:
        self.path, self.header = str(found.path), found.header


# The whole way.


def test_a_gate_that_fails_lists_the_usual_mistakes(tmp_path: Path) -> None:
    """A rate off by a millionth passes the contract; gate 2 names it among what to look for."""
    path = copy(tmp_path, ("p -= rate * self", "p -= rate * (1 + 2.0**-20) * self"))
    examination = examined(path, "iris")
    assert "gate 2" in failed(examination)
    assert set(failed(examination)) <= set(GATES)
    text = command.examination_text(examination)
    assert "learning rate off by a millionth" in text
    assert "weights, float64, on iris" in text


def test_a_fault_is_explained_where_it_stands(tmp_path: Path) -> None:
    """The text names the item, what was found, what was expected and how to mend it; exit code 3.

    What rests on it is not tried.
    """
    path = copy(tmp_path, ("p.copy() for", "p for"))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "samenet", "check", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "failed     weights() gives copies\n" in done.stdout
    assert "found:    weights that were given out change when training goes on" in done.stdout
    assert "mend:     return parameter.copy()" in done.stdout
    assert "gate 2: " in done.stdout.partition("not tried")[2]
    assert str(tmp_path) not in done.stdout


def test_a_crash_is_put_down_to_the_item_in_which_it_happened(tmp_path: Path) -> None:
    """A process that dies in `train` leaves the items before it answered and names that one."""
    path = copy(tmp_path, (TRAIN, "            __import__('os')._exit(7)\n"))
    examination = examined(path)
    assert failed(examination) == ["trains"]
    (finding,) = (f for f in examination.findings if f.state == "failed")
    assert "exit code 7" in finding.found


def test_reaching_for_the_network_is_seen(tmp_path: Path) -> None:
    """A look-up of a host name while the program works is named with the host."""
    ask = "__import__('socket').getaddrinfo('localhost', 80)"
    path = copy(tmp_path, ("    value_and_grad(np.sum)", f"    {ask}\n    value_and_grad(np.sum)"))
    examination = examined(path)
    assert failed(examination) == ["offline"]
    assert "localhost" in command.examination_text(examination)


def test_an_unknown_adapter_is_a_usage_error() -> None:
    """A name that is not there is no fault of an adapter."""
    with pytest.raises(UsageError, match="Did you mean 'pytorch'"):
        adapter_check.examine("pytorhc", Target())


def test_the_mistakes_of_a_gate_are_those_that_the_tests_plant() -> None:
    """What `check` lists beside a gate is caught by that gate: the mutants are the same ones."""
    mutants = [*AT_THE_SEAM.values(), *INSIDE_NUMPY.values()]
    planted = {(mutant.what, mutant.gate) for mutant in mutants}
    planted |= {(mutant.what, "gate 4") for mutant in mutants if mutant.timed}
    assert {(what, gate) for gate, about in GATES.items() for what in about.mistakes} == planted
