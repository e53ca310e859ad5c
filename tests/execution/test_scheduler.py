"""The schedule: everything decided before anything runs, no arm favoured by its position."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_fixture import ARMS, made

from samenet.errors import UsageError
from samenet.execution.durations import ArmStart, DurationPredictor
from samenet.execution.scheduler import extend_plan, schedule
from samenet.runs.plan import PROFILES, Job, Plan, predict_wall_seconds, rotate
from samenet.spec import load_task

TASKS = [load_task(name) for name in ("iris", "wine")]
EVERYWHERE = {(task.name, arm) for task in TASKS for arm in ARMS}


def jobs(
    repeats: int = 4,
    track: str = "both",
    runnable: set[tuple[str, str]] = EVERYWHERE,
    *,
    warm: bool = False,
) -> tuple[Job, ...]:
    """Return the schedule of two tasks on four frameworks."""
    return schedule(
        TASKS,
        made().plan.arms,
        runnable,
        settings=PROFILES["quick"].model_copy(update={"repeats": repeats, "repeats_most": repeats}),
        track=track,
        predict=DurationPredictor({}, steady_seconds=0.5, history={}),
        warm=warm,
    )


@given(st.integers(1, 8), st.integers(1, 4))
def test_over_the_repeats_every_arm_takes_every_position_equally_often(
    arms: int, rounds: int
) -> None:
    """With a multiple of k repeats, each of k arms stands at each position equally often."""
    names = [f"arm{index}" for index in range(arms)]
    counts = Counter(
        (name, position)
        for repeat in range(arms * rounds)
        for position, name in enumerate(rotate(names, repeat))
    )
    assert set(counts.values()) == {rounds}
    assert len(counts) == arms * arms


def test_a_repeat_holds_every_arm_once_close_together() -> None:
    """In each repeat a task's arms follow one another, each once, rotated from repeat to repeat."""
    cells = [job for job in jobs() if job.pass_name == "cell"]
    assert len(cells) == 4 * len(TASKS) * len(ARMS)
    for start in range(0, len(cells), len(ARMS)):
        block = cells[start : start + len(ARMS)]
        assert len({(job.repeat, job.tasks) for job in block}) == 1
        assert {job.arm for job in block} == set(ARMS)
    firsts = [cells[start].arm for start in range(0, len(cells), 2 * len(ARMS))]
    assert sorted(firsts) == sorted(ARMS)


@pytest.mark.parametrize("track", ["both", "same", "quickstart"])
def test_every_job_has_its_own_name(track: str) -> None:
    """No two jobs of a plan share an id: it is by id that a resume knows what is done."""
    names = [job.id for job in jobs(track=track)]
    assert len(names) == len(set(names))


def test_data_come_first_and_scores_last() -> None:
    """Rows are prepared before anything else; scoring is the last job; checks precede timing."""
    order = [job.pass_name for job in jobs()]
    assert (order[0], order[-1]) == ("prepare", "score")
    assert max(i for i, name in enumerate(order) if name == "certify") < order.index("cell")


def test_only_what_is_timed_has_the_machine_to_itself() -> None:
    """Timed passes run one at a time, all others may run beside one another."""
    alone = {job.pass_name for job in jobs() if job.timed}
    assert alone == {"cell", "quickstart", "reference", "inference", "limits"}
    assert all(job.timed for job in jobs() if job.pass_name in alone)


def test_what_cannot_run_is_not_planned() -> None:
    """An arm that cannot run a task has no job for it, and the others keep theirs."""
    lacking = ("wine", "keras:fit")
    chosen = jobs(runnable=EVERYWHERE - {lacking})
    of_arms = [job for job in chosen if job.pass_name in ("certify", "cell", "memory", "curves")]
    pairs = {(task, job.arm) for job in of_arms for task in job.tasks}
    assert pairs == EVERYWHERE - {lacking}


def test_a_track_plans_only_its_own_passes() -> None:
    """The quick starts need no certificate, the same network needs no quick start."""
    same = {job.pass_name for job in jobs(track="same")}
    quick = {job.pass_name for job in jobs(track="quickstart")}
    assert "quickstart" not in same
    assert quick == {"prepare", "quickstart", "reference", "score"}


def test_a_framework_without_an_example_has_no_quick_start() -> None:
    """NumPy has no documented first example and is not planned for one; seeds are all planned."""
    starts = [job for job in jobs() if job.pass_name == "quickstart"]
    assert {job.arm for job in starts} == set(ARMS) - {"numpy:plain"}
    assert Counter(job.repeat for job in starts) == dict.fromkeys(
        range(PROFILES["quick"].seeds), 3 * len(TASKS)
    )


def test_each_first_example_is_trained_in_a_process_of_its_own() -> None:
    """What a framework loads with its first model is paid on every task, so times are alike."""
    starts = [job for job in jobs() if job.pass_name == "quickstart"]
    assert {len(job.tasks) for job in starts} == {1}
    assert len({job.id for job in starts}) == len(starts)


def test_the_prediction_adds_up() -> None:
    """The predicted time is that of timed jobs one by one and of the others two at a time."""
    chosen = jobs()
    alone = sum(job.predicted_seconds for job in chosen if job.timed)
    together = sum(job.predicted_seconds for job in chosen if not job.timed)
    assert predict_wall_seconds(chosen) == pytest.approx(alone + together / 2)
    assert all(job.predicted_seconds > 0 for job in chosen)


def test_earlier_runs_make_the_prediction() -> None:
    """What a job took before is what it is predicted to take, whatever is guessed otherwise."""
    predict = DurationPredictor(
        {"numpy:plain": ArmStart(0.1)}, steady_seconds=0.5, history={"cell|numpy:plain|iris": 42.0}
    )
    assert predict.seconds("cell", "numpy:plain", ["iris"]) == 42.0
    assert predict.seconds("cell", "numpy:plain", ["wine"]) < 10


def test_a_plan_travels_as_json() -> None:
    """A plan read back from plan.json is equal, so a resume does what was decided."""
    plan = made().plan.model_copy(update={"jobs": jobs(), "tasks": tuple(TASKS)})
    assert Plan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan


def test_warm_caches_are_filled_before_the_first_result() -> None:
    """Every result of a warm run has its priming before it; a cold run has none."""
    assert "prime" not in {job.pass_name for job in jobs()}
    compiling = [job for job in jobs(warm=True) if job.pass_name in ("prime", "cell")]
    first = [job.pass_name for job in compiling].index("cell")
    assert {job.pass_name for job in compiling[:first]} == {"prime"}
    primed = {(job.arm, job.tasks) for job in compiling[:first]}
    assert primed == {(job.arm, job.tasks) for job in compiling[first:]}


def test_a_run_that_repeats_nothing_is_not_extended() -> None:
    """More repeats of quick starts alone would be a plan that measures nothing: it is refused."""
    only_starts = made().plan.model_copy(update={"jobs": jobs(track="quickstart")})
    with pytest.raises(UsageError, match="nothing to repeat"):
        extend_plan(only_starts, 8)
