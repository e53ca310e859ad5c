"""Single layers: the table of networks, the plan, the timed pass, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from layers_fixture import ARMS, REPEATS, checked, not_offered, run

from samenet.adapter.api import Target
from samenet.analysis import subset
from samenet.certificate.problem import Check, task_problem
from samenet.cli import main
from samenet.errors import UsageError
from samenet.experiments.layers import networks, result
from samenet.experiments.layers import plan as layers_plan
from samenet.experiments.scaling import ladder
from samenet.report import page
from samenet.runs.plan import Plan
from samenet.runs.records import TimingRecord
from samenet.selftest.fakes import fake_adapter
from samenet.spec.layers import KINDS
from samenet.tasks.sources import prepare
from samenet.worker import layers as worker
from samenet.worker import timing
from samenet.worker.timing import Stopwatch

EVERY = networks.layer_tasks()


def test_every_kind_of_the_spec_is_there_at_three_sizes() -> None:
    """A kind that the spec gains is missed here until its sizes are written."""
    assert tuple(networks.TABLE) == KINDS
    assert {len(sizes) for sizes in networks.TABLE.values()} == {len(networks.SIZES)}


@pytest.mark.parametrize("task", EVERY, ids=lambda task: task.name)
def test_a_network_holds_its_layer_and_little_else(task: Any) -> None:
    """The layer, at most one before and one after it, and a head of one output."""
    kinds = [layer.kind for layer in task.model.layers]
    kind = networks.kind_of(task)
    assert kind in kinds
    assert len(kinds) <= 3
    assert networks.network_of(task).outputs == 1


def test_sizes_grow() -> None:
    """Each size has more arithmetic, or more numbers, than the one before."""
    for kind in KINDS:
        amounts = [
            task.training.batch_size * (networks.network_of(task).operations + 1)
            for task in networks.layer_tasks([kind])
        ]
        assert amounts == sorted(set(amounts)), kind


@pytest.mark.parametrize("task", networks.layer_tasks(sizes=["S"]), ids=networks.kind_of)
def test_a_call_is_one_step_of_one_batch(task: Any) -> None:
    """The prepared rows make the network that the table says, and one batch to train on."""
    problem = task_problem(task, prepare(task))
    assert problem.network == networks.network_of(task)
    assert problem.shape.steps == problem.shape.steps_per_epoch == 1
    assert len(problem.calls[0].order[0]) == task.training.batch_size


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("dense", "embedding")])
def test_the_gradient_has_to_pass_through_the_layer(kind: str) -> None:
    """Something before the layer has weights: else a backward pass might leave it out."""
    (task,) = networks.layer_tasks([kind], ["S"])
    places = networks.network_of(task).places
    assert places[0].kind != kind or kind == "positions"
    assert places[0].parameters


def test_a_single_layer_is_no_point_of_the_ladder() -> None:
    """The sections of the page leave it out as they do a ladder's points; no cost is fitted."""
    assert all(map(subset.is_point, EVERY))
    assert ladder.ladder_points(EVERY) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--layer", "conv2"], "There is no layer 'conv2'; did you mean conv2d?"),
        (["--layer", "lstm,gruu"], "There is no layer 'gruu'; did you mean gru?"),
        (["--size", "XL"], "There is no size 'XL'; "),
        (["--framework", "torch"], "torch"),
    ],
)
def test_wrong_input_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name or path ends with 2 and one sentence, before anything is measured."""
    assert main._code(["layers", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert len(err.strip().splitlines()) == 1
    assert len(err) <= 320


def test_a_kind_is_named_once() -> None:
    """Named twice, a layer is timed once; sizes stand in their order."""
    names = [task.name for task in networks.layer_tasks(["gru", "gru"], ["L", "s"])]
    assert names == ["gru-S", "gru-L"]
    with pytest.raises(UsageError):
        networks.layer_tasks(["grü"])


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Return a plan of two kinds on two modes of NumPy."""
    return layers_plan.make_plan(
        kinds=["dense", "lstm"],
        sizes=["S", "M"],
        frameworks=["numpy:plain", "numpy:buffers"],
        repeats=2,
    )


def test_every_network_is_certified_before_it_is_timed(plan: Plan) -> None:
    """Proof, then times, then memory; only what an arm lacks is asked for and not timed."""
    order = [job.pass_name for job in plan.jobs]
    assert list(dict.fromkeys(order)) == ["prepare", "certify", "layers", "memory"]
    proved = {(job.arm, task) for job in plan.only("certify").jobs for task in job.tasks}
    timed = {(job.arm, task) for job in plan.only("layers").jobs for task in job.tasks}
    lacking = {pair for pair in proved if pair[0] == "numpy:buffers" and "lstm" in pair[1]}
    assert lacking
    assert timed == proved - lacking


def test_frameworks_take_turns(plan: Plan) -> None:
    """All that have a kind time it, one after the other, before the next; the first one rotates."""
    jobs = plan.only("layers").jobs
    turns = [(job.repeat, networks.kind_of(plan.task(job.tasks[0])), job.arm) for job in jobs]
    assert turns == [
        (0, "dense", "numpy:plain"),
        (0, "dense", "numpy:buffers"),
        (0, "lstm", "numpy:plain"),
        (1, "dense", "numpy:buffers"),
        (1, "dense", "numpy:plain"),
        (1, "lstm", "numpy:plain"),
    ]
    assert all(job.timed for job in jobs)


def timed(mode: str, kind: str = "dense") -> tuple[list[TimingRecord], list[Check]]:
    """Return the records and checks of the timed pass in this process, on the fake adapter."""
    (task,) = networks.layer_tasks([kind], ["S"])
    target = Target()
    arm = SimpleNamespace(
        name=f"fake:{mode}", mode=mode, capabilities=fake_adapter.capabilities(), compiler="none"
    )
    job = SimpleNamespace(id="layers", arm=arm.name, repeat=0)
    order: Any = SimpleNamespace(
        plan=SimpleNamespace(steady_seconds=0.0), target=target, arm=arm, job=job, pinned=False
    )
    watch = Stopwatch(order, task, "layers")
    adapter: Any = fake_adapter
    checks = worker._timed(watch, adapter, task_problem(task, prepare(task)))
    return watch.records, checks


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make timed stretches short."""
    monkeypatch.setattr(worker, "CHUNK_SECONDS", 1e-4)
    monkeypatch.setattr(fake_adapter, "RESULT", 1e-4)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("kind", ["dense", "dropout", "embedding"])
def test_both_passes_are_timed_and_looked_at(kind: str) -> None:
    """A program that does as it should has times of both passes, and every check passes."""
    records, checks = timed("asynchronous", kind)
    found = {record.phase: record for record in records}
    assert all(len(found[phase].seconds) >= timing.CHUNKS_MIN for phase in ("step", "forward"))
    # What is in force in this process, its threads above all, was set by nobody.
    wrong = [check.quantity for check in checks if not check.passed and check.gate != "read-back"]
    assert wrong == []
    assert {"first update", "last call", "outputs"} <= {check.quantity for check in checks}


@pytest.mark.usefixtures("short")
def test_a_program_that_does_not_wait_has_no_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose sync returns at once, its samples would mean nothing: none are taken."""
    monkeypatch.setattr(fake_adapter, "RESULT", 0.02)
    records, checks = timed("never-waits")
    assert not {"step", "forward"} & {record.phase for record in records}
    assert not checks[0].passed


@pytest.mark.usefixtures("short")
def test_a_wrong_forward_pass_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs that are not those of the weights refuse the times: the proof was of another."""
    right = fake_adapter.FakeProgram.predict
    monkeypatch.setattr(
        fake_adapter.FakeProgram, "predict", lambda self, rows: np.asarray(right(self, rows)) * 1.01
    )
    _, checks = timed("greedy")
    assert "outputs" in {check.quantity for check in checks if not check.passed}


def test_the_table_says_who_is_best_and_by_how_much() -> None:
    """The slow one has its factor and interval; those that waver more than they differ have not."""
    lines = result.to_lines(run())
    numpy, pytorch, jax = (
        next(line for line in lines if line.startswith(f"  {name}"))
        for name in ("NumPy", "PyTorch", "JAX")
    )
    assert "3× [" in numpy
    assert pytorch.count("best") == 2
    assert jax.count("too close to call") == 2
    assert "MB" in numpy
    assert lines[0] == networks.layer_tasks(["conv2d"], ["S"])[0].title
    assert lines[-1].startswith("Proved the same before it was timed")


def test_intervals_hold_for_all_pairs_together() -> None:
    """With three frameworks the interval is that of three pairs: wider than of one."""
    (found,) = result.results(run())
    against = found.against_best("step", "numpy:plain")
    assert against is not None
    assert against.best == "pytorch:eager"
    one = result.intervals.paired_ratio(
        found.times["step"]["numpy:plain"], found.times["step"]["pytorch:eager"]
    )
    assert against.ratio.low < one.low < one.high < against.ratio.high


def test_a_difference_within_the_margin_does_not_matter() -> None:
    """However certain it is: 1 % more in every process is too close to call."""

    def certain(arm: str, phase: str, repeat: int) -> float:
        del phase, repeat
        return 1.01 if arm == "jax:scan" else 1.0 if arm == "pytorch:eager" else 3.0

    (found,) = result.results(run(seconds=certain))
    against = found.against_best("step", "jax:scan")
    assert against is not None
    assert against.ratio.low > 1
    assert against.word == "too close to call"


def test_what_is_not_offered_says_so() -> None:
    """A kind that a framework has not is no failure, and no number."""
    frames = run(more=[not_offered("conv2d-S", "jax:scan")])
    line = next(line for line in result.to_lines(frames) if line.startswith("  JAX"))
    assert line.split(maxsplit=2)[2] == "not offered: layer conv2d; it has dense"
    assert not result.has_failures(frames)


def test_no_number_without_its_proof() -> None:
    """A failed check refuses the times, whichever is the fastest, and the exit code tells."""
    wrong = checked("conv2d-S", "pytorch:eager", "last loss", 0, passed=False)
    frames = run(more=[wrong])
    (found,) = result.results(frames)
    assert "pytorch:eager" not in found.times["step"]
    assert found.absent["pytorch:eager"].startswith("not compared: gate 4, last loss")
    assert result.has_failures(frames)


@pytest.mark.parametrize("quantity", ["first update", "last call", "outputs"])
def test_a_check_that_is_not_there_is_no_proof(quantity: str) -> None:
    """Times of a program that nobody looked at are not compared."""
    (found,) = result.results(run(without=[quantity]))
    assert not found.times["step"]
    assert set(found.absent) == set(ARMS)


def test_the_document_is_plain_data() -> None:
    """Every network with every framework: both passes, factor, memory, errors of the proof."""
    document = result.to_document(run(["conv2d", "lstm"], ["S", "M"]))
    assert document["schema"] == "samenet-layers/1"
    assert [(each["layer"], each["size"]) for each in document["layers"]] == [
        ("conv2d", "S"),
        ("conv2d", "M"),
        ("lstm", "S"),
        ("lstm", "M"),
    ]
    best, second, third = document["layers"][0]["results"]
    assert best["arm"] == "pytorch:eager"
    assert best["forward_backward"]["against_best"] is None
    assert len(third["forward"]["per_repeat"]) == REPEATS
    assert second["forward"]["against_best"]["verdict"] == "too close to call"
    assert third["forward_backward"]["against_best"]["factor"] == pytest.approx(3, rel=0.05)
    assert third["memory"]["bytes"] > 0
    assert third["gradient_error"]["float64"]["error"] < 1e-14


def test_the_page_has_a_section_and_no_panel_per_network() -> None:
    """One table per kind; sections about tasks do not repeat the networks."""
    frames = run(["conv2d", "lstm"], ["S", "M"])
    composed = page.compose(frames)
    (found,) = [section for section in composed.sections if section.id == "single-layers"]
    tables = [block for block in found.blocks if block.kind == "table"]
    assert [table.title for table in tables] == ["conv2d", "lstm"]
    assert all(len(table.rows) == 2 * len(ARMS) for table in tables)
    assert not {"speed", "start-up", "same-network"} & {s.id for s in composed.sections}
    assert "Single layers" in page.build_page(frames)


@pytest.mark.parametrize("as_json", [False, True])
def test_the_command_prints_table_or_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, as_json: bool
) -> None:
    """With `--json` one document and nothing else, else the table and where the page is."""
    from samenet.cli.commands import layers as command

    monkeypatch.setattr("samenet.report.page.finish_run", lambda _: "report.html")
    monkeypatch.setattr(command.frames, "load", lambda _: run())
    store: Any = SimpleNamespace(folder=Path("none"))
    assert command._finish(store, as_json=as_json) == 0
    out = capsys.readouterr().out
    if as_json:
        assert json.loads(out)["schema"] == "samenet-layers/1"
    else:
        assert "too close to call" in out
        assert out.endswith("The page: report.html\n")
