"""Nothing that is handed on names the host, the person, a folder, an address or a device.

A real run of two frameworks on a table of numbers, in an environment of planted names. One of the
frameworks fails and says every one of them, with a path and a device's number. Then every file
that can be handed on is searched, and so is the worker's own error output, which is not: there the
names must be found, or the search would prove nothing.
"""

from __future__ import annotations

import json
import os
import platform
import re
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from samenet import _random
from samenet.analysis import frames, regression
from samenet.execution import planner, session
from samenet.machine import readings
from samenet.report import result
from samenet.report.page import write_report
from samenet.report.regression_text import as_json_reads, to_lines, to_markdown
from samenet.runs.records import FailureRecord
from samenet.runs.redaction import DEVICE_PATTERN, NAME_LENGTH_MIN
from samenet.selftest.base import Figure, SelfTestOrder, raise_failure
from samenet.spec import csv_task

SUMMARY = "no host, user, folder, address or device number in any exported file (a real run)"
OPTIONS = ("seed",)

PERSON, HOST, FOLDER = "quillonda", "brumholt", "zaphirnest"
NUMBER = "GPU-5fd3a1c2-0b1c-4d2e-9f00-a1b2c3d4e5f6"
FAILING = '''"""A framework that fails and says where, on what and by whom."""

import os
from pathlib import Path

from samenet.adapters.numpy.adapter import capabilities, read_back, wake

ADAPTER = {
    "name": "planted",
    "title": "Planted",
    "modes": {"plain": {"default": True, "why": "fails", "source": "samenet selftest privacy"}},
    "imports": ["numpy"],
    "distributions": ["numpy"],
    "adoptable": False,
}


def build(network, training, weights, *, target, mode):
    """Fail."""
    raise RuntimeError(
        f"{Path.home()}/licence.txt of {os.environ['USER']} on {os.environ['HOSTNAME']}: "
        f"no such file (device {os.environ['PLANTED_DEVICE']})"
    )
'''


def run(order: SelfTestOrder) -> list[Figure]:
    """Measure in an environment of planted names, export everything, search it."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / FOLDER / PERSON
        home.mkdir(parents=True)
        with planted_names(home):
            folder = _measured(home, order.seed)
            words = [PERSON, HOST, FOLDER, NUMBER, *_own_names()]
            exported = dict(_exports(folder))
        kept = "".join(
            path.read_text(encoding="utf-8", errors="replace")
            for path in (folder / "work").glob("*.stderr")
        )
    hits = find_names(exported, words)
    told = [word for word in (PERSON, HOST, FOLDER, NUMBER) if word in kept]
    return [
        Figure(
            quantity="names in exported files", value=len(hits), most=0, detail="; ".join(hits[:5])
        ),
        Figure(quantity="exported files searched", value=len(exported), least=8),
        Figure(
            quantity="planted names that the failing framework did say",
            value=len(told),
            least=4,
            detail="in its error output, which stays in the run folder",
        ),
    ]


@contextmanager
def planted_names(home: Path) -> Iterator[None]:
    """Let this process and its workers live in the home of a made-up person on a made-up host."""
    names = dict.fromkeys(("USER", "LOGNAME", "USERNAME"), PERSON)
    hosts = dict.fromkeys(("HOSTNAME", "COMPUTERNAME"), HOST)
    with ExitStack() as stack:
        environment = {**names, **hosts, "HOME": str(home), "USERPROFILE": str(home)}
        environment |= {"PLANTED_DEVICE": NUMBER}
        stack.enter_context(patch.dict(os.environ, environment))
        stack.enter_context(patch.object(socket, "gethostname", lambda: HOST))
        stack.enter_context(patch.object(platform, "node", lambda: HOST))
        yield


def _measured(home: Path, seed: int) -> Path:
    """Measure in the made-up home and return the run folder.

    Raises WorkerError if NumPy's adapter fails, too: there would be nothing to export.
    """
    table = home / "sales.csv"
    rows = _random.make_generator("privacy", seed).normal(size=(120, 3)).round(3).tolist()
    text = "\n".join(",".join(map(str, row)) for row in rows)
    table.write_text(f"size,age,price\n{text}\n", encoding="utf-8")
    adapter = home / "planted_mlp.py"
    adapter.write_text(FAILING, encoding="utf-8")
    request = planner.Request(
        own=(csv_task.csv_task(table, ["price"]),),
        frameworks=("numpy", str(adapter)),
        epochs=1,
        repeats=2,
        track="same",
        name="privacy",
    )
    plan = planner.make_plan(request).only("prepare", "certify", "cell")
    store = session.start_run(plan, home / "run", lambda job, records, seconds: None)
    failures = [record for record in store.records() if isinstance(record, FailureRecord)]
    raise_failure(record for record in failures if record.arm.startswith("numpy"))
    return store.folder


def _exports(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of everything that a run hands on."""
    write_report(folder)
    found_frames = frames.load(folder)
    document = as_json_reads(result.to_document(found_frames))
    compared = regression.compare(document, document, quantity="step", margin=0.05)
    yield "run --json", json.dumps(document, ensure_ascii=False)
    yield "times.csv", found_frames.times.to_csv()
    yield "compare --json", json.dumps(compared.plain(), ensure_ascii=False)
    yield "compare", "\n".join(to_lines(compared))
    yield "compare --markdown", "\n".join(to_markdown(compared))
    yield "the terminal's table", "\n".join(result.to_lines(found_frames))
    for path in (*folder.glob("figures/*"), *folder.glob("*.html"), folder / "machine.json"):
        yield path.name, path.read_bytes().decode("utf-8", errors="replace")
    yield "records.jsonl", (folder / "records.jsonl").read_text(encoding="utf-8")


def _own_names() -> list[str]:
    """Return the names of the real host that are long enough to be found by chance by nobody."""
    known = readings.identifying_names()
    return [name for name in known if len(name) > 2 * NAME_LENGTH_MIN and name != "127.0.0.1"]


def find_names(exported: Mapping[str, str], words: list[str]) -> list[str]:
    """Return which word stands in which file, a device's number of any device among them."""
    names = re.compile("|".join(re.escape(word) for word in words if word != "localhost"))
    return [
        f"{match.group(0)} in {name}"
        for name, text in exported.items()
        for match in (*names.finditer(text), *DEVICE_PATTERN.finditer(text))
    ]
