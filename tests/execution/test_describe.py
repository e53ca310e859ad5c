"""What an adapter offers is asked once per machine; what the cache spoilt, again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samenet.adapter import discovery
from samenet.execution import describe
from samenet.machine import cache, gpu, system

OFFERED = {
    "capabilities": {
        "devices": ["cpu"],
        "dtypes": ["float32"],
        "activations": ["relu"],
        "losses": ["mean_squared_error"],
        "optimizers": ["adam"],
    },
    "versions": {"numpy": "2"},
    "import_seconds": 0.1,
    "code": "",
    "installed": {"distributions": ["numpy"], "bytes": 1, "import_bytes": 1},
}
LEAF = discovery.shipped_adapters()["numpy"]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the adapters that are asked in a worker from now on; nothing is remembered."""
    monkeypatch.setenv("SAMENET_CACHE", str(tmp_path))
    names: list[str] = []

    def ask(leaf: Any, device: str, python: str, live: object) -> describe.Description:
        del device, python, live
        names.append(leaf.header.name)
        return described_as(OFFERED)

    monkeypatch.setattr(describe, "_ask", ask)
    return names


def described_as(values: dict[str, Any]) -> describe.Description:
    return describe.Description.model_validate(values)


def described(device: str = "cpu") -> None:
    describe.describe_adapters([(LEAF, "plain")], device)


def test_an_adapter_is_asked_once(asked: list[str]) -> None:
    """The second time its answer is remembered."""
    described()
    described()
    assert asked == ["numpy"]


def test_another_machine_is_another_answer(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graphics card that was put in, its new driver, or another processor: it is asked again."""
    described()
    monkeypatch.setattr(gpu, "graphics_cards", lambda: ("Card, 8 GB, driver 1",))
    described()
    monkeypatch.setattr(gpu, "graphics_cards", lambda: ("Card, 8 GB, driver 2",))
    described()
    monkeypatch.setattr(system, "processor_name", lambda: "another")
    described()
    assert len(asked) == 4


@pytest.mark.parametrize(
    "stored",
    [{}, [], 1, "text", None, {**OFFERED, "capabilities": []}, {**OFFERED, "installed": None}],
)
def test_a_damaged_answer_is_asked_for_again(
    asked: list[str], monkeypatch: pytest.MonkeyPatch, stored: Any
) -> None:
    """Whatever stands in the cache instead of an answer is as good as nothing."""
    monkeypatch.setattr(cache, "key_of", lambda *parts: "key")
    cache.put("descriptions", "key", stored)
    described()
    assert asked == ["numpy"]


def test_a_mode_says_itself_what_its_losses_are_for(asked: list[str]) -> None:
    """Keras' `fit` reports a mean per call and its own loops one loss per step; others as ever."""
    del asked
    for name in ("keras", "keras-torch", "keras-jax"):
        leaf = discovery.shipped_adapters()[name]
        offered = {**OFFERED, "capabilities": {**OFFERED["capabilities"], "losses_per": "call"}}
        per = {
            m: describe._arm(leaf, m, described_as(offered), "").capabilities.losses_per
            for m in leaf.header.modes
        }
        assert per.pop("fit") == "call"
        assert set(per.values()) == {"step"} or not per
    assert describe._arm(LEAF, "plain", described_as(OFFERED), "").capabilities.losses_per == "step"
