"""The page before two judges: axe-core for accessibility, the Nu checker for its HTML."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from report_fixture import hostile, made

from samenet.report import page as report_page

pytest_plugins = ("page_browser",)
VNU = Path(__file__).parents[1] / "html" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
STATES = {
    "as it opens": "",
    "everything open": "open=all",
    "filtered": "not-framework=keras&view=total&base=pytorch%3Aeager&scale=log&open=leaderboards",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(visit, page_file: Path, scheme: str, state: str) -> None:
    """axe-core has no complaint, light or dark, filtered or not, closed or wholly open."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is absent")
    page = visit(page_file, state=STATES[state], color_scheme=scheme, bypass_csp=True)
    if state == "everything open":
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.wait_for_selector("#raw .save")
    page.evaluate(files(axe).joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(r => r.violations)")
    assert [f"{v['id']}: {n['html'][:200]}" for v in found for n in v["nodes"][:3]] == []


@pytest.mark.skipif(shutil.which("java") is None, reason="the Nu checker needs java")
@pytest.mark.skipif(not VNU.exists(), reason="the Nu checker is absent: npm ci --prefix tests/html")
@pytest.mark.parametrize("options", [{}, {"tasks": "hostile"}], ids=["usual", "hostile names"])
def test_the_html_is_valid(tmp_path: Path, options: dict[str, str]) -> None:
    """The Nu checker has no error, with usual names and with names that want to be programs."""
    frames = made(tasks=[hostile()], failed=(), refused=()) if options else made()
    path = tmp_path / "report.html"
    path.write_text(report_page.build_page(frames), encoding="utf-8")
    command = ["java", "-jar", str(VNU), "--format", "json", "--exit-zero-always", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = [m for m in json.loads(done.stderr)["messages"] if m["type"] == "error"]
    assert [f"{m['message']} in {m.get('extract', '')[:120]}" for m in said] == []


def test_what_runs_and_styles_is_named_by_its_hash(visit, page_file: Path, tmp_path: Path) -> None:
    """The policy in the page lets its own script and style in and no other script, even inline."""
    text = page_file.read_text(encoding="utf-8")
    assert "unsafe-inline" not in text
    path = tmp_path / "report.html"
    planted = "<script>document.title = 'planted'</script><style>body { color: red }</style>"
    path.write_text(text.replace("</main>", f"{planted}</main>"), encoding="utf-8")
    troubles: list[str] = []
    page = visit(path, troubles=troubles)
    assert page.title() != "planted"
    assert page.evaluate("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    assert len([each for each in troubles if "Content Security Policy" in each]) == 2
