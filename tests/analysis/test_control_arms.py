"""What a run shows of its own instrument, and when it stops: control, sensitivity, looks."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from report_fixture import made, recorded

from samenet.analysis import control_arms, frames
from samenet.execution import early_stopping, scheduler
from samenet.report import result, summary
from samenet.runs.passes import CONTROL_PASSES
from samenet.runs.plan import PROFILES, Plan
from samenet.worker.timing import calls_per_chunk

LONG = {"repeats": 8, "refused": (), "failed": ()}


def test_a_healthy_instrument_allows_verdicts() -> None:
    """A control that is equal and a planted difference that is seen: verdicts are given."""
    frames = made(**LONG)
    for task in frames.plan.tasks:
        found = control_arms.check_instrument(frames, task)
        assert found is not None
        assert found.arm == "numpy:plain"
        assert all(found.equivalent.values())
        assert found.seen
        assert control_arms.allow_verdicts(frames, task)
    assert summary.make_headline(frames).refusals == ()
    assert result.to_document(frames)["verdicts"]


@pytest.mark.parametrize(
    ("proofs", "said"),
    [((1.2, 1.05), "could not be called equal"), ((1.0, 1.0), "was not seen")],
)
def test_an_instrument_that_fails_gives_no_verdicts_and_says_so_first(
    proofs: tuple[float, float], said: str
) -> None:
    """A control that differs, or a planted difference that is missed, refuses every verdict."""
    frames = made(**LONG, proofs=proofs)
    assert not any(control_arms.allow_verdicts(frames, task) for task in frames.plan.tasks)
    assert all(said in line for line in summary.make_headline(frames).refusals)
    assert len(summary.make_headline(frames).refusals) == len(frames.plan.tasks)
    assert said in "\n".join(result.to_lines(frames))
    assert not result.to_document(frames)["verdicts"]


def test_a_screening_holds_no_such_arms_and_refuses_nothing() -> None:
    """Three repeats have no control: nothing is refused, and no verdict is given either."""
    frames = made()
    task = frames.plan.tasks[0]
    assert control_arms.check_instrument(frames, task) is None
    assert control_arms.why_refused(frames, task) is None
    assert not control_arms.allow_verdicts(frames, task)


def test_control_and_sensitivity_enter_no_comparison() -> None:
    """What the reference took a second time is not mixed with what it took the first time."""
    plain, doubled = made(**LONG), made(**LONG, proofs=(3.0, 3.0))
    assert plain.times.equals(doubled.times)


@pytest.mark.parametrize("percent", [0, 2, 3, 5, 10])
@pytest.mark.parametrize("steps", [1, 7, 11, 14, 44, 100])
@pytest.mark.parametrize("call_seconds", [1e-5, 9e-4, 0.3])
@pytest.mark.parametrize("seconds_max", [0.0, 0.1])
def test_the_planted_share_is_exact(
    steps: int, call_seconds: float, percent: int, seconds_max: float
) -> None:
    """So many per cent of a stretch are a whole number of steps, and it is long enough."""
    calls = calls_per_chunk(call_seconds, steps, percent, seconds_max)
    assert calls * steps * percent % 100 == 0
    assert calls * call_seconds >= 0.01
    plain = calls_per_chunk(call_seconds, steps)
    assert calls >= plain
    assert plain == max(1, math.ceil(0.01 / call_seconds))


def plan_of(profile: str, arms: int = 3) -> Plan:
    """Return a made-up plan with the repeats of a profile."""
    plan, _ = recorded(arms=("numpy:plain", "tensorflow:graph", "pytorch:eager")[:arms], repeats=8)
    settings = PROFILES[profile]  # type: ignore[index]
    fixed = {"repeats": settings.repeats, "repeats_most": settings.repeats_most}
    return plan.model_copy(update=fixed)


def test_every_member_of_a_block_takes_every_place_equally_often() -> None:
    """Control and sensitivity arm rotate with the results: no place favours one of them."""
    plan = scheduler.extend_plan(plan_of("standard"), 10)
    places: Counter[tuple[str, str, int]] = Counter()
    for task in plan.tasks:
        for repeat in range(10):
            block = [j for j in plan.jobs if j.tasks == (task.name,) and j.repeat == repeat]
            assert {j.pass_name for j in block} == {"cell", *CONTROL_PASSES}
            places.update((j.pass_name, j.arm, place) for place, j in enumerate(block))
    assert set(places.values()) == {2 * len(plan.tasks)}


def test_more_repeats_keep_the_jobs_that_there_are() -> None:
    """A longer plan begins with the jobs of the shorter one, each still planned once."""
    shorter = scheduler.extend_plan(plan_of("standard"), 8)
    longer = scheduler.extend_plan(shorter, 16)
    ids = [job.id for job in longer.jobs]
    assert [job.id for job in shorter.jobs] == ids[: len(shorter.jobs)]
    assert len(ids) == len(set(ids)) == 2 * len(shorter.jobs)
    assert (longer.repeats, longer.most) == (16, 16)


def test_a_run_is_looked_at_after_fixed_counts_only() -> None:
    """A standard run decides after 8 repeats, a rigorous one after 12, 16 and 24, a quick never."""
    assert early_stopping.interim_looks(plan_of("quick")) == ()
    assert early_stopping.interim_looks(plan_of("standard")) == (8,)
    assert early_stopping.interim_looks(plan_of("rigorous")) == (12, 16, 24)
    decided = [
        early_stopping.look_before(plan_of("rigorous"), repeat) for repeat in (11, 12, 15, 16, 29)
    ]
    assert decided == [None, 12, 12, 16, 24]


def test_a_run_in_which_an_arm_has_no_time_does_not_stop() -> None:
    """What was not measured is not precise: neither all of it nor one arm without a reason."""
    arms = ("numpy:plain", "tensorflow:graph")
    plan, records = recorded(arms=arms, repeats=8, refused=(), failed=())
    assert not early_stopping.should_stop_run(frames.build(plan, {}, []))
    one = [r for r in records if getattr(r, "arm", "") != arms[1]]
    assert not early_stopping.should_stop_run(frames.build(plan, {}, one))
