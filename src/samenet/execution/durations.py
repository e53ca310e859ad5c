"""How long jobs take: as they took before on this machine, else as is known for their pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from samenet.runs.passes import PASSES, PassName


def history_key(pass_name: str, arm: str, task: str) -> str:
    """Return the key under which the duration of a job is remembered."""
    return f"{pass_name}|{arm}|{task}"


START_SECONDS = 0.7
"""Of the interpreter and of what a worker imports besides the framework."""


class ArmStart(NamedTuple):
    """What it takes until an arm computes."""

    import_seconds: float
    compile_seconds: float = 0.0
    """Of one training step."""
    heavy: bool = False
    """Whether the framework is installed on its own: more of it is loaded when it is used."""


class DurationPredictor:
    """Predicts how long a job will take, from earlier runs on this machine if there are any.

    Otherwise from the import, which is measured, and the seconds per pass in one run of all
    frameworks in all modes on two cores of a server.
    """

    def __init__(
        self, starts: Mapping[str, ArmStart], *, steady_seconds: float, history: Mapping[str, float]
    ) -> None:
        """Keep how every arm starts, and the durations of earlier jobs."""
        self.starts = starts
        self.steady_seconds = steady_seconds
        self.history = history

    def seconds(self, pass_name: PassName, arm: str, tasks: Sequence[str]) -> float:
        """Return the predicted wall time of one job."""
        kind = PASSES[PASSES[pass_name].duration_like or pass_name]
        keys = [history_key(kind.name, arm, task) for task in tasks]
        if keys and all(key in self.history for key in keys):
            return sum(self.history[key] for key in keys)
        start = self.starts.get(arm, ArmStart(0.0))
        per_task = kind.seconds.of(
            heavy=float(start.heavy),
            compiling=start.compile_seconds,
            steady=self.steady_seconds,
        )
        return START_SECONDS + start.import_seconds + per_task * len(tasks)
