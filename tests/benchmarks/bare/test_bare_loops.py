"""Our loops against bare ones, which know nothing of samenet: ours must cost nothing.

    pytest tests/benchmarks/bare --benchmark-only
    pytest tests/benchmarks/bare --benchmark-only -k pytorch

Every mode has a process of its own, started as samenet starts its workers. There both loops take
turns on the same calls, first once one, then the other; both gather their batches by index and keep
the losses. After the first call they must have ended at the same weights. The times that
pytest-benchmark shows, and saves as JSON, are those of our loop; the ratios are in its extra_info.

A new mode needs one file, loops/<framework>_loops.py with LOOPS = {mode: function}.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pairs import RATIOS, WHOLE, Worker, mean_of, ratio_of
from pytest_benchmark.fixture import BenchmarkFixture

from samenet.adapter import discovery

LOOPS = Path(__file__).parent / "loops"
BARE = [
    arm
    for path in sorted(LOOPS.glob("*_loops.py"))
    for arm in discovery.read_literal(path, "LOOPS")
]
EACH_MODE = pytest.mark.parametrize("worker", [(a, 1) for a in BARE], ids=BARE, indirect=True)

APART_MOST = 1e-5
MEAN_MOST, SINGLE_MOST = 1.03, 1.06
BUDGET_SECONDS, PAIRS_LEAST, PAIRS_MOST = 6.0, 10, 60


class Spent:
    """The clock of pytest-benchmark: seconds that workers have spent in our loops."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


SPENT = Spent()


@EACH_MODE
@pytest.mark.parametrize("net", ["S", "M", "L"])
@pytest.mark.benchmark(timer=SPENT)
def test_our_loop_costs_nothing(worker: Worker, net: str, benchmark: BenchmarkFixture) -> None:
    """Our loop and a bare one do the same steps, and ours takes at most 6 % longer on any net."""
    apart = worker.ask(f"size {net}")
    assert max(apart.values()) < APART_MOST, apart
    turns = []

    def turn() -> None:
        turns.append(worker.ask("turn"))
        SPENT.seconds += turns[-1]["ours"][0]

    turn()
    one = turns[0]["ours"][0] + turns[0]["bare"][0]
    rounds = min(PAIRS_MOST, max(PAIRS_LEAST, round(BUDGET_SECONDS / one)))
    benchmark.pedantic(turn, rounds=rounds)
    found = ratio_of(turns[1:])
    benchmark.group = f"net {net}"
    benchmark.extra_info.update(arm=worker.arm, steps=turns[-1]["steps"], **found._asdict())
    RATIOS.setdefault(worker.arm, {})[net] = found
    WHOLE[worker.arm, net] = worker.ask("whole")
    assert found.wall <= SINGLE_MOST


@EACH_MODE
def test_our_loops_cost_nothing_on_average(worker: Worker, benchmark: BenchmarkFixture) -> None:
    """Over the three nets our loop takes at most 3 % longer than a bare one."""
    if len(RATIOS.get(worker.arm, {})) < 3:
        pytest.skip("needs all three nets")
    walls = [ratio.wall for ratio in RATIOS[worker.arm].values()]
    mean = benchmark.pedantic(mean_of, args=[walls])  # not a time: the verdict belongs in the JSON
    benchmark.extra_info.update(arm=worker.arm, mean=mean)
    assert mean <= MEAN_MOST


@pytest.mark.parametrize("path", sorted(LOOPS.glob("*.py")), ids=lambda path: path.stem)
def test_bare_loops_know_nothing_of_samenet(path: Path) -> None:
    """No bare loop imports samenet, and every one belongs to a mode that is shipped."""
    names = [
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
    ]
    assert [name for name in names if name and name.startswith("samenet")] == []
    modes = {
        found.arm(mode)
        for found in discovery.shipped_adapters().values()
        for mode in found.header.modes
    }
    assert set(discovery.read_literal(path, "LOOPS") or ()) <= modes


def test_every_mode_of_a_cpu_has_a_bare_loop() -> None:
    """A mode that is shipped and asks for no CUDA device can be compared with a bare loop."""
    modes = {
        found.arm(name)
        for found in discovery.shipped_adapters().values()
        for name, mode in found.header.modes.items()
        if "CUDA device" not in mode.needs
    }
    assert set(BARE) == modes
