"""Quoted values: text in double quotes that is never split or expanded."""

import re

#: A whole value in double quotes; its group is the text between them.
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPED_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_NEEDS_ESCAPE = re.compile('[\\\\"\n\r\ud800-\udfff]')
#: Characters that would be lost in plain text, or not be visible.
INVISIBLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"\n": "\\n", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


class Quoted(str):
    """A value that is never split, expanded or cut: a comma, `#`, blank or `$` in it is text."""

    __slots__ = ()


def quote(text: str) -> str:
    """Return any text as it is written between quotes; `unquote` gives it back."""
    return f'"{_NEEDS_ESCAPE.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}"


def unquote(inside: str) -> Quoted:
    """Return the value of a text between quotes; a ValueError holds an unknown escape."""
    return Quoted(_ESCAPE.sub(_unescape, inside)) if "\\" in inside else Quoted(inside)


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    if code not in _ESCAPED_CHARACTERS:
        raise ValueError(match[0])
    return _ESCAPED_CHARACTERS[code]


def quote_if_needed(value: str) -> str:
    """Return a value as a file holds it: in quotes if it is quoted, or if it would read differently without."""
    return quote(value) if isinstance(value, Quoted) or not _reads_plain(value) else value


def _reads_plain(value: str) -> bool:
    if not value or value != value.strip() or value.endswith("\\") or "#" in value or INVISIBLE.search(value):
        return False
    return value[0] != '"' or (value.count('"') > 1 and QUOTED.fullmatch(value) is None)
