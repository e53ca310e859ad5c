"""machine.json: where a run was measured, as its page prints it; read from anybody's folder."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from samenet.errors import RunFolderError, UsageError
from samenet.spec.parsing import FrozenModel, parse

Count = Annotated[int, Field(ge=0, lt=2**63)]
Fact = str | bool | int | float | None


class MachineFacts(FrozenModel):
    """What is known of a machine: each fact may be missing, and there may be others."""

    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)
    __pydantic_extra__: dict[str, Fact]

    processor: str = "machine not recorded"
    architecture: str = ""
    cores: Count | None = None
    memory_bytes: Count | None = None
    pinned: bool | None = None
    versions: dict[str, str | None] = {}


def read_machine(values: Any, where: object) -> dict[str, Any]:
    """Return the facts as they are written; raises RunFolderError if they are none."""
    try:
        parse(MachineFacts, values, where="machine.json")
    except UsageError as error:
        raise RunFolderError(f"{where} is damaged ({error}).") from None
    return dict(values)
