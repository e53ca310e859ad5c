from __future__ import annotations

import importlib
import json
import pkgutil
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from report_fixture import COLUMN, ENDED, MACHINE, hostile, made, recorded

from samenet import reports
from samenet.analysis.frames import Frames, build, load
from samenet.errors import UsageError
from samenet.report import blocks, export, summary, svg
from samenet.report import page as report_page
from samenet.report.line_labels import spread_labels
from samenet.runs.folder import Store
from samenet.stats import formatting

VOID = {"meta", "link", "br", "hr", "img", "input", "circle", "path", "use", "rect"}
VERDICTS = ("winner", "no difference", "faster", "slower", "cannot tell yet")


class Reader(HTMLParser):
    """Collects what the tests look at and complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        """Read a whole page."""
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and that it is open."""
        own = dict(attrs)
        self.tags.append((tag, own))
        if own.get("id"):
            self.ids.append(str(own["id"]))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost tag."""
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text that people see."""
        if not {"script", "style"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        """Return everything people see, with single spaces."""
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def run() -> Frames:
    return made()


@pytest.fixture(scope="module")
def page(run: Frames) -> str:
    return report_page.build_page(run)


def sections_with(function: str) -> list[ModuleType]:
    """Return the files below reports/ that have a function of this name."""
    names = [m.name for m in pkgutil.walk_packages(reports.__path__, "samenet.reports.")]
    modules = [importlib.import_module(name) for name in names]
    return [module for module in modules if hasattr(module, function)]


def embedded(page: str, name: str) -> object:
    found = re.search(
        rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_page_is_well_formed_and_its_ids_are_unique(page: str) -> None:
    """Every tag is closed in order, and no id stands twice, the pictures' ids included."""
    read = Reader(page)
    assert read.open == []
    assert sorted(read.ids) == sorted(set(read.ids))


def test_every_reference_in_a_picture_leads_somewhere(page: str) -> None:
    """Pictures refer only to ids of the page, so prefixing broke nothing."""
    wanted = set(re.findall(r'(?:href="#|url\(#)([^")]+)', page))
    assert wanted <= set(Reader(page).ids) | {"main", "checks"}
    assert {"main", "checks"} <= set(Reader(page).ids)


def test_headings_never_skip_a_level(page: str) -> None:
    """There is one first heading, and none is more than one level below the one before it."""
    levels = Reader(page).headings
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_the_order_of_the_page_is_that_of_its_chapters() -> None:
    """Every folder of sections is a named chapter, and no two sections of one share a place."""
    modules = {module for name in ("section", "section_of_runs") for module in sections_with(name)}
    chapters = {module.__name__.split(".")[-2] for module in modules}
    assert sorted(chapters) == sorted(reports.CHAPTERS)
    places = [(module.__name__.split(".")[-2], module.ORDER) for module in modules]
    assert len(places) == len(set(places))
    assert all(report_page.page_order(m)[0] < len(reports.CHAPTERS) for m in modules)


def test_every_figure_has_title_help_and_numbers(page: str, run: Frames) -> None:
    """Each picture comes with a caption, a reading help, a name for screen readers and a table."""
    figures = report_page.compose(run).figures
    assert {"hero", "speed", "start-up", "goal", "quick-start"} <= {f.name for f in figures}
    assert all(f.title and f.help and f.table.rows for f in figures)
    assert page.count("<figcaption>") == len(figures) == page.count('<p class="help">')
    assert page.count('role="img"') == 2 * len(figures)


def test_nothing_in_the_page_loads_or_styles_from_elsewhere(page: str) -> None:
    """No element loads anything, and no inline style or handler needs a weaker policy."""
    for tag, attributes in Reader(page).tags:
        assert tag not in {"link", "img", "iframe", "object", "base"}
        assert not {"src", "style", "srcset"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    assert "default-src 'none'" in page
    assert "unsafe" not in page.partition("<style>")[0]


def test_page_built_twice_is_the_same(page: str, run: Frames) -> None:
    """The same run gives the same page to the byte, pictures included."""
    assert report_page.build_page(run) == page


def test_embedded_numbers_are_the_recomputed_ones(page: str, run: Frames) -> None:
    """`samenet verify` can compare: what the page holds equals what is computed again."""
    assert embedded(page, "samenet-numbers") == report_page.printed_numbers(run)


def test_every_printed_table_stands_in_the_numbers(run: Frames) -> None:
    """Each cell of each table that comes from measurements is part of what verify compares."""
    known = json.dumps(report_page.printed_numbers(run), ensure_ascii=False)
    for section in report_page.compose(run).sections:
        for block in section.blocks:
            if isinstance(block, blocks.Table) and not block.quoted:
                texts = [json.dumps(c.text, ensure_ascii=False) for row in block.rows for c in row]
                assert all(text in known for text in texts)


def test_a_changed_sample_changes_the_numbers(run: Frames) -> None:
    """A run whose times differ does not verify against this page."""
    times = run.times.assign(seconds=run.times.seconds * 1.01)
    changed = Frames(**{**{f: getattr(run, f) for f in run.__dataclass_fields__}, "times": times})
    assert report_page.printed_numbers(changed) != report_page.printed_numbers(run)


def test_raw_data_are_embedded_whole(page: str, run: Frames) -> None:
    """The page holds every sample of the run, so that it can be computed again from the file."""
    data = embedded(page, "data-run")
    assert isinstance(data, dict)
    assert sum(len(entry["seconds"]) for entry in data["samples"]) == len(run.samples)
    assert len(data["checks"]["error"]) == len(run.checks)


def test_names_from_data_are_inert() -> None:
    """A task or column named like a script is text in the page and in its pictures."""
    task = hostile()
    page = report_page.build_page(made(tasks=[task], failed=[(task.name, "keras:fit")], refused=()))
    read = Reader(page)
    assert read.open == []
    assert not [tag for tag, _ in read.tags if tag in {"img", "b"}]
    assert COLUMN in read.text
    assert page.count("<script") == page.count("</script>") == 4


def test_top_of_the_page_says_what_to_use_and_how_sure_that_is(page: str) -> None:
    """The first screen recommends, never NumPy, and says what was checked and resolved."""
    top = Reader(page.partition('<section class="more"')[0]).text
    choices = re.findall(r'<p class="choice">(.*?)</p>', page)
    assert len(choices) == 3
    assert not any("NumPy" in choice for choice in choices)
    assert "10 of 12 results checked: same network" in top
    assert re.search(r"Differences under about [\d.]+ % are not resolved in this quick run", top)
    assert re.search(r"--profile standard takes at most \d+ minutes?\.", top)
    assert "pip install 'samenet[jax]'" in top


def test_failures_keep_their_marks_and_reasons(page: str) -> None:
    """Refused, failed and not installed stand in the tables with their reasons, not as zeros."""
    text = Reader(page).text
    assert "refused: gate 1, gradient: 0.5 instead of at most 7e-15" in text
    assert "failed: the worker was killed (out of memory?)" in text
    assert "not installed: pip install" in text


def test_few_repeats_give_no_verdict_words(page: str) -> None:
    """Below eight repeats the tables hold factors and ranks, and no word that decides."""
    table = page.partition('id="leaderboards"')[2].partition("</details>")[0].lower()
    assert not [word for word in VERDICTS if f"<small>{word}" in table]


def test_eight_repeats_give_verdict_words() -> None:
    """From eight repeats on, a factor is called faster, slower or too close to call."""
    text = Reader(report_page.build_page(made(tasks=["digits"], repeats=8))).text
    assert "slower" in text
    assert "screening" not in text


@pytest.mark.parametrize(
    "options",
    [
        {"track": "same"},
        {"track": "quickstart"},
        {"reference": False},
        {"arms": ["pytorch:eager"]},
        {"arms": ["numpy:plain"]},
        {"repeats": 1},
        {"failed": [("digits", arm) for arm in ("numpy:plain", "keras:fit")],
         "arms": ["numpy:plain", "keras:fit"], "track": "same"},
    ],
    ids=["no quick start", "quick start only", "no reference", "one", "numpy only", "one repeat",
         "all failed"],
)  # fmt: skip
def test_missing_parts_still_give_a_page(options: dict[str, object]) -> None:
    """Whatever is missing from a run, there is a whole page that says so."""
    page = report_page.build_page(made(tasks=["digits"], refused=(), **{"failed": (), **options}))  # type: ignore[arg-type]
    read = Reader(page)
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    assert "nan" not in re.findall(r"[a-z]+", read.text.lower())


def test_plan_without_any_record_gives_a_page() -> None:
    """A run that was interrupted before its first result has a page, too."""
    page = report_page.build_page(build(made(tasks=["digits"]).plan, {}, []))
    assert "No recommendation" in page


def test_figure_by_name_and_unknown_name(run: Frames) -> None:
    """`result.figure` gives a matplotlib figure; an unknown name is answered with a known one."""
    assert len(report_page.draw_figure(run, "hero").axes) == 2
    with pytest.raises(UsageError, match="hero"):
        report_page.draw_figure(run, "heros")


def test_write_report_leaves_page_and_pictures(tmp_path: Path) -> None:
    """A run folder gets report.html and each picture as SVG and PNG."""
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    store = Store(tmp_path)
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    store.write_json("machine.json", MACHINE)
    store.append([*records, ENDED])
    path = report_page.write_report(tmp_path)
    page = path.read_text(encoding="utf-8")
    assert embedded(page, "samenet-numbers") == report_page.printed_numbers(load(tmp_path))
    names = {file.name for file in (tmp_path / "figures").iterdir()}
    assert {"hero.svg", "hero.png", "speed.svg", "curves-digits.png"} <= names


def test_a_page_takes_away_only_what_a_page_has_written(tmp_path: Path) -> None:
    """A picture of an earlier page goes when it is not wanted; a person's own stays."""
    (tmp_path / "figures").mkdir()
    for name in ("mine.svg", "architecture.png", "stale.svg"):
        (tmp_path / "figures" / name).write_text("mine", encoding="utf-8")
    listed = "stale.svg\n../outside.svg\nhero.svg\n"
    (tmp_path / "figures" / export.WRITTEN).write_text(listed, encoding="utf-8")
    (tmp_path / "outside.svg").write_text("mine", encoding="utf-8")
    plan, records = recorded(tasks=["digits"], refused=(), failed=())
    store = Store(tmp_path)
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    store.write_json("machine.json", MACHINE)
    store.append([*records, ENDED])
    report_page.write_report(tmp_path)
    names = {file.name for file in (tmp_path / "figures").iterdir()}
    assert {"mine.svg", "architecture.png", "hero.svg"} <= names
    assert "stale.svg" not in names
    assert (tmp_path / "outside.svg").exists()


def test_picture_keeps_its_numbers_and_takes_the_pages_colour(run: Frames) -> None:
    """Coordinates are rounded, texts are not, and ink becomes the colour of the page's text."""
    figure = next(f for f in report_page.compose(run).figures if f.name == "hero")
    text = svg.inline(svg.draw_as_svg(svg.draw(figure, narrow=False)), prefix="p", label="<&>")
    assert "0.03" in text
    assert "currentColor" in text
    assert "style=" not in text
    assert "<metadata" not in text
    assert "&lt;&amp;&gt;" in text


def test_labels_are_moved_apart_in_order() -> None:
    """Labels that would overlap keep their order, a gap, and the panel."""
    places = spread_labels({"a": 0.5, "b": 0.5, "c": 0.99, "d": 0.98}, gap=0.1)
    ordered = sorted(places.values())
    assert all(later - earlier > 0.0999 for earlier, later in pairwise(ordered))
    assert max(ordered) <= 1.0
    assert places["d"] < places["c"]


def test_slugs_are_safe_and_distinct() -> None:
    """Task names become parts of file names: plain letters, different for different tasks."""
    plan = made(tasks=[hostile(), "digits"], refused=(), failed=()).plan
    slugs = [blocks.slug(plan, task.name) for task in plan.tasks]
    assert len(set(slugs)) == 2
    assert all(re.fullmatch("[a-z0-9-]+", slug) for slug in slugs)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (2.3e-15, "2e-15"), (4.4e-7, "4e-7"), (0.5, "5e-1"), (1.0, "1e0")],
)
def test_errors_are_written_with_one_digit(value: float, text: str) -> None:
    """An error is an order of magnitude and is printed as one."""
    assert formatting.error_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.1234, "0.123"), (12.34, "12.3"), (1234.0, "1230"), (999.6, "1000")]
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    """A number in an interval is never printed as 1.2e+03."""
    assert formatting.format_digits(value) == text


def test_the_date_is_written_in_words() -> None:
    """The page names the day as people do."""
    assert summary.format_day("2026-11-23T17:12:20+00:00") == "23 November 2026, 17:12 UTC"
