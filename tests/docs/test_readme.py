"""What the README shows exists: commands, options, files and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from samenet.cli.main import REST, SHOWN, cli

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$? ?samenet ([a-z]+)([^#\n]*)", TEXT, re.MULTILINE)


def test_nothing_is_left_to_fill_in() -> None:
    """No placeholder reaches a reader."""
    assert "@@" not in TEXT


def test_every_linked_file_exists() -> None:
    """Links and pictures lead to files of the repository."""
    links = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(("name", "arguments"), COMMANDS)
def test_every_shown_command_and_option_exists(name: str, arguments: str) -> None:
    """A shown `samenet` line names a command and options that it has."""
    assert name in SHOWN | REST
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {o for o in re.findall(r"--[a-z-]+", arguments) if o not in known} == set()
