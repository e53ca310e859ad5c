"""What is changed in a finished run is named with its place, whether the page is rebuilt or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tampering

from samenet.cli import main
from samenet.report import page
from samenet.report.verify import check_seals, verify
from samenet.runs import seal
from samenet.runs.folder import Store


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def refused(table: tampering.Table) -> dict[tuple[str, str], int]:
    """Return what was missed, or would come under the seal with a new page."""
    return {key: count for key, count in table.items() if key[1] != "named"}


def test_a_finished_run_is_sealed_and_its_work_is_gone(run: Path) -> None:
    """The end of a run names every file but the seal; nothing of the work is left, and no half."""
    sealed = seal.read_seal(run)
    assert sealed is not None
    there = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    assert there == {*sealed.files, "seal.json"}
    assert sealed.records == len(Store(run).records())
    assert sealed.jobs_left == ()
    assert {path.name for path in run.iterdir() if path.is_dir()} == {"data", "outputs", "figures"}


def test_every_record_that_is_deleted_doubled_or_swapped_is_named(run: Path) -> None:
    """Each record in turn: named with its number, and no new page comes under the seal."""
    table = tampering.tamper_with_records(run)
    records = len(Store(run).records())
    assert refused(table) == {}
    counts = {"deleted": records, "doubled": records, "swapped": records - 1}
    assert {kind: table[kind, "named"] for kind in counts} == counts


def test_every_changed_added_or_missing_file_is_named(run: Path) -> None:
    """Forty flipped bits in each file, each file taken away, one added to each folder: all named.

    tests/helpers/tampering.py does a thousand in each file.
    """
    table = tampering.tamper_with_files(run, positions=40)
    assert refused(table) == {}
    assert table["bit flipped in plan.json", "named"] == 40


Change = Callable[[list[bytes]], list[bytes]]


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:40], *lines[41:]],
        lambda lines: [*lines[:41], *lines[40:]],
        lambda lines: [*lines[:40], lines[41], lines[40], *lines[42:]],
    ],
    ids=["deleted", "doubled", "swapped"],
)
def test_a_rebuilt_page_covers_nothing(
    run: Path, change: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a changed record `samenet report` writes the page, says so, and verify still names it.

    The same without the seal, which a report does not make anew.
    """
    path = run / "records.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    assert main._code(["report", str(run)]) == 0
    assert "records.jsonl changed since the end of the run" in capsys.readouterr().err
    found = verify(run).mismatches
    assert any("records.jsonl, record 4" in sentence for sentence in found)
    (run / "seal.json").unlink()
    assert main._code(["report", str(run)]) == 0
    found = verify(run).mismatches
    assert any("records.jsonl, record 4" in sentence for sentence in found)
    assert any(sentence.startswith("there is no seal.json") for sentence in found)


def test_a_page_that_is_written_anew_comes_under_the_seal(run: Path) -> None:
    """The same run gives the same page, byte for byte; a page that was altered is healed."""
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    (run / "report.html").write_bytes(b"\xff no text")
    (run / "figures" / "hero.svg").unlink()
    assert any(text.startswith("report.html is damaged") for text in verify(run).mismatches)
    page.write_report(run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert check_seals(run).mismatches == ()


def test_verify_writes_nothing(run: Path) -> None:
    """A run is verified where nothing can be written, and is the same afterwards."""
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    for path in (run, run / "data", run / "outputs"):
        path.chmod(0o555)
    try:
        assert verify(run).mismatches == ()
        assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
    finally:
        for path in (run, run / "data", run / "outputs"):
            path.chmod(0o755)


def test_a_missing_machine_is_a_mismatch(run: Path) -> None:
    """Without machine.json a run is named as incomplete, in sentences and not in a traceback."""
    (run / "machine.json").unlink()
    assert any("machine.json is missing" in sentence for sentence in verify(run).mismatches)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["machine.json", "plan.json", "report.html", "records.jsonl"])
@pytest.mark.parametrize("what", ["pipe", "link"])
def test_what_is_no_plain_file_is_named_and_nobody_waits(
    run: Path, tmp_path: Path, name: str, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe or a link in the place of a file: one sentence with its name, its target unread."""
    secret = tmp_path / "secret"
    secret.write_text("TOP-SECRET", encoding="utf-8")
    (run / name).unlink()
    if what == "pipe":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to(secret)
    assert main._code(["verify", str(run)]) in (2, 3)
    printed = "".join(capsys.readouterr())
    assert name in printed
    assert "TOP-SECRET" not in printed


@pytest.mark.parametrize("part", ["figures", "work", "data", "outputs"])
def test_a_folder_that_is_a_link_is_refused(run: Path, tmp_path: Path, part: str) -> None:
    """No command reads or writes through a link in a run folder: what it leads to stays."""
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("a.png", "hero.svg", "rescore.order.json"):
        (mine / name).write_text("mine", encoding="utf-8")
    shutil.rmtree(run / part, ignore_errors=True)
    (run / part).symlink_to(mine)
    for command in ("report", "verify", "resume"):
        assert main._code([command, str(run)]) == 2
    assert {path.read_text(encoding="utf-8") for path in mine.iterdir()} == {"mine"}
    assert len(list(mine.iterdir())) == 3


def test_files_that_are_links_are_replaced_and_their_targets_stay(
    run: Path, tmp_path: Path
) -> None:
    """A page or a picture that is a link is put anew as a file; what it led to is as it was."""
    mine = tmp_path / "mine"
    mine.write_text("mine", encoding="utf-8")
    for name in ("report.html", "figures/hero.svg"):
        (run / name).unlink()
        (run / name).symlink_to(mine)
    (run / "report.html.part").symlink_to(mine)
    page.write_report(run)
    assert mine.read_text(encoding="utf-8") == "mine"
    assert not (run / "report.html").is_symlink()
    assert not (run / "figures" / "hero.svg").is_symlink()
    assert "report.html.part was added after the end of the run" in check_seals(run).mismatches


def test_no_file_that_a_plan_names_is_quoted(run: Path, tmp_path: Path) -> None:
    """The page quotes adapters from the texts kept with the run, never from a path in a plan."""
    secret = tmp_path / "secret.pem"
    secret.write_text("TOP-SECRET-KEY", encoding="utf-8")
    store = Store(run)
    plan = store.read_json("plan.json")
    quoted = "def train" in (run / "report.html").read_text(encoding="utf-8")
    for arm in plan["arms"]:
        arm["path"] = str(secret)
    store.write_json("plan.json", plan)
    page.write_report(run)
    assert quoted
    assert "TOP-SECRET" not in (run / "report.html").read_text(encoding="utf-8")


def test_a_kept_text_that_is_not_the_adapters_is_not_quoted(run: Path) -> None:
    """Texts are quoted only if they have the digest in the plan, which is sealed."""
    store = Store(run)
    sources = store.read_json("sources.json")
    for texts in sources.values():
        texts[next(iter(texts))] += "\n# slipped in"
    store.write_json("sources.json", sources)
    assert store.read_sources() == {}
