"""`samenet show`: a task's layers with shapes and sizes; what cannot be shown is one sentence."""

from __future__ import annotations

import json

import pytest

from samenet.cli import main
from samenet.machine.lock import machine_lock

CNN = ("digits", "--set", "data.shape=[8, 8, 1]", "--set", "model=cnn(4, 8)")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main._code(["show", *arguments]) == 0
    return capsys.readouterr().out


def test_every_layer_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    """The table names kind, what it gives, trained numbers and operations, then the totals."""
    text = shown(capsys, *CNN)
    lines = text.splitlines()
    assert lines[0] == "digits: a row is 8 × 8 × 1; 10 outputs."
    kinds = [line.split()[1] for line in lines[3:] if line[:1].isdigit()]
    assert kinds == ["conv2d", "max_pool", "conv2d", "max_pool", "flatten", "dense", "dense"]
    assert "8 × 8 × 4 " in lines[3]
    assert lines[3].split()[-2:] == ["40", f"{2 * 8 * 8 * 9 * 4:,}"]
    assert "Trained numbers: 1,034 " in text


def test_the_json_holds_the_arrays_of_every_layer(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs each layer has its arrays by name, and sums that agree with the totals."""
    facts = json.loads(shown(capsys, *CNN, "--json"))
    assert facts["layers"][0]["parameters"] == {"kernel": [3, 3, 1, 4], "bias": [4]}
    assert facts["trained"] == sum(layer["trained"] for layer in facts["layers"])
    assert facts["operations"] == sum(layer["operations"] for layer in facts["layers"])
    assert (facts["family"], facts["outputs"]) == ("convolution", 10)


def test_a_residual_is_shown_with_its_inside(capsys: pytest.CaptureFixture[str]) -> None:
    """A residual has a row where it begins, its layers between, and one where it is added."""
    changes = ["--set", "data.shape=[8, 8, 1]", "--set", "model=resnet(4, 1)"]
    text = shown(capsys, "digits", *changes)
    paths = [line.split()[0] for line in text.splitlines() if line[:1].isdigit()]
    assert paths == ["1", "2", "3", "4", "4.1", "4.2", "4.3", "4.4", "4.5", "4", "5", "6", "7"]
    assert ", and 24 that are kept" in text


def test_several_values_show_several_networks(capsys: pytest.CaptureFixture[str]) -> None:
    """A comma outside brackets separates values: each has its table."""
    changes = ["--set", "data.shape=[8, 8]", "--set", "model=lstm(8, 4),gru(4)"]
    text = shown(capsys, "digits", *changes)
    assert "digits[model=lstm(8, 4)]: a row is 8 × 8" in text
    assert "digits[model=gru(4)]: a row is 8 × 8" in text


def test_nobody_has_to_wait_for_a_measurement(capsys: pytest.CaptureFixture[str]) -> None:
    """While a run holds the machine, a network can be looked at."""
    with machine_lock():
        assert "iris: a row is 4 numbers; 3 outputs." in shown(capsys, "iris")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("digitz",), "Did you mean 'digits'?"),
        (("gone.toml",), "Cannot read the task file gone.toml"),
        (("digits", "--set", "model=cnn(16)"), "layer 1 (conv2d) gets rows of numbers"),
        (("digits", "--set", "data.shape=[8, 9]", "--set", "model=lstm(4)"), "has 72 places"),
        (("digits", "--set", "model"), "write KEY=VALUE"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong name, file, change or shape is told in one line, with exit code 2."""
    assert main._code(["show", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1
