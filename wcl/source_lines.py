"""The line of a file that a message shows."""

import os
from functools import lru_cache

from wcl.errors import Place


def source_line(place: Place | None, text: str) -> tuple[str, int]:
    """The line at a place and where `text` stands in it; the text alone where the file does not hold it."""
    line = line_at(place) if place else ""
    at = line.find(text)
    return (line, at) if at > 0 or line.startswith(text) else (text, 0)


def line_at(place: Place) -> str:
    """A line of a file as it is now; empty where there is none."""
    try:
        state = os.stat(place.file)
        lines = _lines(place.file, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):
        return ""
    return lines[place.line - 1] if 0 < place.line <= len(lines) else ""


@lru_cache(maxsize=8)
def _lines(file: str, _mtime_ns: int, _size: int) -> list[str]:
    """A file's lines, read again when it has changed."""
    with open(file, encoding="utf-8", errors="replace") as opened:
        return opened.read().split("\n")
