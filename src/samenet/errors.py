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
from collections.abc import Iterable


class SamenetError(Exception):
    """A failure with one clear sentence for the user and an exit code for the shell."""

    exit_code = 1


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


def unknown_name(what: str, received: str, allowed: Iterable[str]) -> UsageError:
    """Return the error for an unknown name, with the nearest allowed name as a suggestion."""
    names = sorted(allowed)
    near = difflib.get_close_matches(received, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return UsageError(
        f"Unknown {what} '{received}'.{hint} Available: {', '.join(names) or 'none'}."
    )


def machine_sentence(error: OSError | MemoryError) -> str:
    """Return what the operating system refused, as a sentence with the name of the file."""
    if isinstance(error, MemoryError):
        return "There is not enough memory."
    reason = error.strerror or str(error) or type(error).__name__
    names = [str(name)[:150] for name in (error.filename, error.filename2) if name is not None]
    return f"{' -> '.join([*names]) + ': ' if names else ''}{reason}."
