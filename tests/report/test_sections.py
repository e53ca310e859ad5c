"""The sections of the page as functions of a run: what they say, and that pictures are whole."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from report_fixture import hostile, made

from samenet.adapter.discovery import shipped_adapters
from samenet.analysis import totals as analysis_totals
from samenet.analysis.frames import Frames
from samenet.analysis.quantities import Quantity
from samenet.experiments.scaling import crossover
from samenet.experiments.scaling.crossover import Contender, Point
from samenet.report import guessing, page, plotting, result, svg
from samenet.report.blocks import Section, Subject, Table
from samenet.reports.answer import crossover_map, loss_curves_twice
from samenet.reports.learning import time_to_goal as goal_section
from samenet.reports.quickstart import scores_and_settings
from samenet.reports.times import break_even, phases
from samenet.reports.times import pairwise as times_pairwise
from samenet.reports.trust import noise_and_failures

TASK = "digits"


@pytest.fixture(scope="module")
def run() -> Frames:
    """Return a run of eight repeats on one task, whose instrument works."""
    return made(tasks=[TASK], repeats=8, refused=(), failed=())


def tables(section: Section | None) -> list[Table]:
    """Return the tables of a section that is there."""
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Table)]


def first_words(table: Table) -> list[list[str]]:
    """Return the first word with its sign of every cell beside the row's name."""
    return [[" ".join(cell.text.split()[:2]) for cell in row[1:]] for row in table.rows]


def test_who_against_whom_says_the_same_from_both_sides(run: Frames) -> None:
    """Where a row is faster than a column, that one's row is slower, and ties are mutual."""
    (table,) = tables(times_pairwise.section(run))
    words = first_words(table)
    turned = {"▲ faster": "▼ slower", "▼ slower": "▲ faster"}
    for one, row in enumerate(words):
        for other, word in enumerate(row):
            assert words[other][one] == turned.get(word, word)
    assert any(word == "▲ faster" for row in words for word in row)


def test_who_against_whom_agrees_with_the_leaderboard(run: Frames) -> None:
    """Against the first choice, the matrix has the leaderboard's word and no other."""
    totals = analysis_totals.totals(run, run.plan.task(TASK))
    (table,) = tables(times_pairwise.section(run))
    best = next(t.arm for t in totals if analysis_totals.is_adoptable(run, t.arm))
    place = [total.arm for total in totals].index(best)
    for total, row in zip(totals, first_words(table), strict=True):
        if total.word:
            assert str(total.word).split()[0] in row[place]


def test_who_against_whom_goes_by_the_margin_of_the_plan(run: Frames) -> None:
    """With a margin of 9900 % every pair is a tie, in the cells and in the help above them."""
    wide = replace(run, plan=run.plan.model_copy(update={"margin": 99.0}))
    section = times_pairwise.section(wide)
    (table,) = tables(section)
    assert {word for row in first_words(table) for word in row} == {"·", "= too"}
    assert "less than 9900 % by test" in str(section)


def test_a_screening_has_factors_and_no_words() -> None:
    """Three repeats give a matrix of factors without a single verdict word."""
    (table,) = tables(times_pairwise.section(made(tasks=[TASK])))
    text = " ".join(word for row in first_words(table) for word in row)
    assert "×" in text
    assert not re.search("faster|slower|close|tell", text)


def test_phases_of_a_view_add_up_to_what_the_table_says(run: Frames) -> None:
    """One run is the whole training; 100 epochs are start-up and 100 epochs; steady is one."""
    task, arm = run.plan.task(TASK), "pytorch:eager"
    result = run.result(task, arm)
    start, epoch, whole = (
        result.typical(quantity).value
        for quantity in (Quantity.START_UP, Quantity.EPOCH, Quantity.TOTAL)
    )
    expected = {
        "one-run": whole,
        "hundred-epochs": start + 100 * epoch,
        "steady": epoch,
        "start-up": start,
    }
    found = {
        view.id: sum(phases.phase_seconds(run, task, arm, view).values()) for view in phases.VIEWS
    }
    assert found == pytest.approx(expected, rel=0.01)


def test_a_slow_start_pays_off_where_the_lines_cross(run: Frames) -> None:
    """The number of epochs is the difference of the starts over that of the epochs."""
    one, other = "pytorch:eager", "tensorflow:graph"
    lines = {line.arm: line for line in break_even.cost_lines(run, run.plan.task(TASK))}
    _, epochs = break_even.break_even_epochs(run, run.plan.task(TASK), one, other)
    crossing_at = (lines[other].start_up - lines[one].start_up) / (
        lines[one].epoch - lines[other].epoch
    )
    assert epochs is not None
    assert epochs.value == pytest.approx(crossing_at, rel=0.02)
    assert epochs.low < crossing_at < epochs.high


def test_the_frontier_rises_and_holds_only_what_one_can_adopt(run: Frames) -> None:
    """Each lead is later and better than the one before, and none is the NumPy reference."""
    leads = goal_section.find_leads(run, run.plan.task(TASK))
    assert leads
    assert all(a.seconds <= b.seconds and a.value < b.value for a, b in pairwise(leads))
    assert "numpy:plain" not in {lead.arm for lead in leads}


def test_an_example_that_learns_nothing_is_marked_with_its_reason() -> None:
    """Not better than the answer without inputs: a mark in the table, a sentence with the reason.

    The same sentence stands at the end of the run in the terminal.
    """
    frames = made(guess=1.0)
    task = frames.plan.task(TASK)
    sentences = guessing.sentences(frames, task)
    assert len(sentences) == len(guessing.guesses(frames, task)) == 3
    torch = next(text for text in sentences if text.startswith("PyTorch"))
    assert "always answering the most frequent class of the training rows" in torch
    assert "(SGD, learning rate 0.001; 4,690 updates) were made for other data" in torch
    marks = [
        cell.below
        for table in tables(scores_and_settings.section(frames))
        if table.task == TASK and not table.folded
        for row in table.rows
        for cell in row
        if cell.below
    ]
    assert marks == [("learns nothing",)] * len(sentences)
    assert f"  {torch}" in result.to_lines(frames)


def test_an_example_that_learns_carries_no_mark(run: Frames) -> None:
    """Whoever beats the answer without inputs is shown beside it, and nothing is said."""
    assert guessing.guesses(run, run.plan.task(TASK))
    assert not guessing.sentences(run, run.plan.task(TASK))


def test_the_first_figure_shows_scores_of_examples_and_no_losses_of_their_own(run: Frames) -> None:
    """Examples report different losses after different numbers of updates: no common axis."""
    figure = loss_curves_twice.section(run).blocks[0]
    left, right = figure.draw(False).axes
    assert left.get_xlabel() == "test accuracy"
    assert right.get_ylabel() == "training loss"
    assert not left.get_shared_y_axes().joined(left, right)


def test_everything_without_a_number_is_listed_with_its_reason() -> None:
    """Failed, refused and not installed results stand in one table with their marks."""
    frames = made()
    table = next(
        t for t in tables(noise_and_failures.section(frames)) if "without a number" in t.title
    )
    rows = {(row[0].text, row[3].text): row[4].text for row in table.rows}
    assert "killed" in rows["TensorFlow (graph)", "failed"]
    assert "gate 1" in rows["Keras (fit)", "refused"]
    assert "pip install" in rows["jax:scan", "not installed"]


@dataclass(frozen=True)
class Planted:
    """A cost model of two costs: per step, and per multiplication."""

    step: float = 0.0
    multiplication: float = 0.0

    def predict(self, widths: tuple[int, ...], batch_size: int, steps: int) -> float:
        """Return the seconds of so many steps."""
        work = batch_size * sum(m * n for m, n in pairwise(widths))
        return steps * (self.step + self.multiplication * work)


def contender(arm: str, device: str = "cpu", **costs: float) -> Contender:
    """Return a framework with planted costs, whose predictions err by 5 %."""
    return Contender(
        arm=arm,
        device=device,
        model=Planted(**costs),  # type: ignore[arg-type]
        spread=0.05,
        measured=(Point(16, 16, 1), Point(1024, 1024, 2)),
    )


def test_the_map_names_who_is_faster_and_what_is_a_tie() -> None:
    """A cheap step wins where networks are small, cheap products where they are large."""
    small = contender("numpy:plain", step=1e-5, multiplication=1e-10)
    large = contender("pytorch:eager", step=1e-3, multiplication=1e-11)
    rows = crossover.make_map([small, large], depth=1)
    assert rows[0][0].best == (0,)
    assert rows[-1][-1].best == (1,)
    assert len(crossover.make_map([small, replace(small, arm="jax:scan")], depth=1)[3][3].best) == 2


def test_the_map_knows_what_was_not_measured() -> None:
    """Sizes beyond the measured widths, batches, depths or products are extrapolated."""
    found = [contender("numpy:plain", step=1e-5), contender("pytorch:eager", step=1e-4)]
    rows = crossover.make_map(found, depth=1)
    assert rows[0][0].measured
    assert not rows[-1][0].measured
    assert not crossover.make_map(found, depth=3)[0][0].measured


def test_the_map_says_where_plain_is_enough_and_where_a_gpu_pays() -> None:
    """Plain is enough while 100 trainings lose less than a minute; a GPU pays once it wins."""
    plain = contender("numpy:plain", multiplication=1e-9)
    gpu = contender("pytorch:eager", "cuda", step=1e-3, multiplication=1e-13)
    rows = crossover.make_map([plain, gpu], depth=1)
    assert (rows[0][0].plain_enough, rows[0][0].graphics_pays) == (True, False)
    assert (rows[-1][-1].plain_enough, rows[-1][-1].graphics_pays) == (False, True)


def test_no_map_of_a_single_framework(run: Frames) -> None:
    """A run without a ladder has no map."""
    assert crossover_map.section(run) is None


@pytest.mark.parametrize("form", ["wide", "narrow"])
def test_every_picture_is_whole_and_names_its_units(run: Frames, form: str) -> None:
    """Nothing of any figure leaves the picture, and every panel says what its axes count."""
    for figure in page.compose(run).figures:
        picture = svg.draw(figure, narrow=form == "narrow")
        picture.draw_without_rendering()
        drawn, (width, height) = picture.get_tightbbox(), picture.get_size_inches()
        inside = (drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1)
        assert min(inside) > -0.02, (figure.name, inside)
        assert all(axes.get_xlabel() or axes.get_ylabel() for axes in picture.axes), figure.name


def test_what_a_mark_is_about_cannot_break_out_of_the_picture() -> None:
    """A hostile task name becomes an escaped attribute of the drawn mark, and nothing else."""
    task = hostile()
    picture, (axes,) = plotting.make_panels(1, narrow=True, height=1)
    plotting.mark_subject(axes.plot([0, 1], [0, 1]), Subject(task=task.name, arm="a:b"), tip="<b>")
    text = svg.inline(svg.draw_as_svg(picture), prefix="p", label="x")
    assert "<img" not in text
    assert "<b>" not in text
    assert 'data-arm="a:b"' in text
    assert "&lt;|script&gt;" in text


SEEN = {
    "everybody": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
"""What linear RGB becomes (Machado, Oliveira & Fernandes 2009, doi 10.1109/TVCG.2009.113)."""
MAIN = ("numpy", "scikit-learn", "pytorch", "tensorflow", "keras", "jax")


def in_lab(color: str, seen: np.ndarray) -> np.ndarray:
    """Return a colour as somebody sees it, in CIE L*a*b* (D65)."""
    values = np.array([int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = to_xyz @ np.clip(seen @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    root = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


@pytest.mark.parametrize("eyes", SEEN)
def test_colours_of_frameworks_are_told_apart_by_all_eyes(eyes: str) -> None:
    """Two frameworks differ by 14 in L*a*b*, the main ones by 20, whoever looks at them."""
    found = {leaf.header.name: leaf.header.color for leaf in shipped_adapters().values()}
    for one, other in combinations(found, 2):
        apart = np.linalg.norm(in_lab(found[one], SEEN[eyes]) - in_lab(found[other], SEEN[eyes]))
        assert apart >= (20 if {one, other} <= set(MAIN) else 14), (one, other)
