"""JSON text of small values, many times."""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def json_text(value: Any) -> str:
    """A value as JSON, on one line, as short as it can be."""
    return _encode(value).decode()


def keys_text(keys: Any) -> str | None:
    """The keys of a loop, or their JSON, as a row has them; ValueError for anything else."""
    if keys is None:
        return None
    if type(keys) is dict:
        return json_text(keys)
    if type(keys) is not str:
        raise ValueError("no keys")
    _decode_object(keys)
    return keys
