"""Everything samenet raises on purpose, in one tree; the command line turns each into an exit code.

SamenetError          (1)  the common ancestor
├── UsageError        (2)  the user asked for something that cannot be
├── RunFolderError    (2)  a run folder is missing, half-written or damaged
├── RefusedError      (6)  the environment does not allow a fair measurement
│   └── MachineError  (6)  it ended one: a full disk, say; what was measured before it is kept
└── WorkerError       (3)  a worker process failed; what was measured before it is kept
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from samenet._text import shorten

MESSAGE_MAX = 300
"""Characters of a message: one sentence that a person reads to its end."""


class SamenetError(Exception):
    """A failure with one clear sentence for the user and an exit code for the shell."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        """Keep the sentence; whatever names and values it repeats, it stays one of 300 letters."""
        super().__init__(shorten(message, MESSAGE_MAX))


class UsageError(SamenetError):
    """The request names something unknown, contradictory or out of range."""

    exit_code = 2


class RunFolderError(UsageError):
    """A run folder cannot be read as one."""


class RefusedError(SamenetError):
    """The environment does not allow what was asked; nothing was measured."""

    exit_code = 6


class MachineError(RefusedError):
    """The system refused what a run needs to go on; what was measured before is kept."""


class WorkerError(SamenetError):
    """A worker process ended without its result."""

    exit_code = 3


NAMES_SHOWN = 160
"""Characters of the names that are there: of a table of ten thousand columns, the first few."""


def unknown_name(what: str, received: str, allowed: Iterable[str]) -> UsageError:
    """Return the error for an unknown name, with the nearest allowed name as a suggestion."""
    names = sorted(allowed)
    # looking for the nearest takes long where names are many or long
    quick = len(received) <= 100 and len(names) <= 2000
    near = difflib.get_close_matches(received, names, n=1) if quick else []
    hint = f" Did you mean '{shorten(near[0])}'?" if near else ""
    return UsageError(
        f"Unknown {what} '{shorten(received, 60)}'.{hint} Available: {list_names(names)}."
    )


def machine_sentence(error: OSError | MemoryError) -> str:
    """Return what the operating system refused, as a sentence with the name of the file."""
    if isinstance(error, MemoryError):
        return "There is not enough memory."
    reason = error.strerror or str(error) or type(error).__name__
    names = [str(name)[:150] for name in (error.filename, error.filename2) if name is not None]
    return f"{' -> '.join([*names]) + ': ' if names else ''}{reason}."


def list_names(names: Iterable[str]) -> str:
    """Return names with commas between them; of many the first, and how many there are more."""
    every = list(names)
    shown: list[str] = []
    while len(shown) < len(every):
        name = shorten(every[len(shown)], 40)
        if len(", ".join((*shown, name))) > NAMES_SHOWN:
            break
        shown.append(name)
    more = len(every) - len(shown)
    return (", ".join(shown) or "none") + (f" and {more} more" if more else "")


UNREADABLE = (
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
    *(SyntaxError, RecursionError, MemoryError, OSError),
)
"""All that a parser of Python or of a library raises for data that are not what they should be."""


@contextmanager
def reading(what: str, kind: type[SamenetError] = UsageError) -> Iterator[None]:
    """Turn whatever a parser raises about somebody's data into one sentence.

    `what` names the data, as in "the task file mine.toml". Raises `kind`, a UsageError or one of
    its descendants; what is a SamenetError already stays as it is. Only for the few lines that
    parse: elsewhere these exceptions are faults of samenet and must be seen.
    """
    try:
        yield
    except UNREADABLE as error:
        raise kind(f"Cannot read {what}: {explain_unreadable(error)}.") from None


def explain_unreadable(error: BaseException) -> str:
    """Return in a few words why data could not be read."""
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deeply, or too large"
    if isinstance(error, UnicodeEncodeError):
        return "a text in it cannot be written in UTF-8"
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    if isinstance(error, OSError):
        return error.strerror or "the system does not allow it"
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}" if error.lineno else str(error.msg)
    if isinstance(error, ValueError) and "integer string conversion" in str(error):
        return "a number in it has thousands of digits"
    if isinstance(error, ValueError) and "null byte" in str(error):
        return "there is a NUL in it"
    if isinstance(error, KeyError):
        return f"it lacks {shorten(repr(error.args[0]) if error.args else 'a key')}"
    return shorten(" ".join(str(error).split()) or type(error).__name__, 160).rstrip(".")
