"""Tables and texts in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "reference"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; a bar within a cell is escaped."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def prose(docstring: str) -> Iterator[str]:
    """Yield the lines of a docstring as Markdown; columns that are aligned by blanks become a definition list."""
    for paragraph in docstring.strip().split("\n\n"):
        lines = paragraph.splitlines()
        if lines and all(line.startswith(("``", "   ")) for line in lines):
            yield from (f"- {code(item)}" for item in _items(lines))
        else:
            yield from (code(line) for line in lines)
        yield ""


def _items(lines: list[str]) -> Iterator[str]:
    item = ""
    for line in lines:
        if line.startswith("``"):
            if item:
                yield item
            name, _, meaning = line.partition("  ")
            item = f"{name}: {meaning.strip()}"
        else:
            item += f" {line.strip()}"
    yield item


def code(text: str) -> str:
    """Return a text whose double backticks are single ones."""
    return re.sub(r"``", "`", text)
