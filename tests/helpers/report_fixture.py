"""A run that nobody measured: plan and records made up in memory, for tests of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from samenet.adapter import Capabilities, Target, discovery
from samenet.analysis.frames import Frames, build
from samenet.analysis.processes import START_UP
from samenet.runs.passes import CONTROL_PASSES, PassName
from samenet.runs.plan import Arm, InstallSize, Job, Plan, SkippedResult
from samenet.runs.records import (
    CertificateRecord,
    DataPrepared,
    FailureRecord,
    FootprintRecord,
    JobFinished,
    LimitRecord,
    QualityRecord,
    Record,
    TimingRecord,
    Track,
)
from samenet.spec import Task, TaskKind, load_task
from samenet.spec.metrics import main_metric, metric_names
from samenet.stats.intervals import VERDICT_REPEATS_MIN

WHEN = "2026-11-23T17:12:20+00:00"
MACHINE = {
    "processor": "A made-up processor",
    "architecture": "x86_64",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "system": "Linux 6.1",
    "python": "3.12.4",
    "pinned": True,
}
ENDED = JobFinished(job="made up", when=WHEN, pass_name="cell", seconds=0.0)
"""Ends the records in a file: what no finished job holds is left out as unfinished."""

ARMS = ("numpy:plain", "tensorflow:graph", "keras:fit", "pytorch:eager")
TASKS = ("breast_cancer", "digits", "diabetes")
START = {"numpy": 0.02, "tensorflow": 1.1, "keras": 1.5, "pytorch": 0.9, "jax": 0.5}
STEP = {"numpy": 9e-5, "tensorflow": 4.5e-5, "keras": 2.2e-4, "pytorch": 3.1e-4, "jax": 5e-5}
OWN_FIT = 2.5
"""How many times as long an epoch of an own whole fit takes as one in our order."""
QUICK = {"tensorflow": (0.25, 0.03), "keras": (0.2, 0.01), "pytorch": (0.04, 0.5)}
"""Per framework: how fast its first example learns, and the loss it ends at."""
COLUMN = '</script><img src=x onerror="alert(1)"><b>$x_1$'
"""The name of a data column that wants to be a program."""


def made(**options: Any) -> Frames:
    """Return the frames of a made-up run; the options are those of `recorded`."""
    plan, records = recorded(**options)
    return build(plan, MACHINE, records)


def recorded(
    *,
    tasks: Sequence[str | Task] = TASKS,
    arms: Sequence[str] = ARMS,
    repeats: int = 3,
    track: str = "both",
    refused: Iterable[tuple[str, str]] = (("breast_cancer", "keras:fit"),),
    failed: Iterable[tuple[str, str]] = (("diabetes", "tensorflow:graph"),),
    reference: bool = True,
    proofs: tuple[float, float] = (1.0, 1.05),
    trainings: int = 3,
    epochs: int = 30,
    noise: float = 0.04,
    guess: float = 0.1,
) -> tuple[Plan, list[Record]]:
    """Return a made-up run: three tasks, four frameworks, one refused, one failed, one absent.

    `proofs` are what control and sensitivity arm take of the reference's time, from 8 repeats on;
    `guess` is the accuracy of an answer that looks at no inputs, or what a regression has for it.
    """
    plan = _plan([_task(task) for task in tasks], arms, repeats, track)
    records: list[Record] = [] if track == "quickstart" else _limits(plan.tasks)
    for task in plan.tasks:
        records.append(_prepared(task))
        records += _reference(task) if reference else []
        for arm in plan.arms:
            pair = (task.name, arm.name)
            if track != "quickstart":
                records += (
                    _failed(*pair)
                    if pair in set(failed)
                    else _same(task, arm, repeats, noise) + _trained(task, arm, trainings, epochs)
                )
                records += _predictions(task, arm)
                if arm.name == plan.reference.get(task.name) and pair not in set(failed):
                    records += _proofs(task, arm, repeats, proofs)
                records += [_refusal(*pair)] if pair in set(refused) else []
            if track != "same" and arm.header.quickstart:
                records += _quickstart(task, arm, guess)
    return plan, records


def hostile() -> Task:
    """Return a task whose every name is an attempt to break out of the page."""
    values = load_task("iris").to_json()
    return Task.model_validate(
        {**values, "name": COLUMN.replace("/", "|"), "title": COLUMN, "description": COLUMN}
    )


def _task(task: str | Task) -> Task:
    return task if isinstance(task, Task) else load_task(task)


def _plan(tasks: Sequence[Task], arms: Sequence[str], repeats: int, track: str) -> Plan:
    return Plan(
        name="main",
        created=WHEN,
        samenet="0.1.0",
        tasks=tuple(tasks),
        arms=tuple(_arm(name) for name in arms),
        target=Target(),
        profile="quick" if repeats < 8 else "standard",
        repeats=repeats,
        steady_seconds=0.5,
        seeds=3,
        track=track,  # type: ignore[arg-type]
        jobs=_jobs(tasks, arms, repeats),
        skipped=(
            SkippedResult(
                task=tasks[0].name,
                arm="jax:scan",
                mark="not installed",
                reason="not installed: pip install 'samenet[jax]'",
            ),
        ),
    )


def _arm(name: str) -> Arm:
    framework, _, mode = name.partition(":")
    found = discovery.shipped_adapters()[framework]
    return Arm(
        name=name,
        mode=mode,
        path=str(found.path),
        digest=discovery.digest(found),
        header=found.header,
        capabilities=Capabilities(
            devices=("cpu",),
            dtypes=("float32", "float64"),
            activations=("relu",),
            losses=("mean_squared_error",),
            optimizers=("adam",),
        ),
        versions=dict.fromkeys(found.header.distributions, "1.2.3"),
        import_seconds=START[framework],
        installed=InstallSize(
            distributions=found.header.distributions, bytes=214_000_000, import_bytes=30_000_000
        ),
        quickstart_lines=42 if found.header.quickstart else 0,
    )


def _jobs(tasks: Sequence[Task], arms: Sequence[str], repeats: int) -> tuple[Job, ...]:
    members: list[tuple[PassName, str]] = [("cell", arm) for arm in arms]
    if repeats >= VERDICT_REPEATS_MIN:
        members += [(proof, arms[0]) for proof in CONTROL_PASSES]
    return tuple(
        Job(
            id=f"{pass_name}/{arm}/{task.name}/r{repeat}",
            pass_name=pass_name,
            arm=arm,
            tasks=(task.name,),
            repeat=repeat,
            timed=True,
            predicted_seconds=3.0,
        )
        for repeat in range(repeats)
        for task in tasks
        for pass_name, arm in members
    )


def _prepared(task: Task) -> Record:
    return DataPrepared(
        job="prepare",
        when=WHEN,
        task=task.name,
        task_kind=str(task.kind),
        train_rows=1408,
        test_rows=389,
        features=2,
        outputs=1,
        feature_names=(COLUMN, "plain"),
        class_names=() if task.kind == TaskKind.REGRESSION else ("no", "yes"),
        notes=("1797 rows: 1408 to train on.", f"Column {COLUMN} was filled in."),
        digest="0422bdac0931b7c5",
    )


def _wobble(*parts: object) -> float:
    """Return a number in -1..1 that depends on the parts only."""
    return math.sin(sum(ord(letter) * (place + 1) for place, letter in enumerate(str(parts))))


def _timing(
    task: Task, arm: Arm, repeat: int, phase: str, seconds: float, steps: int, *, noise: float
) -> Record:
    count = 1 if phase in START_UP else 12
    factors = [1 + noise * _wobble(task.name, arm.name, repeat, phase, i) for i in range(count)]
    return TimingRecord(
        job=f"cell/{arm.name}/{task.name}/r{repeat}",
        track="same",
        task=task.name,
        arm=arm.name,
        repeat=repeat,
        phase=phase,
        steps=steps,
        seconds=tuple(round(seconds * factor, 9) for factor in factors),
    )


def _proofs(task: Task, arm: Arm, repeats: int, factors: tuple[float, float]) -> list[TimingRecord]:
    """Return the reference's own timing records, as control and as sensitivity arm."""
    own = [record for record in _same(task, arm, repeats) if isinstance(record, TimingRecord)]
    tracks: tuple[Track, Track] = ("control", "sensitivity")
    return [
        replace(record, track=track, seconds=tuple(factor * s for s in record.seconds))
        for track, factor in zip(tracks, factors, strict=True)
        for record in own
    ]


def _same(task: Task, arm: Arm, repeats: int, noise: float = 0.04) -> list[Record]:
    start, step = START[arm.header.name], STEP[arm.header.name]
    phases = {
        "interpreter": (0.05, 0),
        "import": (start, 0),
        "wake": (0.02, 0),
        "build": (0.01 + start / 20, 0),
        "load": (0.001, 0),
        "first_call": (start / 3, 44),
        "warmup": (step * 44 + 1e-3, 44),
        "call": (step * 132, 132),
        "call_other": (step * 11 + 1e-3, 11),
    }
    if arm.mode == "fit":
        phases["own_fit"] = (step * 44 * OWN_FIT, 44)
    records: list[Record] = []
    for repeat in range(repeats):
        own = {phase: v for phase, v in phases.items() if phase != "own_fit" or repeat == 0}
        records += [
            _timing(task, arm, repeat, phase, *values, noise=noise) for phase, values in own.items()
        ]
        records += _timed_checks(task, arm, repeat)
    records += _once_checks(task, arm)
    peak = int((80 + 300 * start) * 1e6)
    records.append(
        FootprintRecord(
            job="memory",
            task=task.name,
            arm=arm.name,
            bytes_after_import=peak // 2,
            bytes_peak=peak,
        )
    )
    return records


def _trained(task: Task, arm: Arm, trainings: int, epochs: int) -> list[Record]:
    found: list[Record] = []
    for repeat in range(trainings):
        found += _scores(task, arm.name, "same", repeat, rate=0.3, floor=0.02, steps=epochs + 1)
    return found


def _limits(tasks: Sequence[Task]) -> list[Record]:
    made_up = [("", "memory", 3e8, 0.03), *((task.name, "step", 2e6, 5e-5) for task in tasks)]
    return [
        LimitRecord(job="limits", task=task, quantity=quantity, work=work, seconds=(seconds,))
        for task, quantity, work, seconds in made_up
    ]


def _predictions(task: Task, arm: Arm) -> list[Record]:
    """Return one process of predicting: what leads to it, and both ways at two sizes."""
    step = STEP[arm.header.name]
    phases = [("interpreter", 0, 0.05), ("import", 0, START[arm.header.name]), ("wake", 0, 0.02)]
    phases += [("build", 0, 0.01), ("first_prediction", 1, step)]
    for rows in (1, 4096):
        phases += [("predict_usual", rows, step * rows**0.5), ("predict_fast", rows, step)]
    found: list[Record] = [
        TimingRecord(
            job="inference",
            track="inference",
            task=task.name,
            arm=arm.name,
            repeat=0,
            phase=phase,
            steps=rows,
            seconds=(seconds,),
        )
        for phase, rows, seconds in phases
    ]
    ways = [("usual", 2e-7), ("fast", 3e-7)]
    return found + [_check(task, arm, 0, "inference", *way, 5e-6, "") for way in ways]


def _check(
    task: Task, arm: Arm, repeat: int | None, *values: Any, dtype: str = "float32"
) -> Record:
    gate, quantity, error, limit, detail = values
    return CertificateRecord(
        job="certify",
        task=task.name,
        arm=arm.name,
        repeat=repeat,
        gate=gate,
        quantity=quantity,
        dtype=dtype,
        error=error,
        limit=limit,
        passed=error <= limit,
        detail=detail,
    )


def _once_checks(task: Task, arm: Arm) -> list[Record]:
    tiny = 2.3e-16 * (2 + _wobble(arm.name, task.name))
    return [
        _check(task, arm, None, "initial weights", "largest difference", 0.0, 0.0, ""),
        _check(task, arm, None, "gate 1", "gradient", tiny, 7e-15, "", dtype="float64"),
        _check(task, arm, None, "gate 2", "weights", tiny * 3, 1e-12, "440 steps", dtype="float64"),
        _check(task, arm, None, "gate 2", "loss per step", tiny * 9, 1e-11, "", dtype="float64"),
    ]


def _timed_checks(task: Task, arm: Arm, repeat: int) -> list[Record]:
    error = 2e-7 * (2 + _wobble(arm.name, task.name, repeat))
    return [
        _check(task, arm, repeat, "gate 4", "first loss", error / 3, 1e-5, ""),
        _check(task, arm, repeat, "gate 4", "first update", error, 1e-4, ""),
        _check(task, arm, repeat, "gate 4", "epoch loss", error / 10, 1e-2, ""),
        _check(task, arm, repeat, "read-back", "threads", 0.0, 0.0, "1 (asked for 1)"),
    ]


def _refusal(task: str, arm: str) -> Record:
    found = load_task(task) if task in TASKS else hostile()
    return _check(
        found, _arm(arm), None, "gate 1", "gradient", 0.5, 7e-15, "halved", dtype="float64"
    )


def _failed(task: str, arm: str) -> list[Record]:
    return [
        FailureRecord(
            job=f"cell/{arm}/{task}/r0",
            track="same",
            task=task,
            arm=arm,
            repeat=0,
            mark="failed",
            reason="the worker was killed (out of memory?)",
            detail="Traceback\n  <made up>",
        )
    ]


def _quality(  # noqa: PLR0917 - as many as a record has
    task: Task,
    arm: str,
    track: Any,
    repeat: int,
    split: Any,
    metric: str,
    values: list[float],
    first: int,
) -> Record:
    return QualityRecord(
        job="score",
        track=track,
        task=task.name,
        arm=arm,
        repeat=repeat,
        split=split,
        metric=metric,
        epochs=tuple(range(first, first + len(values))),
        values=tuple(values),
    )


def _scores(
    task: Task, arm: str, track: str, repeat: int, *, rate: float, floor: float, steps: int
) -> list[Record]:
    """Return every metric on both parts: a decaying loss, and scores that follow from it."""
    found: list[Record] = []
    for split, worse in (("train", 1.0), ("test", 1.3)):
        seed = 0.1 * _wobble(repeat) + 1e-9 * _wobble(arm, repeat)
        loss = [worse * (floor + (2.2 + seed) * math.exp(-rate * e)) for e in range(steps)]
        for metric in ("loss", *metric_names(task.kind)):
            values = [_score(metric, each) for each in loss]
            along = metric in ("loss", main_metric(task.kind).name) and track == "same"
            part = values if along else values[-1:]
            found.append(_quality(task, arm, track, repeat, split, metric, part, steps - len(part)))
    return found


def _score(metric: str, loss: float) -> float:
    if metric in ("accuracy", "roc_auc", "f1", "r2"):
        return 1 - loss / 2.5
    return 60 + 40 * loss if metric in ("rmse", "mae") else loss


def _quickstart(task: Task, arm: Arm, guess: float) -> list[Record]:
    rate, floor = QUICK[arm.header.name]
    found: list[Record] = []
    for seed in range(3):
        loss = [
            floor
            + (2.3 + 0.6 * _wobble(arm.name, seed))
            * math.exp(-rate * epoch * (1 + 0.15 * _wobble(seed)))
            for epoch in range(1, 31)
        ]
        found.append(
            _quality(task, arm.name, "quickstart", seed, "train", "reported_loss", loss, 1)
        )
        found.append(
            TimingRecord(
                job="quickstart",
                track="quickstart",
                task=task.name,
                arm=arm.name,
                repeat=seed,
                phase="fit",
                steps=0,
                seconds=(2.0 + START[arm.header.name] + 0.1 * _wobble(seed),),
            )
        )
        alone = [_score(main_metric(task.kind).name, 2.5 * (1 - guess))]
        found.append(_quality(task, arm.name, "quickstart", seed, "test", "guess", alone, 0))
        found += _scores(task, arm.name, "quickstart", seed, rate=rate, floor=floor, steps=31)
    return found


def _reference(task: Task) -> list[Record]:
    found: list[Record] = []
    for arm, seconds in (("linear", 0.03), ("boosted_trees", 1.7)):
        found.append(
            TimingRecord(
                job="reference",
                track="reference",
                task=task.name,
                arm=arm,
                repeat=0,
                phase="fit",
                steps=0,
                seconds=(seconds, seconds * 1.1, seconds * 0.9),
            )
        )
        found += _scores(task, arm, "reference", 0, rate=1.0, floor=0.05, steps=1 + len(arm))
    return found
