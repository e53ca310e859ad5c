"""samenet in other surroundings: encodings, terminals, interpreters, folders; never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALL = "from samenet.cli.main import main; main()"
"""As the console script calls it."""

LISTING = ("list",)
DRY_RUN = ("run", "iris", "--framework", "numpy", "--track", "same", "--dry-run")
POISON = "raise SystemExit('I was imported')"
TABLE = "größe,y\n" + "".join(f"{row},{row % 2}\n" for row in range(40))


def called(
    *arguments: str,
    cwd: Path,
    flags: tuple[str, ...] = ("-P",),
    expected: int = 0,
    **variables: str,
) -> str:
    """Run samenet and return what it printed; no traceback, and the exit code that is expected."""
    done = subprocess.run(
        [sys.executable, *flags, "-c", CALL, *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        timeout=120,
    )
    error = done.stderr.decode(errors="replace")
    assert "Traceback" not in error
    assert done.returncode == expected, error
    return done.stdout.decode(errors="replace")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_other_encodings(encoding: str, tmp_path: Path) -> None:
    """An output that cannot show every letter shows the others, under LANG=C too."""
    variables = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": encoding}
    assert called(*DRY_RUN, cwd=tmp_path, **variables)


@pytest.mark.parametrize(
    "variables",
    [{"COLUMNS": "1"}, {"COLUMNS": "none", "TERM": "dumb", "NO_COLOR": "1"}],
    ids=["one column", "dumb"],
)
def test_narrow_and_dumb_terminals(variables: dict[str, str], tmp_path: Path) -> None:
    """A terminal of one column, a dumb one and one of nonsense get the whole list."""
    assert "iris" in called(*LISTING, cwd=tmp_path, **variables)


def test_another_way_to_start_python(tmp_path: Path) -> None:
    """Without assertions, with warnings as errors and in development mode it works the same."""
    flags = ("-P", "-OO", "-X", "dev", "-W", "error")
    assert "iris" in called(*DRY_RUN, cwd=tmp_path, flags=flags)


def test_paths_with_spaces_and_umlauts(tmp_path: Path) -> None:
    """A table and a task file may lie anywhere, and a column be called anything."""
    folder = tmp_path / "mein Ordner (ä ö ü) 'x'"
    folder.mkdir()
    (folder / "Größen 1.csv").write_text(TABLE, encoding="utf-8")
    called("init", "Aufgabe ß.toml", "--data", "Größen 1.csv", "--target", "y", cwd=folder)
    assert "cell" in called("run", "Aufgabe ß.toml", *DRY_RUN[2:], cwd=folder)


def test_files_that_shadow_modules(tmp_path: Path) -> None:
    """A file in the current folder that is called like a module of ours or of a library is left."""
    for name in ("numpy", "adapters", "tasks", "reports", "samenet", "json"):
        (tmp_path / f"{name}.py").write_text(POISON, encoding="utf-8")
    assert "iris" in called(*LISTING, cwd=tmp_path)


def test_modules_on_the_path_with_our_folders_names(tmp_path: Path) -> None:
    """A project of one's own with a package of that name on PYTHONPATH is not ours."""
    for name in ("adapters", "tasks", "reports"):
        (tmp_path / f"{name}.py").write_text(POISON, encoding="utf-8")
    assert "iris" in called(*DRY_RUN, cwd=tmp_path, PYTHONPATH=str(tmp_path))


def test_a_reader_who_leaves(tmp_path: Path) -> None:
    """`samenet list | head -1`: a closed pipe ends the output, without a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-P", "-c", CALL, *DRY_RUN, "--json"],
            cwd=tmp_path,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    assert b"Traceback" not in done.stderr


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """Looking needs no place to write: in a folder of somebody else's it works."""
    tmp_path.chmod(0o555)
    try:
        assert "iris" in called(*LISTING, cwd=tmp_path)
    finally:
        tmp_path.chmod(0o755)
