"""Texts as parts of IRIs, and values as JSON, in exported documents."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote


def quoted(text: str) -> str:
    """Return a text as part of an IRI; bytes that are no characters are written by their numbers."""
    return quote(text, safe="/-._~", errors="backslashreplace")


def as_json(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
