"""The scores of a task: what they are called, which way is better, and for which kinds they exist.

How each is computed is in samenet.worker.metrics, under the same names, with scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

from samenet.spec.network import TaskKind

CLASS_KINDS = (TaskKind.BINARY, TaskKind.MULTICLASS)
VALUE_KINDS = (TaskKind.REGRESSION,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One score."""

    name: str
    """In task files, records and data frames."""
    title: str
    """At the head of a column."""
    kinds: tuple[TaskKind, ...]
    higher_is_better: bool
    best: float
    """The score of a model that is always right."""
    unit: str = ""
    """Its unit, if it has one."""

    @property
    def direction(self) -> str:
        """Return which way is better, in words."""
        return "higher is better" if self.higher_is_better else "lower is better"

    @property
    def words(self) -> str:
        """Return the name as on the page of a run; `samenet verify` compares such texts."""
        return self.name.replace("_", " ")

    @property
    def in_sentence(self) -> str:
        """Return the title within a sentence: 'accuracy', but 'RMSE'."""
        return self.title if self.title[:2].isupper() else self.title.lower()

    def reached(self, value: float, goal: float) -> bool:
        """Return whether a score is as good as a goal or better."""
        return value >= goal if self.higher_is_better else value <= goal


TARGET_UNIT = "the target’s own unit"

METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            name="accuracy", title="Accuracy", kinds=CLASS_KINDS, higher_is_better=True, best=1.0
        ),
        Metric(
            name="log_loss",
            title="Log loss",
            kinds=CLASS_KINDS,
            higher_is_better=False,
            best=0.0,
            unit="nats per row",
        ),
        Metric(name="roc_auc", title="ROC AUC", kinds=CLASS_KINDS, higher_is_better=True, best=1.0),
        Metric(name="f1", title="F1", kinds=CLASS_KINDS, higher_is_better=True, best=1.0),
        Metric(
            name="rmse",
            title="RMSE",
            kinds=VALUE_KINDS,
            higher_is_better=False,
            best=0.0,
            unit=TARGET_UNIT,
        ),
        Metric(
            name="mae",
            title="MAE",
            kinds=VALUE_KINDS,
            higher_is_better=False,
            best=0.0,
            unit=TARGET_UNIT,
        ),
        Metric(name="r2", title="R²", kinds=VALUE_KINDS, higher_is_better=True, best=1.0),
    )
}
"""By name, in the order of columns. For a multi-class task F1 and ROC AUC are macro averages, ROC
AUC one against the rest (scikit-learn's terms)."""


def metrics_of(kind: TaskKind) -> tuple[Metric, ...]:
    """Return the scores of a kind of task."""
    return tuple(metric for metric in METRICS.values() if kind in metric.kinds)


def metric_names(kind: TaskKind) -> tuple[str, ...]:
    """Return the names of the scores of a kind of task."""
    return tuple(metric.name for metric in metrics_of(kind))


def main_metric(kind: TaskKind) -> Metric:
    """Return the score that is shown where there is room for only one."""
    return metrics_of(kind)[0]
