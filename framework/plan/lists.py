"""Lists: the files that a call is given as a list, in their order, and the text of the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from framework.plan.definition import ListDefinition
from framework.plan.findings import near, wrong
from framework.plan.model import File
from wcl import Place, boolean, split

FORMATS = {"textsp": " ", "textcsv": ", ", "texttab": "\t"}


def in_order(files: list[File], part: ListDefinition) -> list[File]:
    """By ``sortkey = key`` or ``(key, numeric, reverse)``; stable."""
    if "sortkey" not in part.section:
        return files
    place = part.section.place("sortkey")
    key, *rest = split(str(part.section["sortkey"]))
    numeric = bool(rest) and boolean(rest[0], place)
    reverse = len(rest) > 1 and boolean(rest[1], place)

    def value(file: File) -> tuple[float, str]:
        text = _known(file, key, {}, place)
        try:
            return (float(text) if numeric else 0.0, text)
        except ValueError:
            raise wrong(place, f"{key} = {text} is not a number") from None

    return sorted(files, key=value, reverse=reverse)


def list_lines(part: ListDefinition, files: Sequence[File], values: Mapping[str, str]) -> tuple[str, ...]:
    """One line a file, its columns put together as ``format`` says."""
    style = str(part.section.get("format", "textsp")).lower()
    place = part.section.place("columns") if "columns" in part.section else part.place
    if style not in FORMATS:
        raise wrong(part.section.place("format"), f"unknown list format '{style}'", hint=near(style, FORMATS))
    columns = part.columns or ("fullname",)
    between = FORMATS[style]

    def column_of(file: File, column: str) -> str:
        return file.job_path if column.endswith("fullname") else _known(file, column, values, place)

    return tuple(between.join(column_of(file, column) for column in columns) for file in files)


def _known(file: File, key: str, values: Mapping[str, str], place: Place) -> str:
    for found in (file.keys, file.metadata, values):
        if key in found:
            return found[key]
    raise wrong(place, f"{file.name} has no '{key}'", hint=near(key, {**file.metadata, **file.keys, **values}))
