"""Conditions on files as people write them, in the manner of SQL: ``visit between 1 and 9 and not filter = 'HSC-R'``.

    condition   = alternative, {"or", alternative}
    alternative = factor, {"and", factor}
    factor      = "not", factor | "(", condition, ")" | comparison
    comparison  = key, ("=" | "!=" | "<>" | "<" | "<=" | ">" | ">="), value
                | key, ["not"], "between", value, "and", value
                | key, ["not"], "in", "(", value, {",", value}, ")"
                | key, ["not"], "like", value
                | key, "is", ["not"], "null"
    value       = number | "'text'" | "true" | "false"

What comes of it is an expression with bound values: no text of the user's becomes SQL.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from framework.errors import FrameworkError

Value = str | int | float | bool


class BadCondition(FrameworkError):  # noqa: N818
    """A condition that cannot be understood; the message shows where."""


@dataclass(frozen=True)
class Field:
    """What a condition compares."""

    column: ColumnElement[Any]
    #: integer, real, text, boolean or time.
    data_type: str


#: Finds the field of a name that is compared with a value.
Fields = Callable[[str, Value | None], Field]

_TOKEN = re.compile(
    r"""\s*(?: (?P<text>'(?:[^']|'')*')
           | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
           | (?P<word>[A-Za-z_][\w.-]*)
           | (?P<sign><=|>=|<>|!=|[=<>(),]) )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_RESERVED = frozenset({"and", "or", "not", "between", "in", "like", "is", "null", "true", "false"})
#: Parentheses and ``not`` within each other; nobody writes more.
_DEEPEST = 50
_LARGEST = 2**63 - 1


def parse(text: str, fields: Fields) -> ColumnElement[bool]:
    """The expression of a condition; BadCondition where it is none."""
    reading = _Reading(text, fields)
    found = reading.condition(0)
    if reading.kind:
        raise reading.wrong("here it should end")
    return found


class _Reading:
    """One reading of a condition, token by token."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._text = text
        self._fields = fields
        self._end = 0
        self._advance()

    def condition(self, depth: int) -> ColumnElement[bool]:
        parts = [self._alternative(depth)]
        while self._took("or"):
            parts.append(self._alternative(depth))
        return or_(*parts)

    def wrong(self, reason: str) -> BadCondition:
        return BadCondition(f"{self._text}\n{' ' * self._start}^ {reason}")

    def _advance(self) -> None:
        rest = self._text[self._end :]
        self._start = self._end + len(rest) - len(rest.lstrip())
        found = _TOKEN.match(self._text, self._end)
        if found is None and rest.strip():
            self.kind, self.token = "", ""
            raise self.wrong("a text stands in 'quotes'" if rest.lstrip()[0] in "'\"" else "this cannot be understood")
        self.kind = (found.lastgroup or "") if found else ""
        self.token = found[self.kind] if found else ""
        self._end = found.end() if found else len(self._text)

    def _took(self, word: str) -> bool:
        """Whether this word or sign comes next; it is passed then."""
        if self.kind not in ("word", "sign") or self.token.lower() != word:
            return False
        self._advance()
        return True

    def _expect(self, word: str) -> None:
        if not self._took(word):
            raise self.wrong(f"'{word}' should follow")

    def _alternative(self, depth: int) -> ColumnElement[bool]:
        parts = [self._factor(depth)]
        while self._took("and"):
            parts.append(self._factor(depth))
        return and_(*parts)

    def _factor(self, depth: int) -> ColumnElement[bool]:
        if depth > _DEEPEST:
            raise self.wrong("too many parentheses within each other")
        if self._took("not"):
            return not_(self._factor(depth + 1))
        if self._took("("):
            inside = self.condition(depth + 1)
            self._expect(")")
            return inside.self_group()
        return self._comparison()

    def _comparison(self) -> ColumnElement[bool]:
        if self.kind != "word" or self.token.lower() in _RESERVED:
            raise self.wrong("a key should follow")
        name, place = self.token, self._start
        self._advance()
        if self._took("is"):
            is_not = self._took("not")
            self._expect("null")
            column = self._field(name, None, place).column
            return column.is_not(None) if is_not else column.is_(None)
        if self.kind == "sign" and self.token in _COMPARE:
            compare = _COMPARE[self.token]
            self._advance()
            (column, value) = self._compared(name, place)
            answer: ColumnElement[bool] = compare(column, value)
            return answer
        refused = self._took("not")
        found = self._set(name, place)
        return not_(found) if refused else found

    def _set(self, name: str, place: int) -> ColumnElement[bool]:
        if self._took("between"):
            column, low = self._compared(name, place)
            self._expect("and")
            return column.between(low, self._compared(name, place)[1])
        if self._took("in"):
            self._expect("(")
            column, first = self._compared(name, place)
            values = [first]
            while self._took(","):
                values.append(self._compared(name, place)[1])
            self._expect(")")
            return column.in_(values)
        if self._took("like"):
            if self.kind != "text":
                raise self.wrong("a text in 'quotes' should follow")
            column, value = self._compared(name, place)
            return column.like(value)
        raise self.wrong("=, <, between, in, like or is should follow")

    def _compared(self, name: str, place: int) -> tuple[ColumnElement[Any], Any]:
        """A key's column, and the value that comes next as the column has it."""
        value = self._value()
        field = self._field(name, value, place)
        if field.data_type == "text":
            meant: Any = self.token if self.kind == "number" else value if isinstance(value, str) else None
        elif field.data_type == "time":
            meant = _moment(value)
        elif field.data_type == "boolean":
            meant = value if isinstance(value, bool) else None
        else:
            meant = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        if meant is None:
            raise self.wrong(f"'{name}' is {_WANTED[field.data_type]}")
        self._advance()
        return field.column, meant

    def _value(self) -> Value:
        if self.kind == "text":
            if "\0" in self.token:
                raise self.wrong("no text on record has such a character")
            return self.token[1:-1].replace("''", "'")
        if self.kind == "number":
            number = float(self.token) if re.search(r"[.eE]", self.token) else int(self.token)
            if abs(number) > (_LARGEST if isinstance(number, int) else 1e300):
                raise self.wrong("no number on record is so large")
            return number
        if self.token.lower() in ("true", "false"):
            return self.token.lower() == "true"
        raise self.wrong("a number or a text in 'quotes' should follow")

    def _field(self, name: str, value: Value | None, place: int) -> Field:
        try:
            return self._fields(name, value)
        except FrameworkError as error:
            self._start = place
            raise self.wrong(str(error)) from error


_WANTED = {
    "integer": "a number",
    "real": "a number",
    "text": "a text: put it in 'quotes'",
    "boolean": "true or false",
    "time": "a time: '2025-03-01' or '2025-03-01 12:30:00', in UTC",
}


def _moment(value: Value) -> float | None:
    """Seconds since 1970."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
