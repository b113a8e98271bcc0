"""Selections of files in SQL, with bound values: no text of the user's becomes SQL."""

from __future__ import annotations

import json
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Double,
    Text,
    and_,
    cast,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from framework.errors import FrameworkError
from framework.registry.questions.selection import (
    And,
    Condition,
    FieldComparison,
    Literal,
    LiteralKind,
    Not,
    Operator,
    Or,
    Selection,
)
from framework.registry.questions.selection_fields import (
    FIELDS,
    OPERATOR_FIELDS,
    PLANNER_FIELDS,
    FileTables,
    MetadataKeys,
)
from framework.registry.questions.where_clause import WhereClauseError
from framework.registry.schema.column_types import Number, Words
from framework.registry.schema.metadata_sql import as_text, typed
from framework.registry.schema.tables import desfile, pfw_attempt, proctag

_SQL_TYPES: dict[str, Any] = {"integer": Number, "real": Double(), "text": Words, "boolean": Boolean()}
_COMPARE: dict[Operator, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operator.EQUAL: operator.eq,
    Operator.NOT_EQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
    Operator.LIKE: lambda column, pattern: column.like(pattern, escape="\\"),
}
_TYPE_NAMES = {
    "integer": "a number",
    "real": "a number",
    "text": "a text: put it in 'quotes'",
    "boolean": "true or false",
    "time": "a time: '2025-03-01' or '2025-03-01 12:30:00', in UTC",
}
_LARGEST = 2**63 - 1


def selection_conditions(connection: Connection, selection: Selection) -> list[ColumnElement[bool]]:
    """Return a selection as conditions on ``desfile`` and, joined to it, ``pfw_attempt``."""
    file = desfile.c
    found: list[ColumnElement[bool]] = []
    if selection.runs:
        found.append(pfw_attempt.c.run.in_(selection.runs))
    if selection.tag:
        found.append(_is_tagged(FileTables(), [selection.tag]))
    if selection.before is not None:
        found.append(file.created_date < selection.before)
    keys = MetadataKeys(connection, selection.filetypes)
    compiler = TypedCompiler(connection.dialect.name, keys)
    found += [compiler.compile(condition) for condition in selection.conditions]
    types = selection.filetypes or keys.types_with_all_keys()
    if types is not None:
        found.append(file.filetype.in_(types))
    return found


class ConditionCompiler(ABC):
    """Conditions in the SQL of one query."""

    def compile(self, condition: Condition) -> ColumnElement[bool]:
        """Return a condition in SQL; WhereClauseError or FrameworkError where a field or a value is wrong."""
        if isinstance(condition, And):
            return and_(true(), *map(self.compile, condition.parts)).self_group()
        if isinstance(condition, Or):
            return or_(false(), *map(self.compile, condition.parts)).self_group()
        if isinstance(condition, Not):
            return not_(self.compile(condition.part))
        return self._comparison(condition)

    @abstractmethod
    def _comparison(self, one: FieldComparison) -> ColumnElement[bool]: ...


class TextCompiler(ConditionCompiler):
    """Conditions that compare every field as text, on one or several sets of files."""

    def __init__(self, dialect: str, tables: Callable[[str], FileTables]) -> None:
        self._dialect = dialect
        self._tables = tables

    def column(self, field: str, table: str) -> ColumnElement[Any]:
        """Return a field as text."""
        tables = self._tables(table)
        if field in PLANNER_FIELDS:
            return cast(tables.column(field), Text)
        return as_text(self._dialect, tables.file.c.metadata, field)

    def _comparison(self, one: FieldComparison) -> ColumnElement[bool]:
        values = [value.text for value in one.values]
        if one.field == "tag":  # of which a run has any number
            return _is_tagged(self._tables(one.table), values)
        return _compared(self.column(one.field, one.table), one.operator, values)


class TypedCompiler(ConditionCompiler):
    """Conditions that compare each field as its type."""

    def __init__(self, dialect: str, keys: MetadataKeys) -> None:
        self._dialect = dialect
        self._keys = keys

    def _comparison(self, one: FieldComparison) -> ColumnElement[bool]:
        if one.values and one.values[0].kind is LiteralKind.WORD:
            return self._word_comparison(one, one.values[0].text)
        types = [self._type_of(one, value) for value in one.values or (None,)]
        values = [_value(one, value, data_type) for value, data_type in zip(one.values, types, strict=False)]
        return _compared(self._column(one.field, types[0]), one.operator, values)

    def _word_comparison(self, one: FieldComparison, word: str) -> ColumnElement[bool]:
        field = one.field
        if field in OPERATOR_FIELDS:
            column = FileTables().column(field)
            column = column if FIELDS[field].data_type == "text" else cast(column, Text)
            return _compared(column, one.operator, [word])
        if one.operator is Operator.LIKE:
            return _compared(as_text(self._dialect, desfile.c.metadata, field), one.operator, [word])
        data_type = self._keys.declared_type(field)
        if data_type == "text":
            return self._column(field, data_type) == word
        if data_type == "integer":
            number = _whole_number(word)
            return false() if number is None else self._column(field, data_type) == number
        return (_equals_jsonb if self._dialect == "postgresql" else _equals_json_text)(field, word)

    def _type_of(self, one: FieldComparison, value: Literal | None) -> str:
        if one.field in OPERATOR_FIELDS:
            return FIELDS[one.field].data_type
        try:
            return self._keys.find_type(one.field, value)
        except FrameworkError as error:
            _refuse(one, one.position, str(error))

    def _column(self, field: str, data_type: str) -> ColumnElement[Any]:
        """Return a field as its type, in the words that an index has."""
        if field in OPERATOR_FIELDS:
            return FileTables().column(field)
        return literal_column(typed(self._dialect, field, data_type, "desfile.metadata"), _SQL_TYPES[data_type])


def _compared(column: ColumnElement[Any], how: Operator, values: list[Any]) -> ColumnElement[bool]:
    if how is Operator.IS_NULL:
        return column.is_(None)
    if how is Operator.BETWEEN:
        return column.between(*values)
    if how is Operator.IN:
        return column.in_(values)
    return _COMPARE[how](column, values[0])


def _is_tagged(tables: FileTables, tags: list[str]) -> ColumnElement[bool]:
    return tables.file.c.pfw_attempt_id.in_(select(proctag.c.pfw_attempt_id).where(proctag.c.tag.in_(tags)))


def _refuse(one: FieldComparison, position: int, reason: str) -> NoReturn:
    raise WhereClauseError(one.source, position, reason) if one.source else FrameworkError(reason)


# ---------------------------------------------------------------- values as their types


def _value(one: FieldComparison, value: Literal, data_type: str) -> Any:
    """Return a value as a field of this type has it."""
    if value.kind is LiteralKind.NUMBER and _number(value.text) is None:
        _refuse(one, value.position, "no number on record is so large")
    convert = _CONVERTERS.get((value.kind, data_type))
    found = convert(value.text) if convert else None
    if found is None:
        _refuse(one, value.position, f"'{one.field}' is {_TYPE_NAMES[data_type]}")
    return found


def _number(text: str) -> float | None:
    """Return the number of a literal; None for one that no database holds."""
    try:
        number = float(text) if re.search(r"[.eE]", text) else int(text)
    except ValueError:  # Python refuses thousands of digits
        return None
    return number if abs(number) <= (_LARGEST if isinstance(number, int) else 1e300) else None


def _seconds(text: str) -> float | None:
    """Return a time as seconds since 1970; None for what is no time."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


#: How a literal becomes a value of a type; what is not here cannot.
_CONVERTERS: Mapping[tuple[LiteralKind, str], Callable[[str], Any]] = {
    (LiteralKind.QUOTED, "text"): str,
    (LiteralKind.QUOTED, "time"): _seconds,
    (LiteralKind.NUMBER, "text"): str,
    (LiteralKind.NUMBER, "integer"): _number,
    (LiteralKind.NUMBER, "real"): _number,
    (LiteralKind.BOOLEAN, "boolean"): lambda text: text.lower() == "true",
}


def _whole_number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


# ---------------------------------------------------------------- words compared with keys that nobody declares


def _equals_jsonb(key: str, word: str) -> ColumnElement[bool]:
    field = desfile.c.metadata.op("->")(literal(key, Text))
    return or_(*(field == cast(literal(json.dumps(value), Text), JSONB) for value in _json_values(word)))


def _equals_json_text(key: str, word: str) -> ColumnElement[bool]:
    path = literal(f'$."{key}"', Text)
    field, json_type = func.json_extract(desfile.c.metadata, path), func.json_type(desfile.c.metadata, path)
    return or_(*(and_(json_type.in_(_json_types(value)), field == value) for value in _json_values(word)))


def _json_values(word: str) -> list[str | float | bool]:
    """Return the values that a word may stand for: the text, and the number or truth value of JSON."""
    try:
        value = json.loads(word, parse_constant=str)
    except ValueError:
        return [word]
    return [word, value] if isinstance(value, (int, float)) else [word]


def _json_types(value: str | float | bool) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true",) if value else ("false",)
    return ("text",) if isinstance(value, str) else ("integer", "real")
