"""`samenet study`: what is seen in a network, what follows from it, and what does not."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_fixture import recorded

from samenet.adapter import Layer
from samenet.adapter.dataset import Dataset
from samenet.certificate.problem import Problem
from samenet.cli import main
from samenet.errors import UsageError
from samenet.experiments.study import conclusions
from samenet.experiments.study.outcome import COLUMNS, StudyOutcome, gather, load
from samenet.experiments.study.run import carry_out, make_study
from samenet.experiments.study.text import to_document, to_lines
from samenet.spec import load_task, study
from samenet.spec.study import Scene, StudyKind, Variant, define_study
from samenet.tasks.sources import prepare
from samenet.worker import study_measures

FAULTS = Path(__file__).parents[1] / "helpers" / "faulty_adapters"


@cache
def rows(name: str) -> Dataset:
    return prepare(load_task(name))


def problem(kind: StudyKind, name: str, scene: Scene, choice: str) -> Problem:
    task = load_task(name)
    return study_measures.problem_of(
        task, define_study(kind, task), Variant(scene, choice), rows(name), seed=0
    )


OFFERED = {
    "numpy:plain": ("relu", "gelu", "sigmoid"),
    "pytorch:eager": ("relu", "gelu", "sigmoid"),
    "keras:fit": ("relu",),
}


def made_up(*arms: str, choices: tuple[str, ...], seeds: int = 8, gap: float = 0.5) -> StudyOutcome:
    """Return a study that nobody made: sigmoid's scores lie below the others' by a gap."""
    plan = recorded(tasks=["digits"], arms=arms)[0]
    of_study = define_study("activations", plan.tasks[0], choices, seeds)
    rows, times = [], []
    for arm, choice, seed in itertools.product(arms, choices, range(seeds)):
        if choice not in OFFERED[arm]:
            continue
        for scene in ("own", "deep", "fast"):
            head = (arm, scene, choice, seed)
            score = 0.9 + 0.001 * ((seed * 7 + len(choice)) % 5) - gap * (choice == "sigmoid")
            rows.append((*head, 1, "test", "accuracy", 0, score))
            rows.append((*head, 1, "train", "dead", 1, 0.0))
            rows += [(*head, 0, "train", "gradient", layer, 1.0) for layer in range(1, 12)]
            times.append((*head, 0.01))
    return StudyOutcome(
        plan=plan,
        study=of_study,
        folder=Path("study"),
        frame=pd.DataFrame(rows, columns=list(COLUMNS)),
        seconds=pd.DataFrame(times, columns=["arm", "scene", "choice", "seed", "seconds"]),
        left_out={},
        failed=False,
        worst_check=1e-7,
    )


# What is seen in a network.


def test_every_choice_of_a_seed_starts_from_the_same_weights_and_sees_the_same_batches() -> None:
    """Two choices differ in nothing but the choice."""
    one, other = (problem("activations", "digits", "own", c) for c in ("sigmoid", "relu"))
    for mine, yours in zip(one.weights, other.weights, strict=True):
        assert np.array_equal(mine.kernel, yours.kernel)
    assert np.array_equal(one.epoch(3)[0].order, other.epoch(3)[0].order)
    assert one.training == other.training


def test_a_sigmoids_gradient_vanishes_in_ten_layers_and_a_relus_does_not() -> None:
    """Before training the first layer's gradient is a thousandth of ReLU's at most."""
    norms = {}
    for choice in ("sigmoid", "relu"):
        deep = problem("activations", "digits", "deep", choice)
        norms[choice] = study_measures.gradient_norms(deep, deep.weights)
        assert len(norms[choice]) == study.DEEP_LAYERS + 1
    assert norms["sigmoid"][0] < norms["relu"][0] / 1000
    assert norms["relu"][0] > norms["relu"][-1] / 100


@pytest.mark.parametrize(("choice", "dead"), [("relu", [64, 0]), ("leaky_relu", [0, 0])])
def test_a_unit_that_no_row_wakes_is_dead_for_relu_and_not_for_leaky_relu(
    choice: str, dead: list[int]
) -> None:
    """With biases far below zero every ReLU of the first layer is dead, no leaky one is."""
    given = problem("activations", "digits", "own", choice)
    first, second, head = given.weights
    asleep = Layer(first.kernel, first.bias - 1e3)
    awake = Layer(second.kernel, second.bias + 1e6)
    assert study_measures.dead_units(given, [asleep, awake, head]) == dead


def test_a_loss_for_values_meets_classes_as_rows_of_zero_and_one() -> None:
    """A mismatching loss of ten classes trains on (rows, 10), the matching one on class numbers."""
    targets = problem("losses", "digits", "own", "mean_squared_error").source.targets
    assert targets.shape == (1797, 10)
    assert set(np.unique(targets)) == {0.0, 1.0}
    own = problem("losses", "digits", "own", "sparse_categorical_cross_entropy").source.targets
    assert own.shape == (1797,)


@pytest.mark.parametrize(
    ("loss", "right"), [("binary_cross_entropy", 0.0), ("mean_squared_error", 1.0)]
)
def test_a_binary_output_of_a_third_is_a_yes_as_logit_and_a_no_as_value(
    loss: str, right: float
) -> None:
    """The threshold is that of the loss: 0 for a logit, 1/2 for a value."""
    data = rows("breast_cancer")
    negatives = slice(0, int(np.argmax(data.targets[:, 0] == 1)) or None)
    data = Dataset(card=data.card, inputs=data.inputs, targets=np.zeros_like(data.targets))
    outputs = np.full((len(data.targets[negatives]), 1), 1 / 3)
    assert study_measures.scores(data, loss, outputs, negatives) == {"accuracy": right}


def test_numbers_that_are_not_finite_become_gaps() -> None:
    """A training that has diverged leaves None in its record, which JSON can hold."""
    given = problem("activations", "digits", "own", "relu")
    broken = [Layer(layer.kernel * np.nan, layer.bias) for layer in given.weights]
    found = study_measures.measure_weights(given, rows("digits"), broken)
    assert found["test"]["loss"] is None
    json.dumps(found, allow_nan=False)


# What follows from it, and what does not.

APART = {"relu": [0.97, 0.96, 0.98, 0.97, 0.96], "sigmoid": [0.2, 0.3, 0.2, 0.3, 0.1]}
OVERLAPPING = {"relu": [0.97, 0.96, 0.98, 0.97, 0.96], "sigmoid": [0.95, 0.97, 0.95, 0.95, 0.95]}


def test_a_choice_is_called_worse_only_if_every_seed_is() -> None:
    """Seeds that do not overlap give a finding; seeds that do give a refusal that says so."""
    found = conclusions.conclude_on_score(APART, "accuracy", "own")
    assert found.findings == ("sigmoid worse",)
    refused = conclusions.conclude_on_score(OVERLAPPING, "accuracy", "own")
    assert refused.findings == ()
    assert "overlap" in refused.sentence


def test_lower_is_better_for_an_error() -> None:
    """Of RMSE the smaller one is the better."""
    found = conclusions.conclude_on_score(APART, "rmse", "own")
    assert found.findings == ("relu worse",)


def test_a_choice_that_diverged_is_said_and_not_compared() -> None:
    """A score that is no number is no low score."""
    seeds = {**APART, "tanh": [0.9, float("nan"), 0.9, 0.9, 0.9]}
    found = conclusions.conclude_on_score(seeds, "accuracy", "own")
    assert found.findings == ("sigmoid worse",)
    assert "tanh diverged" in found.sentence


def test_units_that_die_in_some_seeds_only_are_no_finding_of_their_choice() -> None:
    """Dead in every seed, in none, or depending on the seed: three words."""
    counts = {"relu": [3.0, 4.0], "tanh": [0.0, 0.0], "elu": [0.0, 1.0]}
    found = conclusions.conclude_on_dead_units(counts, units=96)
    assert found.findings == ("relu dies", "tanh lives")
    assert "elu: it depends on the seed" in found.sentence


def test_units_of_a_training_that_diverged_are_neither_dead_nor_alive() -> None:
    """Weights that are no numbers say nothing of units, in the measure and in what follows."""
    for choice in ("relu", "tanh", "sigmoid"):
        given = problem("activations", "digits", "fast", choice)
        for broken in (np.nan, np.inf):
            weights = [Layer(layer.kernel * broken, layer.bias) for layer in given.weights]
            with np.errstate(all="ignore"):
                assert np.isnan(study_measures.dead_units(given, weights)).all(), (choice, broken)
    counts = {"relu": [3.0, 4.0], "tanh": [0.0, 0.0], "elu": [float("nan"), 0.0]}
    found = conclusions.conclude_on_dead_units(counts, units=96)
    assert found.findings == ("relu dies", "tanh lives")
    assert found.sentence.endswith("elu diverged.")
    none = conclusions.conclude_on_dead_units({"elu": [float("nan")] * 2}, units=96)
    assert none.sentence == "No training ended in numbers. elu diverged."


def test_a_gradient_is_called_smaller_from_a_factor_of_ten_on() -> None:
    """A factor of nine is no order of magnitude, whatever the seeds do."""
    near = {"relu": [9.0] * 5, "tanh": [1.0] * 5}
    assert conclusions.conclude_on_gradients(near).findings == ()
    far = {"relu": [2e4] * 5, "sigmoid": [1.0] * 5}
    assert conclusions.conclude_on_gradients(far).findings == ("sigmoid below relu by 10^4",)


def test_times_that_differ_by_four_percent_are_not_worth_a_sentence() -> None:
    """A difference below the margin is no finding even if every process shows it."""
    assert conclusions.conclude_on_time({"relu": [1.0] * 5, "tanh": [1.04] * 5}).findings == ()
    assert conclusions.conclude_on_time({"relu": [1.0] * 5, "tanh": [1.2] * 5}).findings == (
        "tanh slower",
    )


def test_the_chance_to_be_apart_by_luck_is_that_of_counting() -> None:
    """Of all ways to part six equal numbers into two threes, two are apart."""
    ways = list(itertools.combinations(range(6), 3))
    apart = sum(study.are_separated(way, [n for n in range(6) if n not in way]) for way in ways)
    assert study.separation_chance(3, 2) == pytest.approx(apart / len(ways))


@pytest.mark.parametrize(("choices", "seeds"), [(2, 5), (4, 5), (5, 6), (10, 7)])
def test_more_choices_need_more_seeds(choices: int, seeds: int) -> None:
    """The default is the fewest seeds with which luck parts no pair in more than 5 %."""
    assert study.seeds_needed(choices) == seeds


# What may be asked.


def test_a_task_without_hidden_layers_has_no_activation_to_study() -> None:
    """The single neuron is refused in a sentence that names a task that works."""
    with pytest.raises(UsageError, match=r"no hidden layer.*digits"):
        define_study("activations", load_task("single_neuron"))


@pytest.mark.parametrize(
    ("kind", "choices", "said"),
    [
        ("activations", ("rellu", "tanh"), "Did you mean 'relu'"),
        ("activations", ("relu", "relu"), "at least two"),
        ("losses", ("binary_cross_entropy", "huber"), "Unknown loss for a multiclass task"),
        ("losses", ("huber(delta=0)", "huber"), "must be above 0"),
    ],
)
def test_a_wrong_choice_is_one_sentence(
    kind: StudyKind, choices: tuple[str, ...], said: str
) -> None:
    """What cannot be studied is refused before anything is trained."""
    with pytest.raises(UsageError, match=said):
        define_study(kind, load_task("digits"), choices)


@pytest.mark.parametrize("kind", ["activations", "losses"])
def test_each_study_shows_an_example_and_can_answer_a_program(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The help of both studies says how they are called and has --json."""
    main._code(["study", kind, "--help"])
    out = capsys.readouterr().out
    assert f"samenet study {kind} digits" in out.partition("Options:")[0]
    assert "--json" in out


# The whole way.


def test_a_study_from_the_command_line_leaves_a_figure_and_one_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One seed is trained, drawn and printed, and nothing is concluded from it."""
    out = tmp_path / "study"
    arguments = "study activations two_moons --seeds 1 --epochs 2 --json --out"
    assert main._code([*arguments.split(), str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["trainings"]) == 3 * len(study.USUAL_ACTIVATIONS)
    assert [c["about"] for c in found["conclusions"]["numpy:buffers"]] == ["seeds"]
    assert (out / "study.png").stat().st_size > 10_000
    assert found == json.loads(json.dumps(to_document(load(out))))


def test_a_framework_whose_outputs_are_not_those_of_its_weights_is_left_out(
    tmp_path: Path,
) -> None:
    """A wrong slope is found out: leaky_relu is left out with a reason, relu stays."""
    plan = make_study(
        *("activations", "two_moons"),
        frameworks=(str(FAULTS / "leaky_slope.py"),),
        choices=("relu", "leaky_relu", "tanh"),
        seeds=1,
        epochs=1,
    )
    found = carry_out(plan, tmp_path / "study", lambda *_: None)
    assert found.choices("leaky-slope:plain") == ["relu", "tanh"]
    text = "\n".join(to_lines(found))
    assert "leaky_relu: left out: its " in text
    assert "differ from the float64 network" in text
    assert found.failed


def test_a_framework_without_an_activation_is_left_out_of_that_choice_alone(
    tmp_path: Path,
) -> None:
    """scikit-learn has no leaky ReLU: said in the table, and the others are trained."""
    plan = make_study(
        *("activations", "two_moons"),
        frameworks=("scikit-learn",),
        choices=("relu", "leaky_relu", "tanh"),
        seeds=1,
        epochs=1,
    )
    found = carry_out(plan, tmp_path / "study", lambda *_: None)
    arm = found.arms[0]
    assert found.choices(arm) == ["relu", "tanh"]
    assert "is not offered" in found.left_out[arm, "leaky_relu"]
    assert not found.failed


@pytest.mark.parametrize(
    "arms", [("keras:fit",), ("numpy:plain", "keras:fit")], ids=["alone", "beside"]
)
@pytest.mark.parametrize("seeds", [4, 8])
def test_a_framework_that_offers_one_choice_ends_in_a_sentence(
    arms: tuple[str, ...], seeds: int
) -> None:
    """However different the frameworks' choices, the study ends and says what it cannot compare."""
    text = "\n".join(to_lines(made_up(*arms, choices=("relu", "gelu"), seeds=seeds)))
    assert "Choices: Only one was trained: nothing to compare." in text
    assert ("have no finding to compare" in text) == (len(arms) == 2)


def test_frameworks_agree_on_the_choices_that_all_of_them_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What one of them cannot train is no disagreement."""
    monkeypatch.setitem(OFFERED, "pytorch:eager", ("relu", "sigmoid"))
    found = made_up("numpy:plain", "pytorch:eager", choices=("relu", "gelu", "sigmoid"))
    own = [
        {each.about: each.findings for each in conclusions.draw_conclusions(found, arm)}
        for arm in found.arms
    ]
    assert all("sigmoid worse" in findings["test accuracy, 10 hidden layers"] for findings in own)
    assert conclusions.compare_conclusions(found) == (2, 2)


def test_nothing_found_is_no_agreement() -> None:
    """Frameworks in which nothing parts have no point in common; one finding is one point."""
    found = made_up("numpy:plain", "pytorch:eager", choices=("relu", "sigmoid"), gap=0.0)
    assert conclusions.compare_conclusions(found) == (0, 0)
    assert "have no finding to compare" in "\n".join(to_lines(found))
    nothing = conclusions.Conclusion(about="dead units", sentence="")
    dies = conclusions.Conclusion(about="dead units", sentence="", findings=("relu dies",))
    few = conclusions.Conclusion(about=conclusions.SEEDS, sentence="")
    assert conclusions.count_agreements([[nothing, few], [nothing, few]]) == (0, 0)
    assert conclusions.count_agreements([[dies], [nothing]]) == (0, 1)
    assert conclusions.count_agreements([[dies], [dies]]) == (1, 1)


def test_a_worker_that_dies_leaves_a_reason_and_no_finding(tmp_path: Path) -> None:
    """A study without any result raises, and says what happened to its workers."""
    from samenet.errors import WorkerError
    from samenet.runs.records import FailureRecord

    plan = make_study("losses", "two_moons", seeds=1, epochs=1)
    assert plan.study is not None
    dead = FailureRecord(
        job=plan.jobs[-1].id, track="same", task="two_moons", arm="numpy:plain", repeat=0,
        mark="failed", reason="the worker was killed",
    )  # fmt: skip
    with pytest.raises(WorkerError, match="the worker was killed"):
        gather(plan, plan.study, tmp_path, [dead])


@pytest.mark.slow
def test_numpy_and_pytorch_come_to_the_same_conclusions_on_digits(tmp_path: Path) -> None:
    """Ten layers of sigmoid lose their gradient, ReLU's units die at a large rate, in both."""
    plan = make_study("activations", "digits", frameworks=("numpy", "pytorch"))
    found = carry_out(plan, tmp_path / "study", lambda *_: None)
    per_arm = [conclusions.draw_conclusions(found, arm) for arm in found.arms]
    assert len(per_arm) == 2
    for each in per_arm:
        findings = [text for conclusion in each for text in conclusion.findings]
        assert any(text.startswith("sigmoid below") and "relu" in text for text in findings)
        assert {"relu dies", "leaky_relu lives"} <= set(findings)
    same, all_ = conclusions.count_agreements(per_arm)
    assert same == all_
