"""The environment that a worker starts in: what samenet sets, and what its adapters ask for."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from samenet.adapter.api import Header, Target
from samenet.adapter.discovery import known_headers
from samenet.adapter.variables import Kept
from samenet.machine import system
from samenet.machine.imports import KEPT_OUT_OF_IMPORT_VARIABLE, KEPT_OUT_VARIABLE


class CompiledCode(NamedTuple):
    """Where a process keeps what it compiles, and whether an earlier one may have filled it."""

    kept: Kept
    folder: Path


def worker_environment(
    header: Header | None,
    target: Target,
    *,
    compiled: CompiledCode | None = None,
    growing_memory: bool = False,
) -> dict[str, str]:
    """Return all variables of a worker; they must be set before anything is imported.

    `header` is its adapter's, None for a worker that computes with no framework.
    """
    of_headers = [known.variables for known in known_headers(header)]
    asked: dict[str, str] = {}
    for variables in of_headers:
        asked |= variables.for_target(target.threads, target.device, target.precision)
    if header:
        kept_out = {
            KEPT_OUT_VARIABLE: header.keeps_out,
            KEPT_OUT_OF_IMPORT_VARIABLE: header.import_without,
        }
        asked |= {variable: ",".join(names) for variable, names in kept_out.items() if names}
        asked |= header.environment
    for variables in of_headers:
        if compiled:
            asked |= variables.for_cache(compiled.kept, str(compiled.folder))
        if growing_memory:
            asked |= variables.growing_memory
    return system.process_environment(target.threads, target.place, asked, target.precision)
