"""Source lines: the line of a file that an error message shows."""

import os
from functools import lru_cache

from wcl.errors import SourcePosition


def source_line(position: SourcePosition | None, text: str) -> tuple[str, int]:
    """Return the line at a position, and the column of `text` in it; the text and 0 if the line does not hold it."""
    line = line_at(position) if position else ""
    column = line.find(text)
    return (line, column) if column > 0 or line.startswith(text) else (text, 0)


def line_at(position: SourcePosition) -> str:
    """Return a line of a file as the file is now; empty if there is none."""
    try:
        state = os.stat(position.file)
        lines = _lines(position.file, state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):
        return ""
    return lines[position.line - 1] if 0 < position.line <= len(lines) else ""


@lru_cache(maxsize=8)
def _lines(file: str, _mtime_ns: int, _size: int) -> list[str]:
    """Return a file's lines, cached until its time or size changes."""
    with open(file, encoding="utf-8", errors="replace") as opened:
        return opened.read().split("\n")
