"""Plain data to frozen specs; every error names file, key, value and what is allowed."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    ValidationError,
)

from samenet.errors import UsageError


class FrozenModel(BaseModel):
    """Base of all specs: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


SpecType = TypeVar("SpecType", bound=FrozenModel)

_CALL = re.compile(r"(?P<name>\w+)\((?P<arguments>[^()]*)\)")


def parse_call(value: Any) -> Any:
    """Return the plain data of a text like "relu" or "leaky_relu(slope=0.01)", for validation."""
    if not isinstance(value, str):
        return value
    match = _CALL.fullmatch(value.replace(" ", ""))
    if match is None:
        return {"name": value}
    pairs = [part.partition("=") for part in match["arguments"].split(",")]
    return {"name": match["name"], **{key: number for key, _, number in pairs}}


class Problem(NamedTuple):
    """One problem of a validation error: its key, what was received, what is wrong."""

    key: str
    received: Any
    problem: str


_PLAIN = {"extra_forbidden": "is not a known key", "missing": "is missing"}


def list_problems(error: ValidationError) -> list[Problem]:
    """Return the problems of a pydantic error as plain keys and sentences."""
    return [
        Problem(
            key=".".join(_untagged(item["loc"])),
            received=item.get("input"),
            problem=_PLAIN.get(item["type"], item["msg"].removeprefix("Value error, ")),
        )
        for item in error.errors()
    ]


def _untagged(path: tuple[int | str, ...]) -> list[str]:
    """Return a path as one writes it.

    What stands after "optimizer" was inserted by pydantic: the kind of optimiser that it tried.
    """
    pairs = zip(("", *path), path, strict=False)
    return [str(part) for before, part in pairs if before != "optimizer"]


def parse(kind: type[SpecType], values: Any, *, where: str) -> SpecType:
    """Return the spec, or raise UsageError: the key, the received value, what is allowed."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [
            f"{step.key or 'file'}: {step.problem}{_got(step.received)}"
            for step in list_problems(error)
        ]
        raise UsageError(f"{where}: {'; '.join(problems)}") from None


def _got(received: Any) -> str:
    plain = isinstance(received, str | int | float | bool)
    return f" (got {received!r})" if plain else ""
