"""What a worker is handed: names that are safe as files and never meet."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samenet.runs.plan import Job
from samenet.runs.work_order import new_answer, outputs_path, safe_file_name


@given(st.text(min_size=1, max_size=40))
def test_a_file_name_is_safe_on_every_system(text: str) -> None:
    """Whatever a task or a framework is called, its files hold no character a system minds."""
    assert re.fullmatch(r"[A-Za-z0-9_~+-][A-Za-z0-9._~+=-]*", safe_file_name(text))


APART = [
    ("keras:jax-fit", "keras-jax:fit"),
    ("数据", "销售"),
    ("größe", "gr-e"),
    ("iris[a=1]", "iris[a-1]"),
]


@pytest.mark.parametrize(("one", "other"), APART)
def test_different_names_have_different_files(one: str, other: str) -> None:
    """Two tasks or frameworks never share a file of rows, answers or outputs."""
    assert safe_file_name(one) != safe_file_name(other)


def test_jobs_and_trainings_have_files_of_their_own(tmp_path) -> None:
    """Jobs that differ in one part, and trainings that differ in one, write to different files."""
    answers = [
        new_answer(
            tmp_path, Job(id="/".join(parts), pass_name="cell", tasks=(), predicted_seconds=1)
        ).path
        for parts in itertools.product(
            ("cell", "memory"), ("a:x", "a:y"), ("iris", "wine"), ("r0", "r1")
        )
    ]
    outputs = [
        outputs_path(tmp_path, *parts)
        for parts in itertools.product(
            ("same", "quickstart"), ("iris", "wine"), ("a:x", "b:x"), (0, 1)
        )
    ]
    assert len(set(answers)) == len(answers) == 16
    assert len(set(outputs)) == len(outputs) == 16
