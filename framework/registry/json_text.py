"""JSON text of small values, many times: the standard library's encoder, set up once."""

from __future__ import annotations

from json import JSONEncoder, encoder
from typing import Any

_encoder = JSONEncoder(ensure_ascii=False, separators=(",", ":"))
# ``encode`` would set up this part anew for each value, which takes longer than its work.
_make: Any = getattr(encoder, "c_make_encoder", None)
_parts: Any = _make and _make(None, _encoder.default, encoder.encode_basestring, None, ":", ",", False, False, True)


def json_text(value: Any) -> str:
    """A value as JSON, on one line, as short as it can be."""
    if _parts is None or not isinstance(value, dict):
        return _encoder.encode(value)
    return "".join(_parts(value, 0))


def keys_text(keys: Any) -> str | None:
    """The keys of a loop, as a row has them."""
    return keys if keys is None or isinstance(keys, str) else json_text(keys)
