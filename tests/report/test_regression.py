"""`samenet compare`: the ratio of two runs that are not paired, a gate with four answers."""

from __future__ import annotations

import copy
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_fixture
from scipy.stats import ttest_ind

from samenet import _random
from samenet.analysis import fingerprint, regression
from samenet.cli import main
from samenet.errors import UsageError
from samenet.report import regression_text, result
from samenet.stats import significance, welch
from samenet.stats.intervals import Estimate
from samenet.stats.verdicts import VerdictWord


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the command in this process; return exit code, standard output and error."""
    code = main._code(["compare", *map(str, arguments)])
    return code, *capsys.readouterr()


def seconds(factor: float, noise: float, n: int, *words: object) -> list[float]:
    """Return process medians around `factor`."""
    drawn = _random.make_generator("compare", *words).normal(0.0, noise, n)
    return [factor * math.exp(each) for each in drawn]


def logs_of(times: list[float]) -> Estimate:
    """Return the mean logarithm of times."""
    return Estimate.of([math.log(each) for each in times])


def p_of(base: list[float], new: list[float]) -> float:
    """Return the p of 'new is at most 5 % slower'."""
    found = welch.welch_difference(logs_of(base), logs_of(new))
    return float(significance.above_p(found, math.log1p(0.05)))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the result document of a made-up run."""
    return regression_text.as_json_reads(result.to_document(report_fixture.made(repeats=8)))


def changed(document: dict[str, Any], factor: float, arm: str = "") -> dict[str, Any]:
    """Return a document in which the times of one arm, or all, are `factor` times as long."""
    found = copy.deepcopy(document)
    for task in found["tasks"]:
        for row in task["same_network"]:
            if arm in ("", f"{row['framework']}:{row['mode']}"):
                for each in row["seconds"].values():
                    each |= {key: each[key] * factor for key in ("value", "low", "high")}
    return found


def test_welch_agrees_with_scipy() -> None:
    """Interval and one-sided p value are those of SciPy's Welch test on the logarithms."""
    base, new = seconds(1.0, 0.03, 8, "base"), seconds(1.1, 0.08, 12, "new")
    found = welch.welch_difference(logs_of(base), logs_of(new))
    theirs = ttest_ind(np.log(new), np.log(base), equal_var=False)
    interval = theirs.confidence_interval(0.95)
    ours = found.ratio()
    assert math.log(ours.low) == pytest.approx(interval.low, rel=1e-9)
    assert math.log(ours.high) == pytest.approx(interval.high, rel=1e-9)
    shifted = np.log(new) - math.log(1.05)
    p = ttest_ind(shifted, np.log(base), equal_var=False, alternative="greater").pvalue
    assert p_of(base, new) == pytest.approx(p, rel=1e-9)


def test_welch_covers_the_truth_although_the_spreads_differ() -> None:
    """Of 400 pairs of runs with unequal repeats and spreads, 95 % intervals cover 92 to 98 %."""
    hits = 0
    for trial in range(400):
        base = logs_of(seconds(1.0, 0.01, 5, "cover", trial))
        new = logs_of(seconds(1.2, 0.06, 9, "cover too", trial))
        found = welch.welch_difference(base, new).ratio()
        hits += found.low <= 1.2 <= found.high
    assert 368 <= hits <= 392


@pytest.mark.parametrize(
    ("base", "new", "word"),
    [
        ([1.0], [2.0], VerdictWord.UNKNOWN),
        ([1.0, 1.0], [1.0, 1.0], VerdictWord.NOT_SLOWER),
        ([1.0, 1.0], [1.2, 1.2], VerdictWord.SLOWER),
        ([1.0, 1.0], [0.5, 0.5], VerdictWord.FASTER),
    ],
)
def test_no_spread_and_one_repeat_are_defined(
    base: list[float], new: list[float], word: VerdictWord
) -> None:
    """Zero variance decides by the values alone; one repeat decides nothing."""
    found = welch.welch_difference(logs_of(base), logs_of(new))
    assert regression.word_of(found, p_of(base, new), 0.05) is word


def test_a_gate_of_many_equal_results_hardly_ever_stops() -> None:
    """With 30 results at exactly the margin, at most 5 % of 200 gates are a regression.

    Without the correction every second gate would be.
    """
    stopped = alone = 0
    for trial in range(200):
        found = [
            p_of(
                seconds(1.0, 0.02, 8, "gate", trial, arm),
                seconds(1.05, 0.02, 8, "new gate", trial, arm),
            )
            for arm in range(30)
        ]
        alone += min(found) < regression.LEVEL
        stopped += min(significance.adjust_by_holm(found)) < regression.LEVEL
    assert stopped <= 10
    assert alone > 60


def test_the_same_run_is_no_regression(document: dict[str, Any]) -> None:
    """A run against itself: every ratio is 1, exit code 0."""
    found = regression.compare(document, document, quantity="step", margin=0.5)
    assert (found.verdict, found.exit_code) == ("fine", 0)
    assert {row.ratio.value for row in found.rows if row.ratio} == {1.0}


def test_one_slower_framework_is_a_regression(document: dict[str, Any]) -> None:
    """A framework that became 1.5 times as slow is found and named; the others are not."""
    slow = changed(document, 1.5, "pytorch:eager")
    found = regression.compare(document, slow, quantity="step", margin=0.05)
    assert (found.verdict, found.exit_code) == ("regression", 4)
    assert {row.arm for row in found.rows if row.word == "slower"} == {"pytorch:eager"}
    back = regression.compare(slow, document, quantity="step", margin=0.05)
    assert {row.arm for row in back.rows if row.word == "faster"} == {"pytorch:eager"}
    assert "slower" not in {row.word for row in back.rows}


def test_too_wide_an_interval_cannot_tell(document: dict[str, Any]) -> None:
    """A margin below the noise gives exit code 5 and the repeats that are lacking in each run."""
    found = regression.compare(document, document, quantity="step", margin=0.005)
    assert (found.verdict, found.exit_code) == ("inconclusive", 5)
    assert any(re.fullmatch(r"about \d+ more repeats? in each run", row.note) for row in found.rows)
    far = regression.compare(document, document, quantity="step", margin=0.0001)
    assert (far.verdict, far.exit_code) == ("inconclusive", 5)
    beyond = "more than 400 repeats would be needed in each run"
    assert beyond in {row.note for row in far.rows}


@pytest.mark.parametrize(("one", "other"), [(0.06, 0.06), (0.02, 0.1)])
def test_so_many_repeats_in_each_run_are_just_enough(one: float, other: float) -> None:
    """With the repeats that are asked for Welch's interval is half as wide as the margin."""
    base = logs_of(seconds(1.0, one, 8, "needed"))
    new = logs_of(seconds(1.0, other, 8, "needed too"))
    needed = regression.repeats_needed(base, new, 0.05)
    assert needed is not None
    halves = [
        welch.welch_difference(base.at(n), new.at(n)).half_width() for n in (needed, needed - 1)
    ]
    assert halves[0] <= math.log1p(0.05) / 2 < halves[1]


def test_a_result_that_is_gone_is_no_green_light(document: dict[str, Any]) -> None:
    """What the base run measured and the new one did not is named, and the gate cannot tell."""
    less = copy.deepcopy(document)
    for task in less["tasks"]:
        task["same_network"] = [r for r in task["same_network"] if r["framework"] != "numpy"]
    found = regression.compare(document, less, quantity="step", margin=0.5)
    assert found.verdict == "inconclusive"
    gone = {row.arm for row in found.rows if row.note == "NEW has no such result"}
    assert gone == {"numpy:plain"}


@pytest.mark.parametrize("quantity", ["step", "epoch"])
@pytest.mark.parametrize("place", ["BASE", "NEW"])
def test_steps_that_never_settled_are_not_compared(
    document: dict[str, Any], quantity: str, place: str
) -> None:
    """However much slower they look, they are no regression and no green light; totals are."""
    unsteady = changed(document, 3.0, "pytorch:eager")
    for task in unsteady["tasks"]:
        for row in task["same_network"]:
            row["steady_state"] = row["framework"] != "pytorch"
    runs = (unsteady, document) if place == "BASE" else (document, unsteady)
    found = regression.compare(*runs, quantity=quantity, margin=0.5)
    words = {row.note: row.word for row in found.rows if row.arm == "pytorch:eager"}
    assert words == {f"no steady state in {place}": VerdictWord.NOT_COMPARED}
    assert found.verdict == "inconclusive"
    total = regression.compare(*runs, quantity="total", margin=0.5)
    assert all(row.ratio for row in total.rows)


def test_where_nothing_settled_that_is_the_answer(document: dict[str, Any]) -> None:
    """Runs with results in common are not said to have none."""
    unsteady = copy.deepcopy(document)
    for task in unsteady["tasks"]:
        for row in task["same_network"]:
            row["steady_state"] = False
    found = regression.compare(document, unsteady, quantity="step", margin=0.5)
    assert found.verdict == "inconclusive"
    assert {row.note for row in found.rows} == {"no steady state in NEW"}


@pytest.mark.parametrize(
    ("field", "value", "option"),
    [
        ("machine: processor", "Another processor", "--across-machines"),
        ("machine: cores", 64, "--across-machines"),
        ("versions: numpy", "0.0.1", "--across-versions"),
        ("versions: samenet", "0.0.1", "--across-versions"),
        ("settings: threads", 2, None),
        ("settings: precision", "tf32", None),
    ],
)
def test_guarded_fields_that_differ_refuse(
    field: str,
    value: object,
    option: str | None,
    document: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Another machine, version or setting is exit code 6 with the field; an option admits two."""
    other, (group, name) = copy.deepcopy(document), field.split(": ")
    assert name in other["fingerprint"][group]
    other["fingerprint"][group][name] = value
    base, new = written(tmp_path, document, other)
    code, out, _ = call(capsys, base, new)
    assert code == 6
    assert field in out
    if option is None:
        assert call(capsys, base, new, "--across-machines", "--across-versions")[0] == 6
        return
    assert option in out
    code, out, _ = call(capsys, base, new, option, "--margin", "90%")
    assert code == 0
    assert "Admitted" in out


def written(folder: Path, *documents: dict[str, Any]) -> list[Path]:
    """Write documents and return their paths."""
    paths = [folder / f"{place}.json" for place in range(len(documents))]
    for path, each in zip(paths, documents, strict=True):
        path.write_text(json.dumps(each), encoding="utf-8")
    return paths


def test_another_task_of_the_same_name_is_not_compared(document: dict[str, Any]) -> None:
    """If the data or the network of a task changed, its rows are not compared and say so."""
    other = copy.deepcopy(document)
    other["fingerprint"]["tasks"]["digits"] = "another"
    found = regression.compare(document, other, quantity="step", margin=0.5)
    notes = {row.task: row.note for row in found.rows}
    assert notes["digits"] == "the task differs"
    assert notes["breast_cancer"] != "the task differs"


def test_nothing_in_common_is_a_mistake(document: dict[str, Any]) -> None:
    """Two runs without a common result are one sentence, not an empty green table."""
    other = {**document, "tasks": []}
    with pytest.raises(UsageError, match="no result in common"):
        regression.compare(document, other, quantity="step", margin=0.05)


def test_a_folder_and_its_document_say_the_same(
    finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run folder and what `run --json` printed are one and the same input."""
    code, out, _ = call(
        capsys, finished_run, finished_run.parent / "stdout.json", "--margin", "99%", "--json"
    )
    found = json.loads(out)
    assert found["schema"] == "samenet-comparison/1"
    assert [row["ratio"]["value"] for row in found["rows"]] == [1.0]
    assert code == regression.EXIT_CODES[found["verdict"]]


def test_the_markdown_is_a_table_with_the_answer_first(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is pasted begins with the verdict, has one row per result and no path."""
    base, new = written(tmp_path, document, changed(document, 1.5))
    code, out, _ = call(capsys, base, new, "--markdown", "--quantity", "step")
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    assert code == 4
    assert out.startswith("**Regression**: ")
    assert len({line.count("|") for line in rows}) == 1
    assert str(tmp_path) not in out


WRONG = [
    ("gone.json", "Cannot read gone.json"),
    ("text.json", "neither a run folder nor a JSON document"),
    ("list.json", "is no result"),
    ("other.json", "is no result"),
    ("old.json", "has no fingerprint"),
    (".", "is not a run folder"),
]


@pytest.mark.parametrize(("name", "sentence"), WRONG)
def test_wrong_input_is_one_sentence(
    name: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A missing file, no JSON, another document and an old one: exit code 2 and one line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.json").write_text("no", encoding="utf-8")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    (tmp_path / "other.json").write_text('{"schema": "pyperf"}', encoding="utf-8")
    (tmp_path / "old.json").write_text('{"schema": "samenet-result/1"}', encoding="utf-8")
    code, out, err = call(capsys, name, name)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert sentence in err


@pytest.mark.parametrize("text", ["0", "100%", "-5%", "much", "nan", "inf"])
def test_a_margin_that_is_none_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A margin outside 0 to 100 % is named with exit code 2."""
    code, out, err = call(capsys, "a", "b", "--margin", text)
    assert (code, out) == (2, "")
    assert text in err


def test_what_a_run_does_not_know_is_no_difference() -> None:
    """A field that one fingerprint lacks refuses nothing; one that both have and differs does."""
    empty: fingerprint.Fingerprint = {group: {} for group in fingerprint.GROUPS}
    full: fingerprint.Fingerprint = {**empty, "versions": {"jax": "0.4"}}
    newer: fingerprint.Fingerprint = {**empty, "versions": {"jax": "0.5"}}
    assert fingerprint.differences(empty, full, fingerprint.GROUPS) == []
    assert fingerprint.differences(full, newer, fingerprint.GROUPS) == ["versions: jax 0.4, 0.5"]
