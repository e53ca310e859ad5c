"""The numbers inside a page: plain JSON, or packed where they would be half of a large page."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

PLAIN_BYTES = 250_000

UNPACKED_MAX = 200_000_000
"""Bytes: a page may come from anyone, and a thousandth of this may unpack to it."""


def pack(values: Any) -> Any:
    """Return values as a page embeds them: as they are, or compressed to a text if large."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    return values if len(text) <= PLAIN_BYTES else base64.b64encode(zlib.compress(text)).decode()


def unpack(text: str) -> Any:
    """Return the values that a page embeds; raises ValueError if they are damaged."""
    try:
        values = json.loads(text)
        if not isinstance(values, str):
            return values
        return json.loads(zlib.decompressobj().decompress(base64.b64decode(values), UNPACKED_MAX))
    except (zlib.error, RecursionError) as error:
        raise ValueError(str(error)) from None
