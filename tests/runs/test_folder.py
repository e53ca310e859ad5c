"""The run folder: whole files, lines that survive a kill, one clear sentence for a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.errors import RunFolderError
from samenet.execution.planner import Request, make_plan
from samenet.runs.folder import Store, open_run
from samenet.runs.records import Event, JobFinished, LimitNotMeasured, encode


def event(job: str) -> Event:
    return LimitNotMeasured(job=job, when="", reason="zwölf")


def end(job: str) -> Event:
    return JobFinished(job=job, when="", pass_name="cell", seconds=1.0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a new run folder."""
    found = Store(tmp_path / "run")
    found.create()
    return found


def test_records_come_back_in_the_order_they_were_added(store: Store) -> None:
    """Two writes of several records are read back whole and in order."""
    store.append([event("a"), end("a")])
    store.append([event("b"), end("c")])
    assert store.records() == [event("a"), end("a"), event("b"), end("c")]
    assert store.finished_jobs() == {"a", "c"}


def test_a_new_folder_holds_no_records(store: Store) -> None:
    """Before anything was measured there are no records, and that is no damage."""
    assert (store.records(), store.damaged(), store.finished_jobs()) == ([], [], set())


@pytest.mark.parametrize(
    "tail",
    [
        b'{"schema":1,"kind":"event","job":"b"',
        encode(event("b")).encode() + b"\n",  # whole, but its job is not finished
        encode(end("b")).encode(),  # whole but for its end of line
        encode(event("b")).encode().partition("ö".encode())[0] + b"\xc3",  # half a letter
    ],
    ids=["half a line", "unfinished job", "no end of line", "half a character"],
)
def test_a_torn_tail_is_dropped_and_nothing_else(store: Store, tail: bytes) -> None:
    """After a kill, everything up to the last finished job stays byte for byte; the rest goes."""
    store.append([event("a"), end("a")])
    before = store.records_path.read_bytes()
    store.records_path.write_bytes(before + tail)
    assert store.drop_unfinished()
    assert store.records_path.read_bytes() == before
    assert not store.drop_unfinished()


def test_a_text_that_names_the_final_event_does_not_end_a_job(store: Store) -> None:
    """The words "job finished" inside an adapter's message are no sign of a finished job."""
    store.append([end("a")])
    before = store.records_path.read_bytes()
    told = LimitNotMeasured(job="b", when="", reason=f'"{JobFinished.name}"')
    store.append([told])
    store.drop_unfinished()
    assert store.records_path.read_bytes() == before


def test_a_damaged_line_is_named_with_its_number_and_job(store: Store) -> None:
    """A changed record is named by file, line and job; the others are still read."""
    store.append([event("a"), event("b"), event("c")])
    text = store.records_path.read_text(encoding="utf-8")
    store.records_path.write_text(text.replace('"job":"b"', '"job":"x"'), encoding="utf-8")
    (sentence,) = store.damaged()
    assert "records.jsonl, record 2: event record of job x: its content changed" in sentence
    with pytest.raises(RunFolderError, match="record 2"):
        store.records()


def test_bytes_that_are_no_text_damage_one_line_only(store: Store) -> None:
    """A byte that is no UTF-8 is reported as one damaged record, not as an unreadable file."""
    store.append([event("a"), event("b")])
    content = store.records_path.read_bytes()
    store.records_path.write_bytes(content.replace(b'"job":"a"', b'"job":"\xff"'))
    assert len(store.damaged()) == 1


def test_a_folder_with_a_run_is_not_overwritten(store: Store) -> None:
    """A second run into the same folder is refused by name."""
    store.write_json("plan.json", {})
    with pytest.raises(RunFolderError, match="already holds a run"):
        store.create()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    """If a file stands in the way, the user reads why, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="Cannot write to"):
        Store(tmp_path / "file" / "run").create()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "it has no plan.json"),
        ("", "is damaged"),
        ('{"schema": 1, "na', "is damaged"),
        ("{}", "is no plan of this version"),
        ("[1]", "is no plan of this version"),
        ('{"schema": 2}', "is no plan of this version"),
    ],
)
def test_a_folder_that_is_no_run_is_one_sentence(
    store: Store, content: str | None, sentence: str
) -> None:
    """A missing, half-written or foreign plan.json gives one sentence that says which it is."""
    if content is not None:
        (store.folder / "plan.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunFolderError, match=sentence):
        open_run(store.folder)


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    """A folder that does not exist is named."""
    with pytest.raises(RunFolderError, match="There is no run folder"):
        open_run(tmp_path / "nothing")


def test_a_plan_comes_back_from_its_file(store: Store) -> None:
    """A written plan opens as a run, with every job it had."""
    plan = make_plan(Request(tasks=("iris",), frameworks=("numpy",), track="same", repeats=1))
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    assert type(plan).model_validate(open_run(store.folder).read_json("plan.json")) == plan


@pytest.mark.parametrize("name", ["paper.tex", "records.jsonl", "figures/hero.svg", ".hidden"])
def test_a_folder_that_holds_anything_is_not_taken(tmp_path: Path, name: str) -> None:
    """A run begins in a new or empty folder: what is in another is somebody's, and stays."""
    mine = tmp_path / "paper" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(RunFolderError, match="is not empty; choose a new folder"):
        Store(tmp_path / "paper").create()
    assert [p.name for p in sorted((tmp_path / "paper").iterdir())] == [Path(name).parts[0]]
    assert mine.read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    """A folder that a person made for the run, and nothing else, is where it goes."""
    Store(tmp_path).create()
    assert {path.name for path in tmp_path.iterdir()} == {"data", "outputs", "work"}
