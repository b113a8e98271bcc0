"""Lists: the lines that a call is given as a list, in their order, and the text of the list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from framework.pipeline.definition import COLUMN, ListDefinition
from framework.pipeline.problems import error_at, suggest_name
from framework.plan.products import FileLine
from wcl import Section, SourcePosition, parse_boolean, split_list
from wcl.deferred import deferred_calls
from wcl.quoting import quote_if_needed

#: The one conversion of a $FMT: short, and of one value.
CONVERSION = re.compile(r"%[-+ 0#]*\d{0,3}(\.\d{1,3})?[sdioxXeEfFgG]")
FORMATS = {"textsp": " ", "textcsv": ", ", "texttab": "\t"}
Column = Callable[[FileLine, Mapping[str, str]], str]


def in_order(lines: list[FileLine], part: ListDefinition) -> list[FileLine]:
    """By ``sortkey = key`` or ``(key, numeric, reverse)``; stable."""
    if "sortkey" not in part.section:
        return lines
    position = part.section.position("sortkey")
    key, *rest = split_list(part.section.text("sortkey"))
    numeric = bool(rest) and parse_boolean(rest[0], position)
    reverse = len(rest) > 1 and parse_boolean(rest[1], position)

    def value(line: FileLine) -> tuple[float, str]:
        text = _value(key, line, {}, position)
        try:
            return (float(text) if numeric else 0.0, text)
        except ValueError:
            raise error_at(position, f"{key} = {text} is not a number") from None

    return sorted(lines, key=value, reverse=reverse)


class ListStyle:
    """How a list's lines are written; read once, and used for each call."""

    def __init__(self, section: Section, position: SourcePosition) -> None:
        style = section.text("format", "textsp").lower()
        position = section.position("columns") if "columns" in section else position
        self._names = COLUMN.findall(section.text("columns", "fullname"))
        self._columns = [_column(name, position) for name in self._names]
        if style not in FORMATS and style != "wcl":
            raise error_at(
                section.position("format"),
                f"unknown list format '{style}'",
                hint=suggest_name(style, [*FORMATS, "wcl"]),
            )
        self._between = FORMATS.get(style)
        self._position = position

    def lines(self, lines: Sequence[FileLine], values: Mapping[str, str]) -> tuple[str, ...]:
        """One text a line, its columns put together as ``format`` says."""
        if self._between is None:
            return tuple("\n".join(self._wcl(line, values)) for line in lines)
        texts = tuple([self._between.join([column(line, values) for column in self._columns]) for line in lines])
        if any("\n" in text or "\r" in text for text in texts):
            broken = next(text for text in texts if "\n" in text or "\r" in text)
            raise error_at(self._position, f"{broken!r} cannot be a line of a list", "format = wcl writes it in quotes")
        return texts

    def _wcl(self, line: FileLine, values: Mapping[str, str]) -> Iterator[str]:
        yield "<file>"
        for name, column in zip(self._names, self._columns, strict=True):
            yield f"    {name.rpartition('.')[2]}={_in_wcl(column(line, values))}"
        yield "</file>"


def _in_wcl(value: str) -> str:
    """A value as programs read it; quoted only where it would be another without."""
    return quote_if_needed(value) if value else ""


def _column(text: str, position: SourcePosition) -> Column:
    """A column as a function of a line: where a file lies in the job, or something known of it, formatted or not."""
    calls = deferred_calls(text)
    if not calls:
        return _plain_column(text, position)
    name, arguments = calls[0]
    if name != "fmt" or len(arguments) != 2 or not CONVERSION.fullmatch(_without_text(arguments[0])):
        raise error_at(
            position, f"'{text}' is no column", hint="such as $FMT{%02d, img.ccd} or $FMT{%s[0], img.fullname}"
        )
    form, column = arguments
    kind = _without_text(form)[-1]

    def formatted(line: FileLine, values: Mapping[str, str]) -> str:
        value = _value(column, line, values, position)
        try:
            return form % (int(value) if kind in "dioxX" else float(value) if kind in "eEfFgG" else value)
        except ValueError:
            raise error_at(position, f"{column} = {value} cannot be written as {form}") from None

    return formatted


def _plain_column(text: str, position: SourcePosition) -> Column:
    nick, dot, key = text.rpartition(".")
    if dot and key == "fullname":
        return lambda line, values: line.file(nick).job_path
    return lambda line, values: _value(text, line, values, position)


def _without_text(form: str) -> str:
    """Only what begins with a single per cent sign."""
    return "".join(re.findall(r"%[^%a-zA-Z]*[%a-zA-Z]?", form)).replace("%%", "")


def _value(column: str, line: FileLine, values: Mapping[str, str], position: SourcePosition) -> str:
    """``nick.fullname``, ``nick.filename``, ``nick.key`` or ``key``."""
    nick, _, key = column.rpartition(".")
    file = line.file(nick) if nick else line.first
    if key == "fullname":
        return file.job_path
    if key == "filename":
        return file.name
    if nick in line.nicks and key in file.metadata:
        return file.metadata[key]
    found = line.value(key)
    if found is None:
        found = values.get(key)
    if found is None:
        raise error_at(
            position, f"{file.name} has no '{key}'", suggest_name(key, {**file.metadata, **line.keys, **values})
        )
    return found
