"""The memory that a framework is said to need is what it touched, whatever its parent holds.

A made-up framework that touches 300 MB more in one of its modes goes through the real memory pass:
fresh workers, started by a parent that holds a gigabyte itself. Peaks come from VmHWM, which a new
program starts at zero; ru_maxrss would carry the parent's over (man 2 getrusage, man 5 proc).
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from samenet.execution import planner, session
from samenet.runs.records import FootprintRecord, TimingRecord
from samenet.selftest.base import Figure, SelfTestOrder, raise_failure

SUMMARY = "300 MB that a framework touches are seen as 300 ± 6 MB (real processes)"
OPTIONS = ()

MEGABYTE = 1_000_000
TOUCHED, TOLERANCE, PARENT = 300 * MEGABYTE, 6 * MEGABYTE, 1000 * MEGABYTE
TOUCHING = f'''"""NumPy's loop, which in one mode touches {TOUCHED} bytes more."""

import numpy as np

from samenet.adapters.numpy import adapter as numpy_adapter
from samenet.adapters.numpy.adapter import capabilities, read_back, wake

ADAPTER = {{
    "name": "touching",
    "title": "Touching",
    "modes": {{
        "nothing": {{"default": True, "why": "a fake", "source": "samenet selftest memory"}},
        "more": {{"default": True, "why": "a fake", "source": "samenet selftest memory"}},
    }},
    "imports": ["numpy"],
    "distributions": ["numpy"],
    "adoptable": False,
}}
KEPT = []


def build(network, training, weights, *, target, mode):
    """Touch the bytes, then do as NumPy's adapter does."""
    if mode == "more":
        KEPT.append(np.ones({TOUCHED}, np.uint8))
    return numpy_adapter.build(network, training, weights, target=target, mode="plain")
'''


def run(order: SelfTestOrder) -> list[Figure]:
    """Measure the memory of both modes while this process holds a gigabyte."""
    del order
    held = np.ones(PARENT, np.uint8)
    with tempfile.TemporaryDirectory() as place:
        adapter = Path(place) / "touching_mlp.py"
        adapter.write_text(TOUCHING, encoding="utf-8")
        request = planner.Request(tasks=("iris",), frameworks=(str(adapter),), track="same")
        plan = planner.make_plan(request).only("prepare", "memory")
        store = session.start_run(plan, Path(place) / "run", lambda job, records, seconds: None)
        records = store.records()
    raise_failure(records)
    needed = {
        record.arm: record.bytes_peak - record.bytes_after_import
        for record in records
        if isinstance(record, FootprintRecord)
    }
    more = needed["touching:more"] - needed["touching:nothing"]
    return [
        Figure(
            quantity="megabytes more",
            value=more / MEGABYTE,
            least=(TOUCHED - TOLERANCE) / MEGABYTE,
            most=(TOUCHED + TOLERANCE) / MEGABYTE,
            detail=f"{TOUCHED / MEGABYTE:.0f} were touched; "
            f"the parent held {held.nbytes / MEGABYTE:.0f}",
        ),
        Figure(
            quantity="times taken in memory runs",
            value=sum(isinstance(record, TimingRecord) for record in records),
            most=0,
        ),
    ]
