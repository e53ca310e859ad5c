"""Every parser under a property-based fuzzer: accepted, or one sentence and exit code 2."""

from __future__ import annotations

import resource
from pathlib import Path

import fuzz_parsers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = 10_000
BATCH = 20
"""Cases of one example of hypothesis, whose own bookkeeping costs as much as several cases."""

CORPUS = Path(__file__).parents[1] / "corpus"
SHORT = st.lists(st.binary(max_size=24), min_size=BATCH, max_size=BATCH)
MEMORY_MAX = 512 * 2**20


@pytest.mark.parametrize("name", fuzz_parsers.PARSERS)
def test_what_once_failed_is_accepted_or_refused(name: str) -> None:
    """Each input of the corpus, on which a parser once stumbled, has an answer."""
    found = sorted((CORPUS / name).glob("*"))
    for path in found:
        fuzz_parsers.run(name, path.read_bytes())


@pytest.mark.parametrize("name", fuzz_parsers.PARSERS)
def test_a_parser_accepts_or_refuses_in_one_sentence(name: str) -> None:
    """No mutated input of a parser ends in anything but an acceptance or one short sentence."""
    accepted: list[bool] = []
    before = peak_bytes()

    @settings(
        max_examples=max(1, CASES // BATCH // fuzz_parsers.DEAR.get(name, 1)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases=SHORT)
    def every(cases: list[bytes]) -> None:
        accepted.extend(fuzz_parsers.run(name, case) for case in cases)

    every()
    fuzz_parsers.run(name, b"")  # the valid input itself
    print(f"{name}: {len(accepted)} cases, {sum(accepted)} accepted")
    assert any(accepted)
    assert peak_bytes() - before < MEMORY_MAX


def peak_bytes() -> int:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", fuzz_parsers.PARSERS)
def test_a_parser_that_breaks_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fuzzer sees a traceback and a sentence that is too long: planted, both are findings."""

    def broken(_: object) -> None:
        raise KeyError("readings")

    monkeypatch.setitem(fuzz_parsers.PARSERS, name, broken)
    with pytest.raises(fuzz_parsers.ParserFaultError, match="KeyError"):
        fuzz_parsers.run(name, b"")
