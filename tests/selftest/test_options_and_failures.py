"""Of every self-test: an option does something or is refused, and a failing worker is said."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterable

import pytest

from samenet.adapter import discovery
from samenet.cli import main
from samenet.cli.commands.selftest import command
from samenet.errors import UsageError
from samenet.execution import runner
from samenet.runs.plan import Job
from samenet.runs.records import FailureRecord, Record
from samenet.selftest import base
from samenet.selftest.base import SelfTestOrder

VALUES = {"n": ["--n", "5"], "short": ["--short"], "seed": ["--seed", "3"]}
READS = {"trials": {"n", "short"}, "n": {"n"}, "short": {"short"}, "seed": {"seed"}}
"""What of the order each of its attributes looks at."""

BESIDE = {"inject": {"seed"}}
"""What another test reads of the order that it is handed: `aa.figures`."""

ON_WORKERS = (
    *("aa", "adversity", "bookkeeping", "inject", "memory", "privacy"),
    *("compile-events", "phases", "sync", "threads"),
)


def read(name: str) -> set[str]:
    """Return what the source of a test reads of its order."""
    tree = ast.parse(inspect.getsource(base.selftest_module(name)))
    attributes = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "order"
    }
    return {option for name in attributes & READS.keys() for option in READS[name]}


def ignored() -> Iterable[tuple[str, str]]:
    """Yield every self-test with every option that it does not heed."""
    for name in base.selftest_names():
        for option in VALUES.keys() - set(base.heeded_options(name)):
            yield name, option


@pytest.mark.parametrize("name", base.selftest_names())
def test_a_self_test_reads_what_it_says_it_heeds(name: str) -> None:
    """`OPTIONS` of a self-test is what its code looks at: no more, no less."""
    assert set(base.heeded_options(name)) == read(name) | BESIDE.get(name, set())


@pytest.mark.parametrize(("name", "option"), sorted(ignored()))
def test_an_option_that_does_nothing_is_refused(name: str, option: str) -> None:
    """`samenet selftest threads --n 5` ends at once with one sentence that names both."""
    with pytest.raises(UsageError, match=rf"^--{option} does nothing in {name}, which takes "):
        command.main([name, *VALUES[option]], standalone_mode=False)


def test_seven_self_tests_have_no_number_of_trials() -> None:
    """Those that always do the same, or measure what is there."""
    assert sum(option == "n" for _, option in ignored()) == 7


@pytest.mark.parametrize("name", ON_WORKERS)
def test_a_self_test_whose_workers_fail_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever starts workers ends as failed, with the worker's reason and never a traceback."""
    usual = runner._Run.run_until_undisturbed

    def run_until_undisturbed(self: runner._Run, job: Job) -> list[Record]:
        if job.pass_name == "prepare":
            return usual(self, job)
        failure = FailureRecord(
            job=job.id,
            track="same",
            task=job.tasks[0],
            arm=job.arm,
            repeat=job.repeat,
            mark="failed",
            reason="MemoryError: planted",
        )
        return [failure]

    monkeypatch.setattr(runner._Run, "run_until_undisturbed", run_until_undisturbed)
    numpy = discovery.choose(("numpy",))
    monkeypatch.setattr(discovery, "choose", lambda *asked: numpy)  # the others take their time
    finding = base.run_selftest(name, SelfTestOrder(short=True))
    assert not finding.passed
    if name == "threads":  # which shows what became of each framework
        assert finding.figures
    else:
        (note,) = finding.notes
        assert note.endswith("failed: MemoryError: planted")


def test_a_failing_worker_is_one_sentence_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says why, goes on with the next test, and ends with 3."""

    def fails(order: SelfTestOrder) -> list[base.Figure]:
        del order
        base.raise_failure([FAILURE])
        return []

    monkeypatch.setattr(base.selftest_module("memory"), "run", fails)
    code = command.main(["memory", "design"], standalone_mode=False)
    said = capsys.readouterr().out
    assert code == 3
    assert "memory: FAILED" in said
    assert "  The worker of numpy:plain on iris timed out: after 60 s\n" in said
    assert "design: passed" in said


FAILURE = FailureRecord(
    job="memory/numpy:plain",
    track="same",
    task="iris",
    arm="numpy:plain",
    repeat=None,
    mark="timed out",
    reason="after 60 s",
)


def test_one_trial_is_enough_to_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """However few are asked for, each kind of series is looked at, and no share is of nothing."""
    assert main._code(["selftest", "steady", "--n", "1", "--json"]) in {0, 3}
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert all(figure["value"] is not None for figure in found["figures"])
