"""Whether the values of a record are what its class declares: types, ranges, lengths.

A line may be JSON with a right checksum and yet be no record: it may come from anywhere. What is
read here is used without another look, so nothing passes that the classes do not promise. Checks
are made from the annotations once per class; a run has a hundred thousand records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

Check = Callable[[Any], bool]

WHOLE_MAX = 2**63
"""Whole numbers of records are kept in arrays of 64 bits."""

REPEATS_MAX = 10_000
"""Of one result; a run may have 100."""

NOT_NEGATIVE = ("steps", "epochs", "repeat", "work", "error", "limit")
"""Fields that count or measure something; seconds may be a difference of two measurements."""


def has_fields(cls: type, values: Mapping[str, Any]) -> bool:
    """Return whether these are fields of the class, with all that have no default."""
    known, needed = _names(cls)
    return needed <= values.keys() <= known


def find_wrong_field(cls: type, values: Mapping[str, Any]) -> str:
    """Return the name of the first field whose value is not what the class declares, or ""."""
    checks = _checks(cls)
    return next((name for name, value in values.items() if not checks[name](value)), "")


@cache
def _names(cls: type) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of a class's fields, and of those that must be given."""
    needed = [f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING]
    return frozenset(field.name for field in fields(cls)), frozenset(needed)


@cache
def _checks(cls: type) -> dict[str, Check]:
    hints = get_type_hints(cls)
    return {name: _bounded(name, _check_of(hints[name])) for name in _names(cls)[0]}


def _bounded(name: str, check: Check) -> Check:
    """Return the check of a field with its range, if it has one."""
    if name == "repeat":
        return lambda value: check(value) and (value is None or 0 <= value < REPEATS_MAX)
    if name not in NOT_NEGATIVE:
        return check
    return lambda value: check(value) and _is_not_negative(value)


def _is_not_negative(value: Any) -> bool:
    if isinstance(value, tuple):
        return not value or min(value) >= 0
    return value is None or value >= 0


def _check_of(hint: Any) -> Check:
    """Return the check of one annotation, of the kinds that records have."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return lambda value: type(value) is str and value in inner
    if origin is UnionType:
        choices = [_check_of(each) for each in inner]
        return lambda value: any(check(value) for check in choices)
    if hint == tuple[float, ...]:
        return _are_numbers
    if origin in {tuple, list}:
        each = _check_of(inner[0])
        return lambda value: type(value) is origin and all(map(each, value))
    if origin is dict:
        key, item = map(_check_of, inner)
        return lambda value: (
            type(value) is dict and all(map(key, value)) and all(map(item, value.values()))
        )
    raise TypeError(f"records have no fields of {hint}")


def is_text(value: Any) -> bool:
    """Return whether a value is a text that can be written: no halves of a surrogate pair."""
    if type(value) is not str:
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_whole(value: Any) -> bool:
    return type(value) is int and -WHOLE_MAX <= value < WHOLE_MAX


def _is_number(value: Any) -> bool:
    return math.isfinite(value) if type(value) is float else _is_whole(value)


def _are_numbers(value: Any) -> bool:
    """Return whether all of many are finite: a sum that is finite says so at once."""
    if type(value) is not tuple:
        return False
    if set(map(type, value)) <= {float} and math.isfinite(sum(value)):
        return True
    return all(map(_is_number, value))


def is_plain(value: Any) -> bool:
    """Return whether a value is JSON that can be written again, whatever its shape."""
    if type(value) in {list, tuple}:
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(map(is_text, value)) and all(map(is_plain, value.values()))
    return value is None or type(value) is bool or is_text(value) or _is_number(value)


PLAIN: dict[Any, Check] = {
    str: is_text,
    bool: lambda value: type(value) is bool,
    int: _is_whole,
    float: _is_number,
    NoneType: lambda value: value is None,
    Any: is_plain,
}
