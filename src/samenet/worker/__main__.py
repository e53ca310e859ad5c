"""One worker process: `python -m samenet.worker ORDER.json` does one job and writes its records.

Only the standard library is imported before the framework: the import that is timed happens in an
interpreter as bare as a user's own, already bound to its processors.
"""

from __future__ import annotations

from samenet.machine import clock

STARTED = clock.now()  # before every other import

import errno  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, NoReturn  # noqa: E402

from samenet.machine import imports, system  # noqa: E402
from samenet.machine.system import SPAWNED_VARIABLE  # noqa: E402

SEAM = ("samenet.adapter", "samenet.spec", "threadpoolctl")
"""What an adapter's file imports for samenet's sake; the last one to read threads back."""


def main(path: Path) -> None:
    """Do the job of a work order."""
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    system.die_with_parent()
    pinned = system.pin(raw["cores"])
    imports.keep_out()
    import_seconds = clock.time_call(lambda: _import(raw["imports"]))
    imports.let_in()
    stamps = {
        "interpreter": STARTED - float(os.environ.get(SPAWNED_VARIABLE, STARTED)),
        "import": import_seconds,
    }
    gc.disable()  # a framework has made a million objects: to look through them takes 0.1 s
    # After the framework, for these import NumPy and pydantic; and before the adapter's file, which
    # imports them, too: what samenet and its questions take to load is charged to nobody.
    for name in SEAM:
        importlib.import_module(name)
    from samenet.runs.work_order import WorkOrder

    order = WorkOrder.from_json(raw, stamps=stamps, pinned=pinned)
    chosen = importlib.import_module(raw["module"])
    gc.enable()
    chosen.run(order)
    order.answer.close()


def _import(names: list[str]) -> None:
    for name in names:
        importlib.import_module(name)


LETS_DOWN = {
    getattr(errno, name, None)
    for name in ("ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "ENFILE", "ENOMEM", "EFBIG")
}
"""Errors of a system call that say nothing about the framework: no space, files or memory left."""


def _is_machine_fault(error: BaseException) -> bool:
    """Return whether an error is the machine's, and not the framework's."""
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno in LETS_DOWN
    )


def do_and_exit(action: Callable[[], None]) -> NoReturn:
    """Do a worker's job and end the process, with a code that tells whose fault a failure is.

    Raises what the job raised, if that is the framework's.
    """
    code = 0
    try:
        action()
    except Exception as error:
        if not _is_machine_fault(error):
            raise
        import traceback  # not before a framework, whose import is timed

        traceback.print_exc()
        code = system.MACHINE_FAULT
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # answered: to take a framework apart needs up to 0.8 s that nobody waits for


if __name__ == "__main__":
    do_and_exit(lambda: main(Path(sys.argv[1])))
