"""The frameworks' own first examples: what they reach, how fast, and why they differ."""

from __future__ import annotations

from statistics import median

import pandas as pd
from matplotlib.axes import Axes

from samenet._text import count_noun
from samenet.analysis.frames import Frames
from samenet.report import guessing, plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    Text,
    columns,
    framework_cell,
    framework_of,
    missing_cell,
    quick_start_of,
    task_cell,
)
from samenet.runs import adapter_source
from samenet.runs.plan import task_title
from samenet.spec import Task, summary
from samenet.spec.metrics import main_metric
from samenet.stats import formatting

ORDER = 1
ASPECTS = {
    "training": "Training on the page",
    "optimizer": "Optimiser",
    "initializer": "Initial weights",
    "shuffling": "Shuffling",
    "loss": "Loss",
    "reported": "Loss it reports",
}


def section(frames: Frames) -> Section | None:
    """Return scores, times and settings of the quick starts."""
    tasks = [task for task in frames.plan.tasks if not final(frames, task).empty]
    failed = frames.failures[frames.failures.track == "quickstart"]
    if not tasks and failed.empty:
        return None
    figure = (_figure(frames, tasks),) if tasks else ()
    return Section(
        id="quick-start",
        title="Quick start",
        summary="What each framework’s documented first example reaches, and why they differ.",
        blocks=(
            Text(lines=_lines(frames)),
            *figure,
            *(_table(frames, task) for task in tasks),
            *_settings(frames),
        ),
    )


def _lines(frames: Frames) -> tuple[str, ...]:
    without = [arm.header.title for arm in frames.plan.arms if not arm.header.quickstart]
    lines = [
        (
            "The code follows the page on which each framework’s own site starts beginners (of "
            "scikit-learn the first example of the reference page, for a regression in TensorFlow "
            "its regression tutorial), with our data and layers; everything else is the page’s "
            "choice, the batch size and the number of updates too, and was made for another data "
            "set. Where a framework has no page for a kind of task, its first page is followed "
            "with the loss of the kind. TensorFlow’s page uses Keras, JAX’s uses Flax and Optax. "
            "These results say what a beginner gets, not how fast a framework is: the examples "
            "train for as long as their pages do. Time is that of building, compiling and training "
            "in one call, without the "
            f"framework’s import; {_first_model(frames)}"
        )
    ]
    lines += [
        f"{name} has no quick start: it has no trainer to document."
        for name in dict.fromkeys(without)
    ]
    lines += [text for task in frames.plan.tasks for text in guessing.sentences(frames, task)]
    rows = frames.failures[frames.failures.track == "quickstart"]
    pairs = dict.fromkeys(zip(rows.task, rows.arm, rows["mark"], rows.reason, strict=True))
    for task, arm, mark, reason in pairs:
        lines.append(
            f"{framework_of(frames, arm)} on {task_title(frames.plan, task)}: {mark}: {reason}"
        )
    return tuple(lines)


def _first_model(frames: Frames) -> str:
    """Say whose time holds what a framework loads with its first model of a process."""
    together = any(job.kind.one_per == "seed" and len(job.tasks) > 1 for job in frames.plan.jobs)
    if together:  # a run from before each training had a process of its own
        return "what its first model loads on top is in the task that came first in its process."
    return "what its first model loads on top is in it, for each training has a fresh process."


def final(frames: Frames, task: Task) -> pd.DataFrame:
    """Return the task's first score after the last epoch: arm, repeat, split, value."""
    rows = frames.scores
    rows = rows[(rows.track == "quickstart") & (rows.task == task.name)]
    rows = rows[rows.metric == main_metric(task.kind).name]
    last = rows.groupby(["arm", "repeat", "split"]).epoch.transform("max")
    return rows[rows.epoch == last]


def _arms(frames: Frames, task: Task) -> list[str]:
    return final(frames, task).arm.unique().tolist()


def _metric(task: Task) -> str:
    return main_metric(task.kind).words


def _figure(frames: Frames, tasks: list[Task]) -> Figure:
    return Figure(
        name="quick-start",
        title="Test score of the first examples, one mark per training",
        help=(f"{_meaning(frames)}; the settings in the table below say why frameworks differ."),
        draw=plotting.row_panels(frames, tasks, _arms, strip),
        table=_marks(frames, tasks),
    )


def _meaning(frames: Frames) -> str:
    """Say what the marks tell; one training each says nothing of luck."""
    if frames.plan.seeds == 1:
        return "Each mark is the only training of its framework: how far luck moves it is not known"
    return (
        "Each mark is one training with another seed, the upright line their mean. Marks far apart "
        "mean that luck decides"
    )


def strip(frames: Frames, axes: Axes, task: Task, most: int) -> None:
    """Draw the test score of each training of the examples, a row per framework, with its mean."""
    rows = final(frames, task)
    rows = rows[rows.split == "test"]
    arms = rows.arm.unique().tolist()
    for row, arm in enumerate(arms):
        values = rows[rows.arm == arm].value.tolist()
        look = plotting.style_of(frames, arm)
        mean = sum(values) / len(values)
        marks = axes.plot([mean, mean], [row - 0.26, row + 0.26], color=plotting.INK, linewidth=1.4)
        marks += axes.plot(
            values, [row] * len(values), look.marker, color=look.color, markersize=7, alpha=0.75
        )
        plotting.mark_subject(marks, quick_start_of(arm, task.name))
    subjects = [quick_start_of(arm, task.name) for arm in arms]
    plotting.name_rows(axes, [framework_of(frames, arm) for arm in arms], most, subjects)
    axes.margins(x=0.12)
    axes.set_xlabel(f"test {_metric(task)}")


def _marks(frames: Frames, tasks: list[Task]) -> Table:
    return Table(
        title="Test scores",
        columns=columns("Task", "Seed", "Test score"),
        rows=tuple(row for task in tasks for row in _mark_rows(frames, task)),
        folded=True,
    )


def _mark_rows(frames: Frames, task: Task) -> list[tuple[Cell, ...]]:
    rows = final(frames, task)
    rows = rows[rows.split == "test"]
    return [
        (
            framework_cell(frames, arm),
            task_cell(frames, task.name),
            Cell(text=str(seed), value=float(seed)),
            Cell(text=f"{value:.4g}", value=float(value)),
        )
        for arm, seed, value in zip(rows.arm, rows.repeat, rows.value, strict=True)
    ]


def _table(frames: Frames, task: Task) -> Table:
    metric = _metric(task)
    return Table(
        task=task.name,
        title=f"{task_title(frames.plan, task.name)}: first examples",
        columns=columns(
            f"Test {metric}",
            "Same network",
            "Spread over seeds",
            "Without inputs",
            f"Training {metric}",
            "Time of one call",
            "Fastest and slowest",
        ),
        rows=tuple(_row(frames, task, arm) for arm in final(frames, task).arm.unique()),
    )


def _row(frames: Frames, task: Task, arm: str) -> tuple[Cell, ...]:
    rows = final(frames, task)
    rows = rows[rows.arm == arm]
    test, train = (rows[rows.split == split].value.tolist() for split in ("test", "train"))
    samples = frames.samples
    samples = samples[(samples.track == "quickstart") & (samples.task == task.name)]
    seconds = samples[samples.arm == arm].seconds.tolist()
    return (
        framework_cell(frames, arm),
        _mean(test),
        _mean(_same_network(frames, task)),
        _range(test, "{:.4g}".format),
        _guess(frames, task, arm),
        _mean(train),
        Cell(text=formatting.format_seconds(median(seconds)), value=median(seconds))
        if seconds
        else missing_cell(),
        _range(seconds, formatting.format_seconds),
    )


def _same_network(frames: Frames, task: Task) -> list[float]:
    """Return all frameworks' test scores of the same network after its last epoch."""
    rows = frames.scores
    rows = rows[(rows.track == "same") & (rows.task == task.name) & (rows.split == "test")]
    rows = rows[(rows.metric == main_metric(task.kind).name) & rows.arm.isin(frames.compared(task))]
    values: list[float] = rows[rows.epoch == rows.epoch.max()].value.tolist()
    return values


def _guess(frames: Frames, task: Task, arm: str) -> Cell:
    """Return the score of the best answer that looks at no inputs, marked if nothing is better."""
    for each in guessing.guesses(frames, task):
        if each.arm == arm:
            mark = () if each.learnt(task) else ("learns nothing",)
            return Cell(text=f"{each.guess:.4g}", value=each.guess, below=mark)
    return missing_cell()


def _mean(values: list[float]) -> Cell:
    if not values:
        return missing_cell()
    mean = sum(values) / len(values)
    return Cell(text=f"{mean:.4g}", value=mean)


def _range(values: list[float], text: object) -> Cell:
    if len(values) < 2 or not callable(text):
        return missing_cell()
    low, high = min(values), max(values)
    return Cell(text=f"{text(low)} … {text(high)}", value=high - low, quiet=True)


def _settings(frames: Frames) -> list[Table]:
    """Return, per kind of example, a table of what the pages that were followed prescribe."""
    tables = []
    for kind in dict.fromkeys(task.example for task in frames.plan.tasks):
        settings_of = {
            arm.name: adapter_source.quote_pages(arm, kind, frames.sources)
            for arm in frames.plan.arms
        }
        settings_of = {arm: settings for arm, settings in settings_of.items() if settings}
        tables += [_settings_table(frames, kind, settings_of)] if settings_of else []
    return tables


def _settings_table(frames: Frames, kind: str, settings_of: dict[str, dict[str, str]]) -> Table:
    """Return one column per framework and one row per setting."""
    heads = [Column(title="Setting", numeric=False)]
    heads += [Column(title=framework_of(frames, arm), numeric=False) for arm in settings_of]
    heads += [Column(title="Same network", numeric=False, help="what all of them do there")]
    same = _same_settings([task for task in frames.plan.tasks if task.example == kind])
    rows = [
        (
            Cell(text=title),
            *(Cell(text=settings.get(aspect, "–")) for settings in settings_of.values()),
            Cell(text=same[aspect]),
        )
        for aspect, title in ASPECTS.items()
        if any(aspect in settings for settings in settings_of.values())
    ]
    return Table(
        title=f"Why they differ: settings of the {kind} examples",
        columns=tuple(heads),
        rows=(
            (Cell(text="Page followed"), *map(_page, settings_of.values()), Cell(text="–")),
            *rows,
        ),
        quoted=True,
    )


def _same_settings(tasks: list[Task]) -> dict[str, str]:
    """Return what the tasks of a kind prescribe for every framework, by aspect."""
    texts_of = {
        "training": (
            f"{count_noun(task.training.epochs, 'epoch')}, batches of {task.training.batch_size}"
            for task in tasks
        ),
        "optimizer": (
            summary.describe_optimizer(task) + summary.describe_schedule(task) for task in tasks
        ),
        "initializer": map(summary.describe_initializer, tasks),
        "shuffling": ("every epoch, one order of rows for all" for _ in tasks),
        "loss": map(summary.describe_loss, tasks),
        "reported": ("mean over all rows after the epoch, computed once for all" for _ in tasks),
    }
    return {aspect: "; or ".join(dict.fromkeys(texts)) for aspect, texts in texts_of.items()}


def _page(settings: dict[str, str]) -> Cell:
    page = settings.get("page", "")
    return Cell(text=shorten_address(page), link=page, below=(f"read {settings.get('read', '–')}",))


def shorten_address(page: str) -> str:
    """Return an address as a readable link text: host and last part."""
    parts = page.partition("://")[2].split("/")
    return f"{parts[0]} … {parts[-1]}" if len(parts) > 2 else page
