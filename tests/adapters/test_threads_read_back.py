"""Where the matrix library does not say how many threads it has, no number is claimed."""

from __future__ import annotations

import pytest

from samenet.adapter import NOT_READABLE, Target, discovery
from samenet.certificate.problem import builder
from samenet.worker.contract.subject import small_problem


@pytest.mark.parametrize(("name", "mode"), [("numpy", "plain"), ("scikit-learn", "fit")])
def test_a_thread_count_that_cannot_be_read_is_not_one(
    monkeypatch: pytest.MonkeyPatch, name: str, mode: str
) -> None:
    """Without a pool that reports, the answer is "not readable here", not 1."""
    adapter = discovery.load(discovery.shipped_adapters()[name].path)
    problem = small_problem(adapter.capabilities())
    build = builder(adapter, mode, Target())
    program = build(problem, problem.training, problem.weights, "float32")
    monkeypatch.setattr(adapter, "threadpool_info", list)
    assert adapter.read_back(program, Target())["threads"] == NOT_READABLE
