"""`samenet verify`: an untouched run agrees in every number, a changed one is named."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_fixture

from samenet.cli import main
from samenet.report.verify import NUMBERS, _caches, _order, verify
from samenet.runs.folder import Store
from samenet.runs.records import CompiledCodeKept, JobFinished, decode, encode
from samenet.runs.work_order import outputs_path


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of a finished run."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def code_of(run: Path) -> int:
    """Return the exit code of `samenet verify`."""
    return main._code(["verify", str(run)])


def change(path: Path, edit: Callable[[str], str]) -> None:
    """Rewrite a text file."""
    text = path.read_text(encoding="utf-8")
    changed = edit(text)
    assert changed != text
    path.write_text(changed, encoding="utf-8", newline="\n")


def test_an_untouched_run_has_no_mismatch(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every record, file, score and number of the page is looked at, and all agree; exit code 0."""
    assert code_of(run) == 0
    assert capsys.readouterr().out.startswith("0 mismatches (")
    looked_at = verify(run).looked_at
    assert looked_at["records"] > 50
    assert looked_at["files"] == 4
    assert looked_at["scores recomputed"] >= 24
    assert looked_at["numbers on the page"] > 100


def flip_digit(line: str) -> str:
    """Return a timing record with one digit of its first sample exchanged."""
    match = re.search(r'"seconds":\[\d+\.\d*?([1-9])', line)
    assert match
    place = match.start(1)
    return line[:place] + str(int(line[place]) % 9 + 1) + line[place + 1 :]


@pytest.mark.parametrize("phase", ["import", "first_call", "call"])
def test_one_flipped_digit_names_the_record(
    run: Path, phase: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A digit of a measured time changed by hand is found: line and job are named, exit code 3."""
    lines = (run / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    index = next(i for i, line in enumerate(lines) if f'"phase":"{phase}"' in line)
    changed = [*lines[:index], flip_digit(lines[index]), *lines[index + 1 :]]
    (run / "records.jsonl").write_text("".join(changed), encoding="utf-8", newline="\n")
    assert code_of(run) == 3
    output = capsys.readouterr().out
    assert f"record {index + 1}: timing record of job cell/numpy:buffers/iris/r0" in output
    assert output.endswith("1 mismatch\n")


def forged(line: str, **changes: Any) -> str:
    """Return a record changed with a checksum that fits: a forgery that knows the format."""
    return encode(dataclasses.replace(decode(line), **changes)) + "\n"


def test_a_forged_score_disagrees_with_the_raw_outputs(run: Path) -> None:
    """A score changed together with its checksum still differs from what the outputs give."""
    store = Store(run)
    lines = store.records_path.read_text(encoding="utf-8").splitlines(keepends=True)
    wanted = ('"split":"test"', '"metric":"roc_auc"', '"track":"same"')
    index = next(i for i, line in enumerate(lines) if all(part in line for part in wanted))
    lines[index] = forged(lines[index], values=(0.5,))
    store.records_path.write_text("".join(lines), encoding="utf-8", newline="\n")
    sentences = [s for s in verify(run).mismatches if s.startswith("score ")]
    assert len(sentences) == 1
    assert (
        "same · iris · numpy:buffers · 0 · test · roc_auc: recorded 0.5, recomputed" in sentences[0]
    )


def test_changed_outputs_are_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Raw outputs that differ in one number from those that were scored are named by file."""
    path = outputs_path(run, "same", "iris", "numpy:buffers", 1)
    with np.load(path) as stored:
        epochs, outputs = stored["epochs"], stored["outputs"].copy()
    outputs[0, 0, 0] = np.nextafter(outputs[0, 0, 0], np.float32(9))
    np.savez(path, epochs=epochs, outputs=outputs)
    assert code_of(run) == 3
    assert f"outputs/{path.name} changed or is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"nothing"),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(path.read_bytes().replace(b"outputs", b"outqu7s")),
    ],
    ids=["missing", "no archive", "cut off", "bytes changed"],
)
def test_unreadable_outputs_are_named_and_nothing_is_raised(
    run: Path, damage: Callable[[Path], object]
) -> None:
    """Outputs that are gone or cannot be read are one sentence with their name, not a traceback."""
    path = outputs_path(run, "same", "iris", "numpy:buffers", 0)
    damage(path)
    found = verify(run).mismatches
    assert found == (f"outputs/{path.name} changed or is missing",)


def test_changed_data_are_named(run: Path) -> None:
    """Prepared rows that are not those every framework saw are named by task."""
    path = run / "data" / "iris.npz"
    with np.load(path) as stored:
        parts = {name: stored[name] for name in stored.files}
    parts["inputs"][0, 0] += 1
    np.savez(path, **parts)
    assert verify(run).mismatches == ("the prepared data of task iris changed or are missing",)


def test_a_changed_number_of_the_page_is_named(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A number of the page that does not follow from the records is named with its place."""

    def edit(text: str) -> str:
        match = NUMBERS.search(text)
        assert match
        number = re.search(r"\d+\.\d{4,}", match[1])
        assert number
        start = match.start(1) + number.start()
        return text[:start] + "9" + text[start:]

    change(run / "report.html", edit)
    assert code_of(run) == 3
    output = capsys.readouterr().out
    assert re.search(r"the page says /[a-z]+/\S+ = 9\S+, the records say \d", output)
    assert re.search(r"^1 mismatch ", output, re.MULTILINE)


def test_a_page_without_numbers_is_called_so(run: Path) -> None:
    """A report.html that samenet did not write is named, with exit code 3."""
    (run / "report.html").write_text("<p>nothing</p>", encoding="utf-8")
    assert code_of(run) == 3


def ended(job: str) -> JobFinished:
    """Return the event that a job is finished."""
    return JobFinished(job=job, when="", pass_name="", seconds=0.0)


def test_a_job_recorded_twice_or_unplanned_is_named(run: Path) -> None:
    """Records of a job that finished twice, or that no plan holds, are named."""
    store = Store(run)
    for job in ("score/iris/r0", "made/up/r0"):
        store.append([ended(job)])
    found = verify(run).mismatches
    assert "job score/iris/r0 is recorded twice" in found
    assert "job made/up/r0 was not planned" in found


def test_timed_jobs_in_another_order_are_named() -> None:
    """Two timed processes of a pass exchanged are named; a pass done later by a resume is not."""
    plan, _ = report_fixture.recorded(repeats=2)
    late = plan.jobs[0].model_copy(update={"id": "inference/r0", "pass_name": "inference"})
    plan = plan.model_copy(update={"jobs": (late, *plan.jobs)})
    names = [job.id for job in plan.jobs]

    def found(order: list[str]) -> list[str]:
        return _order(plan, [ended(job) for job in order], ())

    assert found(names) == []
    assert found([*names[1:], names[0]]) == []
    swapped = [names[0], names[2], names[1], *names[3:]]
    assert found(swapped) == [f"job {names[1]} ran after {names[2]}, but was planned before it"]


def test_a_removed_score_is_missed(run: Path) -> None:
    """Taking a whole record out does not go unnoticed: the outputs still give its score."""
    store = Store(run)
    lines = store.records_path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if '"metric":"f1"' not in line or '"track":"same"' not in line]
    assert len(kept) < len(lines)
    store.records_path.write_text("".join(kept), encoding="utf-8", newline="\n")
    assert any("f1: recorded None" in sentence for sentence in verify(run).mismatches)


def test_a_margin_that_is_changed_after_the_run_is_named(run: Path) -> None:
    """What decides the verdicts is sealed before the first result; more repeats break no seal."""
    change(run / "plan.json", lambda text: text.replace('"margin": 0.05', '"margin": 0.2'))
    assert "the plan was changed after the run began" in verify(run).mismatches


def test_more_repeats_are_the_same_decision() -> None:
    """How long a run goes on is not sealed: a resume may add repeats."""
    plan, _ = report_fixture.recorded()
    longer = plan.model_copy(update={"repeats": 20, "repeats_most": 20, "jobs": ()})
    assert longer.seal == plan.seal
    assert plan.model_copy(update={"margin": 0.1}).seal != plan.seal


def kept(job: str, cache: str, before: int, after: int) -> CompiledCodeKept:
    """Return the event of a process that found and left so many files of compiled code."""
    return CompiledCodeKept(job=job, when="", cache=cache, files_before=before, files_after=after)


def test_compiled_code_is_where_the_plan_wants_it() -> None:
    """Cold processes find none; warm ones find what was primed, if anything was."""
    right = [
        kept("cell/a:m/iris/r0", "cold", 0, 3),
        kept("prime/b:m/iris/r0", "warm", 0, 3),
        kept("cell/b:m/iris/r0", "warm", 3, 3),
        kept("prime/c:m/iris/r0", "warm", 0, 0),
        kept("cell/c:m/iris/r0", "warm", 0, 0),
    ]
    wrong = [kept("cell/a:m/iris/r1", "cold", 3, 3), kept("cell/b:m/iris/r1", "warm", 0, 3)]
    assert _caches(right) == []
    assert [text.split()[1] for text in _caches([*right, *wrong])] == [each.job for each in wrong]
