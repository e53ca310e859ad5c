"""What more threads bring, from runs on one machine that differ in their number of threads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.lines import Line2D

from samenet._text import count_noun
from samenet.analysis import fingerprint
from samenet.analysis.quantities import Quantity
from samenet.report import multi_run, plotting
from samenet.report.blocks import (
    Cell,
    Column,
    Figure,
    Section,
    Table,
    arm_cell,
    missing_cell,
    seconds_cell,
    subject_of,
    task_cell,
)
from samenet.report.multi_run import Run
from samenet.report.plotting import Legend
from samenet.spec import Task
from samenet.stats import formatting
from samenet.stats.intervals import Interval

ORDER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """The step time of one arm on one task, by number of threads."""

    arm: str
    seconds: dict[int, Interval]

    @property
    def fewest(self) -> int:
        """Return the smallest number of threads that was measured."""
        return min(self.seconds)

    def gain(self, threads: int) -> float:
        """Return how many times as fast a step is as with the fewest threads."""
        return self.seconds[self.fewest].value / self.seconds[threads].value

    def used(self, threads: int) -> float:
        """Return the parallel efficiency: the gain per ratio of thread counts, ideally 1."""
        return self.gain(threads) * self.fewest / threads


def section_of_runs(runs: Sequence[Run]) -> Section | None:
    """Return how a step scales with threads, from runs that differ in nothing else that matters."""
    group = _alike(runs)
    tasks = [task for task in multi_run.tasks_of_runs(group) if scalings(group, task)]
    if not tasks:
        return None
    return Section(
        id="threads",
        title="What more threads bring",
        summary="How many times as fast a step is with more threads, on the same machine.",
        blocks=(_figure(group, tasks), _table(group, tasks)),
        top=True,
    )


def _alike(runs: Sequence[Run]) -> list[Run]:
    """Return the largest set of runs that differ in threads alone, one per number of threads.

    They share machine, device and precision, caches, and the versions of what every framework uses.
    """
    groups: dict[tuple[object, ...], dict[int, Run]] = defaultdict(dict)
    for run in runs:
        mark = fingerprint.fingerprint(run.frames)
        target = run.frames.plan.target
        machine = {name: value for name, value in mark["machine"].items() if name != "cores"}
        shared = [mark["versions"].get(name) for name in ("samenet", "python", "matrix_library")]
        key = (
            *(str(machine), target.device, str(target.numbers)),
            *(run.frames.plan.cache, *map(str, shared)),
        )
        groups[key].setdefault(target.threads, run)
    largest = max(groups.values(), key=len)
    return [largest[threads] for threads in sorted(largest)] if len(largest) > 1 else []


def scalings(runs: Sequence[Run], task: Task) -> list[Scaling]:
    """Return the arms that were measured with at least two numbers of threads on a task.

    An arm whose packages differ between two runs is compared with neither: what they gain is not
    what threads gain.
    """
    marks = [fingerprint.fingerprint(run.frames)["tasks"].get(task.name) for run in runs]
    same = [run for run, mark in zip(runs, marks, strict=True) if mark == marks[0]]
    seconds_of: dict[str, dict[int, Interval]] = defaultdict(dict)
    versions_of: dict[str, set[str]] = defaultdict(set)
    for run in same:
        for arm, seconds in multi_run.seconds_of_arms(run, task.name, Quantity.STEP).items():
            seconds_of[arm][run.frames.plan.target.threads] = seconds
            versions_of[arm].add(str(sorted(run.frames.plan.arm(arm).versions.items())))
    return [
        Scaling(arm=arm, seconds=by_threads)
        for arm, by_threads in seconds_of.items()
        if len(by_threads) > 1 and len(versions_of[arm]) == 1
    ]


def _figure(runs: Sequence[Run], tasks: list[Task]) -> Figure:
    return Figure(
        name="threads",
        title="How many times as fast a step is as with the fewest threads",
        help=(
            "Higher is better. The dashed line is the ideal: twice the threads, twice as fast. A "
            "line below 1 says that more threads make it slower, as they do where a step is too "
            "small to be shared. These gains have no intervals: each is a ratio of two runs, and "
            "what differs between two sessions of a machine is in it."
        ),
        draw=_draw(runs, tasks),
        table=_numbers(runs, tasks),
    )


def _draw(runs: Sequence[Run], tasks: list[Task]) -> Callable[[bool], Drawing]:
    def legend() -> Legend:
        arms = list(dict.fromkeys(line.arm for task in tasks for line in scalings(runs, task)))
        looks = [plotting.style_of(_run_of(runs, arm).frames, arm) for arm in arms]
        handles = [Line2D([], [], color=look.color, marker=look.marker) for look in looks]
        ideal = Line2D([], [], color=plotting.INK, linewidth=1, linestyle=(0, (4, 3)))
        return Legend(
            handles=[*handles, ideal],
            names=[*(_run_of(runs, arm).frames.title(arm) for arm in arms), "ideal"],
            subjects=[subject_of(arm) for arm in arms],
        )

    return plotting.task_panels(
        runs[0].frames, tasks, partial(_lines, runs), height=2.6, legend=legend
    )


def _run_of(runs: Sequence[Run], arm: str) -> Run:
    return next(run for run in runs if arm in {each.name for each in run.frames.plan.arms})


def _lines(runs: Sequence[Run], axes: Axes, task: Task) -> None:
    counts = [run.frames.plan.target.threads for run in runs]
    axes.plot(
        counts,
        [count / counts[0] for count in counts],
        color=plotting.INK,
        linewidth=1,
        linestyle=(0, (4, 3)),
    )
    for scaling in scalings(runs, task):
        frames = _run_of(runs, scaling.arm).frames
        look = plotting.style_of(frames, scaling.arm)
        threads = sorted(scaling.seconds)
        line = axes.plot(
            threads,
            [scaling.gain(count) for count in threads],
            color=look.color,
            marker=look.marker,
            markersize=6,
            linewidth=1.8,
        )
        plotting.mark_subject(line, subject_of(scaling.arm, task.name))
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("threads")
    axes.set_ylabel("times as fast")


def _table(runs: Sequence[Run], tasks: list[Task]) -> Table:
    counts = [run.frames.plan.target.threads for run in runs]
    heads = [count_noun(count, "thread") for count in counts]
    return Table(
        title="A step by number of threads",
        columns=(
            Column(title="Framework", numeric=False),
            Column(title="Task", numeric=False),
            *(Column(title=head) for head in heads),
        ),
        rows=tuple(
            (
                arm_cell(_run_of(runs, scaling.arm).frames, scaling.arm),
                task_cell(runs[0].frames, task.name),
                *(_cell(scaling, count) for count in counts),
            )
            for task in tasks
            for scaling in scalings(runs, task)
        ),
        notes=(
            "Below a time: how many times as fast, and the share of the threads this makes use of.",
        ),
    )


def _cell(scaling: Scaling, count: int) -> Cell:
    if count not in scaling.seconds:
        return missing_cell()
    cell = seconds_cell(scaling.seconds[count].value)
    if count == scaling.fewest:
        return cell
    below = (
        f"{formatting.format_digits(scaling.gain(count), 2)}×, {100 * scaling.used(count):.0f} %"
    )
    return Cell(text=cell.text, value=cell.value, below=(below,))


def _numbers(runs: Sequence[Run], tasks: list[Task]) -> Table:
    heads = ("Framework", "Task", "Threads", "Seconds of a step", "Times as fast")
    return Table(
        title="Gain by number of threads",
        columns=tuple(Column(title=head, numeric=number > 1) for number, head in enumerate(heads)),
        rows=tuple(
            (
                arm_cell(_run_of(runs, scaling.arm).frames, scaling.arm),
                task_cell(runs[0].frames, task.name),
                Cell(text=str(count), value=count),
                Cell(text=f"{seconds.value:.3g}", value=seconds.value),
                Cell(text=f"{scaling.gain(count):.2f}", value=scaling.gain(count)),
            )
            for task in tasks
            for scaling in scalings(runs, task)
            for count, seconds in sorted(scaling.seconds.items())
        ),
        folded=True,
    )
