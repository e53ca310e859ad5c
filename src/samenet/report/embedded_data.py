"""The numbers inside a page: plain JSON, or packed where they would be half of a large page."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

PLAIN_BYTES = 250_000

UNPACKED_BYTES_MAX = 256 * 2**20
"""Of packed numbers: a small page that unpacks to more is none of ours."""


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
        state = zlib.decompressobj()
        unpacked = state.decompress(base64.b64decode(values), UNPACKED_BYTES_MAX)
        if state.unconsumed_tail or not state.eof:
            raise ValueError("they are cut off, or unpack to more than any page holds")
        return json.loads(unpacked)
    except (zlib.error, RecursionError) as error:
        raise ValueError(str(error)) from None
