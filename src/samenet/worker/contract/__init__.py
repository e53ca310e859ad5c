"""The contract of an adapter, item by item: each function returns what it found to be wrong.

An item answers before the next one begins: where a crash or a hang happened is known.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from samenet.adapter.checklist import ITEMS_BY_PART, ChecklistItem
from samenet.machine import clock
from samenet.runs.records import ContractItem
from samenet.runs.work_order import WorkOrder
from samenet.worker.contract import program, quickstart, training
from samenet.worker.contract.subject import Subject

CONNECTED = ("socket.connect", "socket.sendto")
LOOKED_UP = ("socket.getaddrinfo", "socket.gethostbyname")
"""What Python reports when something reaches for the network (docs.python.org, audit events)."""


def run(order: WorkOrder) -> None:
    """Try the items of the job's parts and answer after each."""
    reached: list[str] = []
    sys.addaudithook(lambda event, details: _heard(reached, event, details))
    for part in order.job.tasks:
        asked = order.arm if part == "quick start" else _subject(order, reached)
        for item, found in try_items(part, asked, Path(order.arm.path).parent):
            order.emit([_answer(order, item, found)])


def try_items(part: str, asked: Any, folder: Path) -> Iterator[tuple[ChecklistItem, str]]:
    """Yield each item of a part with what it found; one that others need ends it if it fails.

    `folder` holds the adapter: an error is shown with the line there that it came from.
    """
    for item in ITEMS_BY_PART[part]:
        found = _tried(item, asked, folder)
        yield item, found
        if found and item.key in NEEDED:
            return


def _heard(reached: list[str], event: str, details: tuple[Any, ...]) -> None:
    """Note an address; a socket that is a file of this machine has a text for an address."""
    if event in LOOKED_UP:
        reached.append(str(details[0]))
    elif event in CONNECTED and isinstance(details[1], tuple):
        reached.append(str(details[1][0]))


def _subject(order: WorkOrder, reached: list[str]) -> Subject:
    return Subject(
        adapter=order.adapter(),
        mode=order.arm.mode,
        compiler=order.arm.compiler,
        target=order.target,
        capabilities=order.arm.capabilities,
        reached=reached,
    )


def _answer(order: WorkOrder, item: ChecklistItem, found: str) -> ContractItem:
    return ContractItem(
        job=order.job.id, when=clock.utc(), part=item.part, key=item.key, found=found
    )


def _tried(item: ChecklistItem, asked: Any, folder: Path) -> str:
    """Return what an item found; an exception is one, with the line of the adapter it came from."""
    try:
        return CHECKS[item.key](asked)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's code raises is the finding
        own = [f for f in traceback.extract_tb(error.__traceback__) if _in(f.filename, folder)]
        where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
        said = " ".join(str(error).split())[:300]
        return f"{type(error).__name__}: {said}{where}"


def _in(name: str, folder: Path) -> bool:
    return Path(name).parent == folder


PLACES = (program, training, quickstart)
CHECKS: dict[str, Callable[[Any], str]] = {
    item.key: next(getattr(place, item.key) for place in PLACES if hasattr(place, item.key))
    for part in ("program", "quick start")
    for item in ITEMS_BY_PART[part]
}
NEEDED = {"wakes", "builds", "loads_rows", "trains", "there"}
"""Without these nothing that follows in the same part can be tried."""
