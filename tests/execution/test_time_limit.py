"""How long a worker may take: what its job and its compiler need, or what a person has said."""

from __future__ import annotations

import pytest

from samenet.cli import main
from samenet.execution import planner, process
from samenet.runs.plan import Arm, Job, Plan


def planned(compile_seconds: float = 0.0, **request: float) -> tuple[Plan, Arm, Job]:
    """Return a plan, its arm with a compiler that takes so long, and a short job."""
    plan = planner.make_plan(
        planner.Request(tasks=("iris",), frameworks=("numpy",), track="same", repeats=1, **request)
    )
    header = plan.arms[0].header
    mode = header.modes[plan.arms[0].mode].model_copy(
        update={"compiler": "slow" if compile_seconds else "none"}
    )
    header = header.model_copy(
        update={"compile_seconds": {"slow": compile_seconds}, "modes": {plan.arms[0].mode: mode}}
    )
    job = plan.jobs[0].model_copy(update={"predicted_seconds": 1.0})
    return plan, plan.arms[0].model_copy(update={"header": header}), job


def test_the_limit_follows_what_the_compiler_takes() -> None:
    """A framework whose header says that it compiles slowly has longer, even for a short job."""
    plan, arm, job = planned()
    assert process.time_limit(plan, job, arm) == process.SECONDS_MIN
    plan, arm, job = planned(compile_seconds=8.0)
    longer = process.SECONDS_MIN + process.COMPILATIONS * 8.0
    assert process.time_limit(plan, job, arm) == longer
    assert process.time_limit(plan, job, None) == process.SECONDS_MIN


def test_the_limit_follows_a_long_prediction() -> None:
    """A job that is predicted to be long has ten times as long."""
    plan, arm, job = planned()
    long = job.model_copy(update={"predicted_seconds": 1000.0})
    assert process.time_limit(plan, long, arm) == 10_000.0


def test_a_person_s_limit_holds_whatever_was_predicted() -> None:
    """What a person has said is the limit, be it shorter or longer than ours."""
    for seconds in (0.5, 1200.0):
        plan, arm, job = planned(worker_seconds=seconds)
        assert process.time_limit(plan, job, arm) == seconds


@pytest.mark.parametrize("command", ["run", "certify", "check", "contest"])
@pytest.mark.parametrize("text", ["0", "-1m", "soon", "0s", "nan"])
def test_a_limit_that_is_none_is_refused(
    command: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command that starts workers takes a limit above 0, and says how one is written."""
    assert main._code([command, "--worker-limit", text, "numpy", "numpy:buffers"]) == 2
    assert f"'{text}' is not a duration" in capsys.readouterr().err
