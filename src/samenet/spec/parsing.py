"""Plain data to frozen specs; every error names file, key, value and what is allowed."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar, NamedTuple, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from samenet._text import quote_value, shorten
from samenet.errors import UsageError, reading


class FrozenModel(BaseModel):
    """Base of all specs: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class GrownModel(FrozenModel):
    """A spec that has got keys since the first plans were sealed.

    A plan's seal is the hash of its text, so what came without such a key is written without it:
    an old run keeps its seal.
    """

    newer: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _as_it_came(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        absent = self.newer - self.model_fields_set
        return {key: value for key, value in dump(self).items() if key not in absent}


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

    What stands after "optimizer" was inserted by pydantic: the kind of optimiser that it tried; and
    so was the kind of a layer, after its number.
    """
    triples = zip(("", "", *path), ("", *path), path, strict=False)
    return [
        str(part)
        for older, before, part in triples
        if before != "optimizer" and not (older == "layers" and isinstance(before, int))
    ]


PROBLEMS_SHOWN = 3
"""Of a file with more, the rest follows when these are mended."""


def parse(kind: type[SpecType], values: Any, *, where: str) -> SpecType:
    """Return the spec, or raise UsageError: the key, the received value, what is allowed."""
    with reading(where):
        # what cannot be written as JSON in UTF-8 gets into no plan: halves of surrogate pairs, say
        json.dumps(values, ensure_ascii=False, default=str, skipkeys=True).encode()
        try:
            return kind.model_validate(values)
        except ValidationError as error:
            raise UsageError(f"{shorten(where)}: {describe_problems(error)}") from None


def describe_problems(error: ValidationError) -> str:
    """Return the problems of a pydantic error as a part of a sentence; of many, the first three."""
    problems = list_problems(error)
    texts = [
        f"{shorten(step.key, 60) or 'file'}: {shorten(step.problem, 120)}{_got(step.received)}"
        for step in problems[:PROBLEMS_SHOWN]
    ]
    more = len(problems) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _got(received: Any) -> str:
    plain = isinstance(received, str | int | float | bool)
    return f" (got {quote_value(received)})" if plain else ""
