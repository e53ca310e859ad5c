"""Plain data to frozen specs; every error names file, key, value and what is allowed."""

from __future__ import annotations

import difflib
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


_PLAIN = {
    "extra_forbidden": "is not a known key",
    "missing": "is missing",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be a text",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} of them",
    "too_long": "must have at most {max_length} of them",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table of keys",
    "model_type": "must be a table of keys",
    "model_attributes_type": "must be a table of keys",
}
"""What pydantic finds, in the words of whoever writes a file; other findings keep its words."""


def list_problems(error: ValidationError) -> list[Problem]:
    """Return the problems of a pydantic error as plain keys and sentences."""
    return [
        Problem(
            key=".".join(str(part) for part, is_tag in _tagged(item["loc"]) if not is_tag),
            received=item.get("input"),
            problem=_in_words(item) + _layer_of(item["loc"]),
        )
        for item in error.errors()
    ]


def _in_words(item: Any) -> str:
    known = item.get("ctx", {})
    if item["type"] == "union_tag_invalid":
        what = "layer kind " if "layers" in item["loc"] else ""
        return _unknown_kind(
            what, known["tag"], known["expected_tags"].replace("'", "").split(", ")
        )
    if item["type"] in _PLAIN:
        return _PLAIN[item["type"]].format(**known)
    return str(item["msg"]).removeprefix("Value error, ")


def _unknown_kind(what: str, received: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(received, allowed, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(allowed)}"
    return f"there is no {what}{quote_value(received)}; {hint}"


def _tagged(path: tuple[int | str, ...]) -> list[tuple[int | str, bool]]:
    """Return the parts of a path, and whether pydantic has inserted each.

    So is what stands after "optimizer", the kind of optimiser that it tried, and the kind of a
    layer, after its number.
    """
    triples = zip(("", "", *path), ("", *path), path, strict=False)
    return [
        (part, before == "optimizer" or (older == "layers" and isinstance(before, int)))
        for older, before, part in triples
    ]


def _layer_of(path: tuple[int | str, ...]) -> str:
    """Return the innermost layer that a path leads into, as people count: ' in layer 3 (lstm)'."""
    numbers = [
        part + 1
        for before, part in zip(("", *path), path, strict=False)
        if before == "layers" and isinstance(part, int)
    ]
    kinds = [str(part) for part, is_tag in _tagged(path) if is_tag and "optimizer" not in path]
    if not kinds or len(kinds) < len(numbers):
        return ""
    return f" in layer {'.'.join(map(str, numbers))} ({kinds[-1]})"


PROBLEM_MAX = 180
"""Characters of one problem."""
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
        f"{shorten(key, 60) or 'file'}: {shorten(problem, PROBLEM_MAX)}{_got(received)}"
        for key, received, problem in problems[:PROBLEMS_SHOWN]
    ]
    more = len(problems) - len(texts)
    return "; ".join(texts) + (f"; and {more} more" if more else "")


def _got(received: Any) -> str:
    plain = isinstance(received, str | int | float | bool)
    return f" (got {quote_value(received)})" if plain else ""
