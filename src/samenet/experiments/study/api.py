"""From Python: `samenet.study_activations("digits")`, `samenet.study_losses("digits")`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import escape

from samenet.errors import unknown_name
from samenet.execution import planner
from samenet.execution.live_table import watch_run
from samenet.experiments.study import figures, outcome, run, text
from samenet.experiments.study.conclusions import draw_conclusions
from samenet.machine import paths
from samenet.report import notebook
from samenet.spec.study import StudyKind
from samenet.spec.task import Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class StudyResult:
    """A finished study: its numbers, what follows from them, its figure."""

    def __init__(self, folder: str | Path) -> None:
        """Open the folder of a study; raises RunFolderError if it is none."""
        self.outcome = outcome.load(Path(folder))

    @property
    def folder(self) -> Path:
        """Return where the figure and the raw data are."""
        return self.outcome.folder

    def frame(self) -> pd.DataFrame:
        """Return one tidy row per training, epoch and quantity.

        arm framework and mode · scene own, deep or fast · choice activation or loss · seed · epoch
        0 is the untrained network · split train or test · quantity loss, accuracy, rmse, mae,
        gradient, dead · layer 1 for the first, 0 for the whole network · value
        """
        return self.outcome.frame.copy()

    def conclusions(self) -> list[str]:
        """Return what the seeds show, in sentences, framework by framework."""
        arms = self.outcome.arms
        return [each.sentence for arm in arms for each in draw_conclusions(self.outcome, arm)]

    def figure(self, arm: str = "") -> Figure:
        """Return the figure of a framework, the first one unless named."""
        arms = self.outcome.arms
        if arm and arm not in arms:
            raise unknown_name("framework of this study", arm, arms)
        return figures.draw_figure(self.outcome, arm or arms[0])

    def json(self) -> dict[str, Any]:
        """Return what `samenet study --json` prints."""
        return text.to_document(self.outcome)

    def __repr__(self) -> str:
        """Return the tables that the terminal shows."""
        return "\n".join(text.to_lines(self.outcome))

    def _repr_html_(self) -> str:
        """Return tables, conclusions and figures for a notebook."""
        parts = []
        for arm in self.outcome.arms:
            parts += [notebook.table_html(*table) for table in text.text_tables(self.outcome, arm)]
            said = "".join(f"<li>{escape(sentence)}</li>" for sentence in self._said(arm))
            parts += [
                f"<ul>{said}</ul>",
                notebook.inline_drawing(self.figure(arm), f"Study: {arm}"),
            ]
        return "".join(parts)

    def _said(self, arm: str) -> list[str]:
        return [text.with_heading(each) for each in draw_conclusions(self.outcome, arm)]


def study_activations(
    task: str | Task,
    *,
    activations: Sequence[str] = (),
    frameworks: Sequence[str] = (),
    seeds: int = 0,
    out: str | Path | None = None,
    quiet: bool = False,
) -> StudyResult:
    """Train the task's network with every activation, in ten layers and at a large rate too.

    Without frameworks NumPy trains, which comes with samenet; without seeds as many as conclusions
    need. No framework is imported into this process.

    Raises UsageError for a name that does not exist.
    """
    return _studied("activations", task, activations, frameworks, seeds, out=out, quiet=quiet)


def study_losses(
    task: str | Task,
    *,
    losses: Sequence[str] = (),
    frameworks: Sequence[str] = (),
    seeds: int = 0,
    out: str | Path | None = None,
    quiet: bool = False,
) -> StudyResult:
    """Train the task's network with the loss that matches it and with others.

    Without frameworks NumPy trains, which comes with samenet; without seeds as many as conclusions
    need. No framework is imported into this process.

    Raises UsageError for a name that does not exist.
    """
    return _studied("losses", task, losses, frameworks, seeds, out=out, quiet=quiet)


def _studied(  # noqa: PLR0913 - all that a study is asked for
    kind: StudyKind,
    task: str | Task,
    choices: Sequence[str],
    frameworks: Sequence[str],
    seeds: int,
    *,
    out: str | Path | None,
    quiet: bool,
) -> StudyResult:
    plan = run.make_study(kind, task, frameworks=frameworks, choices=choices, seeds=seeds)
    folder = Path(out) if out else planner.new_folder(plan.name, paths.runs_folder())
    with watch_run(plan, quiet=quiet) as watch:
        run.carry_out(plan, folder, watch)
    return StudyResult(folder)
