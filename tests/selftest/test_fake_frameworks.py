"""The instrument's tests with fakes: those without real time run, the others judge made-up runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from samenet.adapter import discovery
from samenet.analysis import frames, totals
from samenet.analysis.quantities import Quantity
from samenet.certificate import readback
from samenet.certificate.problem import Check
from samenet.certificate.readback import COMPILED, check_compilations
from samenet.report import result
from samenet.runs.records import CertificateRecord, TimingRecord
from samenet.selftest import base, trials
from samenet.selftest.base import Figure, SelfTestOrder
from samenet.selftest.fake_frameworks import compile_events, phases, sync, threads
from samenet.selftest.fakes import records as made_up
from samenet.selftest.fakes.known import FIRST_CALL, PHASES, RESULT, STEP
from samenet.selftest.fakes.load import BackgroundLoad
from samenet.selftest.fakes.running import FAKE, TASK
from samenet.selftest.measured import adversity, mutate
from samenet.stats import steady_state

STEPS = 3


def passed(figures: list[Figure]) -> dict[str, bool]:
    return {figure.quantity: figure.passed for figure in figures}


@pytest.mark.parametrize("name", ["steady", "chunk", "design"])
def test_what_needs_no_real_time_passes(name: str) -> None:
    """Simulated series, a simulated clock and known cases pass in the test command too."""
    found = base.run_selftest(name, SelfTestOrder(short=True))
    assert [figure for figure in found.figures if not figure.passed] == []
    assert found.passed


def test_every_planted_defect_is_caught_by_name() -> None:
    """At least twelve defects of the instrument, each with the test that fails for it."""
    caught, alarms = mutate.run(SelfTestOrder(short=True))
    assert "NOT CAUGHT" not in caught.detail
    assert (caught.value, alarms.value) == (1.0, 0.0)
    assert len(mutate.DEFECTS) >= 12
    assert {defect.by for defect in mutate.DEFECTS} <= set(base.selftest_names())


def test_the_fakes_are_no_tests() -> None:
    """The package of the fakes is not listed as a test; the adapter in it can be read."""
    assert "fakes" not in base.selftest_names()
    modes = {"sleeps", "asynchronous", "never-waits", "recompiles", "greedy"}
    assert set(discovery.read(FAKE).header.modes) == modes


def timing(arm: str, phase: str, *seconds: float) -> TimingRecord:
    return TimingRecord(
        job="cell",
        track="same",
        task=TASK,
        arm=arm,
        repeat=0,
        phase=phase,
        steps=STEPS,
        seconds=seconds,
    )


def check(arm: str, gate: str, quantity: str, *, error: float, limit: float) -> CertificateRecord:
    return CertificateRecord(
        job="cell",
        task=TASK,
        arm=arm,
        repeat=0,
        gate=gate,
        quantity=quantity,
        dtype="float32",
        error=error,
        limit=limit,
        passed=error <= limit,
    )


def run(*found: TimingRecord | CertificateRecord) -> frames.Frames:
    arms = {record.arm: [[1.0] * 10] for record in found}
    return frames.build(made_up.make_frames(arms).plan, {}, found)


def sleeping(**wrong: float) -> frames.Frames:
    seconds = {
        **PHASES,
        "first_call": FIRST_CALL + STEPS * STEP,
        "warmup": STEPS * STEP,
        "call": STEPS * STEP,
    } | wrong
    return run(*(timing("fake:sleeps", phase, *[s] * 10) for phase, s in seconds.items()))


def test_phases_accepts_what_is_true_and_names_a_phase_that_leaks() -> None:
    """True times pass; a wait that is booked in the wrong phase fails both of them."""
    assert all(figure.passed for figure in phases.judge(sleeping()))
    leaked = sleeping(build=PHASES["build"] + PHASES["load"], load=0.001)
    wrong = [name for name, good in passed(phases.judge(leaked)).items() if not good]
    assert wrong == ["build: reported over true", "load: reported over true"]


def test_sync_wants_the_whole_wait_and_the_refusal() -> None:
    """The asynchronous call has its true time, and the one that never waits failed its check."""
    share = "share of the work left after sync"
    waits = [timing(sync.WAITS, phase, *[RESULT] * 10) for phase in ("warmup", "call")]
    refused = check(sync.NEVER, "sync", share, error=0.9, limit=0.2)
    assert all(figure.passed for figure in sync.judge(run(*waits, refused)))
    early = [timing(sync.WAITS, phase, *[RESULT / 50] * 10) for phase in ("warmup", "call")]
    through = check(sync.NEVER, "sync", share, error=0.1, limit=0.2)
    figures = passed(sync.judge(run(*early, through, timing(sync.NEVER, "call", 1e-6))))
    assert list(figures.values()) == [False, False, False, True]


def test_compile_events_wants_the_late_compile_refused_and_only_that() -> None:
    """A check of that name must have failed for one fake and for no other."""

    def judged(late: float, plain: float) -> list[bool]:
        arms = {compile_events.LATE: late, compile_events.PLAIN: plain}
        found = [check(a, "read-back", COMPILED, error=e, limit=0.0) for a, e in arms.items()]
        return list(passed(compile_events.judge(run(*found))).values())

    assert judged(1.0, 0.0) == [True, True]
    assert judged(0.0, 1.0) == [False, False]


def test_threads_wants_every_framework_within_its_processors() -> None:
    """One processor passes, 1.3 do not; the greedy fake has to be refused."""

    def judged(usual: float) -> bool:
        arms = {"numpy:plain": usual, threads.GREEDY: 1.9}
        found = [check(a, "read-back", threads.BUSY, error=e, limit=1.1) for a, e in arms.items()]
        return all(figure.passed for figure in threads.judge(run(*found)))

    assert judged(1.0)
    assert not judged(1.3)


def test_a_compile_in_the_steady_window_is_a_failed_check() -> None:
    """The counts before and after must be equal; a framework without a count is not judged."""
    late: list[Check] = check_compilations({"compilations": 2}, {"compilations": 3}, "float32")
    assert [(each.quantity, each.passed) for each in late] == [("compile in steady window", False)]
    assert all(
        each.passed for each in check_compilations({"compilations": 2}, {"compilations": 2}, "")
    )
    assert readback.check_compilations({}, {}, "float32") == []
    assert readback.check_compilations({"compilations": "not readable here"}, {}, "float32") == []


@pytest.mark.parametrize(
    ("seconds", "name", "onset"),
    [
        ([1.0] * 30, "flat", 0),
        ([2.0] * 10 + [1.0] * 30, "warm-up", 10),
        ([1.0] * 10 + [2.0] * 30, "slowdown", 10),
        ([2.0] * 30 + [1.0] * 10, "no steady state", None),
        (list(np.linspace(1, 1.5, 60)), "no steady state", None),
        ([1.0, 1.0, 9.0] * 12, "flat", 0),
        ([1.0] * 20 + [2.0] * 3 + [1.0] * 20, "flat", 0),
        ([1.0], "flat", 0),
        ([1.0, 2.0], "flat", 0),
    ],
)
def test_series_have_the_class_that_their_shape_says(seconds, name, onset) -> None:
    """Clear cases, single outliers, a short disturbance, and series too short for a change."""
    found = steady_state.classify(tuple(seconds))
    assert found.name == name
    assert onset is None or found.onset == onset


def test_a_result_that_never_settles_says_so_and_only_its_totals_are_compared() -> None:
    """Row, table and comparison of steps: three processes in three that slow down are too many."""
    slows, flat = [1.0] * 12 + [1.5] * 18, [1.0] * 30
    found = made_up.make_frames({"a": [slows] * 3, "b": [slows, flat, flat]})
    task = found.plan.tasks[0]
    assert [found.result(task, arm).is_steady for arm in ("a", "b")] == [False, True]
    assert [row.arm for row in totals.totals(found, task, quantity=Quantity.STEP)] == ["b"]
    assert {row.arm for row in totals.totals(found, task)} == {"a", "b"}
    assert "a (plain) (3 slowdown)" in found.unsteady_note(task, ["a", "b"])[0]
    rows = {row["framework"]: row for row in result.to_document(found)["tasks"][0]["same_network"]}
    assert (rows["a"]["steady_state"], rows["b"]["steady_state"]) == (False, True)
    assert any("no steady state" in line for line in result.to_lines(found))


def test_no_defect_outlives_its_plantation() -> None:
    """After the defects have been tried, the test of steady states still passes."""
    base.run_selftest("mutate", SelfTestOrder(short=True))
    assert base.run_selftest("steady", SelfTestOrder(short=True)).passed


def beside(kind: str, *, refused: int, percent: float) -> adversity.AdversityOutcome:
    """Return a made-up run of two equal arms of which one reads so many per cent more."""
    planted = {r: (1 + percent / 100) * (1 + r / 1000) for r in range(8)}
    trial = trials.judge(planted, dict.fromkeys(range(8), 1.0))
    return adversity.AdversityOutcome(
        kind=kind, share=0.5, refused=refused, flagged=refused > 0, trial=trial
    )


def test_work_that_is_locked_to_one_arm_must_be_noticed() -> None:
    """Nine of ten noticed pass; eight do not, nor does a difference that other work made."""
    noticed = [beside(adversity.LOCKED, refused=4, percent=-0.35)] * 9
    missed = beside(adversity.LOCKED, refused=0, percent=10)
    assert list(passed(adversity.figures([*noticed, missed])).values()) == [True, False]
    assert list(passed(adversity.figures([*noticed[:8], missed, missed])).values()) == [False] * 2
    near = replace(missed, kind=adversity.BESIDE)
    assert list(passed(adversity.figures([near])).values()) == [False, False]
    few = trials.judge({0: 1.10, 1: 1.11, 2: 1.12}, dict.fromkeys(range(3), 1.0))
    assert few.different
    assert not replace(missed, trial=few).wrong  # three repeats make no word


def test_the_work_goes_on_only_while_the_second_arm_runs() -> None:
    """Of the jobs of a trial the control's alone have the other work beside them."""
    plan, turned = trials.plan_of(0, 2), []

    class Recorded(BackgroundLoad):
        def turn(self, *, on: bool) -> None:
            turned.append(on)

    watch = adversity.lock_to_second_arm(Recorded(0, 1.0), plan)
    for job in plan.jobs:
        watch(job, [], 0.0)
    assert turned == [job.pass_name == "control" for job in plan.jobs[1:]] + [False]
