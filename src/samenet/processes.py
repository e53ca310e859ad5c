"""From the samples of a process to its numbers: phases, a step, an epoch, a call's fixed cost."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pandas as pd

from samenet import environment, steady
from samenet.plan import PassName, Plan
from samenet.records import EventRecord, Record, Track

START_UP = ("interpreter", "import", "wake", "build", "load", "first_call")
"""The phases from an empty interpreter to the first call, in order; the last holds the compile."""

TIMES = ["task", "arm", "repeat", "quantity", "seconds"]
STEADINESS = ["task", "arm", "repeat", "name", "onset"]


def steadiness(samples: pd.DataFrame) -> pd.DataFrame:
    """Return what samenet.steady calls the chunks of each process."""
    chunks = samples[(samples.track == "same") & (samples.phase == "call")]
    rows = []
    for key, process in chunks.groupby(["task", "arm", "repeat"], sort=False):
        found = steady.classify(tuple(process.seconds))
        rows.append((*key, found.name, found.onset))
    return pd.DataFrame(rows, columns=STEADINESS)


PASS_OF: dict[str, PassName] = {
    "same": "cell",
    "control": "control",
    "sensitivity": "sensitivity",
}


def times(
    samples: pd.DataFrame, plan: Plan, records: Sequence[Record], track: Track
) -> pd.DataFrame:
    """Return one number per process and quantity: medians of its settled chunks."""
    rows_of = {
        r.data["task"]: r.data["train_rows"]
        for r in records
        if isinstance(r, EventRecord) and r.name == "data prepared"
    }
    refused = environment.refused(records, PASS_OF[track])
    same = samples[samples.track == track]
    rows: list[tuple[str, str, int, str, float]] = []
    for _, process in same.groupby(["task", "arm", "repeat"], sort=False):
        first = process.iloc[0]
        task, arm, repeat = str(first.task), str(first.arm), int(first["repeat"])
        if (task, arm, repeat) in refused:
            continue
        batch = plan.task(task).training.batch_size
        steps = -(-rows_of.get(task, batch) // batch)
        rows += [(task, arm, repeat, *pair) for pair in _process(process, steps).items()]
    return pd.DataFrame(rows, columns=TIMES)


def proofs(samples: pd.DataFrame, plan: Plan, records: Sequence[Record]) -> pd.DataFrame:
    """Return the same of the reference's other processes, with their track."""
    tracks: tuple[Track, Track] = ("control", "sensitivity")
    return pd.concat([times(samples, plan, records, t).assign(track=t) for t in tracks])


def _process(process: pd.DataFrame, steps_per_epoch: int) -> dict[str, float]:
    """Return the quantities of one process, seconds each."""
    by_phase = {
        str(phase): (rows.seconds.tolist(), int(rows.steps.iloc[0]))
        for phase, rows in process.groupby("phase", sort=False)
    }
    found = {phase: by_phase[phase][0][0] for phase in START_UP if phase in by_phase}
    found["start_up"] = sum(found.values())
    if "call" in by_phase:
        seconds, steps = by_phase["call"]
        found["step"] = median(steady.settled(tuple(seconds))) / steps
        found["epoch"] = found["step"] * steps_per_epoch
    if "own_fit" in by_phase:
        found["own_fit"] = median(by_phase["own_fit"][0])
    if {"call_other", "warmup"} <= by_phase.keys():  # a huge network is warmed up by one call
        found["call_fixed"] = _fixed_cost(by_phase)
    return found


def _fixed_cost(by_phase: dict[str, tuple[list[float], int]]) -> float:
    """Return the seconds a call costs apart from its steps: a line through two call lengths.

    The call of K steps is the warm-up's last ones, which are single calls; never below 0.
    """
    long, long_steps = by_phase["warmup"]
    short, short_steps = by_phase["call_other"]
    slope = (median(long) - median(short)) / (long_steps - short_steps)
    return max(0.0, median(short) - slope * short_steps)
