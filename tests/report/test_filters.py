"""What a reader can do to the page, in a real browser without a network."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from report_fixture import made

from samenet.analysis import totals as analysis_totals
from samenet.stats import intervals

pytest_plugins = ("page_browser",)
ROWS = "#leaderboards tbody tr"


@pytest.fixture
def page(visit, page_file: Path):
    """Return the page with the times of all tasks open."""
    return visit(page_file, state="open=leaderboards")


def frameworks_shown(page) -> set[str]:
    arms = page.locator(f"{ROWS}:visible").evaluate_all("rows => rows.map(r => r.dataset.arm)")
    return {arm.partition(":")[0] for arm in arms}


def opened_menu(page, key: str):
    menu = page.locator(f".menu[data-key={key}]")
    menu.locator("summary").click()
    return menu


def test_a_framework_is_hidden_by_mouse_everywhere(page) -> None:
    """An unticked framework leaves tables and pictures, and the page says how much is left."""
    bars = page.locator("#speed svg.picture [data-arm='keras:fit']:visible")
    assert bars.count() > 0
    opened_menu(page, "framework").get_by_label("Keras").uncheck()
    assert "keras" not in frameworks_shown(page)
    assert bars.count() == 0
    assert "rows are shown" in page.locator("#shown").inner_text()


def test_a_filter_works_by_keyboard_alone(page) -> None:
    """Enter opens a menu, Space unticks, Escape closes it and gives the focus back."""
    page.locator(".menu[data-key=framework] > summary").focus()
    page.keyboard.press("Enter")
    for _ in range(3):  # All, None, the first framework
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert "numpy" not in frameworks_shown(page)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert page.locator(".menu[open]").count() == 0


@pytest.mark.parametrize(("key", "label", "attribute"), [("task", "Handwritten digits", "task")])
def test_a_task_is_hidden_with_its_blocks(page, key: str, label: str, attribute: str) -> None:
    """An unticked task takes its recommendation, its tables and its pictures with it."""
    opened_menu(page, key).get_by_label(label).uncheck()
    assert page.locator(f"[data-{attribute}=digits]:visible").count() == 0
    assert page.locator("article:visible").count() == 2


def test_modes_are_filtered_too(page) -> None:
    """An unticked mode hides the rows of every arm in that mode and no other."""
    opened_menu(page, "mode").get_by_label("fit").uncheck()
    assert frameworks_shown(page) >= {"numpy", "pytorch"}
    assert page.locator(f"{ROWS}[data-arm='keras:fit']:visible").count() == 0


def test_the_view_leaves_what_was_asked_for(page) -> None:
    """Steady, whole and goal each leave their own tables."""
    for view in ("total", "steady"):
        page.select_option("#view", view)
        views = page.locator("#leaderboards .block[data-view]:visible").evaluate_all(
            "blocks => blocks.map(b => b.dataset.view)"
        )
        assert set(views) == {view}
    for view in page.locator("#view option").evaluate_all("options => options.map(o => o.value)"):
        page.select_option("#view", view)
        left = page.locator("main [data-view]:not([hidden])").evaluate_all(
            "blocks => blocks.map(b => b.dataset.view)"
        )
        assert set(left) <= {view} if view else {"total", "long", "steady"} <= set(left)
    page.select_option("#view", "goal")
    assert page.locator("#leaderboards .block[data-view]:visible").count() == 0


def test_another_baseline_gives_the_paired_interval(page) -> None:
    """Factors against a chosen arm are those of stats.intervals, and the page names the arm."""
    page.select_option("#base", "pytorch:eager")
    frames = made()
    task = frames.plan.task("digits")
    own, base = (frames.result(task, a).total() for a in ("keras:fit", "pytorch:eager"))
    wanted = intervals.paired_ratio(own, base)
    row = page.locator("#leaderboards [data-task=digits][data-view=total] [data-arm='keras:fit']")
    shown = row.locator(".factor").inner_text()
    numbers = [
        float(n)
        for n in shown.replace("×", " ").strip(" ]").replace("[", "").replace(",", " ").split()
    ]
    assert numbers == pytest.approx([wanted.value, wanted.low, wanted.high], rel=6e-3)
    assert "PyTorch (eager)" in page.locator(".base:visible").first.inner_text()


def test_a_head_names_the_baseline_that_its_numbers_have(page, tmp_path: Path) -> None:
    """Another baseline renames the heads that name one, on the page and in what is saved."""
    block = page.locator("#leaderboards .block[data-task=digits][data-view=total]")
    heads = block.locator("thead th")
    before = heads.all_inner_texts()
    assert any("against" in head and "PyTorch" not in head for head in before)
    page.select_option("#base", "pytorch:eager")
    after = heads.all_inner_texts()
    assert [head for head in after if "against" in head] == ["Factor against PyTorch (eager)"]
    with page.expect_download() as found:
        block.get_by_role("button", name="as CSV").first.click()
    found.value.save_as(tmp_path / "table.csv")
    assert "Factor against PyTorch (eager)" in (tmp_path / "table.csv").read_text("utf-8")
    page.select_option("#base", "")
    assert heads.all_inner_texts() == before


@pytest.mark.parametrize("place", ["rows-digits", "figure-break-even"])
def test_a_link_into_a_closed_part_opens_it_and_stays_in_the_address(
    visit, page_file: Path, place: str
) -> None:
    """Whoever opens the link, or the address that it leaves, stands at the place it names."""
    page = visit(page_file, place)
    target = page.locator(f"#{place}")
    target.wait_for(state="visible")
    assert page.evaluate("scrollY") > 0
    shared = page.evaluate("location.hash.slice(1)")
    assert f"at={place}" in shared
    again = visit(page_file, shared)
    again.locator(f"#{place}").wait_for(state="visible")
    assert again.evaluate("scrollY") > 0


def test_going_back_to_the_fastest_gives_the_printed_factors(page) -> None:
    """The printed factor, verdict and difference come back whole."""
    table = page.locator("#leaderboards table").first
    before = table.inner_html()
    page.select_option("#base", "pytorch:eager")
    assert table.inner_html() != before
    page.select_option("#base", "")
    assert table.inner_html() == before


def test_bars_may_be_logarithmic(page) -> None:
    """On a logarithmic scale the longest bar stays, the shorter ones grow."""
    widths = "bars => bars.map(b => parseFloat(b.firstElementChild.getAttribute('width')))"
    table = page.locator("#leaderboards table").first.locator("svg.bar")
    linear = table.evaluate_all(widths)
    page.select_option("#scale", "log")
    log = table.evaluate_all(widths)
    assert 100 >= max(log) >= max(linear)
    assert min(log) > min(linear)


def test_the_address_brings_everything_back(visit, page_file: Path) -> None:
    """Filter, baseline, view, scale, theme, sorting and open parts survive a reload."""
    page = visit(page_file)
    page.locator("#leaderboards > summary").click()
    opened_menu(page, "framework").get_by_label("Keras").uncheck()
    page.keyboard.press("Escape")
    for chooser, value in (
        ("view", "total"),
        ("base", "pytorch:eager"),
        ("scale", "log"),
        ("theme", "dark"),
    ):
        page.select_option(f"#{chooser}", value)
    page.locator("#leaderboards thead button").nth(1).click()
    state = "() => [location.hash, document.querySelector('main').innerText]"
    before = page.evaluate(state)
    page.reload()
    page.wait_for_selector("#leaderboards .saving")
    assert page.evaluate(state) == before
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_wrong_address_is_the_plain_page(visit, page_file: Path) -> None:
    """Names that the page does not know are ignored, whatever they are."""
    state = "base=nobody&view=<b>&sort=99+99+up&sort=x&open=nothing&not-framework=zzz&theme=pink"
    page = visit(page_file, state=state)
    assert page.evaluate("document.getElementById('base').value") == ""
    assert page.locator("#shown").inner_text() == ""


def test_details_come_on_hover_and_on_focus(page) -> None:
    """A bar tells its repeats to a mouse and to a keyboard; arrows lead on; Escape hides it."""
    bars = page.locator("#leaderboards tbody").first.locator("svg.bar")
    tip = page.locator("#tip")
    bars.nth(1).hover()
    assert "Each repeat:" in tip.inner_text()
    page.mouse.move(0, 0)
    assert not tip.is_visible()
    bars.first.focus()
    first = tip.inner_text()
    page.keyboard.press("ArrowDown")
    assert tip.is_visible()
    assert tip.inner_text() != first
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()


def test_marks_of_a_picture_tell_what_they_are(page) -> None:
    """The bars of the speed figure are reached by one Tab and walked through with arrows."""
    marks = page.locator("#speed svg.picture [data-tip]:visible")
    marks.first.focus()
    assert page.locator("#speed svg.picture [tabindex='0']:visible").count() == 1
    told = set()
    for _ in range(4):
        told.add(page.locator("#tip").inner_text())
        page.keyboard.press("ArrowRight")
    assert len(told) == 4


def saved(page, button) -> tuple[str, str]:
    with page.expect_download() as found:
        button.click()
    path = Path(found.value.path())
    return found.value.suggested_filename, path.read_text(encoding="utf-8")


def test_a_table_is_saved_as_it_is_shown(page) -> None:
    """CSV and JSON hold the numbers, Markdown the texts, of the rows that are left."""
    opened_menu(page, "framework").get_by_label("Keras").uncheck()
    page.keyboard.press("Escape")
    line = page.locator("#leaderboards [data-task=digits][data-view=total] .saving")
    frames = made()
    totals = {
        t.arm: t.seconds.value for t in analysis_totals.totals(frames, frames.plan.task("digits"))
    }
    name, text = saved(page, line.get_by_role("button").nth(0))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert name.endswith(".csv")
    by_name = {row["Framework"].split(" for ")[0]: row for row in rows}
    assert {"NumPy (plain)", "PyTorch (eager)", "TensorFlow (graph)"} <= by_name.keys()
    assert not [row for row in rows if row["Framework"].startswith("Keras")]
    assert float(by_name["PyTorch (eager)"]["Whole training"]) == pytest.approx(
        totals["pytorch:eager"], rel=1e-5
    )
    _, text = saved(page, line.get_by_role("button").nth(1))
    cell = json.loads(text)[1]["Whole training"]
    assert len(cell["repeats"]) == 3
    mean = math.exp(sum(map(math.log, cell["repeats"])) / 3)
    assert cell["value"] == pytest.approx(mean, rel=1e-4)
    name, text = saved(page, line.get_by_role("button").nth(2))
    assert name.endswith(".md")
    assert text.splitlines()[1].replace(" ", "") == "|" + "---|" * 7


def test_a_picture_is_saved_as_it_is_shown(page) -> None:
    """The SVG stands alone: no reference to the page's colours, no hidden framework, valid XML."""
    opened_menu(page, "framework").get_by_label("Keras").uncheck()
    page.keyboard.press("Escape")
    name, text = saved(page, page.locator("#speed .saving button"))
    assert name == "samenet-whole-training-from-an-empty-interpreter-to-the-last-epoch.svg"
    assert text.startswith("<svg")
    assert 'xmlns="http://www.w3.org/2000/svg"' in text
    assert "currentColor" not in text
    assert "keras:fit" not in text
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
