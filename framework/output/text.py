"""Texts that are safe and well formed to print."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def printable(text: str) -> str:
    """Return a text with its control characters escaped, so that it cannot move the cursor of a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def printable_lines(text: str) -> str:
    """Return lines with their control characters escaped; tabs stay, since marks below a line are aligned by them."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
