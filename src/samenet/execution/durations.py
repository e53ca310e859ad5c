"""How long jobs take: as before on this machine, else by what is known of their pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from samenet.runs.passes import PASSES, PassName


def history_key(pass_name: str, arm: str, task: str) -> str:
    """Return under what the duration of a job is remembered."""
    return f"{pass_name}|{arm}|{task}"


START_SECONDS = 0.7
"""Of an interpreter and of what a worker imports beside the framework."""


class Start(NamedTuple):
    """What it takes before an arm computes."""

    import_seconds: float
    compile_seconds: float = 0.0
    """Of one training step."""
    heavy: bool = False
    """Whether it is a framework that is installed on its own: more of it is loaded when used."""


class Predict:
    """How long a job will take: from earlier runs on this machine, else from what is known.

    What is known: the import, which is measured, and seconds per pass, as they were in one run of
    all frameworks in all modes on two cores of a server.
    """

    def __init__(
        self, starts: Mapping[str, Start], *, steady_seconds: float, history: Mapping[str, float]
    ) -> None:
        """Keep how every arm starts, and the durations of earlier jobs."""
        self.starts, self.steady, self.history = starts, steady_seconds, history

    def seconds(self, pass_name: PassName, arm: str, tasks: Sequence[str]) -> float:
        """Return the predicted wall time of one job."""
        kind = PASSES[PASSES[pass_name].duration_like or pass_name]
        known = [self.history.get(history_key(kind.name, arm, task)) for task in tasks]
        if known and all(value is not None for value in known):
            return sum(value for value in known if value is not None)
        start = self.starts.get(arm, Start(0.0))
        per_task = kind.seconds.of(
            heavy=float(start.heavy),
            compiling=start.compile_seconds,
            steady=self.steady,
        )
        return START_SECONDS + start.import_seconds + per_task * len(tasks)
