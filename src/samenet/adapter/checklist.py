"""The contract of an adapter as a list of items: what is asked, what is expected, how to mend it.

Items of the file are looked at without running it (adapter.file_checks), items of the program and
of the quick start in a worker (samenet.worker.contract.__init__), from cheap to dear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChecklistPart = Literal["file", "program", "quick start", "gates"]
ItemState = Literal["ok", "failed", "not tried"]

METHODS = ("load", "train", "losses", "predict", "weights", "sync")
"""What samenet.adapter.Program has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """One thing that is asked of an adapter."""

    part: ChecklistPart
    key: str
    """The name of the function that looks at it."""
    asks: str
    expected: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistResult:
    """What came of one item."""

    item: ChecklistItem
    state: ItemState
    found: str = ""
    """What was found instead of the expected; or why it was not tried."""


def _items(part: ChecklistPart, *rows: tuple[str, str, str, str]) -> tuple[ChecklistItem, ...]:
    return tuple(
        ChecklistItem(part=part, key=key, asks=asks, expected=expected, mend=mend)
        for key, asks, expected, mend in rows
    )


FILE_ITEMS = _items(
    "file",
    (
        "header",
        "the header can be read without running the file",
        "one line ADAPTER = {...} of plain data: name, title, modes, imports, distributions",
        "compare with the header of a shipped adapter; no call and no name may stand in it",
    ),
    (
        "defended",
        "every mode says why it is run like this and who says so",
        "a reason in 'why' and a public address (https://...) in 'source' of every mode",
        "name the page, issue or paper on which experts of the framework recommend this loop",
    ),
    (
        "named",
        "the file is not named like a library",
        "a file name that no installed or standard library has",
        "rename it, e.g. to mylib_adapter.py: 'import mylib' would otherwise find this file",
    ),
    (
        "own_imports",
        "it imports samenet's core and its own libraries only",
        (
            "modules of ADAPTER['imports'] and ['distributions'], NumPy, the standard library, "
            "samenet; helpers of a shipped adapter only of the same framework"
        ),
        "name the library in ADAPTER['distributions'], or copy what you need into your file",
    ),
    (
        "no_network",
        "it imports nothing that reaches the network",
        "no import of socket, urllib.request, http, requests and the like",
        "data come through load(source); leave downloads out",
    ),
    (
        "environment",
        "it leaves threads and devices to samenet",
        "no variable in ADAPTER['environment'] or ['variables'] that samenet sets itself",
        "delete the variable; what is asked for stands in target.threads and target.device",
    ),
    (
        "installed",
        "its framework is installed",
        "every package of ADAPTER['distributions']",
        "install it with pip; the names are those that `pip list` shows",
    ),
    (
        "loads",
        "the file can be loaded",
        "ADAPTER['imports'] and the file itself run without an error",
        "run it once with plain Python: `python mine.py` shows the same error",
    ),
    (
        "capabilities",
        "capabilities() says what it offers here",
        (
            "a samenet.adapter.Capabilities with at least one device, dtype, activation, loss and "
            "optimizer, all by names that samenet knows"
        ),
        "list only what is true on this machine; the names are in docs/model-spec.md",
    ),
)
PROGRAM_ITEMS = _items(
    "program",
    (
        "wakes",
        "wake(target) prepares the framework",
        "it sets threads, precision and device, computes one small thing and returns",
        "do there what must happen once per process, and nothing that depends on a task",
    ),
    (
        "builds",
        "build(...) gives a program with six methods",
        "an object with " + ", ".join(METHODS),
        "def build(network, training, weights, *, target, mode); add what is missing",
    ),
    (
        "loads_rows",
        "load(source) takes the rows",
        "source.arrays() kept where the program computes, in the precision of the target",
        "integer class numbers stay integers; everything else becomes target.dtype",
    ),
    (
        "starts",
        "it starts from exactly the given weights",
        "weights() right after build gives the same numbers, shapes and precision",
        (
            "copy kernels (fan_in, fan_out) and biases as they are; transpose back what your "
            "framework stores transposed; let no initialiser run afterwards"
        ),
    ),
    (
        "trains",
        "train(batches) runs",
        "one update per row of batches.order, (steps, batch_size)",
        "loop or scan over batches.order; keep the loss of every step for losses()",
    ),
    (
        "losses",
        "losses() gives the loss before each update",
        "finite numbers of shape (steps,), or (1,) if Capabilities.losses_per is 'call'",
        "collect the mean loss of each batch before its update, of the latest call only",
    ),
    (
        "outputs",
        "predict(rows) gives the linear outputs",
        "shape (rows, outputs) in the precision of the target, before sigmoid or softmax",
        "no link, no argmax, no squeezed last axis; keep Python floats out of NumPy scalars",
    ),
    (
        "holds",
        "weights() gives NumPy arrays",
        "one Layer(kernel (fan_in, fan_out), bias (fan_out,)) per layer, in target.dtype",
        "from samenet.adapter import Layer; numpy.array(...) of every parameter",
    ),
    (
        "copies",
        "weights() gives copies",
        "training on does not change them, and changing them does not change the network",
        "return parameter.copy() instead of the parameter or a view of it",
    ),
    (
        "changes",
        "training changes every weight",
        "other kernels and biases after one call of train",
        "check that all parameters reach the optimiser",
    ),
    (
        "repeats",
        "the same training twice gives the same bits",
        "two programs with the same weights and batches end bit for bit alike",
        (
            "switch off what draws random numbers or shuffles; start the optimiser's state anew in "
            "build; keep nothing at module level"
        ),
    ),
    (
        "order",
        "the given order is followed",
        "the same batches the other way round end in other weights",
        "take the rows batches.order[i] for step i; switch off the framework's own shuffling",
    ),
    (
        "short_calls",
        "shorter calls work",
        "a call of one step, then one of a smaller batch, each with as many losses as steps",
        "take the number of steps and rows from batches.order.shape, not from the first call",
    ),
    (
        "waits",
        "sync() waits for all that was asked for",
        "reading the weights after sync() takes no longer than reading them again",
        "call the framework's own barrier (synchronize, block_until_ready) in sync()",
    ),
    (
        "any_rows",
        "predict takes any rows",
        "one row, all rows, test rows and repeated rows agree with each other",
        "index the loaded rows by number; predict for exactly the rows asked for, in their order",
    ),
    (
        "undisturbed",
        "looking does not disturb the training",
        "predict, weights and losses between two calls leave the second one bit for bit alike",
        "let predict change no state: no update, no random number, no overwritten losses",
    ),
    (
        "reads_back",
        "read_back(program, target) says what is in force",
        (
            "a dictionary of plain values with 'threads' and 'device' (and 'compiler', if the "
            "mode names one) as asked for, or 'not readable here'"
        ),
        "ask the framework, do not repeat target: a wrong thread count is to be seen here",
    ),
    (
        "offline",
        "it reaches no network while it works",
        "no connection and no look-up of a host name",
        "leave out downloads, telemetry and update checks",
    ),
)
QUICK_START_ITEMS = _items(
    "quick start",
    (
        "there",
        "the quick start is where the header says",
        "a file beside the adapter with a function quickstart, or no 'quickstart' in the header",
        "write the file's name into ADAPTER['quickstart'], or delete the entry",
    ),
    (
        "pages",
        "the quick start cites the page it follows",
        (
            "PAGES = {kind: {'page': 'https://...', 'read': 'YYYY-MM-DD', ...}} of plain data for "
            "each kind it serves: binary, multiclass, regression"
        ),
        "PAGES is read without running the file; name the framework's own documentation",
    ),
    (
        "fits",
        "the quick start trains and predicts",
        (
            "fit(epochs) gives one finite loss per epoch; predict gives probabilities "
            "(rows, classes), (rows, 1) if binary, or values (rows, outputs)"
        ),
        "quickstart(network, training, data, *, seed) returns an object with fit and predict",
    ),
)
ITEMS_BY_PART: dict[str, tuple[ChecklistItem, ...]] = {
    "file": FILE_ITEMS,
    "program": PROGRAM_ITEMS,
    "quick start": QUICK_START_ITEMS,
}
