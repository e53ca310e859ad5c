"""Carrying out a plan: phases in order, every failure a record, nothing twice, nothing lost."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from samenet.adapter import Target
from samenet.errors import UsageError
from samenet.execution import planner, runner
from samenet.execution.process import WorkerEnd
from samenet.machine import clock
from samenet.runs.folder import Store
from samenet.runs.passes import PASSES, PassName
from samenet.runs.plan import Job, Plan
from samenet.runs.records import (
    CertificateRecord,
    ContractItem,
    DataPrepared,
    FailureRecord,
    FootprintRecord,
    LimitNotMeasured,
    LimitRecord,
    OutputsKept,
    QualityRecord,
    Record,
    StepTraced,
    StudyOmission,
    StudyTraining,
    TimingRecord,
)
from samenet.runs.work_order import WorkOrder
from samenet.worker import roofline

RECORDER = Path(__file__).parents[1] / "helpers" / "recorder_adapter.py"
ARM = "recorder:plain"

Planned = Callable[..., None]


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Return a plan of iris on the recorder, three repeats, nothing but the same network."""
    request = planner.Request(tasks=("iris",), frameworks=(str(RECORDER),), track="same", repeats=3)
    return planner.make_plan(request)


@pytest.fixture(scope="module")
def prepared(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run folder in which the data are prepared and nothing else is done."""
    folder = tmp_path_factory.mktemp("prepared") / "run"
    carry_out(folder, plan, ("prepare",))
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """Return a copy of the prepared run folder."""
    return Path(shutil.copytree(prepared, tmp_path / "run"))


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Return a function that plans what the recorder does."""

    def set_plan(**values: Any) -> None:
        monkeypatch.setenv("SAMENET_RECORDER", json.dumps(values))

    return set_plan


def with_jobs(plan: Plan, passes: Sequence[str], repeats: int = 1) -> Plan:
    """Return the plan with some of its jobs, each predicted to be short."""
    chosen = [
        job.model_copy(update={"predicted_seconds": 0.1})
        for job in plan.jobs
        if job.pass_name in passes and job.repeat < repeats
    ]
    return plan.model_copy(update={"jobs": tuple(chosen)})


def carry_out(folder: Path, plan: Plan, passes: Sequence[str], repeats: int = 1) -> Store:
    """Carry out some of the plan's jobs in a run folder."""
    store = Store(folder)
    if not (folder / "plan.json").exists():
        store.create()
    chosen = with_jobs(plan, passes, repeats)
    store.write_json("plan.json", chosen.model_dump(mode="json", by_alias=True))
    runner.carry_out(store, chosen, lambda job, records, seconds: None)
    return store


def failures(store: Store) -> list[FailureRecord]:
    """Return the failures of a run."""
    return [record for record in store.records() if isinstance(record, FailureRecord)]


def failed_checks(store: Store) -> list[CertificateRecord]:
    """Return the checks of a run that did not pass."""
    checks = [record for record in store.records() if isinstance(record, CertificateRecord)]
    return [check for check in checks if not check.passed]


def timed(store: Store) -> list[int]:
    """Return the repeats that have a step time."""
    return [r.repeat for r in store.records() if isinstance(r, TimingRecord) and r.phase == "call"]


def test_a_timed_process_goes_through_its_phases_in_order(
    folder: Path, plan: Plan, planned: Planned, tmp_path: Path
) -> None:
    """A timed worker loads the adapter, wakes, builds, loads, waits, then trains: in this order.

    Whatever is timed is followed by `sync` before the clock is read.
    """
    log = tmp_path / "calls.txt"
    planned(log=str(log))
    store = carry_out(folder, plan, ("cell",))
    calls = [line.split()[1] for line in log.read_text(encoding="utf-8").splitlines()]
    start = ["import", "wake", "build", "load", "sync", "train", "sync", "losses", "weights"]
    assert calls[: len(start)] == start
    phases = [r.phase for r in store.records() if isinstance(r, TimingRecord)]
    starting = ["interpreter", "import", "adapter", "wake", "build", "load", "first_call", "warmup"]
    assert phases[:8] == starting
    later = [phase for phase in phases[8:] if phase != "calibration"]  # as many as it takes
    assert later == ["call", "call_other_first", "call_other", "check"]


POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@pytest.mark.parametrize(
    ("how", "mark", "sentence"),
    [
        pytest.param(
            "crash", "failed", "the worker crashed (segmentation fault)", marks=POSIX_ONLY
        ),
        pytest.param(
            "kill", "interrupted", "the worker was killed (out of memory?)", marks=POSIX_ONLY
        ),
        ("exit", "failed", "the worker ended with exit code 7"),
        ("raise", "failed", "RuntimeError: as planned"),
    ],
)
def test_a_worker_that_dies_becomes_one_failure_record(
    folder: Path, plan: Plan, planned: Planned, how: str, mark: str, sentence: str
) -> None:
    """Segmentation fault, kill, exit and exception each give one record with its own sentence.

    The next repeat is measured all the same.
    """
    planned(faults=[{"job": "cell~*~r0", "at": "train", "how": how}])
    store = carry_out(folder, plan, ("cell",), repeats=2)
    seen = [(f.mark, f.repeat, f.reason) for f in failures(store)]
    assert seen == [(mark, 0, sentence)]
    assert timed(store) == [1]


def test_a_worker_that_hangs_is_ended_and_marked(
    folder: Path, plan: Plan, planned: Planned
) -> None:
    """A worker that is not done within its limit is killed, marked "timed out", and passed by."""
    plan = plan.model_copy(update={"worker_seconds": 2.0})
    planned(faults=[{"job": "cell~*~r0", "at": "build", "how": "hang"}])
    store = carry_out(folder, plan, ("cell",))
    seen = [(f.mark, f.repeat, f.reason) for f in failures(store)]
    assert seen == [("timed out", 0, "no result within 2 s; --worker-limit allows more")]


def test_losses_that_are_no_numbers_fail_the_check(
    folder: Path, plan: Plan, planned: Planned
) -> None:
    """NaN losses in the timed program fail gate 4: its times are there and are not compared."""
    planned(faults=[{"job": "cell~*~r0", "at": "losses", "how": "nan", "times": 2}])
    store = carry_out(folder, plan, ("cell",))
    failed = failed_checks(store)
    assert [(r.gate, r.quantity) for r in failed] == [("gate 4", "epoch loss")]


def test_a_refused_framework_is_not_timed(
    folder: Path, plan: Plan, planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No certificate, no timing: after a failed check before timing no worker measures the arm."""
    monkeypatch.setenv("SAMENET_CACHE", str(tmp_path / "cache"))  # no certificate is remembered
    planned(faults=[{"job": "certify~*", "at": "losses", "how": "nan"}])
    store = carry_out(folder, plan, ("certify", "cell", "memory"))
    assert {check.gate for check in failed_checks(store)} == {"gate 2"}
    assert timed(store) == []


def test_what_a_side_by_side_worker_finishes_is_kept_at_once(
    folder: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished result is on the disk while a slower neighbour still runs.

    The slow one here waits until it sees the fast one's record, so the order cannot come by luck.
    """
    store = Store(folder)

    def work(self: Any, job: Job) -> list[Record]:
        if job.id == "slow":
            start = clock.now()
            while "fast" not in store.finished_jobs():
                assert clock.now() - start < 30, "the fast result is held back by the slow one"
        return []

    monkeypatch.setattr(runner._Run, "run_until_undisturbed", work)
    jobs = [
        Job(id=name, pass_name="memory", arm=ARM, tasks=("iris",), predicted_seconds=1)
        for name in ("slow", "fast")
    ]
    plan = plan.model_copy(update={"jobs": tuple(jobs)})
    runner.carry_out(store, plan, lambda job, records, seconds: None)
    assert store.finished_jobs() >= {"slow", "fast"}


def counted(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.0) -> list[str]:
    """Replace workers by nothing; each takes `seconds` on the clock. Return the jobs that ran."""
    ran: list[str] = []
    now = [0.0]

    def work(self: Any, job: Job) -> list[Record]:
        ran.append(job.id)
        now[0] += seconds
        return []

    monkeypatch.setattr(runner._Run, "run_until_undisturbed", work)
    monkeypatch.setattr(clock, "now", lambda: now[0])
    return ran


def two_arms(plan: Plan, repeats: int) -> Plan:
    """Return a plan whose timed jobs are two arms in every repeat."""
    second = plan.arms[0].model_copy(update={"name": "other:plain"})
    jobs = [
        Job(
            id=f"{arm}/r{repeat}",
            pass_name="cell",
            arm=arm,
            tasks=("iris",),
            repeat=repeat,
            timed=True,
            predicted_seconds=1,
        )
        for repeat in range(repeats)
        for arm in (ARM, "other:plain")
    ]
    return plan.model_copy(update={"arms": (*plan.arms, second), "jobs": tuple(jobs)})


def test_the_budget_ends_a_run_after_whole_repeats(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget spent inside a repeat lets that repeat end and starts no other."""
    store = Store(tmp_path / "run")
    store.create()
    ran = counted(monkeypatch, seconds=10.0)
    limited = two_arms(plan, repeats=4).model_copy(update={"budget_seconds": 25.0})
    runner.carry_out(store, limited, lambda job, records, seconds: None)
    names = [f"{arm}/r{repeat}" for repeat in (0, 1) for arm in (ARM, "other:plain")]
    assert ran == names


def test_a_block_with_control_and_sensitivity_is_kept_whole_or_not_at_all(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget that is spent after a result of a repeat still lets its control be measured."""
    store = Store(tmp_path / "run")
    store.create()
    ran = counted(monkeypatch, seconds=10.0)
    limited = two_arms(plan, repeats=4).model_copy(update={"budget_seconds": 25.0})
    kinds: dict[str, PassName] = {ARM: "cell", "other:plain": "control"}
    jobs = tuple(job.model_copy(update={"pass_name": kinds[job.arm]}) for job in limited.jobs)
    limited = limited.model_copy(update={"jobs": jobs})
    runner.carry_out(store, limited, lambda job, records, seconds: None)
    assert ran == [f"{arm}/r{repeat}" for repeat in (0, 1) for arm in (ARM, "other:plain")]


def test_a_finished_job_is_never_run_again(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Carrying out the same plan a second time starts no worker."""
    store = Store(tmp_path / "run")
    store.create()
    ran = counted(monkeypatch)
    for _ in range(2):
        runner.carry_out(store, two_arms(plan, 2), lambda job, records, seconds: None)
    assert len(ran) == len(set(ran)) == 4


def event(reason: str) -> LimitNotMeasured:
    return LimitNotMeasured(job="j", when="", reason=reason)


def prepared_data(task: str, column: str = "a") -> DataPrepared:
    return DataPrepared(
        job="j",
        when="",
        task=task,
        task_kind="binary",
        train_rows=2,
        test_rows=1,
        features=1,
        outputs=1,
        feature_names=(column,),
        digest="",
    )


def test_a_whole_answer_that_leaves_a_task_out_fails_that_task() -> None:
    """A worker that says nothing of one of its tasks has failed for it, whatever its exit code."""
    job = Job(id="prepare/r0", pass_name="prepare", tasks=("iris", "wine"), predicted_seconds=1)
    assert runner._unanswered(job, [prepared_data("iris")]) == ["wine"]
    given = runner._reason(ended(0), [], [prepared_data("iris")])
    (failure,) = runner._failures(job, ["wine"], *given, "")
    assert (failure.task, failure.mark) == ("wine", "failed")
    assert failure.reason == "the worker's answer leaves it out"


def ended(code: int, printed: str = "") -> WorkerEnd:
    """Return how a worker ended that left nothing behind."""
    return WorkerEnd(code=code, printed=printed, seconds_max=120.0)


def answer_of(kind: type[Record], **given: Any) -> Record:
    """Return a record of a kind about the task "iris"; what is not given says nothing."""
    known = {"job": "j", "when": "", "task": "iris", **given}
    return kind(**{field.name: known.get(field.name, "") for field in fields(kind)})


SUCCESSES: dict[PassName, list[type[Record]]] = {
    "prepare": [DataPrepared],
    "parity": [CertificateRecord, FailureRecord],
    "certify": [CertificateRecord, FailureRecord],
    "cell": [TimingRecord],
    "control": [TimingRecord],
    "sensitivity": [TimingRecord],
    "quickstart": [TimingRecord],
    "reference": [QualityRecord],
    "inference": [TimingRecord],
    "limits": [LimitRecord, LimitNotMeasured],
    "memory": [FootprintRecord],
    "score": [QualityRecord, OutputsKept],
    "rescore": [QualityRecord],
    "trace": [StepTraced],
    "contract": [ContractItem],
    "probe": [CertificateRecord],
    "study": [StudyTraining, StudyOmission],
    "layers": [TimingRecord],
}
"""What a worker of each pass may say of a task; the others say nothing, and leave files or not."""


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_that_succeeds_has_not_failed(name: PassName) -> None:
    """Of no pass is the answer that its worker gives when all went well taken for none."""
    part = "iris" if name != "contract" else "program"
    job = Job(id="j", pass_name=name, tasks=(part,), predicted_seconds=1)
    if name not in SUCCESSES:
        assert PASSES[name].answers in {"files", "nothing"}
        assert runner._unanswered(job, []) == []
    for kind in SUCCESSES.get(name, []):
        assert runner._unanswered(job, [answer_of(kind, part="program")]) == [], kind


def test_a_pass_that_must_answer_has_failed_without_an_answer() -> None:
    """A record about another task is no answer, nor is none at all."""
    for kind in PASSES.values():
        job = Job(id="j", pass_name=kind.name, tasks=("wine",), predicted_seconds=1)
        expected = ["wine"] if kind.answers == "one" else []
        assert runner._unanswered(job, []) == expected
        assert runner._unanswered(job, [answer_of(TimingRecord)]) == expected


def test_a_gpu_whose_limit_is_not_measured_is_no_failure() -> None:
    """What the pass `limits` says on a GPU answers for every task of the run."""
    said: list[Record] = []
    order = SimpleNamespace(
        target=Target(device="cuda"), emit=said.extend, job=SimpleNamespace(id="limits/r0")
    )
    roofline.run(cast("WorkOrder", order))
    job = Job(id="limits/r0", pass_name="limits", tasks=("iris", "wine"), predicted_seconds=1)
    assert runner._unanswered(job, said) == []


def test_a_run_that_compiles_before_it_times_has_no_failure(folder: Path, plan: Plan) -> None:
    """With warm caches a worker compiles, says nothing, and has done what it was started for."""
    first = next(job for job in plan.jobs if job.pass_name == "cell")
    prime = first.model_copy(update={"id": "prime/iris/r0", "pass_name": "prime"})
    warm = plan.model_copy(update={"cache": "warm", "jobs": (prime,)})
    store = carry_out(folder, warm, ("prime",))
    assert store.finished_jobs() >= {"prime/iris/r0"}
    assert failures(store) == []


def test_a_lost_worker_of_the_reference_lines_is_a_failure_of_theirs() -> None:
    """If fitting the models that are no networks fails, no network is said to have failed."""
    job = Job(id="reference/r0", pass_name="reference", tasks=("iris",), predicted_seconds=1)
    (failure,) = runner._failures(job, job.tasks, *runner._reason(ended(1), [], None), "")
    assert failure.track == "reference"


def test_without_any_data_the_run_ends_with_the_reason(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no task can be prepared, the run ends with the first reason and nothing is measured."""
    failure = FailureRecord(
        job="prepare/iris/r0",
        track="same",
        task="iris",
        arm="",
        repeat=None,
        mark="failed",
        reason="no rows",
    )
    monkeypatch.setattr(runner._Run, "run_until_undisturbed", lambda self, job: [failure])
    store = Store(tmp_path / "run")
    store.create()
    with pytest.raises(UsageError, match=r"^no rows$"):
        runner.carry_out(store, plan, lambda job, records, seconds: None)
    assert store.finished_jobs() == {"prepare/iris/r0"}


def test_one_task_at_fault_fails_alone(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one of thirty tasks takes the worker with it, the other twenty-nine have their answers."""
    names = tuple(f"case {number}" for number in range(30))
    job = Job(id="parity/r0", pass_name="parity", tasks=names, predicted_seconds=1)
    asked: list[int] = []

    def spawned(*given: Any) -> WorkerEnd:
        asked.append(len(given[2].tasks))
        if "case 17" in given[2].tasks:
            return ended(1, "it broke")
        given[5].add([prepared_data(task) for task in given[2].tasks])
        given[5].close()
        return ended(0)

    monkeypatch.setattr(runner, "spawn", spawned)
    store = Store(tmp_path / "run")
    store.create()
    records = runner._Run(store, plan, lambda *_: None).run_process(job)
    failures = [record for record in records if isinstance(record, FailureRecord)]
    assert [failure.task for failure in failures] == ["case 17"]
    assert len(records) == 30
    assert len(asked) <= 11


def test_a_run_that_is_stopped_waits_for_no_quiet_moment(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption before or during the wait: nothing more is observed, no worker started."""
    run = runner._Run(Store(tmp_path / "run"), plan, lambda *_: None)
    observed: list[int] = []

    def observe(target: Any) -> dict[str, float | None]:
        del target
        observed.append(1)
        run.live.stop()
        return {}

    monkeypatch.setattr(runner.environment, "observe", observe)
    assert not run.wait_for_quiet()
    assert not run.wait_for_quiet()
    assert len(observed) == 1
