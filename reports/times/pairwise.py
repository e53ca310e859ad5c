"""Who against whom: one plain word with a sign for every pair of frameworks, task by task."""

from __future__ import annotations

from collections.abc import Mapping

from samenet.analysis import control_arms, totals
from samenet.analysis.frames import Frames
from samenet.analysis.memo import remember
from samenet.report.blocks import Cell, Column, Section, Table, Text, arm_cell, missing_cell
from samenet.runs.plan import task_title
from samenet.spec import Task
from samenet.stats import pairwise, significance, verdicts
from samenet.stats.intervals import VERDICT_REPEATS_MIN, Interval
from samenet.stats.pairwise import PairTest
from samenet.stats.significance import ALPHA
from samenet.stats.verdicts import VerdictWord

ORDER = 2
HELP = (
    "Read a row against a column: “▲ faster 1.8×” means that the framework of the row needs less "
    "time for the whole training than the one of the column, which takes 1.8 times as long. ▼ is "
    "slower, = is a difference of less than {margin} by test, ? says that the repeats do not tell. "
    "In brackets: the interval of the factor. All pairs of a task are judged together, so that "
    "many comparisons do not make a difference by chance."
)
SCREENING = (
    "This run gives no words: factors and intervals only (fewer than "
    f"{VERDICT_REPEATS_MIN} repeats, or its instrument did not show that it works)."
)


def section(frames: Frames) -> Section | None:
    """Return one square table per task that has at least two comparable frameworks."""
    tasks = [task for task in frames.plan.tasks if len(_arms(frames, task)) > 1]
    if not tasks:
        return None
    worded = all(control_arms.allow_verdicts(frames, task) for task in tasks)
    help_ = HELP.format(margin=verdicts.format_percent(frames.plan.margin))
    return Section(
        id="against",
        title="Who against whom",
        summary="Every pair of frameworks: faster, slower, too close to call, or not told apart.",
        blocks=(
            Text(lines=(help_,) if worded else (help_, SCREENING)),
            *(_table(frames, task) for task in tasks),
        ),
    )


def _arms(frames: Frames, task: Task) -> list[str]:
    return [total.arm for total in totals.totals(frames, task)]


@remember
def compare_pairs(frames: Frames, task: Task) -> dict[tuple[str, str], PairTest]:
    """Return every pair of comparable arms once, whole trainings, fastest first."""
    times = {arm: frames.result(task, arm).total() for arm in _arms(frames, task)}
    found = pairwise.compare_pairs(times, pairwise.all_pairs(times), frames.plan.margin)
    return {(pair.arm, pair.against): pair for pair in found}


def equivalent_pairs(found: Mapping[tuple[str, str], PairTest]) -> set[tuple[str, str]]:
    """Return the pairs whose difference is within the margin by test, adjusted for all of them."""
    adjusted = significance.adjust_by_holm([pair.tie_p for pair in found.values()]).tolist()
    return {key for key, p in zip(found, adjusted, strict=True) if p <= ALPHA}


def _table(frames: Frames, task: Task) -> Table:
    arms, pairs_of_task = _arms(frames, task), compare_pairs(frames, task)
    words = _words(frames, task, pairs_of_task) if control_arms.allow_verdicts(frames, task) else {}
    heads = (Column(title=f"against {frames.title(arm)}", numeric=False) for arm in arms)
    return Table(
        title=f"{task_title(frames.plan, task.name)}: whole training, row against column",
        columns=(Column(title="Framework", numeric=False), *heads),
        rows=tuple(
            (
                arm_cell(frames, arm),
                *(_cell(pairs_of_task, words, arm, opponent) for opponent in arms),
            )
            for arm in arms
        ),
        task=task.name,
    )


def _words(
    frames: Frames, task: Task, pairs_of_task: Mapping[tuple[str, str], PairTest]
) -> dict[tuple[str, str], VerdictWord]:
    """Return the word of each ordered pair; for pairs with the first choice, the leaderboard's."""
    close = equivalent_pairs(pairs_of_task)
    words: dict[tuple[str, str], VerdictWord] = {}
    for (arm, opponent), pair in pairs_of_task.items():
        words[arm, opponent] = _word(pair, close=(arm, opponent) in close)
        words[opponent, arm] = TURNED.get(words[arm, opponent], words[arm, opponent])
    for total in totals.totals(frames, task):
        judged = total.verdict
        if judged is None or judged.word in {None, VerdictWord.NOT_COMPARED}:
            continue
        if (judged.arm, judged.against) in words:
            words[judged.arm, judged.against] = judged.word
            words[judged.against, judged.arm] = TURNED.get(judged.word, judged.word)
    return words


TURNED = {VerdictWord.FASTER: VerdictWord.SLOWER, VerdictWord.SLOWER: VerdictWord.FASTER}


def _word(pair: PairTest, *, close: bool) -> VerdictWord:
    """Return the word for the first arm of a pair."""
    if close:
        return VerdictWord.CLOSE
    if len(pair.logs) < VERDICT_REPEATS_MIN or not (pair.faster or pair.slower):
        return VerdictWord.UNKNOWN
    return VerdictWord.FASTER if pair.faster else VerdictWord.SLOWER


def _cell(
    pairs_of_task: Mapping[tuple[str, str], PairTest],
    words: Mapping[tuple[str, str], VerdictWord],
    arm: str,
    opponent: str,
) -> Cell:
    if arm == opponent:
        return missing_cell("·")
    pair = pairs_of_task.get((arm, opponent)) or pairs_of_task[opponent, arm]
    if not pair.logs:
        return missing_cell("no common repeat")
    ratio = pair.ratio if pair.arm == arm else pair.ratio.inverse
    return _said(words.get((arm, opponent)), ratio)


def _said(word: VerdictWord | None, ratio: Interval) -> Cell:
    """Return a cell: a factor above 1 where a word gives the direction, else the ratio of times."""
    shown = ratio.inverse if word is VerdictWord.FASTER else ratio
    span = f"[{shown.low:.3g}, {shown.high:.3g}]" if shown.known else ""
    factor = f"{shown.value:.3g}×"
    if word is None:
        return Cell(text=f"{factor} the time", value=ratio.value, below=(span,) if span else ())
    text = verdicts.with_symbol(word)
    if word in TURNED:
        return Cell(text=f"{text} {factor}", value=ratio.value, below=(span,))
    return Cell(text=text, value=ratio.value, below=(f"{factor} {span}".strip(),))
