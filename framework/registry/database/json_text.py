"""Fast conversion of small values to JSON text."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, object]).decode


def json_text(value: Any) -> str:
    """Return a value as compact JSON on one line."""
    return _encode(value).decode()


def keys_text(keys: Any) -> str | None:
    """Return the keys of a loop, a dictionary or its JSON, as JSON text for a row.

    Raises ValueError for anything else.
    """
    if keys is None:
        return None
    if type(keys) is dict:
        return json_text(keys)
    if type(keys) is not str:
        raise ValueError("no keys")
    _decode_object(keys)
    return keys
