"""Files are written as a whole, in their own place, and through no link."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from samenet.errors import RunFolderError
from samenet.machine import files
from samenet.machine.files import STRIKE_VARIABLE, append, make_folder, open_new, write_whole

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


def test_a_link_in_the_place_of_a_file_is_replaced(tmp_path: Path) -> None:
    """What the link led to is left as it was."""
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    place = tmp_path / "report.html"
    place.symlink_to(precious)
    write_whole(place, "page")
    assert (place.read_text("utf-8"), precious.read_text("utf-8")) == ("page", "mine")
    assert not place.is_symlink()


def test_a_link_in_the_place_of_a_stream_is_replaced(tmp_path: Path) -> None:
    """The same for a file that a worker writes into."""
    precious = tmp_path / "precious"
    precious.write_text("mine", encoding="utf-8")
    (tmp_path / "errors").symlink_to(precious)
    with open_new(tmp_path / "errors") as stream:
        stream.write("errors")
    assert precious.read_text("utf-8") == "mine"


def test_a_folder_that_is_a_link_is_not_written_into(tmp_path: Path) -> None:
    """A linked folder is somebody's own: it is refused by name."""
    (tmp_path / "pictures").mkdir()
    (tmp_path / "figures").symlink_to(tmp_path / "pictures")
    with pytest.raises(RunFolderError, match="is a link"):
        make_folder(tmp_path / "figures")
    with pytest.raises(RunFolderError, match="is a link"):
        write_whole(tmp_path / "figures" / "a.svg", "x")
    assert list((tmp_path / "pictures").iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk is full the old file stays, and no part of the new one."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    write_whole(tmp_path / "a.json", "old")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text("utf-8") == "old"


def test_a_file_can_be_read_by_whom_the_system_lets(tmp_path: Path) -> None:
    """A file has the permissions of any other new file, not those of a temporary one."""
    write_whole(tmp_path / "a", b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_full_disk_in_the_middle_of_an_append_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is as long as it was, and the error has its name."""
    path = tmp_path / "records.jsonl"
    append(path, b"one\n")
    monkeypatch.setenv(STRIKE_VARIABLE, "write records.jsonl:1:ENOSPC")
    with pytest.raises(OSError, match="No space left") as raised:
        append(path, b"two\nthree\n")
    assert path.read_bytes() == b"one\n"
    assert raised.value.filename == str(path)


@pytest.mark.parametrize("step", ["create", "write", "fsync", "rename", "leave"])
def test_a_step_that_fails_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Never half of one, and nothing beside it."""
    path = tmp_path / "plan.json"
    write_whole(path, "old")
    monkeypatch.setenv(STRIKE_VARIABLE, f"{step} plan.json:1:EIO")
    monkeypatch.setattr(files, "_passed", {})
    with pytest.raises(OSError, match="Input/output"):
        write_whole(path, "new")
    assert path.read_text("utf-8") == ("new" if step == "leave" else "old")
    assert list(tmp_path.iterdir()) == [path]
