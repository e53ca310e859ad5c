"""Inputs on which an early samenet stumbled: each is refused in one sentence, or inert."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import fuzz_parsers
import pytest
import report_fixture
from fuzz_choices import nested
from matplotlib.figure import Figure

from samenet.adapter import discovery
from samenet.cli.commands import options
from samenet.errors import MESSAGE_MAX, RunFolderError, SamenetError, UsageError
from samenet.execution import planner
from samenet.report import annotations, svg
from samenet.runs.plan import read_plan
from samenet.runs.records import decode, encode
from samenet.spec import load_task
from samenet.spec.csv_task import read_csv

ATTACKS = Path(__file__).parents[1] / "data" / "attacks"
PLAN, RECORDS = report_fixture.recorded(
    tasks=("iris",), arms=("numpy:plain",), repeats=2, epochs=3, trainings=1
)
BODIES = {type(record).__name__: json.loads(encode(record)) for record in RECORDS}


def refusal(work: Callable[[], object], kind: type[SamenetError] = UsageError) -> str:
    """Return the one sentence with which something is refused."""
    with pytest.raises(kind) as caught:
        work()
    sentence = str(caught.value)
    assert caught.value.exit_code == 2
    assert 0 < len(sentence) <= MESSAGE_MAX
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("path", sorted((ATTACKS / "toml").iterdir()), ids=lambda path: path.name)
def test_an_absurd_task_file_is_one_sentence(path: Path, tmp_path: Path) -> None:
    """Deep nesting, thousands of digits and values of pages: refused, never echoed whole."""
    file = tmp_path / "mine.toml"
    file.write_bytes(path.read_bytes())
    refusal(lambda: load_task(str(file)))


@pytest.mark.parametrize(
    "path", sorted((ATTACKS / "adapter").iterdir()), ids=lambda path: path.name
)
def test_an_absurd_adapter_is_one_sentence(path: Path, tmp_path: Path) -> None:
    """A header that is no plain data, or absurd ones, is refused without running the file."""
    file = tmp_path / "mine.py"
    file.write_bytes(path.read_bytes())
    refusal(lambda: discovery.read(file))


@pytest.mark.parametrize(
    "text",
    [
        "ADAPTER = {[]: 1}",
        "ADAPTER = " + "[" * 100_000,
        "ADAPTER = " + "-" * 50_000 + "1",
        "\0",
        "a =",
    ],
    ids=["unhashable", "brackets", "signs", "NUL", "half"],
)
def test_what_python_cannot_parse_is_one_sentence(text: str, tmp_path: Path) -> None:
    """What ast.parse answers with MemoryError, RecursionError or ValueError is a refusal."""
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    refusal(lambda: discovery.read(file))


@pytest.mark.parametrize("name", ["crash.csv", "stranger.csv"])
def test_a_column_in_our_own_marks_is_a_name(name: str) -> None:
    """A column's name that looks like a mark of ours is drawn as text, and makes no element."""
    columns = list(read_csv(ATTACKS / "tables" / name).columns)
    (hostile,) = [column for column in columns if "mark:" in column]
    drawing = Figure()
    axes = drawing.subplots()
    (bar,) = axes.barh(0, 1)
    axes.text(0, 0, hostile)
    annotations.mark(bar, tip=hostile)
    root = ET.fromstring(svg.save(drawing, "svg"))
    assert hostile in [element.get("data-tip") for element in root.iter()]
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not names & {"script", "a", "image", "foreignObject"}


def changed(kind: str, **values: Any) -> str:
    """Return the line of a record with other values and a right checksum."""
    body = {key: value for key, value in BODIES[kind].items() if key != "sha256"} | values
    return fuzz_parsers._line({key: value for key, value in body.items() if value != "gone"})


WRONG_LINES = {
    "unknown field": changed("TimingRecord", colour=1),
    "missing field": changed("CertificateRecord", limit="gone"),
    "missing schema": changed("TimingRecord", schema="gone"),
    "strings in seconds": changed("TimingRecord", seconds=["1.0"]),
    "not finite": changed("TimingRecord", seconds=[float("nan")]),
    "too large": changed("TimingRecord", seconds=[10**400]),
    "other lengths": changed("QualityRecord", epochs=[1, 2], values=[1.0]),
    "text in epochs": changed("QualityRecord", epochs=["x" * 5000]),
    "unknown track": changed("TimingRecord", track="other"),
    "object as task": changed("TimingRecord", task={}),
    "half a pair": changed("TimingRecord", task="\ud800"),
    "true as repeat": changed("TimingRecord", repeat=True),
    "repeat beyond all": changed("TimingRecord", repeat=10**12),
    "data is no object": changed("DataPrepared", data=[]),
    "deep": '{"kind":"timing","seconds":' + "[" * 100_000 + ',"sha256":"0"}',
    "digits": '{"kind":"timing","seconds":' + "9" * 5000 + ',"sha256":"0"}',
}


@pytest.mark.parametrize("line", WRONG_LINES.values(), ids=WRONG_LINES)
def test_a_line_of_the_wrong_shape_is_one_sentence(line: str) -> None:
    """A line with a right checksum and wrong content is no record, and says why in a sentence."""
    refusal(lambda: decode(line), RunFolderError)


def plan_with(**changes: Any) -> dict[str, Any]:
    """Return the plain data of a plan with changes in its first job."""
    values = PLAN.model_dump(mode="json", by_alias=True)
    values["jobs"][0] |= changes
    return values


@pytest.mark.parametrize(
    "values",
    [
        plan_with(arm="nobody:plain"),
        plan_with(tasks=["nothing"]),
        plan_with(repeat=10**9),
        plan_with(predicted_seconds=float("nan")),
        {**plan_with(), "tasks": nested(3000)},
        {**plan_with(), "name": "\ud800"},
        {**plan_with(), "arms": plan_with()["arms"] * 2},
        {**plan_with(), "cases": {"case": ["nothing"]}},
        [],
    ],
    ids=["arm", "task", "repeat", "nan", "deep", "half a pair", "arms twice", "case", "list"],
)
def test_a_plan_that_does_not_hold_together_is_one_sentence(values: Any) -> None:
    """A job of an unknown arm or task, and whatever else is no plan, is found on reading."""
    assert "is no plan of this version" in refusal(
        lambda: read_plan(values, "runs/x/plan.json"), RunFolderError
    )


@pytest.mark.parametrize("value", ["x" * 5000, "a\0b", "x" * 300])
def test_a_path_that_no_system_has_is_one_sentence(value: str) -> None:
    """A path with a NUL, or longer than the system allows, is an error of usage."""
    with pytest.raises(click.BadParameter, match="is no path here"):
        options.SystemPath().convert(value, None, None)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_what_is_no_number_is_in_no_range(text: str) -> None:
    """Click takes NaN for a number in every range; samenet's options do not."""
    with pytest.raises(click.BadParameter):
        options.FiniteRange(0).convert(text, None, None)


def test_a_sweep_has_a_bound_that_is_said() -> None:
    """A million combinations are refused before a task is made of them, with both numbers."""
    many = ",".join(map(str, range(1, 1001)))
    settings = (f"model.layers.0.units={many}", f"training.epochs={many}")
    sentence = refusal(
        lambda: planner.choose_tasks(planner.Request(tasks=("iris",), settings=settings))
    )
    assert "1000000 tasks" in sentence
    assert "at most 10000" in sentence


@pytest.mark.parametrize("values", ["csv:/a/b.csv,csv:/a/c.csv", f"sklearn:{'x' * 90},sklearn:y"])
def test_a_sweep_over_anything_makes_names_that_a_task_may_have(values: str) -> None:
    """What varies may be a path or long: the plan of such a sweep can be read again."""
    request = planner.Request(tasks=("iris",), settings=(f"data.source={values}",))
    for task in planner.choose_tasks(request):
        assert type(task).model_validate(task.to_json()) == task
