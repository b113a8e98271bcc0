"""List files: the order of their lines, and the text of each line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from framework.pipeline.definition import ListDefinition
from framework.pipeline.problems import error_at, suggest_name
from framework.plan.products import FileLine
from wcl import Section, SourcePosition, deferred_calls, parse_boolean, quote_if_needed, split_list

#: A column of a list: a name, or ``$FMT{format, name}``.
COLUMN = re.compile(r"\$FMT\{[^{}]*\}|[^,\s]+", re.IGNORECASE)
#: The one conversion of a $FMT: short, and of one value.
CONVERSION = re.compile(r"%[-+ 0#]*\d{0,3}(\.\d{1,3})?[sdioxXeEfFgG]")
#: Text between the columns, by format.
SEPARATORS = {"textsp": " ", "textcsv": ", ", "texttab": "\t"}
#: A function that returns the text of a column for a line and the loop values of a call.
Column = Callable[[FileLine, Mapping[str, str]], str]


def sort_lines(lines: list[FileLine], part: ListDefinition) -> list[FileLine]:
    """Return the lines in the order of ``sortkey = key`` or ``(key, numeric, reverse)``; the sort is stable."""
    if "sortkey" not in part.section:
        return lines
    position = part.section.position("sortkey")
    key, *rest = split_list(part.section.text("sortkey"))
    numeric = bool(rest) and parse_boolean(rest[0], position)
    reverse = len(rest) > 1 and parse_boolean(rest[1], position)

    def sort_value(line: FileLine) -> tuple[float, str]:
        text = _find_value(key, line, {}, position)
        try:
            return (float(text) if numeric else 0.0, text)
        except ValueError:
            raise error_at(position, f"{key} = {text} is not a number") from None

    return sorted(lines, key=sort_value, reverse=reverse)


class ListStyle:
    """Columns and format of a list, read once and used for each call."""

    def __init__(self, section: Section, position: SourcePosition) -> None:
        style = section.text("format", "textsp").lower()
        position = section.position("columns") if "columns" in section else position
        self._names = COLUMN.findall(section.text("columns", "fullname"))
        self._columns = [_parse_column(name, position) for name in self._names]
        if style not in SEPARATORS and style != "wcl":
            hint = suggest_name(style, [*SEPARATORS, "wcl"])
            raise error_at(section.position("format"), f"unknown list format '{style}'", hint)
        #: None for WCL.
        self._separator = SEPARATORS.get(style)
        self._position = position

    def lines(self, lines: Sequence[FileLine], values: Mapping[str, str]) -> tuple[str, ...]:
        """Return the text of each line."""
        if self._separator is None:
            return tuple("\n".join(self._wcl_lines(line, values)) for line in lines)
        texts = tuple([self._separator.join([column(line, values) for column in self._columns]) for line in lines])
        broken = next((text for text in texts if "\n" in text or "\r" in text), None)
        if broken is not None:
            raise error_at(self._position, f"{broken!r} cannot be a line of a list", "format = wcl writes it in quotes")
        return texts

    def _wcl_lines(self, line: FileLine, values: Mapping[str, str]) -> Iterator[str]:
        yield "<file>"
        for name, column in zip(self._names, self._columns, strict=True):
            value = column(line, values)
            yield f"    {name.rpartition('.')[2]}={quote_if_needed(value) if value else ''}"
        yield "</file>"


def _parse_column(text: str, position: SourcePosition) -> Column:
    """Return the function of a column: a file's path in the job, or a key with or without a format."""
    calls = deferred_calls(text)
    if not calls:
        return _plain_column(text, position)
    name, arguments = calls[0]
    if name != "fmt" or len(arguments) != 2 or not CONVERSION.fullmatch(_conversions(arguments[0])):
        hint = "such as $FMT{%02d, img.ccd} or $FMT{%s[0], img.fullname}"
        raise error_at(position, f"'{text}' is not a column", hint)
    form, column = arguments
    kind = _conversions(form)[-1]

    def format_value(line: FileLine, values: Mapping[str, str]) -> str:
        value = _find_value(column, line, values, position)
        try:
            return form % (int(value) if kind in "dioxX" else float(value) if kind in "eEfFgG" else value)
        except ValueError:
            raise error_at(position, f"{column} = {value} cannot be written as {form}") from None

    return format_value


def _plain_column(text: str, position: SourcePosition) -> Column:
    nick, dot, key = text.rpartition(".")
    if dot and key == "fullname":
        return lambda line, values: line.file(nick).job_path
    return lambda line, values: _find_value(text, line, values, position)


def _conversions(form: str) -> str:
    """Return the parts of a format that begin with a single per cent sign."""
    return "".join(re.findall(r"%[^%a-zA-Z]*[%a-zA-Z]?", form)).replace("%%", "")


def _find_value(column: str, line: FileLine, values: Mapping[str, str], position: SourcePosition) -> str:
    """Return the value of ``nick.fullname``, ``nick.filename``, ``nick.key`` or ``key``."""
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
        hint = suggest_name(key, {**file.metadata, **line.keys, **values})
        raise error_at(position, f"{file.name} has no '{key}'", hint)
    return found
