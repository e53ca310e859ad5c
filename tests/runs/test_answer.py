"""A worker's answer counts as a whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from samenet.runs.answer import AnswerFile, new_attempt
from samenet.runs.records import FailureRecord, Record


def failure(task: str) -> Record:
    """Return a record of some task."""
    return FailureRecord(
        job="cell/r0", track="same", task=task, arm="a:x", repeat=0, mark="failed", reason="r"
    )


@pytest.fixture
def answer(tmp_path: Path) -> AnswerFile:
    """Return the file of one attempt."""
    return AnswerFile(path=tmp_path / "answer.jsonl", attempt=new_attempt())


def test_a_closed_answer_gives_its_records_back(answer: AnswerFile) -> None:
    """What was added before the closing line is read, in order."""
    answer.add([failure("one")])
    answer.add([failure("two"), failure("three")])
    answer.close()
    assert answer.read() == [failure("one"), failure("two"), failure("three")]


def test_an_answer_without_records_is_an_answer(answer: AnswerFile) -> None:
    """A worker that had nothing to say, and said so, has answered; one that is silent has not."""
    assert answer.read() is None
    answer.close()
    assert answer.read() == []


def whole(answer: AnswerFile) -> bytes:
    answer.add([failure("one"), failure("zwölf")])
    answer.close()
    return answer.path.read_bytes()


def test_every_cut_of_an_answer_is_no_answer(answer: AnswerFile) -> None:
    """Wherever a full disk or a kill cuts it, inside a character too, nothing of it counts."""
    content = whole(answer)
    for end in range(len(content)):
        answer.path.write_bytes(content[:end])
        assert answer.read() is None, end


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text + text, id="twice"),
        pytest.param(lambda text: text + text.split(b"\n")[0] + b"\n", id="one more line"),
        pytest.param(lambda text: b"\n".join(text.split(b"\n")[1:]), id="one line less"),
        pytest.param(
            lambda text: b"\n".join([*reversed(text.split(b"\n")[:2]), *text.split(b"\n")[2:]]),
            id="exchanged",
        ),
        pytest.param(lambda text: text.replace(b"one", b"two"), id="changed"),
        pytest.param(lambda text: b"\xff\x00garbage\n" * 10, id="garbage"),
        pytest.param(lambda text: b"[" * 100_000 + b"\n", id="nested deeply"),
    ],
)
def test_a_changed_answer_is_no_answer(
    answer: AnswerFile, change: Callable[[bytes], bytes]
) -> None:
    """Doubled, cut, exchanged or altered lines are noticed, each of them."""
    answer.path.write_bytes(change(whole(answer)))
    assert answer.read() is None


def test_an_answer_of_another_attempt_is_no_answer(answer: AnswerFile) -> None:
    """A worker that outlived its parent cannot answer for the one that was started after it."""
    content = whole(answer)
    other = AnswerFile(path=answer.path, attempt=new_attempt())
    other.path.write_bytes(content)
    assert other.read() is None


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_process_is_not_heard(answer: AnswerFile) -> None:
    """Of a worker that forks only the process that was started answers."""
    child = os.fork()
    if child == 0:
        answer.add([failure("child")])
        answer.close()
        os._exit(0)
    os.waitpid(child, 0)
    answer.add([failure("parent")])
    answer.close()
    assert answer.read() == [failure("parent")]


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x1c", "\r"])
def test_no_character_of_a_text_ends_a_record(answer: AnswerFile, character: str) -> None:
    """Only a newline ends a record: other line separators inside a name do not."""
    record = failure(f"a{character}b")
    answer.add([record])
    answer.close()
    assert answer.read() == [record]
