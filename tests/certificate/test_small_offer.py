"""An adapter is asked for what a task uses, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from samenet.adapter import Target, discovery
from samenet.adapter.support import lacking
from samenet.certificate import cases
from samenet.certificate.problem import builder
from samenet.spec import load_task
from samenet.spec.case_names import cases_of_task
from samenet.worker.cases import checks_of

SMALL = Path(__file__).parents[1] / "helpers" / "small_adapter.py"


@pytest.mark.parametrize("name", cases_of_task(load_task("digits")))
def test_a_small_offer_is_proved_on_what_it_offers(name: str) -> None:
    """With relu, one cross entropy and Adam alone, every case that digits rests on is shown."""
    adapter = discovery.load(SMALL)
    offered = adapter.capabilities()
    case = cases.find_case(name, offered)
    assert lacking(offered, case.shown.network, case.shown.training) is None
    checks = checks_of(case, builder(adapter, "plain", Target()), offered)
    assert checks
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("loss", cases.LOSSES[::2])
@pytest.mark.parametrize("activation", ["relu", "tanh", "selu"])
def test_an_activation_is_read_through_any_loss(activation: str, loss: str) -> None:
    """Through each of them a right slope passes, and one that is off by a thousandth does not."""
    adapter = discovery.load(SMALL)
    usual = discovery.load(discovery.shipped_adapters()["numpy"].path).capabilities()
    name = loss.partition("(")[0]
    offered = usual.model_copy(update={"losses": (name,), "optimizers": ("adam",)})
    case = cases.find_case(f"activation {activation}", offered)
    build = builder(adapter, "plain", Target())

    def steeper(problem, training, *rest):
        rule = training.optimizer
        faster = rule.model_copy(update={"learning_rate": rule.learning_rate * 1.001})
        return build(problem, training.model_copy(update={"optimizer": faster}), *rest)

    assert [check.passed for check in checks_of(case, build, offered)] == [True] * 4
    assert [check.passed for check in checks_of(case, steeper, offered)] == [True, False] * 2


def test_with_the_usual_parts_a_case_is_what_it_was() -> None:
    """Who offers everything is asked exactly what a case without an offer is."""
    offered = discovery.load(discovery.shipped_adapters()["numpy"].path).capabilities()
    for name in ("activation tanh", "loss huber(delta=0.5)", "training by adam, smooth"):
        usual, same = cases.find_case(name), cases.find_case(name, offered)
        assert usual.shown.training == same.shown.training
        assert usual.shown.network == same.shown.network
