"""JSON text of small values, many times."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def json_text(value: Any) -> str:
    """A value as JSON, on one line, as short as it can be."""
    return _encode(value).decode()


def keys_text(keys: Any) -> str | None:
    """The keys of a loop, as a row has them."""
    return keys if keys is None or isinstance(keys, str) else json_text(keys)
