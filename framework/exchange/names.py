"""Words of what is exchanged: texts as parts of addresses, values as JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote


def quoted(text: str) -> str:
    """A text as part of an address; what is no character is told by its number."""
    return quote(text, safe="/-._~", errors="backslashreplace")


def as_json(value: Any) -> str:
    """A value on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
