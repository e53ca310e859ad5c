"""First examples that have learnt nothing: no better than an answer that looks at no inputs.

That answer is the most frequent class of the training rows, or their mean; the worker that trains
an example scores it on the same test rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from samenet.analysis.frames import Frames
from samenet.report.blocks import framework_of
from samenet.runs import adapter_source
from samenet.spec import Task, TaskKind
from samenet.spec.metrics import main_metric

METRIC = "guess"
"""Under which the records of quick starts hold the main score of that answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """The mean test score of an example over its seeds, and that of the answer without inputs."""

    arm: str
    score: float
    guess: float

    def learnt(self, task: Task) -> bool:
        """Return whether the example is better."""
        if main_metric(task.kind).higher_is_better:
            return self.score > self.guess
        return self.score < self.guess


def guesses(frames: Frames, task: Task) -> list[Guess]:
    """Return both scores of each example; a run from before they were recorded has none."""
    rows = frames.scores
    rows = rows[(rows.track == "quickstart") & (rows.task == task.name)]
    found = []
    for arm in rows.arm.unique():
        guess = rows[(rows.arm == arm) & (rows.metric == METRIC)].value
        own = frames.result(task, arm, "quickstart").score(main_metric(task.kind).name)
        if own is not None and len(guess):
            found.append(Guess(arm=arm, score=own, guess=float(guess.iloc[0])))
    return found


def sentences(frames: Frames, task: Task) -> list[str]:
    """Return one sentence per example that has learnt nothing, with the reason."""
    metric = main_metric(task.kind)
    answer = "their mean" if task.kind == TaskKind.REGRESSION else "the most frequent class"
    return [
        f"{framework_of(frames, each.arm)}’s first example learns nothing here: test "
        f"{metric.in_sentence} {each.score:.3g}, and {each.guess:.3g} for always answering "
        f"{answer} of the training rows{_reason(frames, each.arm, task)}."
        for each in guesses(frames, task)
        if not each.learnt(task)
    ]


def _reason(frames: Frames, arm: str, task: Task) -> str:
    page = adapter_source.quote_pages(frames.plan.arm(arm), task.example, frames.sources)
    if "updates" not in page:
        return "; its page’s settings were made for other data"
    return (
        f"; its page’s settings ({page.get('optimizer', 'optimiser')}; "
        f"{int(page['updates']):,} updates) were made for other data"
    )
