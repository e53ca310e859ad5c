from __future__ import annotations

from pathlib import Path

import pytest
from report_fixture import hostile, made

from samenet.report import page as report_page

pytest_plugins = ("page_browser",)


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_never_scrolls_sideways(visit, page_file: Path, width: int, scheme: str) -> None:
    """Narrow or wide, light or dark, everything open: the page fits its window."""
    page = visit(page_file, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.click("#expand")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_page_is_complete_without_javascript(visit, page_file: Path) -> None:
    """With scripts off, advice, figures and every section are there and open on a click."""
    page = visit(page_file, java_script_enabled=False)
    assert page.locator(".choice").count() == 3
    assert page.locator("#hero figure svg:visible").count() == 1
    assert page.locator(".controls:visible, button:visible").count() == 0
    page.locator("#leaderboards > summary").click()
    assert page.locator("#leaderboards table").first.is_visible()


def test_names_from_data_run_no_script(visit, tmp_path: Path) -> None:
    """A column named like a script does nothing, in the page and in its pictures."""
    path = tmp_path / "report.html"
    path.write_text(
        report_page.build_page(made(tasks=[hostile()], failed=(), refused=())), encoding="utf-8"
    )
    page = visit(path)
    page.click("#expand")
    assert page.locator("main img").count() == 0


def test_a_header_button_sorts_by_value(visit, page_file: Path) -> None:
    """Sorting goes by the number, not by its text, says so to a screen reader, and turns around."""
    page = visit(page_file)
    page.click("#expand")
    table = page.locator("#leaderboards table").nth(2)
    head = table.locator("thead th").nth(1)

    def values() -> list[float]:
        cells = table.locator("tbody tr").all()
        found = [row.locator("td").first.get_attribute("data-value") for row in cells]
        return [float(value) for value in found if value]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(values())
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == sorted(values(), reverse=True)


def test_theme_switch_changes_the_ground(visit, page_file: Path) -> None:
    """Light and dark can be chosen against the system's setting."""
    page = visit(page_file, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.select_option("#theme", "dark")
    assert page.evaluate(ground) != light
    page.select_option("#theme", "")
    assert page.evaluate(ground) == light


def test_the_trust_link_opens_the_checks(visit, page_file: Path) -> None:
    """The link "Can I trust this?" leads to the checks and opens them."""
    page = visit(page_file)
    page.click(".trust a")
    table = page.wait_for_selector("#checks[open] table")
    assert table.is_visible()


def test_data_are_saved_offline(visit, page_file: Path, tmp_path: Path) -> None:
    """The button saves the embedded data as a file without any request."""
    page = visit(page_file, accept_downloads=True)
    page.click("#expand")
    with page.expect_download() as saved:
        page.click(".save")
    assert saved.value.suggested_filename == "samenet-run.json"


def test_print_shows_everything(visit, page_file: Path) -> None:
    """In print the sections are open and the controls are gone."""
    page = visit(page_file)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#leaderboards table").first.is_visible()
    assert page.locator(".controls:visible").count() == 0
