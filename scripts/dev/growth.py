"""How the cost of a run grows with its size: plan, append, load, verify, report.

    python scripts/dev/growth.py                     10^2 to 10^5 records; a minute or two
    python scripts/dev/growth.py --page              also the page at 3 to 1000 tasks; ten minutes

Prints processor seconds and peak memory at each size, and the exponent between sizes: 1 is linear.
Returns 1 if an exponent between the two largest sizes is above 1.15.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "helpers"), str(ROOT / "tests" / "benchmarks")]

RECORDS = (100, 1000, 10_000, 100_000)
SWEEPS = (10, 100, 500, 2000)
PAGES = (3, 4, 10, 20, 40, 100, 1000)
EXPONENT_MAX = 1.15


def main() -> int:
    """Measure each step at each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        step, size = options.one
        seconds = STEPS[step][0](int(size))
        megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(f"{seconds} {megabytes}")
        return 0
    steps = [step for step in STEPS if options.page or step != "page"]
    linear = [is_linear(step) for step in steps]
    return int(not all(linear))


def is_linear(step: str) -> bool:
    """Measure one step, print a line per size, and return whether it grows at most linearly."""
    sizes, unit = STEPS[step][1], STEPS[step][2]
    before: tuple[int, float] | None = None
    exponent = 0.0
    for size in sizes:
        seconds, megabytes = measured(step, size)
        text = ""
        if before and before[1] > 0 and seconds > 0:
            exponent = math.log(seconds / before[1]) / math.log(size / before[0])
            text = f"exponent {exponent:5.2f}"
        print(
            f"{step:8} {size:8,} {unit:8} {seconds:8.3f} s {megabytes:7.0f} MB  {text}", flush=True
        )
        before = size, seconds
    return exponent <= EXPONENT_MAX


def measured(step: str, size: int) -> tuple[float, float]:
    """Return processor seconds and peak megabytes of a step in a process of its own."""
    command = [sys.executable, "-P", __file__, "--one", step, str(size)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, megabytes = map(float, done.stdout.split()[-2:])
    return seconds, megabytes


def timed(work: Callable[[], object]) -> float:
    """Return the processor seconds of some work, its child processes included."""
    before = _processor_seconds()
    work()
    return _processor_seconds() - before


def _processor_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def plan(tasks: int) -> float:
    """Make the plan of a sweep, write it and read it."""
    from samenet.execution.planner import Request, make_plan
    from samenet.runs.folder import Store, open_run

    values = ",".join(str(1 + number) for number in range(tasks))
    request = Request(
        tasks=("iris",), frameworks=("numpy",), track="same",
        settings=(f"model.layers.0.units={values}",),
    )  # fmt: skip
    make_plan(Request(tasks=("iris",), frameworks=("numpy",), track="same"))  # asks the adapter

    def work() -> None:
        made = make_plan(request)
        store = Store(Path(folder))
        store.write_json("plan.json", made.model_dump(mode="json", by_alias=True))
        open_run(store.folder)

    with tempfile.TemporaryDirectory() as folder:
        return timed(work)


def _made(folder: Path, records: int) -> None:
    """Write a made-up run of about so many records."""
    import large_page

    large_page.written(folder, max(1, round(records / 545)), 2)
    if records < 545:
        path = folder / "records.jsonl"
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:records]))


def append(records: int) -> float:
    """Append so many records, ten at a time, as jobs do."""
    from samenet.runs.folder import Store

    with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as folder:
        _made(Path(source), min(records, 5450))
        some = Store(Path(source)).records()
        store = Store(Path(folder))

        def work() -> None:
            for start in range(0, records, 10):
                place = start % (len(some) - 10)
                store.append(some[place : place + 10])

        return timed(work)


def load(records: int) -> float:
    """Read a run into frames."""
    from samenet.analysis import frames

    with tempfile.TemporaryDirectory() as folder:
        _made(Path(folder), records)
        return timed(lambda: frames.load(Path(folder)))


def verify(records: int) -> float:
    """Verify a run that has no outputs and no page: its records, plan and advice."""
    from samenet.report.verify import verify as verify_run

    with tempfile.TemporaryDirectory() as folder:
        _made(Path(folder), records)
        return timed(lambda: verify_run(Path(folder)))


def page(tasks: int) -> float:
    """Write the page of a run of so many tasks on ten frameworks and modes."""
    import large_page

    from samenet.report.page import write_report

    with tempfile.TemporaryDirectory() as folder:
        large_page.written(Path(folder), tasks, 2)
        return timed(lambda: write_report(Path(folder)))


STEPS: dict[str, tuple[Callable[[int], float], tuple[int, ...], str]] = {
    "plan": (plan, SWEEPS, "tasks"),
    "append": (append, RECORDS, "records"),
    "load": (load, RECORDS, "records"),
    "verify": (verify, RECORDS, "records"),
    "page": (page, PAGES, "tasks"),
}

if __name__ == "__main__":
    sys.exit(main())
