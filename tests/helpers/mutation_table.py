"""What catches each planted fault: `python -P mutation_table.py [NAME ... | layers]`.

A row for each fault in NumPy: the parity case that shows it, the first check that it fails there
with its error and limit, and which checks of gate 4 it fails on a task where it is timed. The
faults of "what is timed is what was proved" come first, then those no gate was written for.
Returns 1 if one is caught by no gate, or first by another one than its mutant names.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # not there under `python -P`

from layer_mutants import LAYERS, first_failure
from mutants import INSIDE_NUMPY, PLANTED, TASK, UNFORESEEN, Mutant, checks
from remembered_truths import remembered
from threadpoolctl import threadpool_limits

from samenet.adapter import Capabilities, Target, discovery
from samenet.certificate.problem import Build, Check, Problem, builder, task_problem
from samenet.spec import load_task
from samenet.tasks import sources


@cache
def problem(on: str) -> Problem | None:
    """Return the shipped task that a mutant is shown on, or None for a parity case."""
    if not on.startswith(TASK):
        return None
    task = load_task(on.removeprefix(f"{TASK} "))
    return task_problem(task, sources.prepare(task))


@cache
def healthy() -> tuple[Build, Capabilities]:
    """Return how NumPy's programs are built, and what it offers."""
    adapter = discovery.load(discovery.shipped_adapters()["numpy"].path)
    return builder(adapter, "plain", Target()), adapter.capabilities()


def all_checks(mutant: Mutant, offered: tuple[Build, Capabilities] | None = None) -> list[Check]:
    """Return the checks of a framework with a mutant; it is NumPy unless programs are given."""
    with mutant.inside(), threadpool_limits(1):
        build, capabilities = mutant.apply(*(offered or healthy()))
        return checks(mutant.on, build, capabilities, problem(mutant.on))


def failed(mutant: Mutant, offered: tuple[Build, Capabilities] | None = None) -> list[Check]:
    """Return the checks that a mutant fails, in the order of the gates."""
    return [check for check in all_checks(mutant, offered) if not check.passed]


def timed_failures(
    mutant: Mutant, offered: tuple[Build, Capabilities] | None = None
) -> list[Check]:
    """Return the checks of gate 4 that a mutant fails on the task where it is timed."""
    found = failed(replace(mutant, on=mutant.timed), offered)
    return [check for check in found if check.gate == "gate 4"]


ROW = "{:<66} {:<8} {:<48} {:>8} {:>8}  {:<62} {}"


def row(mutant: Mutant) -> tuple[str, bool]:
    """Return the line of a fault, and whether it is caught where its mutant says."""
    found = failed(mutant)
    late = timed_failures(mutant) if mutant.timed else []
    seen = ", ".join(dict.fromkeys(check.quantity for check in late)) or "NOT CAUGHT"
    timed = f"{mutant.timed.removeprefix(f'{TASK} ')}: {seen}" if mutant.timed else ""
    if not found:
        return ROW.format(mutant.what, "–", "NOT CAUGHT", "", "", mutant.on, timed).rstrip(), False
    first = found[0]
    about = f"{first.quantity.partition('(')[0]}, {first.dtype}"
    error, limit = f"{first.error:.1e}", f"{first.limit:.1e}"
    line = ROW.format(mutant.what, first.gate, about, error, limit, mutant.on, timed).rstrip()
    return line, first.gate == mutant.gate and bool(late or not mutant.timed)


LAYER_ROW = "| {} | {} | {} |"


def layer_rows() -> list[str]:
    """Return the lines of the method page's table of mistakes in layers, gate by gate."""
    found = sorted(LAYERS.values(), key=lambda mutant: mutant.gate)
    return [LAYER_ROW.format(one.what, one.gate, one.on.removeprefix("network ")) for one in found]


def print_layers() -> int:
    """Print each mistake in layers with the check that catches it, then the method page's table."""
    good = True
    for mutant in LAYERS.values():
        with threadpool_limits(1), remembered():
            check = first_failure(mutant, *healthy())
        caught = check is not None and check.gate == mutant.gate
        good = good and caught
        shown = (
            (check.gate, f"{check.quantity}, {check.dtype}", f"{check.error:.1e}")
            if check
            else ("–", "NOT CAUGHT", "")
        )
        limit = f"{check.limit:.1e}" if check else ""
        line = ROW.format(mutant.what, *shown, limit, mutant.on, "").rstrip()
        print(line if caught else f"{line}   <- NOT AS IT SHOULD BE", flush=True)
    print("", *layer_rows(), sep="\n")
    return int(not good)


def main(names: list[str]) -> int:
    """Print the table; of "layers" that of the mistakes in layers."""
    if names == ["layers"]:
        return print_layers()
    head = ("fault", "gate", "first check that fails", "error", "limit", "shown on")
    print(ROW.format(*head, "checks of gate 4 that fail in what is timed"))
    good = True
    for name in names or [*PLANTED, *UNFORESEEN]:
        line, caught = row(INSIDE_NUMPY[name])
        print(line if caught else f"{line}   <- NOT AS IT SHOULD BE", flush=True)
        good = good and caught
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
