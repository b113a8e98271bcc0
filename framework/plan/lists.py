"""Lists: the files that a call is given as a list, in their order, and the text of the list."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from framework.plan.definition import ListDefinition
from framework.plan.findings import near, wrong
from framework.plan.model import File
from wcl import Place, boolean, split
from wcl.late import late_calls

#: The one conversion of a $FMT: short, and of one value.
CONVERSION = re.compile(r"%[-+ 0#]*\d{0,3}(\.\d{1,3})?[sdioxXeEfFgG]")
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
    between = FORMATS[style]
    written = [_column(column, place) for column in part.columns or ("fullname",)]
    return tuple(between.join(column(file, values) for column in written) for file in files)


def _column(text: str, place: Place) -> Callable[[File, Mapping[str, str]], str]:
    """A column as a function of a file: where it lies in the job, or something known of it, formatted or not."""
    calls = late_calls(text)
    if not calls:
        return lambda file, values: _value(text, file, values, place)
    name, arguments = calls[0]
    if name != "fmt" or len(arguments) != 2 or not CONVERSION.fullmatch(_without_text(arguments[0])):
        raise wrong(place, f"'{text}' is no column", hint="such as $FMT{%02d, img.ccd} or $FMT{%s[0], img.fullname}")
    form, column = arguments
    kind = _without_text(form)[-1]

    def formatted(file: File, values: Mapping[str, str]) -> str:
        value = _value(column, file, values, place)
        try:
            return form % (int(value) if kind in "dioxX" else float(value) if kind in "eEfFgG" else value)
        except ValueError:
            raise wrong(place, f"{column} = {value} cannot be written as {form}") from None

    return formatted


def _without_text(form: str) -> str:
    """Only what begins with a single per cent sign."""
    return "".join(re.findall(r"%[^%a-zA-Z]*[%a-zA-Z]?", form)).replace("%%", "")


def _value(column: str, file: File, values: Mapping[str, str], place: Place) -> str:
    if column.endswith("fullname"):
        return file.job_path
    return _known(file, column.rpartition(".")[2], values, place)


def _known(file: File, key: str, values: Mapping[str, str], place: Place) -> str:
    for found in (file.keys, file.metadata, values):
        if key in found:
            return found[key]
    raise wrong(place, f"{file.name} has no '{key}'", hint=near(key, {**file.metadata, **file.keys, **values}))
