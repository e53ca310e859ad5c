"""From Python: `samenet.run(X, y)` measures, `samenet.load(folder)` reads; both give a Result."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from samenet._console import print_text
from samenet.adapter.api import Precision, Target
from samenet.advice import recommend
from samenet.analysis import frames
from samenet.analysis.frames import Frames
from samenet.errors import UsageError, unknown_name
from samenet.execution import planner, session
from samenet.execution.live_table import watch_run
from samenet.machine import paths
from samenet.machine.devices import parse_device
from samenet.report import result
from samenet.runs.folder import PARTS, Store
from samenet.runs.plan import Plan, ProfileName, TrackName
from samenet.spec import kind_guess, task_defaults
from samenet.spec.csv_task import target_columns
from samenet.spec.network import TaskKind
from samenet.spec.parsing import parse
from samenet.spec.task import Task

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class Result:
    """A finished run: the same records that the page is made of."""

    def __init__(self, folder: Path) -> None:
        """Open a run folder; raises RunFolderError if it is not one."""
        self.folder = folder
        self.frames: Frames = frames.load(folder)

    @property
    def page(self) -> Path:
        """Return the path of the HTML page."""
        return self.folder / "report.html"

    def frame(self) -> pd.DataFrame:
        """Return one tidy row per task, framework, repeat and quantity.

        task · arm framework and mode · repeat counts processes from 0 · quantity step, epoch,
        start_up and its phases, call_fixed, own_fit · seconds
        """
        return self.frames.times.copy()

    def scores(self) -> pd.DataFrame:
        """Return one tidy row per task, framework, repeat, part of the data, metric and epoch.

        track same, quickstart or reference · task · arm framework and mode · repeat or seed ·
        split train or test · metric · epoch 0 is the untrained network · value
        """
        return self.frames.scores.copy()

    def figure(self, name: str = "hero") -> Figure:
        """Return a figure of the page by its name; raises UsageError for an unknown one."""
        from samenet.report import page as report_page

        return report_page.draw_figure(self.frames, name)

    def advice(self) -> list[str]:
        """Return the recommendation of each task in plain words."""
        return [item.sentence for item in recommend.advise(self.frames)]

    def json(self) -> dict[str, Any]:
        """Return what `samenet run --json` prints."""
        return result.to_document(self.frames)

    def __repr__(self) -> str:
        """Return the table that the terminal shows."""
        return "\n".join(result.to_lines(self.frames))

    def _repr_html_(self) -> str:
        """Return the tables, the advice and the first figure, for a notebook."""
        from samenet.report import notebook, svg
        from samenet.report import page as report

        pictures = report.compose(self.frames).figures
        first = svg.draw(pictures[0], narrow=False) if pictures else None
        return notebook.run_html(self.frames, first, str(self.page))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How the network is trained on a person's own arrays."""

    hidden: tuple[int, ...] = task_defaults.HIDDEN
    epochs: int = task_defaults.EPOCHS
    batch_size: int | None = None
    """None is 64, or a quarter of the training rows if there are fewer than 342 rows in all."""
    learning_rate: float = task_defaults.LEARNING_RATE


def run(  # noqa: PLR0913 - each is one choice of the caller
    inputs: Any,
    targets: Any,
    *,
    kind: str | None = None,
    training: Training | None = None,
    frameworks: tuple[str, ...] = (),
    profile: ProfileName = "quick",
    repeats: int | None = None,
    track: TrackName = "both",
    device: str = "cpu",
    precision: Precision = "strict-float32",
    threads: int = 1,
    name: str = "own-data",
    out: str | Path | None = None,
    quiet: bool = False,
) -> Result:
    """Measure the frameworks on a person's own arrays and return the Result.

    `inputs` is (rows, features), `targets` (rows,), or (rows, outputs) to predict several numbers
    at once; both may be NumPy or pandas. `kind` is "binary", "multiclass" or "regression", guessed
    from the targets if left out, which is said. `device` is "cpu", "cuda" or "cuda:1". No framework
    is imported into this process. Raises UsageError for data or names that do not fit, RefusedError
    if nothing can be measured on that device.
    """
    wanted = {**parse_device(device), "threads": threads, "precision": precision}
    target = parse(Target, wanted, where="samenet.run")
    numbers, values = _numbers(inputs), _targets(targets)
    if len(numbers) != len(values):
        raise UsageError(f"There are {len(numbers)} rows of inputs and {len(values)} of targets.")
    columns = _columns(targets, values)
    task_kind = _kind(kind) if kind else _guessed(columns, quiet=quiet)
    _one_target_for_classes(task_kind, values)
    folder = Path(out) if out else planner.new_folder(name, paths.runs_folder())
    path = (folder / "data" / "given.npz").absolute()
    task = _task(name, task_kind, path, training or Training(), rows=len(columns))
    request = planner.Request(
        own=(task,),
        frameworks=frameworks,
        profile=profile,
        repeats=repeats,
        track=track,
        target=target,
        name=name,
    )
    plan = planner.make_plan(request)
    planner.refuse_empty_plan(plan)
    is_ours = not folder.exists()
    Store(folder).create()
    try:
        np.savez(path, inputs=numbers, targets=values)
        return _measure(plan, folder, quiet=quiet)
    except BaseException:
        if not (folder / "plan.json").exists():  # refused before anything was measured
            _take_back(folder, path, is_ours=is_ours)
        raise


def _take_back(folder: Path, given: Path, *, is_ours: bool) -> None:
    """Remove what a refused run has made, and nothing else: the folder may be somebody's own."""
    given.unlink(missing_ok=True)
    for place in (*(folder / part for part in PARTS), *[folder] * is_ours):
        with suppress(OSError):  # what is not empty holds something of another's
            place.rmdir()


def _measure(plan: Plan, folder: Path, *, quiet: bool) -> Result:
    """Carry out a plan in a folder that is made and return its Result, page included."""
    from samenet.report.page import finish_run

    with watch_run(plan, quiet=quiet) as watch:
        session.start_run(plan, folder, watch, is_made=True)
    finish_run(folder)
    return Result(folder)


def load(folder: str | Path) -> Result:
    """Open an earlier run; raises RunFolderError if the folder is not one."""
    return Result(Path(folder))


def _kind(name: str) -> TaskKind:
    if name not in list(TaskKind):
        raise unknown_name("kind", name, list(TaskKind))
    return TaskKind(name)


def _guessed(columns: pd.DataFrame, *, quiet: bool) -> TaskKind:
    kind, reason = kind_guess.guess_kind(columns)
    if not quiet:
        print_text(f"{reason} (kind= overrides this)", err=True)
    return kind


def _columns(given: Any, values: Any) -> pd.DataFrame:
    """Return the targets as a table has them: a column each, without the rows that lack one.

    What pandas knows of a vector is kept: its name, and whether it is categorical.
    """
    import pandas as pd

    if isinstance(given, pd.DataFrame) and len(given.columns) == 1:
        given = given.iloc[:, 0]
    frame = pd.DataFrame(values.reshape(len(values), -1))
    if values.ndim == 1:
        names = [str(getattr(given, "name", None) or "the target")]
    elif isinstance(given, pd.DataFrame) and given.columns.is_unique:
        names = [str(name) for name in given]
    else:
        names = [f"target {place}" for place in range(1, values.shape[1] + 1)]
    frame.columns = pd.Index(names)
    if isinstance(getattr(given, "dtype", None), pd.CategoricalDtype):
        frame = frame.astype("category")
    return target_columns(frame, names, "samenet.run")


def _one_target_for_classes(kind: TaskKind, targets: Any) -> None:
    if targets.ndim == 2 and kind is not TaskKind.REGRESSION:
        raise UsageError(
            f"The targets have the shape {targets.shape}; a {kind} task has one target: (rows,)."
        )


def _targets(targets: Any) -> Any:
    """Return (rows,) or (rows, outputs) of one type that a file can hold without pickling."""
    array = np.asarray(targets)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim not in (1, 2) or array.size == 0:
        raise UsageError(
            f"The targets must be (rows,) or (rows, outputs), got the shape {array.shape}."
        )
    return _plain(array) if array.dtype == object else array


def _plain(array: Any) -> Any:
    """Return an array of objects, which is how pandas hands over texts, as texts or numbers."""
    import pandas as pd

    if not any(isinstance(value, str) for value in array.ravel()):
        return pd.to_numeric(array.ravel(), errors="coerce").astype(np.float64).reshape(array.shape)
    lacking = np.flatnonzero(pd.isna(array))
    if len(lacking):
        raise UsageError(
            f"The targets are texts, and row {lacking[0] + 1} has none: leave such rows out."
        )
    return array.astype(str)


def _numbers(inputs: Any) -> Any:
    try:
        array = np.asarray(inputs, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(
            "The inputs hold something that is no number; encode it first, or use "
            "`samenet run --data FILE.csv`, which handles texts and dates."
        ) from None
    if array.ndim != 2:
        raise UsageError(f"The inputs must be (rows, features), got the shape {array.shape}.")
    return array


def _task(name: str, kind: TaskKind, path: Path, training: Training, *, rows: int) -> Task:
    batch = training.batch_size
    return task_defaults.make_task(
        name,
        kind,
        {"source": f"arrays:{path.as_posix()}"},
        batch_size=task_defaults.default_batch_size(rows) if batch is None else batch,
        hidden=training.hidden,
        epochs=training.epochs,
        learning_rate=training.learning_rate,
        where="samenet.run",
    )
