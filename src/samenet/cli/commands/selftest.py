"""`samenet selftest`: the instrument shows that it works."""

from __future__ import annotations

import sys

import click

from samenet._console import print_text
from samenet.cli.commands import options
from samenet.selftest import base
from samenet.selftest.base import Figure, SelfTestOrder, SelfTestResult

FAILED = 3
SCHEMA = "samenet-selftest/1"


@click.command("selftest")
@click.argument("names", nargs=-1)
@click.option("--n", type=options.COUNT, help="Number of trials, or repetitions.")
@click.option("--short", is_flag=True, help="Fewer trials: the form of the test command.")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the simulated noise.",
)
@options.as_json
def command(names: tuple[str, ...], n: int | None, *, short: bool, seed: int, as_json: bool) -> int:
    """Let the instrument show that it works: NAMES of tests, or none for a list of them.

    An option that a test does not heed is refused.

    \b
    Examples:
      samenet selftest
      samenet selftest coverage drift
      samenet selftest aa --n 40 --json
    """
    if not names:
        options.refuse(("n", "short", "seed"), "is about a test: name one, or several.")
        return _listed(as_json=as_json)
    for name in names:  # what is wrong is said before anything runs
        heeded = base.heeded_options(name)
        takes = " and ".join(f"--{option}" for option in heeded) or "no option"
        options.refuse(
            {"n", "short", "seed"} - set(heeded), f"does nothing in {name}, which takes {takes}."
        )
    order = SelfTestOrder(n=n, short=short, seed=seed, say=_say)
    findings = []
    for name in names:
        findings.append(base.run_selftest(name, order))
        if not as_json:
            _show(findings[-1])
            sys.stdout.flush()
    if as_json:
        document = {"schema": SCHEMA, "findings": [finding.plain() for finding in findings]}
        options.print_json(document)
    return 0 if all(finding.passed for finding in findings) else FAILED


def _say(text: str) -> None:
    print_text(text, err=True)


def _listed(*, as_json: bool) -> int:
    summaries = base.summaries()
    if as_json:
        options.print_json({"schema": SCHEMA, "selftests": summaries})
        return 0
    width = max(map(len, summaries), default=0)
    for name, summary in summaries.items():
        print_text(f"{name:<{width}}  {summary}")
    return 0


def _show(finding: SelfTestResult) -> None:
    word = "passed" if finding.passed else "FAILED"
    print_text(f"{finding.name}: {word} ({finding.seconds:.1f} s)")
    for note in finding.notes:
        print_text(f"  {note}")
    for figure in finding.figures:
        print_text("  " + _line(figure))


def _line(figure: Figure) -> str:
    """Return a figure as text: its mark, value, interval, limits and what it counts."""
    mark = " " if not figure.judged else "✓" if figure.passed else "✗"
    interval = "" if figure.low is None else f" [{figure.low:.3g}, {figure.high:.3g}]"
    limits = [f"at least {figure.least:.3g}"] if figure.least is not None else []
    limits += [f"at most {figure.most:.3g}"] if figure.most is not None else []
    detail = "; ".join([*limits, *([figure.detail] if figure.detail else [])])
    return f"{mark} {figure.quantity}: {figure.value:.4g}{interval}" + (
        f" ({detail})" if detail else ""
    )
