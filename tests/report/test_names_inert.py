"""Names from data stay names wherever they come out: page, pictures, saved files, terminal."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from report_fixture import COLUMN, hostile, made, recorded

from samenet import _console
from samenet.analysis.frames import build
from samenet.report import page as report_page
from samenet.report import result
from samenet.report.annotations import mark, restore_marks
from samenet.report.html import data_attributes
from samenet.spec import Task, csv_task, load_task

pytest_plugins = ("page_browser",)
OWN_SYNTAX = [
    'y id="mark:x"',
    'y id="mark-0"',
    '<g id="mark-0"',
    'price id="mark:%7B%22%3Cscript%3Ealert%281%29%3C/script%3E%3Ca%20href%3D%27x%27%3E%22%3A1%7D"',
    'a style="fill: #000000" xlink:href="#patch_1"',
    "url(#patch_1)",
    'job finished", "sha256":"0',
    "iris[training.epochs=1,2]",
    "%7B%22tip%22%3A%22x%22%7D",
    "{{ report }} {% raw %}",
]
"""Names that speak the syntax of our own files."""

FORMULA = "=HYPERLINK(1)|<img src=x onerror=alert(1)>"
ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x9b2J\u202eback"


def named(title: str) -> Task:
    """Return a task with this title."""
    return Task.model_validate({**load_task("iris").to_json(), "title": title})


@pytest.mark.parametrize("text", ['"><b>', "' onclick=x", "</script>", COLUMN, FORMULA])
def test_a_data_attribute_is_only_an_attribute(text: str) -> None:
    """Whatever a name holds, the attribute gives it back whole and there is nothing beside it."""
    element = ET.fromstring(f"<a{data_attributes(task=text)}/>")
    assert element.attrib == {"data-task": text}


@pytest.mark.parametrize("text", ['"><b>', "' onclick=x", "]]>", COLUMN, "a" * 300, "ä→中"])
def test_a_mark_survives_the_picture(text: str) -> None:
    """What a bar stands for comes through matplotlib's SVG as it was, as an attribute."""
    from matplotlib.figure import Figure

    from samenet.report import svg

    drawing = Figure()
    (bar,) = drawing.subplots().barh(0, 1)
    mark(bar, tip=text)
    root = ET.fromstring(svg.save(drawing, "svg"))
    assert text in [element.get("data-tip") for element in root.iter()]
    assert restore_marks("<g/>", {}) == "<g/>"


def test_pictures_as_files_hold_hostile_names_as_text() -> None:
    """The SVG files of a hostile run are well-formed and hold no element but drawing ones."""
    from samenet.report import svg

    found = report_page.compose(made(tasks=[hostile()], failed=(), refused=()))
    for figure in found.figures:
        root = ET.fromstring(svg.save(svg.draw(figure, narrow=False), "svg"))
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not names & {"script", "img", "image", "foreignObject", "a"}


def test_saved_tables_are_inert(visit, tmp_path: Path) -> None:
    """In CSV a formula is a text; in Markdown a tag is a text and a bar splits no cell."""
    path = tmp_path / "report.html"
    frames = made(tasks=[named(FORMULA), "digits"], failed=(), refused=(), track="same")
    path.write_text(report_page.build_page(frames), encoding="utf-8")
    page = visit(path, state="open=checks")
    buttons = page.locator("#checks .saving").first.get_by_role("button")
    texts = []
    for place in (0, 2):
        with page.expect_download() as download:
            buttons.nth(place).click()
        texts.append(Path(download.value.path()).read_text(encoding="utf-8"))
    fields = [field for row in csv.reader(io.StringIO(texts[0])) for field in row]
    assert f"'{FORMULA}" in fields
    assert not [field for field in fields if re.match("[=+@\t\r]", field)]
    assert "<img" not in texts[1]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in texts[1].splitlines()}
    assert widths == {6}


def test_the_terminal_is_left_alone() -> None:
    """Titles and reasons that hold escape codes are printed with the codes made visible."""
    plan, records = recorded(tasks=[named(ESCAPES)], failed=(), refused=(), track="same")
    lines = "\n".join(result.to_lines(build(plan, {}, records)))
    assert "owned" in lines
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", lines)


def test_visible_text_stays_as_it_is() -> None:
    """Letters of any language, signs, tabs and line ends are no control characters."""
    text = "PyTorch (eager): 1.9 s → −3 %\t中文 ½\n"
    assert _console.make_printable(text) == text


def test_columns_of_a_csv_file_carry_no_codes(tmp_path: Path) -> None:
    """A column's name is made visible as it is read, before it stands in any message."""
    path = tmp_path / "table.csv"
    path.write_text(f"{ESCAPES},y\n" + "1,2\n3,4\n", encoding="utf-8")
    names = list(csv_task.read_csv(path).columns)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202e]", "".join(names))


@pytest.mark.parametrize("name", OWN_SYNTAX)
@pytest.mark.parametrize("marked", [True, False])
def test_a_name_in_our_own_syntax_is_drawn_as_it_is(name: str, *, marked: bool) -> None:
    """A picture with such a name, saved or in the page, has its elements and attributes alone."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from samenet.report import svg

    drawing = Figure()
    axes = drawing.subplots()
    axes.set_title(name)
    (bar,) = axes.barh(0, 1)
    if marked:
        mark(bar, task=name, tip=name)
    with rc_context({"svg.fonttype": "none"}):
        text = svg.save(drawing, "svg").decode()
    whole = ET.fromstring(text)
    inline = ET.fromstring(svg.inline(text, prefix="p", label=name))
    for root in (whole, inline):
        names = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not names & {"script", "a", "image", "foreignObject"}
        data = [e.attrib for e in root.iter() if any(key.startswith("data-") for key in e.attrib)]
        said = [{k: v for k, v in each.items() if k.startswith("data-")} for each in data]
        assert said == ([{"data-task": name, "data-tip": name}] if marked else [])
    drawn = [element.text for element in inline.iter() if element.text and element.tag != "title"]
    assert name in drawn


def test_an_artist_stands_for_nothing_else() -> None:
    """What becomes the name of an attribute is one of a fixed set."""
    from matplotlib.figure import Figure

    (bar,) = Figure().subplots().barh(0, 1)
    with pytest.raises(ValueError, match="onclick"):
        mark(bar, onclick="alert(1)")
