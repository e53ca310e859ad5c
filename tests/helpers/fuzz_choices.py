"""Structured mutation steered by bytes: what hypothesis or a coverage-guided fuzzer varies.

A case is a valid input with a few changes, and the bytes say which. So both fuzzers drive the same
mutators, a failing case shrinks as its bytes do, and a case costs microseconds.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

Item = TypeVar("Item")

LONG = "x" * 5000
DIGITS = "9" * 5000


def nested(depth: int) -> list[Any]:
    """Return lists in lists."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, int("9" * 4200)),
    *(0.0, -1.5, 1e308, 5e-324, math.nan, math.inf, -math.inf),
    *(
        "",
        " ",
        "\x00",
        "\n",
        "\ud800",
        "\u202e",
        "ä",
        LONG,
        DIGITS,
        "../../etc/passwd",
        "/dev/zero",
    ),
    *('y id="mark:x"', "</script><script>", "=1+1", "job finished", "numpy:plain", "iris", "nan"),
    *(
        [],
        {},
        [[]],
        {"": {}},
        [None] * 50,
        partial(nested, 50),
        partial(nested, 3000),
        {"name": LONG},
        {"x": 10**400},
    ),
)
"""What stands where something else is expected: every type, the ends of every range."""

TOKENS = (
    *("[", "]", "{", "}", "(", ")", '"', "'", '"""', "=", ",", ":", ";", ".", "-", "#", "\\", "\n"),
    *(
        "\r",
        "\t",
        "\x00",
        "\ufeff",
        "\u2028",
        "ä",
        "\x7f",
        "nan",
        "inf",
        "-inf",
        "1e999",
        "0x1",
        "true",
    ),
    *("[" * 3000, "{" * 300, "(" * 300, "[[" * 100, "a." * 300, "9" * 5000, LONG, "- " * 500),
    *("1e-999", "null", "None", "\\u0000", "\\ud800", "*", "lambda: 0", "[]: 1", "1,2", '""', ";;"),
)
"""Pieces that are put into texts."""


class Choices:
    """Numbers read from bytes; when they are used up, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def number(self, below: int) -> int:
        """Return a number from 0 to below `below`."""
        wide = 2 if below > 200 else 1
        piece = self.data[self.place : self.place + wide]
        self.place += wide
        return int.from_bytes(piece, "little") % below if below else 0

    def one_of(self, items: Sequence[Item]) -> Item:
        """Return one of these."""
        return items[self.number(len(items))]

    @property
    def left(self) -> bool:
        """Return whether there are bytes left."""
        return self.place < len(self.data)


def hostile(choices: Choices) -> Any:
    """Return one of the hostile values, a new one each time: the next change may be inside it."""
    value = choices.one_of(HOSTILE)
    return value() if callable(value) else copy.deepcopy(value)


def mutate_text(text: str, choices: Choices, most: int = 4) -> str:
    """Return a text with up to four changes."""
    for _ in range(most):
        if not choices.left:
            break
        start = choices.number(len(text) + 1)
        length = choices.number(60)
        end = start + length
        kind = choices.number(5)
        if kind == 0:
            text = text[:start] + text[end:]
        elif kind == 1:
            text = text[:start] + choices.one_of(TOKENS) + text[start:]
        elif kind == 2:
            text = text[:start] + choices.one_of(TOKENS) + text[end:]
        elif kind == 3:
            text = text[:end] + text[start:end] * (1 + choices.number(3)) + text[end:]
        else:
            text = text[:start] + chr(choices.number(256)) + text[start + 1 :]
    return text


def mutate_values(values: Any, choices: Choices, most: int = 3) -> Any:
    """Return plain data with up to three changes anywhere in them; the first are left alone."""
    holder = [copy.deepcopy(values)]
    for _ in range(most):
        if not choices.left:
            break
        _change(holder, choices)
    return holder[0]


def _change(holder: list[Any], choices: Choices) -> None:
    """Walk down to some place, and change it."""
    node: Any = holder
    key: Any = 0
    for _ in range(8):
        inner = node[key]
        if not isinstance(inner, list | dict) or not inner or choices.number(5) == 0:
            break
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        node, key = inner, keys[choices.number(len(keys))]
    kind = choices.number(6)
    if kind <= 1:
        node[key] = hostile(choices)
    elif kind == 2 and node is not holder:
        del node[key]
    elif kind == 3 and isinstance(node[key], dict):
        node[key][str(choices.one_of(("x", "", "schema", "name", "\x00", LONG)))] = hostile(choices)
    elif kind == 4 and isinstance(node, list):
        node.insert(key, node[key])
    elif isinstance(node[key], str):
        node[key] = mutate_text(node[key], choices, most=1)
    elif isinstance(node[key], int | float):
        node[key] = choices.one_of((-node[key], node[key] * 10**6, node[key] + 1, str(node[key])))
    else:
        node[key] = [node[key]]
