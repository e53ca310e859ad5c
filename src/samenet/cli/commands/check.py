"""`samenet check`: try an adapter against the contract and say how to mend what fails."""

from __future__ import annotations

from typing import Any

import click

from samenet._console import print_text
from samenet.adapter.api import Target
from samenet.adapter.checklist import ChecklistResult
from samenet.certificate import coverage
from samenet.cli.commands import options
from samenet.execution import adapter_check
from samenet.execution.adapter_check import Examination
from samenet.machine.devices import parse_device
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
@options.worker_limit
@options.as_json
def command(
    adapter: str,
    tasks: tuple[str, ...],
    device: str,
    worker_seconds: float | None,
    *,
    as_json: bool,
) -> int:
    """Try an adapter item by item: what failed, what was expected, how to mend it.

    \b
    Examples:
      samenet check mine.py
      samenet check mine.py:fast --task digits
      samenet check pytorch:eager
    """
    target = parse(Target, parse_device(device), where="check")
    examinations = [
        adapter_check.examine(
            name,
            target,
            tasks,
            say=lambda line: print_text(f"  {line}", err=True),
            worker_seconds=worker_seconds,
        )
        for name in adapter_check.list_modes(adapter)
    ]
    if as_json:
        adapters = [_document(examination) for examination in examinations]
        options.print_json({"schema": "samenet-check/1", "adapters": adapters})
    else:
        print_text("\n\n".join(examination_text(examination) for examination in examinations))
    return 0 if all(examination.passed for examination in examinations) else SOME_FAILED


def examination_text(examination: Examination) -> str:
    """Return the list of items for people; what failed is explained where it stands."""
    lines = [f"{examination.arm} · {examination.file}"]
    for finding in examination.findings:
        lines += _lines(finding)
    if examination.not_offered:
        lines.append(f"  not offered, so not tried: {', '.join(examination.not_offered)}")
    if examination.passed:
        lines.append(f"  not seen by any item: {coverage.NOT_SEEN}")
    return "\n".join([*lines, "", _verdict(examination)])


def _lines(finding: ChecklistResult) -> list[str]:
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


def _verdict(examination: Examination) -> str:
    states = [finding.state for finding in examination.findings]
    counts = f"{states.count('ok')} of {len(states)} items hold"
    if examination.passed:
        return f"{counts}: {examination.arm} keeps the contract"
    return f"{counts}, {states.count('failed')} failed, {states.count('not tried')} not tried"


def _document(examination: Examination) -> dict[str, Any]:
    return {
        "adapter": examination.arm,
        "file": examination.file,
        "versions": examination.versions,
        "passed": examination.passed,
        "not_offered": list(examination.not_offered),
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
            for finding in examination.findings
        ],
    }
