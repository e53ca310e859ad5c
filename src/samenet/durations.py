"""How long jobs take: as before on this machine, else by what is known of their pass."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from samenet.plan import PassName


def history_key(pass_name: str, arm: str, task: str) -> str:
    """Return under what the duration of a job is remembered."""
    return f"{pass_name}|{arm}|{task}"


class Predict:
    """How long a job will take: from earlier runs on this machine, else from what is known."""

    def __init__(
        self,
        imports: dict[str, float],
        *,
        steady_seconds: float,
        history: dict[str, float],
        compiled: Collection[str] = (),
    ) -> None:
        """Keep import seconds per arm, the durations of earlier jobs, and which arms compile."""
        self.imports, self.steady, self.history = imports, steady_seconds, history
        self.compiled = compiled

    def seconds(self, pass_name: PassName, arm: str, tasks: Sequence[str]) -> float:
        """Return the predicted wall time of one job."""
        known = [self.history.get(history_key(pass_name, arm, task)) for task in tasks]
        if known and all(value is not None for value in known):
            return sum(value for value in known if value is not None)
        start = 0.7 + self.imports.get(arm, 0.0)
        heavy = 1.0 if self.imports.get(arm, 0.0) < 0.5 else 2.0
        compile_seconds = 6.0 if arm in self.compiled else 0.0
        per_task = {
            "prepare": 0.5,
            "certify": 1.0 + 2.0 * heavy + 4 * compile_seconds,
            "parity": 0.15 + 0.4 * heavy + compile_seconds,
            "cell": 2.2 * self.steady + 0.7 * heavy,
            "quickstart": 2.5,
            "reference": 1.2,
            "inference": 1.2 + heavy,
            "limits": 0.8,
            "memory": 0.5 * heavy,
            "curves": 0.8 * heavy,
            "score": 1.0,
            "rescore": 1.0,
            "trace": heavy,
            "contract": 3.0 * heavy + 6 * compile_seconds,
        }[pass_name]
        return start + per_task * len(tasks)
