"""The report: sections are found, computed from a run's frames and put into one offline page."""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from samenet._text import join_names
from samenet.analysis import frames as tables
from samenet.analysis import subset
from samenet.analysis.frames import Frames
from samenet.analysis.memo import pause_collector
from samenet.errors import RefusedError, RunFolderError, UsageError, unknown_name
from samenet.machine.files import make_folder, remove, remove_parts, write_whole
from samenet.report import annotations as report_annotations
from samenet.report import embedded_data, export, html, multi_run, svg
from samenet.report.blocks import Figure, Section, Table, numbers_of
from samenet.report.filters import FilterChoices, filter_choices
from samenet.report.multi_run import Run
from samenet.report.summary import Headline, make_headline
from samenet.runs import seal
from samenet.runs.folder import Store, open_run
from samenet.runs.plan import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

PACKAGE = "samenet.reports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything the page says, before it is a page."""

    headline: Headline
    sections: tuple[Section, ...]
    choices: FilterChoices
    large: bool
    names: report_annotations.PictureNames

    question: str = "Which framework, on this machine?"
    origin: str = "Every number on this page is recomputed from the run folder by `samenet verify`."
    """How a reader gets the numbers of the page again."""

    @property
    def tables(self) -> list[Table]:
        """Return the tables of all sections, those of their pictures too."""
        blocks = [block for section in self.sections for block in section.blocks]
        tables_alone = [block for block in blocks if isinstance(block, Table)]
        return tables_alone + [figure.table for figure in self.figures]

    @property
    def figures(self) -> list[Figure]:
        """Return the pictures of all sections."""
        return [figure for section in self.sections for figure in section.figures]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure in its forms: matplotlib's, and two for the page."""

    drawing: Drawing
    file: str
    """SVG on white."""
    wide: Markup
    narrow: Markup


def finish_run(folder: Path) -> Path:
    """Write the page of a run that has ended, seal the run, and return the page's path.

    Raises RefusedError if another process has gone on with the run in the meantime.
    """
    store = open_run(folder)
    with store.writing():
        written = _write_files(folder, lambda sentence: None)
        seal.seal_run(store, Plan.model_validate(store.read_json("plan.json")), written)
    return folder / "report.html"


def write_report(folder: Path, say: Callable[[str], object] = lambda sentence: None) -> Path:
    """Write report.html and figures/ into a run folder and return the page's path.

    If the run is sealed and nothing but its page has changed, the page comes under the seal; else
    the seal is left as it is, and that is said. While a run goes on its page shows what there is.
    """
    store = open_run(folder)
    with ExitStack() as lock:
        try:
            lock.enter_context(store.writing())
        except RefusedError:
            _write_files(folder, say)
            return folder / "report.html"
        before = _intact_seal(store, say)
        written = _write_files(folder, say)
        if before:
            seal.reseal_page(store, before, written)
    return folder / "report.html"


def _intact_seal(store: Store, say: Callable[[str], object]) -> seal.Seal | None:
    """Return the seal of a run if nothing but its page has changed since, or None."""
    try:
        found = seal.read_seal(store.folder)
        if found is None:
            return None
        wrong = seal.find_damage(store.folder, found)
    except RunFolderError as error:
        wrong = [str(error)]
    if wrong:
        say(f"{wrong[0]}. The page is written, and the seal left: samenet verify names all.")
        return None
    return found


@pause_collector()
def _write_files(folder: Path, say: Callable[[str], object]) -> list[str]:
    """Write page and pictures; return their names in the folder."""
    frames = tables.load(folder)
    if frames.left_out:
        say(frames.left_out)
    report = compose(frames)
    pictures = _pictures(report)
    figures_folder = folder / "figures"
    make_folder(figures_folder)
    remove_parts(figures_folder)
    written = {f"{name}.{kind}" for name in pictures for kind in ("svg", "png")}
    _remove_stale(figures_folder, written)
    for name, picture in pictures.items():
        write_whole(figures_folder / f"{name}.svg", picture.file, durable=False)
        png = svg.save(picture.drawing, "png")
        write_whole(figures_folder / f"{name}.png", png, durable=False)
    write_whole(figures_folder / export.WRITTEN, "".join(f"{name}\n" for name in sorted(written)))
    _write_page(folder / "report.html", report, pictures)
    return ["report.html", *(f"figures/{name}" for name in sorted([*written, export.WRITTEN]))]


def _remove_stale(folder: Path, wanted: Collection[str]) -> None:
    """Remove the pictures that an earlier page wrote and this one has not; no others are ours."""
    for name in export.read_written(folder):
        if name not in wanted and re.fullmatch(r"[a-z0-9-]+\.(svg|png)", name):
            remove(folder / name)


def _write_page(path: Path, report: Report, pictures: dict[str, Picture]) -> Path:
    """Write a page as a whole or not at all; raises UsageError if its folder is not writable."""
    try:
        write_whole(path, _html(report, pictures))
    except OSError as error:
        raise UsageError(f"Cannot write {path}: {error.strerror}.") from None
    return path


def write_several(folders: Sequence[Path], out: Path | None) -> Path:
    """Write the page of several runs and return its path.

    Raises RunFolderError for what is no run, UsageError if the page cannot be written, or if a file
    is in its place that is no such page.
    """
    names = "-".join(folder.resolve().name for folder in folders)
    path = out or folders[0].resolve().parent / f"comparison-{names[:180]}.html"
    export.refuse_foreign(path, ours=_is_page(path))
    report = compose_several(multi_run.assign_letters(_loaded(folders)))
    return _write_page(path, report, _pictures(report))


HEAD_BYTES = 20_000
"""A page's head, up to its title, is within so many bytes."""


def _is_page(path: Path) -> bool:
    """Return whether a file is a page of ours: its title says so."""
    try:
        with path.open("rb") as file:
            return b"samenet report</title>" in file.read(HEAD_BYTES)
    except OSError:
        return False


def _loaded(folders: Sequence[Path]) -> list[tuple[str, Frames]]:
    return [(folder.resolve().name, tables.load(folder)) for folder in folders]


def write_figures(folders: Sequence[Path], out: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure of the page of one run or of several as files and return their paths."""
    loaded = _loaded(folders)
    if len(loaded) == 1:
        (_, frames) = loaded[0]
        report = compose(frames)
    else:
        report = compose_several(multi_run.assign_letters(loaded))
    return export.write_figures(report.figures, out, formats)


def build_page(frames: Frames) -> str:
    """Return the page of a run; the same frames give the same page."""
    report = compose(frames)
    return _html(report, _pictures(report))


def printed_numbers(frames: Frames) -> dict[str, Any]:
    """Return every number and sentence the page prints, as JSON gives them back."""
    return _numbers(compose(frames))


def draw_figure(frames: Frames, name: str) -> Drawing:
    """Return one picture by name, e.g. "hero"; raises UsageError naming the ones there are."""
    figures = {figure.name: figure for figure in compose(frames).figures}
    if name not in figures:
        raise unknown_name("figure", name, figures)
    return svg.draw(figures[name], narrow=False)


def compose(frames: Frames) -> Report:
    """Return what the page says."""
    without_ladder = subset.without_ladder(frames)
    detailed = subset.detailed_part(without_ladder)
    large = subset.is_large(without_ladder)
    sections = []
    for module in _modules("section"):
        # A section shows the tasks themselves, in a large run the first alone. It may ask for
        # every task, if it is quick enough for a thousand, or for the points of a size ladder too.
        shown = detailed
        if getattr(module, "EVERY_TASK", False):
            shown = without_ladder
        elif getattr(module, "WITH_LADDER", False) and detailed is without_ladder:
            shown = frames
        sections.append(module.section(shown))
    return Report(
        headline=make_headline(frames),
        sections=tuple(section for section in sections if section is not None),
        choices=filter_choices(without_ladder),
        large=large,
        names=report_annotations.collect_names(without_ladder),
    )


def compose_several(runs: Sequence[Run]) -> Report:
    """Return what the page of several runs says."""
    sections = [module.section_of_runs(runs) for module in _modules("section_of_runs")]
    return Report(
        headline=multi_run.first_screen(runs),
        sections=tuple(section for section in sections if section is not None),
        choices=replace(
            filter_choices(*(subset.without_ladder(r.frames) for r in runs)), baselines=()
        ),
        large=False,
        names=report_annotations.merge_names(
            report_annotations.collect_names(run.frames) for run in runs
        ),
        question="Which framework, in which run?",
        origin="Every number on this page is computed by `samenet report` from the records of "
        f"these runs: {join_names(run.folder for run in runs)}.",
    )


@cache
def _modules(function: str) -> tuple[ModuleType, ...]:
    """Return the files of reports/ that have a function of this name, in the order of the page.

    `section` makes the section of one run, `section_of_runs` that of several.
    """
    package = importlib.import_module(PACKAGE)
    names = [info.name for info in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")]
    modules = [importlib.import_module(name) for name in names]
    return tuple(sorted((m for m in modules if hasattr(m, function)), key=page_order))


def page_order(module: ModuleType) -> tuple[int, int, str]:
    """Return what sections are sorted by: their chapter, and their place in it."""
    chapters: tuple[str, ...] = importlib.import_module(PACKAGE).CHAPTERS
    chapter = module.__name__.removeprefix(f"{PACKAGE}.").partition(".")[0]
    number = chapters.index(chapter) if chapter in chapters else len(chapters)
    return number, module.ORDER, module.__name__


def _numbers(report: Report) -> dict[str, Any]:
    values = {
        "headline": report.headline.numbers(),
        "sections": {section.id: numbers_of(section) for section in report.sections},
    }
    return json.loads(json.dumps(values, allow_nan=False))


def _pictures(report: Report) -> dict[str, Picture]:
    return {figure.name: _picture(figure, report.names) for figure in report.figures}


def _picture(figure: Figure, names: report_annotations.PictureNames) -> Picture:
    wide = svg.draw(figure, narrow=False)
    narrow = svg.draw(figure, narrow=True)
    for drawing in (wide, narrow):
        report_annotations.mark_all(drawing, names)
        drawing.set_facecolor("white")
    file = svg.draw_as_svg(wide)
    return Picture(
        drawing=wide,
        file=file,
        wide=svg.inline(file, prefix=f"{figure.name}-w", label=figure.title),
        narrow=svg.inline(svg.draw_as_svg(narrow), prefix=f"{figure.name}-n", label=figure.title),
    )


def _html(report: Report, pictures: dict[str, Picture]) -> str:
    folder = files(PACKAGE) / "page"
    style, script, template = (
        (folder / name).read_text(encoding="utf-8")
        for name in ("style.css", "script.js", "template.html.j2")
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "separators": (",", ":")}
    signs = html.name_signs(report.tables)
    environment.filters["coded"] = html.mark_up_code
    environment.filters["about"] = html.block_attributes
    environment.filters["rows"] = lambda table: html.render_rows(table, signs)
    return environment.from_string(template).render(
        report=report,
        choices=report.choices,
        large=report.large,
        pictures=pictures,
        symbols=html.draw_signs(signs),
        numbers=embedded_data.pack(_numbers(report)),
        style=Markup(style),  # noqa: S704 - our own files, not data
        script=Markup(script),  # noqa: S704
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    """Return a text's hash as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
