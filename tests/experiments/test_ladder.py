"""The size ladder: its points, its plan, and what a run's records are turned into."""

from __future__ import annotations

from math import dist

import pytest
from ladder_fixture import ARMS, run, stepped
from planted_costs import PLANTED
from report_fixture import made

from samenet.analysis import subset
from samenet.certificate.oracle import network as oracle
from samenet.certificate.problem import EPOCHS_MIN, task_problem
from samenet.execution.planner import Request, make_plan
from samenet.experiments.scaling import fit, ladder
from samenet.experiments.scaling.cost_model import Call, size_position
from samenet.report import page, result
from samenet.tasks.sources import prepare


def coordinates(size: ladder.Size) -> tuple[float, ...]:
    """Return where the cost model sees a size."""
    return size_position(Call((*size.units, ladder.CLASSES), size.batch_size, 1))


def test_the_design_spans_the_ranges() -> None:
    """Fifty-two sizes reach both ends of width, batch and depth; none is worth 2^30 products."""
    assert len(set(ladder.DESIGN)) == 52
    even = {s.units[0] for s in ladder.DESIGN if len(set(s.units)) == 1}
    assert (min(even), max(even)) == (16, 2048)
    assert {s.batch_size for s in ladder.DESIGN} >= {16, 4096}
    assert {len(s.units) - 1 for s in ladder.DESIGN} == {1, 2, 3, 4}
    assert max(size.work for size in ladder.DESIGN) <= 2**29


def test_held_out_sizes_lie_inside_and_are_not_fitted() -> None:
    """Twenty sizes, none of them a design point or next to one, and none beyond what is fitted."""
    assert len(ladder.HELD_OUT) == 20
    found = [coordinates(size) for size in ladder.DESIGN]
    for size in ladder.HELD_OUT:
        own = coordinates(size)
        assert all(min(each) <= at <= max(each) for at, each in zip(own, zip(*found), strict=True))  # noqa: B905
        assert min(dist(own, other) for other in found) > 0.1


def test_a_point_is_a_task_of_its_size() -> None:
    """The prepared rows make K whole batches to train on and nothing else."""
    task = ladder.task_of(ladder.uniform_size(16, 16, 4), "ladder")
    data = prepare(task)
    problem = task_problem(task, data)
    assert problem.network == ladder.network_of(task)
    assert problem.network.widths == (16, 16, 16, 16, 16, 10)
    assert problem.shape.steps == problem.shape.steps_per_epoch == 64
    assert len(problem.calls) == len(problem.whole) == ladder.EPOCHS == EPOCHS_MIN


def test_seeds_keep_gate_1_away_from_kinks() -> None:
    """The seed of a point keeps its first batch 2^-24 away from every kink, seed 0 did not."""
    task = ladder.task_of(ladder.uniform_size(384, 3072, 1), "ladder")
    options = {**task.data.options, "seed": 0}
    other = task.model_copy(update={"data": task.data.model_copy(update={"options": options})})
    margins = []
    for each in (task, other):
        problem = task_problem(each, prepare(each))
        (batch,) = problem.steps([problem.whole[0].first(1)])
        loss = problem.training.loss
        margins.append(oracle.kink_margin(problem.network, loss, problem.weights, batch))
    assert margins[0] > 2.0**-24 > margins[1]


def test_a_ladder_measures_steps_alone() -> None:
    """Only proof and timing are planned; heavy points are predicted to take longer."""
    request = Request(
        own=ladder.ladder_tasks(), frameworks=("numpy:plain",), track="same", repeats=1
    )
    plan = ladder.keep_step_jobs(make_plan(request))
    assert {job.pass_name for job in plan.jobs} == set(ladder.PASSES)
    assert sum(job.pass_name == "cell" for job in plan.jobs) == 72
    heavy, light = ladder.uniform_size(2048, 128, 1), ladder.uniform_size(16, 16, 1)
    seconds = [ladder.oracle_seconds(ladder.task_of(p, "ladder")) for p in (heavy, light)]
    assert seconds[0] > 10 * seconds[1]


def test_planted_costs_are_found_through_the_records() -> None:
    """From records of a planted model, each framework's costs and held-out sizes come back."""
    for each in fit.fit_arms(run()):
        assert each.fits
        assert each.verdict == "fits: each of 20 within 20 %, 0 % in the middle"
        assert fit.worst_error(each.held_out) < 1e-6
        assert len(each.left_out) == len(ladder.DESIGN)
        assert each.model.seconds == pytest.approx(PLANTED.seconds, rel=1e-3)


def test_a_framework_that_does_not_fit_is_named_with_its_worst_size() -> None:
    """A cliff that no cost explains is said for that framework and that size, and no other."""
    numpy, pytorch = fit.fit_arms(run(stepped))
    assert numpy.fits
    assert not pytorch.fits
    worst = pytorch.misfits[0]
    assert abs(worst.error) == fit.worst_error(pytorch.held_out) > 0.20
    assert f"{worst.error * 100:+.0f} % at {worst.size}" in pytorch.verdict
    text = "\n".join(fit.to_lines(run(stepped)))
    assert "NumPy (plain)" in text
    assert "does not fit: off by" in text


def test_too_few_sizes_are_said_and_not_fitted() -> None:
    """With fewer sizes than costs there is no model, but a sentence."""
    few = run(points=3)
    assert fit.fit_arms(few) == []
    assert fit.arms_not_fitted(few) == dict.fromkeys(ARMS, 3)
    assert "are needed" in page.build_page(few)


def test_without_held_out_sizes_nothing_is_called_a_fit() -> None:
    """A model that no unseen size has judged is said to be not judged."""
    (each, _) = fit.fit_arms(run(points=32))
    assert not each.fits
    assert each.verdict.startswith("not judged")


def test_the_page_of_a_ladder_shows_sizes_and_no_panel_per_point() -> None:
    """The section is there with its picture; sections about tasks do not repeat the points."""
    composed = page.compose(run(stepped))
    ids = [section.id for section in composed.sections]
    assert "sizes" in ids
    assert not {"speed", "start-up", "same-network"} & set(ids)
    assert composed.headline.cards == ()
    section = next(section for section in composed.sections if section.id == "sizes")
    assert section.summary == (
        "Sizes that were held out are predicted within 20 % for NumPy (plain), "
        "not within 20 % for PyTorch (eager)."
    )
    assert "80 × 2, batch 768" in page.build_page(run(stepped))


def test_a_run_without_a_ladder_has_no_such_section() -> None:
    """Tasks that are no points of a ladder are neither fitted nor mentioned."""
    plain = made()
    assert fit.fit_arms(plain) == []
    assert fit.arms_not_fitted(plain) == {}
    assert "sizes" not in [section.id for section in page.compose(plain).sections]
    assert len(subset.without_ladder(plain).plan.tasks) == len(plain.plan.tasks)


def test_the_document_is_plain_data() -> None:
    """What `--json` prints holds the costs, the caches and every prediction of each framework."""
    document = fit.to_document(run())
    assert document["schema"] == "samenet-ladder/1"
    model = document["models"][0]
    assert model["arm"] == "numpy:plain"
    assert model["cached_numbers"] == PLANTED.cached_numbers
    assert len(model["held_out"]) == len(ladder.HELD_OUT)
    assert result.to_document(run())["tasks"]
