"""Words: how what is said to people is put."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def printable(text: str) -> str:
    """Text without what would move the cursor or change a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def printable_lines(text: str) -> str:
    """Several lines of such text; tabs stay, by which marks below a line find their place."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
