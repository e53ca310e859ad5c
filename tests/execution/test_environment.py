"""Refusals look at the machine alone: rules with numbers, and what a refused repeat becomes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import report_fixture

from samenet.adapter import Target
from samenet.analysis import frames, interference
from samenet.errors import RefusedError
from samenet.execution import planner, runner, session
from samenet.machine import readings as machine_readings
from samenet.machine import system
from samenet.machine.readings import Counters
from samenet.report import page, result, summary
from samenet.runs import environment
from samenet.runs.folder import Store
from samenet.runs.plan import Job, Plan
from samenet.runs.records import EnvironmentRead, ProcessSetAside, Record, TimingRecord

BEFORE = Counters(
    when=100.0,
    busy=50.0,
    steal=5.0,
    used=20.0,
    pressure=7.0,
    throttled=3,
    beside=40.0,
    neighbours=1,
)
between = environment.compare_counters
"""The real one: fixtures make every machine calm."""


def after(**changed: float | None) -> Counters:
    """Return the counters ten seconds later, in which this run alone worked for eight."""
    values: dict[str, Any] = {"when": 110.0, "busy": 58.0, "used": 28.0, **changed}
    return replace(BEFORE, **values)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, None),
        ({"busy": 58.4}, None),
        ({"busy": 63.0}, "other work keeps 0.50 of the measuring processors busy (limit 0.05)"),
        ({"beside": 40.4}, None),
        ({"beside": 43.0}, "other work keeps 30% of the processors busy that share a core"),
        ({"steal": 5.09}, None),
        ({"steal": 5.5}, "the host takes away 5.0% of their time (steal; limit 1%)"),
        ({"throttled": 4}, "limit has stopped this work 1 times (limit 0)"),
        ({"pressure": 17.0}, None),
        ({"busy": None, "steal": None, "used": None, "pressure": None, "throttled": None}, None),
    ],
)
def test_each_rule_has_its_number(changed: dict[str, float | None], sentence: str | None) -> None:
    """Work of others, steal and throttling beyond their limits are named; at them, nothing is.

    Pressure is shown and judged by none: a neighbour on another processor waits too. What cannot
    be read breaks no rule.
    """
    found = environment.find_breaches(between(BEFORE, after(**changed)))
    assert len(found) == (sentence is not None)
    assert sentence is None or sentence in found[0]


def test_own_work_is_not_that_of_others() -> None:
    """What this process and its workers used is taken off, and rounding never gives less than 0."""
    assert between(BEFORE, after())["others"] == 0.0
    assert between(BEFORE, after(used=29.0))["others"] == 0.0


def test_own_work_beside_the_measuring_processor_is_not_that_of_others() -> None:
    """A run's own second on the processor beside is no load; of two neighbours the share counts."""
    counters = after(used=29.0, beside=41.0)
    assert between(BEFORE, counters)["beside"] == 0.0
    two = replace(after(beside=44.0), neighbours=2)
    assert between(BEFORE, two)["beside"] == pytest.approx(0.2)
    assert between(BEFORE, replace(two, neighbours=0))["beside"] is None


@pytest.mark.parametrize(
    ("readings", "word"),
    [
        ({"memory_available_gib": 0.4}, "0.40 GiB of memory are available"),
        ({"graphics_processes": 1.0}, "1 other processes compute on the CUDA devices"),
    ],
)
def test_memory_and_the_cuda_devices_have_rules_too(
    readings: dict[str, float | None], word: str
) -> None:
    """Too little memory and another process on the GPU are reasons to refuse."""
    assert word in environment.find_breaches(readings)[0]
    assert not environment.find_breaches(dict.fromkeys(readings))


def test_the_system_s_counters_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two processors the chosen one counts; idle, waiting, steal and guests are no work."""
    fields = ("user", "idle", "iowait", "steal", "guest")

    class Times:
        def __init__(self, *values: float) -> None:
            self.values = values

        def _asdict(self) -> dict[str, float]:
            return dict(zip(fields, self.values, strict=True))

    both = [Times(1, 2, 3, 4, 5), Times(10, 20, 30, 40, 10)]
    monkeypatch.setattr(machine_readings.psutil, "cpu_times", lambda percpu: both)
    counters = machine_readings.read_counters([1])
    assert (counters.busy, counters.steal) == (10, 40)
    assert machine_readings.read_counters([0, 1]).steal == 22  # of one on average
    assert machine_readings.read_counters([7]).busy is None


def test_where_nothing_is_bound_no_processor_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without affinity nobody knows which processor measures: work of others is not readable."""
    monkeypatch.setattr(system, "can_pin", lambda: False)
    before = environment.take_snapshot(Target())
    assert before.processors == ()
    assert between(before.counters, environment.take_snapshot(Target()).counters)["others"] is None


def test_a_disturbed_process_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others disturbed waits for a quiet moment and is done again; its samples are kept."""
    shares = iter([0.5, 0.3, 0.0])  # during the process, in the first look, in the second
    monkeypatch.setattr(environment, "observe", lambda _: {"others": next(shares)})
    answered = measured(tmp_path, monkeypatch, lambda: {"others": next(shares, 0.0)})
    aside, counted = environment.timed_processes(answered)
    assert isinstance(aside, ProcessSetAside)
    assert isinstance(counted, EnvironmentRead)
    assert aside.again
    assert [record["seconds"] for record in aside.records] == [(1.0,)]
    assert environment.refusal_reasons(answered) == {}
    (timing,) = [kept for kept in answered if isinstance(kept, TimingRecord)]
    assert timing.seconds == (2.0,)


def test_a_machine_that_never_rests_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After all its looks a run refuses the process and waits for no further one."""
    looks = []
    monkeypatch.setattr(environment, "observe", lambda _: looks.append(0) or {"others": 0.5})
    records = measured(tmp_path, monkeypatch, lambda: {"others": 0.5}, times=2)
    assert len(looks) == environment.QUIET_ATTEMPTS_MAX
    assert [process.refused for process in environment.timed_processes(records)] == [True, True]


def measured(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    readings: Callable[[], dict[str, float]],
    times: int = 1,
) -> list[Record]:
    """Return what a run records of a process whose worker answers 1 s, then 2 s, and so on."""
    plan = plan_of("standard")
    store = Store(folder / "run")
    store.create()
    run = runner._Run(store, plan, lambda *_: None)
    job = next(job for job in plan.jobs if job.pass_name == "cell")
    seconds = itertools.count(1.0)
    monkeypatch.setattr(environment, "compare_counters", lambda before, after: readings())

    def once(job: Job) -> list[Record]:
        of = {"job": job.id, "task": job.tasks[0], "arm": job.arm, "repeat": job.repeat}
        timing = TimingRecord(**of, track="same", phase="call", seconds=(next(seconds),), steps=1)
        return [
            timing,
            environment.record_environment(plan, job, environment.take_snapshot(plan.target)),
        ]

    monkeypatch.setattr(run, "run_process", once)
    return [record for _ in range(times) for record in run.run_until_undisturbed(job)]


def test_pressure_is_read_in_seconds() -> None:
    """The total of the line 'some' counts, in microseconds; a system without it says None."""
    text = "some avg10=1.0 avg60=0.5 avg300=0.1 total=2500000\nfull avg10=0 total=9"
    assert machine_readings.pressure_seconds(text) == 2.5
    assert machine_readings.pressure_seconds(None) is None


def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let others keep half of every measuring processor busy."""
    monkeypatch.setattr(environment, "compare_counters", lambda before, after: {"others": 0.5})
    monkeypatch.setattr(machine_readings, "wait", lambda _: None)


def plan_of(profile: str) -> Plan:
    """Return a made-up plan."""
    plan, _ = report_fixture.recorded(repeats=8)
    return plan.model_copy(update={"profile": profile})


@pytest.mark.parametrize("profile", ["standard", "rigorous"])
def test_a_busy_machine_is_refused_before_anything_is_measured(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verdicts need a fit machine: the reason and the remedy are said, and no folder is left."""
    busy(monkeypatch)
    folder = tmp_path / "run"
    with pytest.raises(RefusedError, match=r"keeps 0\.50 of the measuring processors busy"):
        session.start_run(plan_of(profile), folder, lambda *_: None)
    assert not folder.exists()


def test_a_run_waits_for_a_quiet_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that ends within the looks delays a standard run and does not refuse it."""
    shares = iter([0.5, 0.3, 0.0])
    monkeypatch.setattr(environment, "observe", lambda _: {"others": next(shares)})
    assert environment.admit_run(plan_of("standard")) == ()
    assert next(shares, None) is None


def test_a_screening_is_warned_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without verdicts a busy machine is measured on too, and there is a sentence to say.

    That is the quick profile, and any profile with fewer repeats than a verdict needs.
    """
    busy(monkeypatch)
    few = plan_of("standard").model_copy(update={"repeats": 7})
    for plan in (plan_of("quick"), few):
        (sentence,) = environment.admit_run(plan)
        assert "0.50 of the measuring processors" in sentence


def event(plan: Plan, arm: str, repeat: int, task: str = "digits") -> EnvironmentRead:
    """Return what was recorded of the machine during one process, as it is now."""
    job = Job(
        id=f"cell/{arm}/{task}/r{repeat}",
        pass_name="cell",
        arm=arm,
        tasks=(task,),
        repeat=repeat,
        timed=True,
        predicted_seconds=1.0,
    )
    return environment.record_environment(plan, job, environment.take_snapshot(Target()))


def with_events(plan: Plan, records: list[Record], *events: EnvironmentRead) -> frames.Frames:
    """Return the frames of a made-up run with what was recorded of the machine."""
    return frames.build(plan, report_fixture.MACHINE, [*records, *events])


def test_a_refused_repeat_is_kept_labelled_and_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its samples stay, its label holds the reason, its times enter no factor."""
    plan, records = report_fixture.recorded(repeats=8)
    calm = event(plan, "numpy:plain", 1)
    busy(monkeypatch)
    run = with_events(plan, records, calm, event(plan, "numpy:plain", 2))
    result = run.result(run.plan.task("digits"), "numpy:plain")
    assert sorted(result.step) == [0, 1, 3, 4, 5, 6, 7]
    samples = run.samples[(run.samples.task == "digits") & (run.samples.arm == "numpy:plain")]
    assert 2 in set(samples["repeat"])
    labels = dict(zip(run.environment["repeat"], run.environment.refused, strict=True))
    assert labels == {1: False, 2: True}
    assert not (run.failures.mark == "refused").any()


def test_a_framework_that_was_always_disturbed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Background load in every process of one arm: that arm has no time, and the reason."""
    plan, records = report_fixture.recorded(repeats=8)
    busy(monkeypatch)
    events = [event(plan, "numpy:plain", repeat) for repeat in range(8)]
    run = with_events(plan, records, *events)
    assert "numpy:plain" not in run.compared(run.plan.task("digits"))
    (row,) = run.failures[run.failures.mark == "refused"].itertuples()
    assert (row.task, row.arm) == ("digits", "numpy:plain")
    assert "0.50 of the measuring processors" in row.reason


def test_refusals_do_not_know_which_arm_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the labels of two arms exchanged the same places of the schedule are refused."""
    plan, _ = report_fixture.recorded(repeats=8)
    first, second = "numpy:plain", "pytorch:eager"
    loads = iter([0.0, 0.5, 0.03, 0.9] * 2)
    monkeypatch.setattr(
        environment, "compare_counters", lambda before, after: {"others": next(loads)}
    )
    there = [event(plan, arm, r) for r in (0, 1) for arm in (first, second)]
    back = [event(plan, arm, r) for r in (0, 1) for arm in (second, first)]
    assert [read.refused for read in there] == [read.refused for read in back]
    assert [read.refused for read in there] == [False, True, False, True]


def test_every_timed_process_leaves_its_readings(finished_run: Path) -> None:
    """A real run holds one reading per timed process, in a screening refused for nothing."""
    readings = frames.load(finished_run).environment
    cells = readings[readings["pass"] == "cell"]
    assert sorted(cells["repeat"]) == [0, 1]
    assert not readings.refused.any()
    assert {"others", "steal", "pressure", "throttled"} <= set(readings.columns)


def test_a_plan_without_timed_work_is_never_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate is about numbers, not times: a busy machine does not stand against it."""
    busy(monkeypatch)
    request = planner.Request(tasks=("iris",), frameworks=("numpy",), profile="standard")
    plan = planner.make_plan(request).only("prepare")
    store = session.start_run(plan, tmp_path / "run", lambda *_: None)
    assert store.finished_jobs() == {job.id for job in plan.jobs}


def test_the_page_says_how_much_others_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first screen and the terminal count what was disturbed; a table holds every reading."""
    plan, records = report_fixture.recorded(repeats=8)
    calm = with_events(plan, records, event(plan, "numpy:plain", 0))
    assert interference.sentence(calm) == ""
    busy(monkeypatch)
    run = with_events(plan, records, event(plan, "numpy:plain", 1))
    said = "1 of 1 timed processes were disturbed, for instance: other work keeps 0.50"
    assert said in summary.make_headline(run).resolution
    assert said in result.to_lines(run)[-1]
    assert "Not counted for that: 1, of which 0 were measured again" in result.to_lines(run)[-1]
    others = next(
        item for item in interference.summarize_readings(run) if "Busy with others" in item.name
    )
    assert (others.middle, others.worst, others.limit) == (0.5, 0.5, 0.05)
    assert "Busy with others" in page.build_page(run)


def test_energy_is_the_sum_of_readable_packages_or_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two packages add up; where one cannot be read there is no number at all."""
    monkeypatch.setattr(machine_readings, "POWER_ZONES", tmp_path)
    assert machine_readings.energy_joules() is None
    for zone, text in (("intel-rapl:0", "2500000\n"), ("intel-rapl:1", "500000\n")):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "energy_uj").write_text(text, encoding="utf-8")
    assert machine_readings.energy_joules() == 3.0
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    assert machine_readings.energy_joules() is None
