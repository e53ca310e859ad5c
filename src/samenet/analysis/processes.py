"""From the samples of a process to its numbers: phases, a step, an epoch, a call's fixed cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import pandas as pd

from samenet.analysis.quantities import Quantity
from samenet.runs import environment
from samenet.runs.passes import BLOCK_PASSES, CONTROL_PASSES, PASSES, PassName
from samenet.runs.plan import Plan
from samenet.runs.records import DataPrepared, Record, TimingRecord, Track
from samenet.stats import steady_state

START_UP = ("interpreter", "import", "adapter", "wake", "build", "load", "first_call")
"""The phases from an empty interpreter to the first call, in order; the last holds the compile.

Runs of before the adapter's file was timed have no such phase."""

TIMES = ["task", "arm", "repeat", "quantity", "seconds"]
STEADINESS = ["task", "arm", "repeat", "name", "onset"]


class Phase(NamedTuple):
    """The samples of one phase of one process, and the steps of each."""

    steps: int
    seconds: list[float]


Process = tuple[str, str, int]
"""Task, arm and repeat."""
GroupedSamples = Mapping[str, Mapping[Process, dict[str, Phase]]]
"""{track: {process: {phase: its samples}}}, all in the order they were taken."""


def group_samples(records: Sequence[Record]) -> GroupedSamples:
    """Return the samples of every process; a phase that took none is not there.

    A huge network is warmed up by its first call alone: its warm-up is recorded, and empty.
    """
    by_track: dict[str, dict[Process, dict[str, Phase]]] = {}
    for record in records:
        if isinstance(record, TimingRecord) and record.seconds:
            process = (record.task, record.arm, record.repeat)
            phases = by_track.setdefault(record.track, {}).setdefault(process, {})
            phase = phases.setdefault(record.phase, Phase(record.steps, []))
            phase.seconds.extend(record.seconds)
    return by_track


def steadiness(samples: GroupedSamples) -> pd.DataFrame:
    """Return what samenet.stats.steady_state calls the chunks of each process."""
    rows = []
    for process, phases in samples.get("same", {}).items():
        if "call" in phases:
            shape = steady_state.classify(tuple(phases["call"].seconds))
            rows.append((*process, shape.name, shape.onset))
    return pd.DataFrame(rows, columns=STEADINESS)


PASS_OF: dict[Track, PassName] = {PASSES[name].track: name for name in BLOCK_PASSES}
"""The pass of a block whose records are in a track."""


def times(
    samples: GroupedSamples, plan: Plan, records: Sequence[Record], track: Track
) -> pd.DataFrame:
    """Return one number per process and quantity: medians of its settled chunks."""
    rows_of = {r.task: r.train_rows for r in records if isinstance(r, DataPrepared)}
    refused = environment.refusal_reasons(records, PASS_OF[track])
    batches = {task.name: task.training.batch_size for task in plan.tasks}
    rows: list[tuple[str, str, int, str, float]] = []
    for (task, arm, repeat), phases in samples.get(track, {}).items():
        if (task, arm, repeat) in refused:
            continue
        steps = -(-rows_of.get(task, batches[task]) // batches[task])
        for quantity, seconds in _quantities(phases, steps).items():
            rows.append((task, arm, repeat, quantity, seconds))
    return pd.DataFrame(rows, columns=TIMES)


def proofs(samples: GroupedSamples, plan: Plan, records: Sequence[Record]) -> pd.DataFrame:
    """Return the same of the reference's other processes, with their track."""
    tracks = [PASSES[name].track for name in CONTROL_PASSES]
    return pd.concat([times(samples, plan, records, t).assign(track=t) for t in tracks])


def _quantities(by_phase: dict[str, Phase], steps_per_epoch: int) -> dict[str, float]:
    """Return the phases and quantities of one process, seconds each."""
    seconds = {phase: by_phase[phase].seconds[0] for phase in START_UP if phase in by_phase}
    seconds[Quantity.START_UP] = sum(seconds.values())
    if "call" in by_phase:
        steps, samples = by_phase["call"]
        seconds[Quantity.STEP] = median(steady_state.drop_warm_up(tuple(samples))) / steps
        seconds[Quantity.EPOCH] = seconds[Quantity.STEP] * steps_per_epoch
    if "own_fit" in by_phase:
        seconds[Quantity.OWN_FIT] = median(by_phase["own_fit"].seconds)
    if {"call_other", "warmup"} <= by_phase.keys():
        seconds[Quantity.CALL_FIXED] = _fixed_cost(by_phase)
    return {str(name): value for name, value in seconds.items()}  # a frame holds plain strings


def _fixed_cost(by_phase: dict[str, Phase]) -> float:
    """Return the seconds a call costs apart from its steps: a line through two call lengths.

    The call of K steps is the warm-up's last ones, which are single calls; never below 0.
    """
    long_steps, long = by_phase["warmup"]
    short_steps, short = by_phase["call_other"]
    slope = (median(long) - median(short)) / (long_steps - short_steps)
    return max(0.0, median(short) - slope * short_steps)
