"""The first examples: as long as their pages train, in a process without what is not needed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from samenet.adapter import Target, discovery, source_files
from samenet.adapter.discovery import AdapterFile
from samenet.execution.worker_environment import worker_environment
from samenet.machine import distributions
from samenet.machine.imports import KEPT_OUT_OF_IMPORT_VARIABLE, KEPT_OUT_VARIABLE
from samenet.runs import adapter_source
from samenet.runs.work_order import WorkOrder
from samenet.spec.task import load_task
from samenet.worker import quickstart
from samenet.worker.quickstart import as_on_page

EXAMPLES = [leaf for leaf in discovery.shipped_adapters().values() if leaf.header.quickstart]


@pytest.mark.parametrize(
    ("page", "rows", "batch_size", "epochs"),
    [
        ({"batch_size": "64", "updates": "4690"}, 1408, 64, 214),
        ({"batch_size": "200", "updates": "300"}, 75, 75, 300),
        ({"batch_size": "all", "updates": "301"}, 448, 448, 301),
        ({"batch_size": "32", "updates": "9375"}, 10**6, 32, 1),
        ({}, 1408, 32, 20),
    ],
)
def test_an_example_makes_at_least_the_updates_of_its_page(
    page: dict[str, str], rows: int, batch_size: int, epochs: int
) -> None:
    """Epochs follow from the page's batch size and its updates; without them the task's hold."""
    training = as_on_page(load_task("digits").training, page, rows)
    assert (training.batch_size, training.epochs) == (batch_size, epochs)


@pytest.mark.parametrize("leaf", EXAMPLES, ids=lambda leaf: leaf.header.name)
def test_every_shipped_example_says_how_long_its_page_trains(leaf: AdapterFile) -> None:
    """The number of updates is the page's choice as much as its rate: none is left to the task."""
    pages = discovery.read_literal(leaf.quickstart_path, "PAGES")
    assert pages.keys() == {"binary", "multiclass", "regression"}
    assert all({"batch_size", "updates", "training"} <= page.keys() for page in pages.values())


HOSTS = {
    "tensorflow": "www.tensorflow.org",
    "keras": "keras.io",
    "keras-torch": "keras.io",
    "keras-jax": "keras.io",
    "pytorch": "docs.pytorch.org",
    "jax": "docs.jaxstack.ai",
    "scikit-learn": "scikit-learn.org",
}


@pytest.mark.parametrize("leaf", EXAMPLES, ids=lambda leaf: leaf.header.name)
def test_every_example_follows_the_framework_s_own_site(leaf: AdapterFile) -> None:
    """Keras follows keras.io for every kind of task, TensorFlow its own quickstart, and so on."""
    pages = discovery.read_literal(leaf.quickstart_path, "PAGES")
    hosts = {page["page"].split("/")[2] for page in pages.values()}
    assert hosts == {HOSTS[leaf.header.name]}


def test_lines_count_the_helpers_an_example_imports(tmp_path: Path) -> None:
    """Moving half of the code into a file beside it, or beside that one, leaves the count alone."""
    (tmp_path / "adapter.py").write_text(HEADER, "utf-8")
    (tmp_path / "start.py").write_text("import one\n\n\ndef quickstart():\n    pass\n", "utf-8")
    (tmp_path / "one.py").write_text('"""A."""\nimport json\n\nfrom two import b\n', "utf-8")
    (tmp_path / "two.py").write_text("b = 1\nc = 2  # said\n", "utf-8")
    (tmp_path / "unused.py").write_text("d = 1\n", "utf-8")
    assert (
        adapter_source.count_quickstart_lines(discovery.read(tmp_path / "adapter.py")) == 3 + 2 + 2
    )


HEADER = """ADAPTER = {
    "name": "mine",
    "title": "Mine",
    "modes": {"plain": {"why": "it is", "source": "https://example.org"}},
    "imports": ["json"],
    "distributions": ["numpy"],
    "quickstart": "start.py",
}
"""


def test_shipped_examples_are_counted_whole() -> None:
    """A helper in the same folder counts; samenet's seam, which a beginner has not, does not."""
    for leaf in EXAMPLES:
        path = leaf.quickstart_path
        assert path is not None
        assert {file.parent for file in source_files.beside(path)} == {path.parent}
        own = adapter_source.count_code_lines(path.read_text(encoding="utf-8"))
        assert adapter_source.count_quickstart_lines(leaf) >= own > 20


PROBE = """
from samenet.machine import imports
imports.keep_out()
import importlib.util
import json
print(importlib.util.find_spec("wave") is None)
try:
    import wave
except ModuleNotFoundError as error:
    print(error.name)
"""


def test_what_is_kept_out_is_as_if_it_were_not_installed() -> None:
    """It cannot be imported and is not found when asked for; other modules are there."""
    assert importlib.util.find_spec("wave") is not None
    environment = {**os.environ, KEPT_OUT_VARIABLE: "wave,other"}
    command = [sys.executable, "-P", "-c", PROBE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["True", "wave"], done.stderr


LOADED = """
from samenet.machine import imports
imports.keep_out()
import importlib.util
import sys
from samenet.adapter import Target, discovery
adapter = discovery.load(discovery.shipped_adapters()[sys.argv[1]].path)
adapter.wake(Target())
print("jax" in sys.modules, importlib.util.find_spec("jax") is None)
"""


@pytest.mark.parametrize("name", ["tensorflow", "keras"])
def test_a_worker_of_tensorflow_or_keras_loads_no_jax(name: str) -> None:
    """In the environment of its worker JAX is not loaded, nor found; without it JAX is found."""
    for module in {"tensorflow", name, "jax"}:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    environment = worker_environment(discovery.shipped_adapters()[name].header, Target())
    free = {key: value for key, value in environment.items() if key != KEPT_OUT_VARIABLE}
    assert printed(LOADED, environment, name) == ["False", "True"]
    assert printed(LOADED, free, name)[1] == "False"


LET_IN = """
from samenet.machine import imports
imports.keep_out()
try:
    import wave
except ModuleNotFoundError as error:
    print(error.name)
imports.let_in()
import wave
print("let in")
try:
    import chunk
except ModuleNotFoundError as error:
    print(error.name)
"""


def printed(code: str, environment: dict[str, str], *arguments: str) -> list[str]:
    """Return the words that a Python process prints."""
    command = [sys.executable, "-P", "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_samenet_needs_itself_is_kept_out_of_the_import_alone() -> None:
    """Once the framework is there it can be imported again; what is kept out for good cannot."""
    out = {KEPT_OUT_VARIABLE: "chunk", KEPT_OUT_OF_IMPORT_VARIABLE: "wave"}
    assert printed(LET_IN, {**os.environ, **out}) == ["wave", "let", "in", "chunk"]


def skip_unless_installed(modules: tuple[str, ...]) -> None:
    """Skip where a framework is not installed; it is not imported here."""
    for module in modules:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            pytest.skip(f"{module} is not installed")


HEAVY = ("IPython", "matplotlib", "pandas", "scikit-learn", "scipy")
"""What samenet needs, its notebooks included, and what takes a tenth of a second to import."""

IMPORT = """
import sys
from samenet.machine import imports
imports.keep_out()
import importlib
for name in sys.argv[1].split(","):
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.parametrize("name", discovery.shipped_adapters())
def test_no_framework_is_charged_for_what_samenet_needs(name: str) -> None:
    """A timed import loads nothing of weight that the framework itself does not require."""
    header = discovery.shipped_adapters()[name].header
    skip_unless_installed(header.imports)
    owners = packages_distributions()
    environment = worker_environment(header, Target())
    code = IMPORT.replace("sys.argv[1]", repr(",".join(header.imports)))
    loaded = {owner for module in printed(code, environment) for owner in owners.get(module, ())}
    required = {*distributions.find_required(header.distributions)}
    assert {owner for owner in loaded if owner in HEAVY} - required == set()


FITS = {
    "keras": """
import keras
import numpy
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("adam", "mse")
inputs, targets = numpy.ones((8, 3), "float32"), numpy.ones((8, 2), "float32")
history = model.fit(inputs, targets, batch_size=4, epochs=2, verbose=0)
print(len(history.history["loss"]), model.predict(inputs, verbose=0).shape[1])
""",
    "tensorflow": """
import tensorflow as tf
weights = tf.Variable(tf.ones((3, 2)))
def step():
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.ones((8, 3)) @ weights)
    weights.assign_sub(tape.gradient(loss, weights))
tf.function(step)()
print(2, weights.shape[1])
""",
    "sklearn.neural_network": """
import numpy
from sklearn.neural_network import MLPRegressor
model = MLPRegressor(hidden_layer_sizes=(4,), batch_size=4, max_iter=2)
model.fit(numpy.eye(8), numpy.ones((8, 2)))
print(len(model.loss_curve_), model.predict(numpy.eye(8)).shape[1])
""",
}


@pytest.mark.parametrize(
    "name", ["tensorflow", "keras", "keras-torch", "keras-jax", "scikit-learn"]
)
def test_a_framework_does_without_what_its_import_is_kept_from(name: str) -> None:
    """It trains and predicts where these modules are not installed at all."""
    header = discovery.shipped_adapters()[name].header
    skip_unless_installed(header.imports)
    out = ",".join((*header.keeps_out, *header.import_without))
    environment = {**worker_environment(header, Target()), KEPT_OUT_VARIABLE: out}
    start = "from samenet.machine import imports\nimports.keep_out()\n"
    assert printed(start + FITS[header.imports[0]], environment) == ["2", "2"]


def test_a_framework_starts_alike_whatever_else_is_installed() -> None:
    """TensorFlow and Keras load JAX where it lies beside them: their workers are kept from it."""
    kept_out = {name: leaf.header.keeps_out for name, leaf in discovery.shipped_adapters().items()}
    assert "jax" in kept_out["tensorflow"]
    assert "jax" in kept_out["keras"]
    assert {"jax", "tensorflow"} <= set(kept_out["keras-torch"])
    assert not kept_out["jax"]


def test_what_an_example_imports_is_on_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seconds that an example's file takes to load are counted with those of its training."""
    now = [0.0]
    fitted: list[float] = []

    def timed(work: Callable[[], object]) -> float:
        start = now[0]
        work()
        return now[0] - start

    def load(path: Path) -> ModuleType:
        del path
        now[0] += 2.0
        return ModuleType("example")

    monkeypatch.setattr(quickstart.clock, "time_call", timed)
    monkeypatch.setattr(quickstart.discovery, "load", load)
    monkeypatch.setattr(
        quickstart, "_fitted", lambda order, example, seconds, task: fitted.append(seconds) or []
    )
    arm = SimpleNamespace(path="adapter.py", header=SimpleNamespace(quickstart="quickstart.py"))
    order = SimpleNamespace(arm=arm, tasks=[load_task("digits")], emit=lambda records: None)
    quickstart.run(cast("WorkOrder", order))
    assert fitted == [2.0]


@pytest.mark.parametrize("leaf", discovery.shipped_adapters().values(), ids=lambda x: x.header.name)
def test_every_compiler_of_a_mode_has_its_seconds(leaf: AdapterFile) -> None:
    """A mode that compiles is given the time for it, by the name that it calls its compiler."""
    named = {mode.compiler for mode in leaf.header.modes.values()} - {"", "none"}
    known = {
        name for x in discovery.shipped_adapters().values() for name in x.header.compile_seconds
    }
    assert named <= known
