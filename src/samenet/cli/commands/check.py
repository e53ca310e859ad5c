"""`samenet check`: try an adapter against the contract and say how to mend what fails."""

from __future__ import annotations

from typing import Any

import click

from samenet._console import say
from samenet.adapter.api import Target, placed
from samenet.adapter.checklist import Finding
from samenet.certificate import coverage
from samenet.cli.commands import options
from samenet.execution import adapter_check
from samenet.execution.adapter_check import Examination
from samenet.spec.parsing import parse

SOME_FAILED = 3


@click.command("check")
@click.argument("adapter", metavar="FILE.py|NAME[:MODE]")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="TASK",
    help="On which tasks the gates are tried; default: three small ones. Repeatable.",
)
@options.device
@options.as_json
def command(adapter: str, tasks: tuple[str, ...], device: str, *, as_json: bool) -> int:
    """Try an adapter item by item: what failed, what was expected, how to mend it.

    \b
    Examples:
      samenet check mine.py
      samenet check mine.py:fast --task digits
      samenet check pytorch:eager
    """
    target = parse(Target, placed(device), where="check")
    found = [
        adapter_check.examine(text, target, tasks, say=lambda line: say(f"  {line}", err=True))
        for text in adapter_check.modes(adapter)
    ]
    if as_json:
        adapters = [_document(each) for each in found]
        options.print_json({"schema": "samenet-check/1", "adapters": adapters})
    else:
        say("\n\n".join(text(each) for each in found))
    return 0 if all(each.passed for each in found) else SOME_FAILED


def text(found: Examination) -> str:
    """Return the list of items for people; what failed is explained where it stands."""
    lines = [f"{found.arm} · {found.file}"]
    for finding in found.findings:
        lines += _lines(finding)
    if found.not_offered:
        lines.append(f"  not offered, so not tried: {', '.join(found.not_offered)}")
    if found.passed:
        lines.append(f"  not seen by any item: {coverage.NOT_SEEN}")
    return "\n".join([*lines, "", _verdict(found)])


def _lines(finding: Finding) -> list[str]:
    item = finding.item
    head = f"  {finding.state:<10} {item.asks}"
    if finding.state == "ok":
        return [head]
    if finding.state == "not tried":
        return [f"{head} ({finding.found})"]
    indent = " " * 13
    return [
        head,
        f"{indent}found:    {finding.found}",
        f"{indent}expected: {item.expected}",
        f"{indent}mend:     {item.mend}",
    ]


def _verdict(found: Examination) -> str:
    states = [finding.state for finding in found.findings]
    counts = f"{states.count('ok')} of {len(states)} items hold"
    if found.passed:
        return f"{counts}: {found.arm} keeps the contract"
    return f"{counts}, {states.count('failed')} failed, {states.count('not tried')} not tried"


def _document(found: Examination) -> dict[str, Any]:
    return {
        "adapter": found.arm,
        "file": found.file,
        "versions": found.versions,
        "passed": found.passed,
        "not_offered": list(found.not_offered),
        "items": [
            {
                "part": finding.item.part,
                "item": finding.item.key,
                "asks": finding.item.asks,
                "state": finding.state,
                "found": finding.found,
                "expected": finding.item.expected,
                "mend": finding.item.mend,
            }
            for finding in found.findings
        ],
    }
