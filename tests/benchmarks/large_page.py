"""How long the page of a large run takes, and how quickly it answers.

    python tests/benchmarks/large_page.py                 ten thousand made-up results
    python tests/benchmarks/large_page.py --tasks 3       the same frameworks on three tasks

Writes a made-up run folder, runs `samenet report` on it in a process of its own (reading,
computing, drawing, writing), and opens the page in Chromium. Returns 1 if a limit is not kept.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "helpers"))

import report_fixture

from samenet.runs.folder import Store
from samenet.spec import Task, load_task

if TYPE_CHECKING:
    from playwright.sync_api import Page

ARMS = (
    *("numpy:plain", "numpy:buffers", "tensorflow:graph", "tensorflow:xla", "keras:fit"),
    *("keras:native", "pytorch:eager", "pytorch:compiled", "jax:scan", "jax:jit"),
)
EPOCHS = 10
OPENED = """() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"""
WATCHED = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A small process that starts the command: Linux counts the memory of who starts one as its own."""

FILTER = """() => new Promise((done) => {
  const box = document.querySelector('.menu[data-key=framework] input');
  const start = performance.now();
  box.click();
  requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
})"""
"""Resolves when the browser has drawn what the filter left."""


def main() -> int:
    """Make, measure, print; returns 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000, help="times ten frameworks and modes")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    limits = (13.0, 600.0, 10.0, 150.0) if options.tasks > 40 else (13.0, 600.0, 2.5, 150.0)
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder), options.tasks, options.repeats)
        seconds, processor, megabytes = built(Path(folder))
        page = Path(folder) / "report.html"
        opened, filtered = opened_and_filtered(page)
        found = (seconds, megabytes, page.stat().st_size / 1e6, filtered)
    print(f"{options.tasks * len(ARMS)} results, {options.repeats} repeats each")
    names = ("built, s", "memory, MB", "page, MB", "filter, ms")
    for name, value, most in zip(names, found, limits, strict=True):
        print(f"{name:12} {value:8.1f}   at most {most:g}")
    print(f"{'opened, ms':12} {opened:8.1f}   at most 1000 for a run of usual size")
    print(f"{'processor, s':12} {processor:8.1f}   of the time above")
    return int(any(value > most for value, most in zip(found, limits, strict=True)))


def written(folder: Path, tasks: int, repeats: int) -> None:
    """Write the run folder."""
    plan, records = report_fixture.recorded(
        tasks=list(named(tasks)),
        arms=ARMS,
        repeats=repeats,
        track="same",
        refused=(),
        failed=(),
        trainings=1,
        epochs=EPOCHS,
        noise=0.04,
    )
    store = Store(folder)
    store.write_json("plan.json", plan.model_dump(mode="json", by_alias=True))
    store.write_json("machine.json", report_fixture.MACHINE)
    store.append([*records, report_fixture.ENDED])


def named(count: int) -> Iterator[Task]:
    """Yield one task under many names, as a sweep makes them."""
    base = load_task("digits")
    for place in range(count):
        yield base.model_copy(update={"name": f"digits-{place}", "title": f"Digits, size {place}"})


def built(folder: Path) -> tuple[float, float, float]:
    """Return seconds, processor seconds and peak memory in megabytes of `samenet report`."""
    command = [sys.executable, "-c", WATCHED, sys.executable, "-m", "samenet", "report", folder]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    seconds, processor, kilobytes = map(float, found.split()[-3:])
    return seconds, processor, kilobytes / 1e3


def opened_and_filtered(path: Path) -> tuple[float, float]:
    """Return the milliseconds until the page answers, and those of a filter on an open table."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=chromium(), args=options)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(path.as_uri())
        opened = float(page.evaluate(OPENED))
        page.evaluate("document.getElementById('leaderboards').open = true")
        page.locator("#leaderboards table").first.scroll_into_view_if_needed()
        filtered = median(timed(page, range(5)))
        browser.close()
    return opened, filtered


def timed(page: Page, tries: Sequence[Any]) -> list[float]:
    """Return what several filters took, the first of which reads the page."""
    return [float(page.evaluate(FILTER)) for _ in tries]


def chromium() -> str:
    """Return the browser, or leave with a sentence."""
    found = shutil.which("chromium") or shutil.which("chromium-headless-shell")
    return found or sys.exit("chromium is not installed")


if __name__ == "__main__":
    sys.exit(main())
