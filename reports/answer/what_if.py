"""What to use for longer trainings, for predicting, or when a requirement must be met."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from samenet._text import join_names
from samenet.adapter import Offer
from samenet.advice import recommend
from samenet.advice.needs import Wishes
from samenet.advice.recommend import Advice
from samenet.analysis.frames import Frames
from samenet.report.blocks import Cell, Column, Section, Table, missing_cell
from samenet.report.summary import choice_text
from samenet.runs.plan import task_title
from samenet.spec import Task

ORDER = 4
TIMES = (10, 100)
"""So many times as many epochs as the task has."""

NEEDS: dict[Offer, str] = {
    "gpu": "It must be able to use a GPU",
    "autodiff": "It must differentiate functions of your own",
    "sklearn-api": "It must have scikit-learn’s interface",
    "export": "Trained models must run without it",
}
NOTE = (
    "The same by hand, with more to ask for: samenet advise RUN --epochs, --time-limit, "
    "--max-install-mb, --max-import-seconds, --serve, --need."
)


def section(frames: Frames) -> Section | None:
    """Return what to use under other conditions, task by task."""
    tables = [_table(frames, task) for task in frames.plan.tasks]
    filled = tuple(table for table in tables if table.rows)
    if not filled:
        return None
    return Section(
        id="advice",
        title="What to use if …",
        summary="Longer trainings, predicting, and what a framework must have.",
        blocks=filled,
    )


def _table(frames: Frames, task: Task) -> Table:
    return Table(
        title=f"What to use on {task_title(frames.plan, task.name)}",
        columns=tuple(
            Column(title=head, numeric=False) for head in ("If", "Use", "It takes", "Left out")
        ),
        rows=tuple(_rows(frames, task)),
        notes=(NOTE,),
    )


def _rows(frames: Frames, task: Task) -> Iterator[tuple[Cell, ...]]:
    for question, wishes in _questions(frames, task):
        advice = recommend.recommend(frames, task, wishes)
        if advice is not None:
            unmeasured = "gpu" in wishes.needs and frames.plan.target.device == "cpu"
            yield _row(frames, question, advice, unmeasured=unmeasured)


def _questions(frames: Frames, task: Task) -> Iterator[tuple[str, Wishes]]:
    epochs = task.training.epochs
    for times in TIMES:
        yield f"The training is {times} times as long", Wishes(epochs=times * epochs)
    predicting = frames.samples[frames.samples.track == "inference"]
    if task.name in set(predicting.task):  # a screening times the first task alone
        yield "One row is predicted at a time", Wishes(serve="latency")
        yield "Many rows are predicted at once", Wishes(serve="throughput")
    for need in get_args(Offer):
        yield NEEDS[need], Wishes(needs=(need,))


def _row(frames: Frames, question: str, advice: Advice, *, unmeasured: bool) -> tuple[Cell, ...]:
    """Return the row of a question; where a CPU was measured, all that can use a GPU are named."""
    if not advice.choice:
        choice = "none of these"
    elif unmeasured:
        choice = join_names((frames.title(arm) for arm in advice.numbers), last="or")
    else:
        choice = choice_text(frames, advice)
    takes = missing_cell("not measured on a GPU here") if unmeasured else _takes(frames, advice)
    left = join_names((frames.title(arm) for arm in advice.left_out), last="and")
    return (
        Cell(text=question),
        Cell(text=choice),
        takes,
        Cell(text=left) if left else missing_cell("nobody"),
    )


def _takes(frames: Frames, advice: Advice) -> Cell:
    """Return the number of every choice as the sentence prints it; of several, with their names."""
    texts = {
        piece.arms[0]: f"{piece.shown}{UNITS[piece.kind]}"
        for piece in advice.said[0].evidence
        if piece.kind in UNITS
    }
    if not texts or not advice.choice:
        return missing_cell()
    named = [f"{frames.title(arm)} {text}" for arm, text in texts.items()]
    return Cell(
        text="; ".join(named if len(texts) > 1 else texts.values()),
        value=advice.numbers[advice.choice[0]],
    )


UNITS = {"time": "", "rows per second": " rows a second"}
