"""Several runs on one page, and figures as files: from Python and from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from report_fixture import ENDED, MACHINE, recorded

from samenet.analysis.frames import Frames, build
from samenet.analysis.quantities import Quantity
from samenet.cli.main import main
from samenet.errors import UsageError
from samenet.report import export, multi_run
from samenet.report.blocks import Figure, Section, Table
from samenet.report.multi_run import Run
from samenet.reports.answer import loss_curves_twice
from samenet.reports.runs import comparison, thread_scaling
from samenet.runs.folder import Store
from samenet.runs.records import DataPrepared, Record, TimingRecord

STEADY = ("call", "call_other", "warmup")


def records_of(
    factors: Mapping[str, float], count: int, digest: str = ""
) -> tuple[object, list[Record]]:
    """Return a made-up run whose steps take factors of the usual time, with so many threads."""
    plan, records = recorded(tasks=["digits"], repeats=8, refused=(), failed=())
    target = plan.target.model_copy(update={"threads": count})
    return plan.model_copy(update={"target": target}), [
        _changed(record, factors, digest) for record in records
    ]


def _changed(record: Record, factors: Mapping[str, float], digest: str) -> Record:
    if isinstance(record, TimingRecord) and record.phase in STEADY:
        factor = factors.get(record.arm, 1.0)
        return replace(record, seconds=tuple(factor * s for s in record.seconds))
    if digest and isinstance(record, DataPrepared):
        return replace(record, digest=digest)
    return record


def made(
    factors: Mapping[str, float] | None = None, count: int = 1, digest: str = "", **machine: object
) -> Frames:
    """Return the frames of such a run."""
    plan, records = records_of(factors or {}, count, digest)
    return build(plan, {**MACHINE, **machine}, records)  # type: ignore[arg-type]


def lettered(*frames: Frames) -> tuple[Run, ...]:
    """Return runs in folders called after their place."""
    return multi_run.assign_letters([(f"run-{place}", each) for place, each in enumerate(frames)])


def tables(section: Section | None) -> list[Table]:
    """Return the tables of a section that is there."""
    assert section is not None
    return [block for block in section.blocks if isinstance(block, Table)]


def test_what_differs_is_said_first() -> None:
    """Machine and threads that differ stand in the first sentence and in a table with values."""
    runs = lettered(made(), made(count=2, processor="Another"))
    (sentence,) = multi_run.first_screen(runs).refusals
    assert "machine: processor" in sentence
    assert "settings: threads" in sentence
    table = next(t for t in tables(comparison.section_of_runs(runs)) if "differ" in t.title)
    assert ["threads", "settings", "1", "2"] in [[c.text for c in row] for row in table.rows]


def test_runs_that_agree_are_said_to_agree() -> None:
    """Two runs of one machine with one setting have no table of differences."""
    runs = lettered(made(), made())
    assert "agree" in multi_run.first_screen(runs).refusals[0]
    assert not [t for t in tables(comparison.section_of_runs(runs)) if "differ" in t.title]


def test_a_slower_run_is_called_slower() -> None:
    """Steps five times as slow make the whole training slower, in words and with a sign."""
    runs = lettered(made(), made({"pytorch:eager": 5.0}))
    table = next(t for t in tables(comparison.section_of_runs(runs)) if "in every run" in t.title)
    rows = {row[0].text: row for row in table.rows}
    assert rows["PyTorch (eager)"][2].below[1] == "▼ slower"
    assert rows["Keras (fit)"][2].below[1] == "= not slower"


def test_the_margin_is_that_of_run_a() -> None:
    """A plan that calls 60 % no difference finds nothing slower at 1.4 times, and says 60 %."""
    wide, slow = made(), made({"pytorch:eager": 1.4})
    wide = replace(wide, plan=wide.plan.model_copy(update={"margin": 0.6}))
    usual = multi_run.compare_runs(*lettered(made(), slow), Quantity.STEP)
    compared = multi_run.compare_runs(*lettered(wide, slow), Quantity.STEP)
    assert usual is not None
    assert compared is not None
    assert (usual.verdict, compared.verdict) == ("regression", "fine")
    section = comparison.section_of_runs(lettered(wide, slow))
    assert section is not None
    assert "by less than 60 %" in " ".join(str(block) for block in section.blocks)


def test_a_task_that_differs_is_not_compared() -> None:
    """Other data under the same name give times and no ratio."""
    runs = lettered(made(), made(digest="other"))
    table = next(t for t in tables(comparison.section_of_runs(runs)) if "in every run" in t.title)
    assert not [row for row in table.rows if "×" in " ".join(row[2].below)]


def test_scaling_with_threads_is_the_ratio_of_the_steps() -> None:
    """Half the seconds with four threads are a gain of 2, which uses half of the threads."""
    runs = lettered(made(), made({"pytorch:eager": 0.5}, count=4))
    found = {each.arm: each for each in thread_scaling.scalings(runs, runs[0].frames.plan.tasks[0])}
    assert found["pytorch:eager"].gain(4) == pytest.approx(2.0)
    assert found["pytorch:eager"].used(4) == pytest.approx(0.5)
    assert found["keras:fit"].gain(4) == pytest.approx(1.0)


def test_other_machines_say_nothing_about_threads() -> None:
    """Runs of two machines are not put on one line of threads."""
    assert (
        thread_scaling.section_of_runs(lettered(made(), made(count=2, processor="Another"))) is None
    )


def test_other_versions_or_caches_are_no_gain_of_threads() -> None:
    """Runs of another samenet or with kept caches share no line, arms of other versions neither."""

    def with_plan(run: Frames, **changes: object) -> Frames:
        return replace(run, plan=run.plan.model_copy(update=changes))

    faster = made({"pytorch:eager": 0.5}, count=4)
    for changes in ({"samenet": "9.9"}, {"cache": "warm"}):
        runs = lettered(made(), with_plan(faster, **changes))
        assert thread_scaling.section_of_runs(runs) is None
    arms = tuple(
        arm.model_copy(update={"versions": {"torch": "9.9"}}) if "torch" in arm.versions else arm
        for arm in faster.plan.arms
    )
    runs = lettered(made(), with_plan(faster, arms=arms))
    found = thread_scaling.scalings(runs, runs[0].frames.plan.tasks[0])
    assert {each.arm for each in found} == {"numpy:plain", "tensorflow:graph", "keras:fit"}


def test_one_run_is_no_comparison() -> None:
    """A comparison of a single run is refused in one sentence."""
    with pytest.raises(UsageError, match="takes 2 to 26 runs, got 1"):
        lettered(made())


def command(*arguments: object) -> int | str | None:
    """Return the exit code of `samenet report` with these arguments."""
    with pytest.raises(SystemExit) as end:
        main(["report", *map(str, arguments)])
    return end.value.code


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return two run folders of one machine with one and with two threads."""
    place = tmp_path_factory.mktemp("runs")
    for name, count in (("one", 1), ("two", 2)):
        plan, records = records_of({}, count)
        store = Store(place / name)
        store.create()
        store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))  # type: ignore[attr-defined]
        store.write_json("machine.json", MACHINE)
        store.append([*records, ENDED])
    return place / "one", place / "two"


def test_report_of_two_runs_writes_one_page(folders: tuple[Path, Path]) -> None:
    """`samenet report A B` writes one offline page that names both and says what differs."""
    assert command(*folders) == 0
    page = (folders[0].parent / "comparison-one-two.html").read_text(encoding="utf-8")
    assert "settings: threads" in page
    assert 'id="checks"' in page
    assert "these runs: one and two" in page


@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
def test_a_page_replaces_pages_alone(
    folders: tuple[Path, Path],
    linked: bool,  # noqa: FBT001
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A person's own file stays as it is, also behind a link; a page of before is written anew."""
    own, out = tmp_path / "thesis.html", tmp_path / ("link.html" if linked else "thesis.html")
    own.write_text("<title>My thesis</title>", encoding="utf-8")
    if linked:
        out.symlink_to(own)
    assert command(*folders, "--out", out) == 2
    assert "samenet did not write it" in capsys.readouterr().err
    assert own.read_text(encoding="utf-8") == "<title>My thesis</title>"
    assert out.is_symlink() == linked
    if not linked:
        own.unlink()
        assert [command(*folders, "--out", out) for _ in range(2)] == [0, 0]


def test_figures_replace_figures_alone(tmp_path: Path) -> None:
    """Of pictures and captions only those are written anew that samenet wrote."""
    section = loss_curves_twice.section(made())
    assert section is not None
    figures: list[Figure] = section.figures
    for name in ("hero.svg", export.CAPTIONS):
        folder = tmp_path / name.partition(".")[0]
        folder.mkdir()
        (folder / name).write_text("mine", encoding="utf-8")
        with pytest.raises(UsageError, match="samenet did not write it"):
            export.write_figures(figures, folder, ("svg",))
        assert [path.name for path in folder.iterdir()] == [name]
        assert (folder / name).read_text(encoding="utf-8") == "mine"
    folder, own = tmp_path / "ours", tmp_path / "own.svg"
    for _ in range(2):
        export.write_figures(figures, folder, ("svg",))
    own.write_text("mine", encoding="utf-8")
    (folder / "hero.svg").unlink()
    (folder / "hero.svg").symlink_to(own)
    with pytest.raises(UsageError, match="samenet did not write it"):
        export.write_figures(figures, folder, ("svg",))
    assert own.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--format", "pdf"], "add --figures DIR"),
        (["--figures", "x", "--format", "jpg"], "'jpg' is no format"),
        (["--out", "x.html"], "--out is for several runs"),
    ],
)
def test_wrong_options_are_answered_in_a_sentence(
    folders: tuple[Path, Path], more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that fit nothing are usage errors that say what to do; nothing is drawn."""
    assert command(folders[0], *more) == 2
    assert said in capsys.readouterr().err


def test_a_run_named_twice_is_refused(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same folder twice is a mistake and said to be one."""
    assert command(folders[0], folders[0]) == 2
    assert "named twice" in capsys.readouterr().err


def test_figures_as_files_are_the_same_every_time(tmp_path: Path) -> None:
    """Every format is written at the paper's width with captions, byte for byte the same twice."""
    section = loss_curves_twice.section(made())
    assert section is not None
    figures: list[Figure] = section.figures
    for place in ("a", "b"):
        export.write_figures(figures, tmp_path / place, export.FORMATS)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["captions.md", "hero.pdf", "hero.png", "hero.svg", export.WRITTEN]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "hero.pdf").read_bytes().startswith(b"%PDF")
    assert 'width="518.4pt"' in (tmp_path / "a" / "hero.svg").read_text(encoding="utf-8")


def test_names_in_captions_are_text() -> None:
    """A task named like a tag or like Markdown is a plain text in the file of captions."""
    section = loss_curves_twice.section(made())
    assert section is not None
    text = export.captions([replace(section.figures[0], title="<img src=x> [a](b) `c`")])
    assert "**&lt;img src=x&gt; \\[a\\](b) \\`c\\`.**" in text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Figures into a place that is a file end in one sentence, not in a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="Cannot write figures"):
        export.write_figures([], tmp_path / "file", ("svg",))
