"""Predicting and the machine's limit: what is wrong is refused, what is printed is recomputed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from report_fixture import made

from samenet.adapter import Target, discovery
from samenet.analysis import predictions, roofline
from samenet.machine import distributions
from samenet.runs import adapter_source
from samenet.spec import TaskKind, load_task, products
from samenet.worker import predict as measuring
from samenet.worker import roofline as machine_limits

ROWS = np.linspace(-1, 1, 4096 * 3, dtype=np.float32).reshape(4096, 3)
TRUTH = ROWS.astype(np.float64) @ np.array([[1.0], [2.0], [3.0]]) + 0.5
TASK = load_task("diabetes")


FAST = Target(device="cuda", precision="tf32")


def shown(
    predict: measuring.Predictor, returns: str = "outputs", target: Target | None = None
) -> bool:
    """Return whether a way to predict passes."""
    way = measuring.PredictionMethod("usual", predict, returns)
    return measuring.check_predictions(way, ROWS, TRUTH, TASK, target or Target()).passed


def right(rows: np.ndarray) -> np.ndarray:
    """Return the outputs as a float32 framework would."""
    return (rows @ np.array([[1], [2], [3]], np.float32) + np.float32(0.5)).astype(np.float32)


def test_a_right_prediction_passes_with_or_without_the_axis_of_one_output() -> None:
    """Rounding in float32 is no error, and scikit-learn's flat answer is the same answer."""
    assert shown(right)
    assert shown(lambda rows: right(rows)[:, 0])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rows: right(rows) - np.float32(0.5),  # a bias forgotten
        lambda rows: right(rows) * np.float32(1.001),  # the digits that TF32 leaves
        lambda rows: right(rows)[::-1],
        lambda rows: right(rows)[:-1],
        lambda rows: right(rows).tolist(),  # not on the host as an array
        lambda rows: right(rows) if len(rows) < 4096 else right(rows) * 2,  # one size only
        lambda rows: right(rows) * np.nan,
    ],
    ids=["bias", "digits", "order", "short", "list", "one size", "nan"],
)
def test_a_wrong_prediction_is_refused(wrong: measuring.Predictor) -> None:
    """Each mistake is seen at some batch size, so that it is never timed."""
    assert not shown(wrong)


def rounded(rows: np.ndarray, digits: int) -> np.ndarray:
    """Return the outputs of a product whose numbers keep so many binary digits."""
    fractions, exponents = np.frexp(rows.astype(np.float64))
    kept = np.ldexp(np.rint(fractions * 2.0**digits) / 2.0**digits, exponents)
    return right(kept.astype(np.float32))


def test_a_tf32_prediction_passes_where_tf32_is_asked_for() -> None:
    """Its numbers have 11 digits, which is right there and wrong elsewhere; 7 are never right."""
    assert shown(lambda rows: rounded(rows, 11), target=FAST)
    assert not shown(lambda rows: rounded(rows, 11))
    assert not shown(lambda rows: rounded(rows, 7), target=FAST)


def test_probabilities_are_those_of_the_link() -> None:
    """Sigmoid gives two columns, softmax rows that sum to 1, a regression its own outputs."""
    both = measuring.apply_link(np.array([[0.0], [700.0]]), TaskKind.BINARY)
    assert both.tolist() == [[0.5, 0.5], [pytest.approx(0, abs=1e-300), 1.0]]
    assert measuring.apply_link(TRUTH, TaskKind.REGRESSION) is TRUTH
    assert np.allclose(
        measuring.apply_link(np.arange(6.0).reshape(2, 3), TaskKind.MULTICLASS).sum(1), 1
    )


def test_products_of_a_step_are_those_of_the_chain_rule() -> None:
    """Two layers have five products: the first passes nothing further back."""
    found = products.matrix_products([(64, 32), (32, 10)], 16)
    assert [p.name for p in found] == [
        *("forward 1", "kernel gradient 1"),
        *("forward 2", "kernel gradient 2", "input gradient 2"),
    ]
    assert sum(p.operations for p in found) == 2 * 16 * (2 * 64 * 32 + 3 * 32 * 10)


@pytest.mark.parametrize(
    "shape", products.matrix_products([(7, 5), (5, 3)], 4), ids=lambda s: s.name
)
def test_a_product_has_the_shape_it_is_recorded_with(shape: products.MatrixProduct) -> None:
    """What is multiplied is (rows, inner) by (inner, columns): of ones, every sum is `inner`."""
    found = machine_limits.call_of(shape, np.dtype("float32"))()
    assert isinstance(found, np.ndarray)
    assert found.shape == (shape.rows, shape.columns)
    assert (found == shape.inner).all()


def test_the_share_of_the_limit_is_floor_over_step() -> None:
    """A step twice as long as its products reaches half of the limit."""
    frames = made()
    task = frames.plan.tasks[0]
    result = frames.result(task, "numpy:plain")
    step = np.exp(np.mean(np.log([*result.step.values()])))
    assert roofline.share(result) == pytest.approx(5e-5 / step)


def test_what_predicting_lacks_does_not_refuse_the_training() -> None:
    """Checks of predicting stand apart from those that gate the same-network times."""
    frames = made()
    assert set(frames.predicted.gate) == {"inference"}
    assert "inference" not in set(frames.checks.gate)
    assert predictions.arms(frames, frames.plan.tasks[0])[0] == "numpy:plain"
    older = set(predictions.START) - predictions.NEWER
    assert set(predictions.first_prediction(frames, "numpy")) == older


def test_a_closure_holds_what_is_required_and_nothing_of_unused_extras() -> None:
    """The report's own requirement of matplotlib brings NumPy; no test tool comes along."""
    found = distributions.find_required(["matplotlib"])
    assert {"matplotlib", "numpy", "packaging"} <= set(found)
    assert "pytest" not in found
    assert distributions.size_bytes(["numpy"]) > 1e6
    assert distributions.find_required(["no-such-distribution"]) == ()


def test_lines_of_code_are_neither_comments_nor_texts_nor_quoted_pages() -> None:
    """Of eight lines, two compute."""
    text = '"""Text."""\n# why\nPAGES = {\n    "a": 1,\n}\n\nx = (1 +\n     2)\n'
    assert adapter_source.count_code_lines(text) == 2


ON_A_PROCESSOR = [name for name in discovery.shipped_adapters() if name != "cupy"]


@pytest.mark.parametrize("name", ON_A_PROCESSOR)
def test_every_shipped_framework_says_why_it_predicts_so(name: str) -> None:
    """Both ways have a reason and a public source, read without running the file."""
    path = discovery.shipped_adapters()[name].predictors_path
    assert path is not None
    assert Path(path).exists()
    said = discovery.read_literal(path, "PREDICT")
    assert isinstance(said, dict)
    assert set(said) == set(predictions.WAYS)
    assert all(way["why"] and way["source"].startswith("http") for way in said.values())


@pytest.mark.parametrize(
    ("part", "text"),
    [(None, "–"), (0.004, "0.4 %"), (0.62, "62 %"), (0.996, "100 %"), (1.234, "123 %")],
)
def test_a_share_is_said_in_plain_digits(part: float | None, text: str) -> None:
    """A share just below 1, where a short format turns to an exponent, is 100 %."""
    assert roofline.percent(part) == text
