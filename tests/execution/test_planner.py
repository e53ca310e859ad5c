"""From what a person asks for to a plan: names, sizes, sweeps, and what cannot run here."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from samenet.errors import UsageError
from samenet.execution import planner
from samenet.execution.planner import Request, choose_tasks, make_plan, parse_duration
from samenet.spec import case_names

HEADER = """
ADAPTER = {
    "name": "mine",
    "title": "Mine",
    "modes": {"plain": {"why": "w", "source": "s"}},
    "imports": ["numpy"],
    "distributions": ["numpy"],
}
"""


def adapter(folder: Path, text: str) -> str:
    """Write an adapter file and return its path."""
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def reason(file: str) -> tuple[str, str]:
    """Return why a framework is left out of a plan: mark and sentence."""
    plan = make_plan(Request(tasks=("iris",), frameworks=(file,), track="same"))
    assert plan.arms == ()
    (skipped,) = plan.skipped
    assert (skipped.task, skipped.arm) == ("iris", "mine:plain")
    return skipped.mark, skipped.reason


def test_a_framework_that_is_not_installed_is_a_row_with_its_remedy(tmp_path: Path) -> None:
    """A missing distribution is no failure: the row says which command installs it."""
    text = HEADER.replace('["numpy"],\n}', '["numpy", "no-such-thing"],\n}')
    found = reason(adapter(tmp_path, text))
    assert found == ("not installed", "not installed: pip install no-such-thing")


def test_the_remedy_of_an_extra_is_the_extra(tmp_path: Path) -> None:
    """If samenet has an extra for a framework, that is what is to be installed."""
    text = HEADER.replace('["numpy"],\n}', '["no-such-thing"],\n    "extra": "jax",\n}')
    found = reason(adapter(tmp_path, text))
    assert found == ("not installed", "not installed: pip install 'samenet[jax]'")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("def capabilities():\n    raise RuntimeError('no driver')\n", "no driver"),
        ("x = 1\n", "capabilities"),
        ("import os\nos._exit(9)\n", "exit 9"),
    ],
    ids=["import error", "exception", "no function", "exit"],
)
def test_an_adapter_that_does_not_start_is_a_row_with_the_reason(
    tmp_path: Path, body: str, sentence: str
) -> None:
    """Whatever an adapter's file does when it is loaded, the row says that it does not start."""
    mark, text = reason(adapter(tmp_path, HEADER + body))
    assert mark == "failed"
    assert text.startswith("does not start here: ")
    assert sentence in text


def test_the_main_job_is_three_tasks() -> None:
    """Nothing asked for means one real data set per kind."""
    names = [task.name for task in choose_tasks(Request())]
    assert names == ["breast_cancer", "digits", "diabetes"]


def test_sizes_are_changed_in_every_task() -> None:
    """Epochs, batch size and hidden layers given on the command line hold for each task."""
    request = Request(tasks=("iris", "digits"), epochs=3, batch_size=8, hidden=(5, 4))
    for task in choose_tasks(request):
        assert (task.training.epochs, task.training.batch_size) == (3, 8)
        assert [layer.units for layer in task.model.layers] == [5, 4]


def test_no_hidden_layer_can_be_asked_for() -> None:
    """An empty list of hidden layers is the single neuron, not "as in the task"."""
    (task,) = choose_tasks(Request(tasks=("digits",), hidden=()))
    assert task.model.layers == ()


def test_several_values_make_a_sweep() -> None:
    """Two changes of two values each give four tasks with names that tell them apart."""
    settings = ("training.epochs=2,3", "model.layers.0.units=4,8", "training.batch_size=16")
    tasks = choose_tasks(Request(tasks=("iris",), settings=settings))
    variants = {task.name: (task.training.epochs, task.model.layers[0].units) for task in tasks}
    assert variants == {
        f"iris[training.epochs={epochs},model.layers.0.units={units}]": (epochs, units)
        for epochs in (2, 3)
        for units in (4, 8)
    }
    assert {task.training.batch_size for task in tasks} == {16}


@pytest.mark.parametrize("setting", ["training.epochs", "=3", "training.epochs=", ""])
def test_a_change_that_is_none_is_refused(setting: str) -> None:
    """`--set` without a key or a value says how it is written."""
    with pytest.raises(UsageError, match="write KEY=VALUE"):
        choose_tasks(Request(tasks=("iris",), settings=(setting,)))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10 min", 600), ("1.5h", 5400), ("2", 120), (" 5m ", 300)],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    """Seconds, minutes, hours; a bare number is minutes."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0s", "-5m", "soon", "5d", "nan", "1e3s", "inf", "5 m 3 s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Anything else, and nothing above zero, is refused with examples."""
    with pytest.raises(UsageError, match="is not a duration: write"):
        parse_duration(text)


def test_a_device_that_is_not_there_is_a_row(tmp_path: Path) -> None:
    """Asking for CUDA where an adapter has none leaves it out with the reason."""
    target = planner.Target(device="cuda")
    plan = make_plan(Request(tasks=("iris",), frameworks=("numpy",), target=target))
    assert [(s.mark, s.reason) for s in plan.skipped] == [
        ("unsupported", "not available: no CUDA device")
    ]
    assert plan.jobs
    assert not [job for job in plan.jobs if job.pass_name in ("certify", "cell")]


def test_a_new_run_never_lands_in_an_old_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs of one name in one second get two folders."""
    monkeypatch.setattr(planner.clock, "local_stamp", lambda: "2026-11-23-164200")
    names = []
    for _ in range(3):
        folder = planner.new_folder("main", tmp_path)
        folder.mkdir()
        names.append(folder.name)
    stamp = "2026-11-23-164200-main"
    assert names == [stamp, f"{stamp}-2", f"{stamp}-3"]


def test_planning_runs_no_adapter_in_this_process(tmp_path: Path) -> None:
    """An adapter's file is executed in a worker: the process that plans stays as it was."""
    marker = tmp_path / "pid"
    body = f"import os, pathlib\npathlib.Path({str(marker)!r}).write_text(str(os.getpid()))\n"
    reason(adapter(tmp_path, HEADER + body))
    assert int(marker.read_text()) != os.getpid()


def test_a_plan_says_what_its_tasks_rest_on() -> None:
    """The cases of each task are stored; a plan without them, as before, gives the same ones."""
    plan = make_plan(Request(tasks=("iris", "wine"), frameworks=("numpy",), track="same"))
    assert plan.cases is not None
    assert set(plan.cases[case_names.SAME_SEED_TWICE]) == {"iris", "wine"}
    proved = {case for job in plan.jobs if job.pass_name == "parity" for case in job.tasks}
    assert proved == set(plan.cases)
    assert plan.model_copy(update={"cases": None}).resting == plan.resting == plan.cases


def test_a_plan_without_cases_keeps_its_seal() -> None:
    """A run that was sealed before plans named their cases is still what it was."""
    plan = make_plan(Request(tasks=("iris",), frameworks=("numpy",), track="same"))
    old = plan.model_copy(update={"cases": None, "timed_program": "ten epochs"})
    newer = {"cases", "timed_program", "worker_seconds"}
    left_out = {"jobs", "repeats", "repeats_most", "budget_seconds", *newer}
    text = old.model_dump_json(exclude=left_out)
    assert old.seal == hashlib.sha256(text.encode()).hexdigest()
    assert plan.seal != old.seal
