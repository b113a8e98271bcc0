"""Tables on the standard output: aligned text, with colour on a terminal that wants it; nothing is ever cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from framework.output.text import printable

#: What states look like.
COLOURS = {"done": "green", "failed": "red", "lost": "red", "running": "cyan", "new": "yellow"}


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[str] = frozenset()) -> None:
    """Print rows below their columns' names; the columns of ``numbers`` to the right."""
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for number, line in enumerate(table_lines(columns, rows, numbers)):
        click.echo(_colour_line(line, number == 0) if coloured else line)


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[str]) -> Iterator[str]:
    """Yield the lines of a table."""
    cells = [[printable(cell) for cell in row] for row in [columns, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        aligned = (
            cell.rjust(width) if name in numbers else cell.ljust(width)
            for name, cell, width in zip(columns, row, widths, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def print_fields(fields: Mapping[str, str]) -> None:
    """Print names and values, one to a line."""
    width = max(map(len, fields))
    for name, value in fields.items():
        click.echo(f"{name:<{width}}  {printable(value)}")


def moment(seconds: float | None) -> str:
    """Return a time in UTC, to the second; seconds since 1970 go in."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float | None) -> str:
    """Return seconds as hours, minutes and seconds: ``0:20:20.6``."""
    if seconds is None:
        return ""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


def size(count: int | None, unit: int = 1) -> str:
    """Return a number of bytes (times ``unit``) with a prefix: ``1.5 MB``."""
    if count is None:
        return ""
    value = float(count * unit)
    for name in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {name}" if name == "B" else f"{value:.1f} {name}"
        value /= 1000
    return f"{value:.1f} TB"


def as_json(value: Any) -> str:
    """Return a value as indented JSON."""
    import json  # most tables are not JSON

    return json.dumps(value, indent=1, ensure_ascii=False)


def _colour_line(line: str, heading: bool) -> str:
    if heading:
        return click.style(line, bold=True)
    for state, colour in COLOURS.items():
        line = line.replace(f"  {state} ", f"  {click.style(state, fg=colour)} ")
    return line
