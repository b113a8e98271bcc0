"""Selections of files as values: filetypes, runs, and conditions on fields, made without a database.

The front ends write conditions: ``where_clause`` (text in the manner of SQL), ``key_values`` (``key=value``) and
``query_fields`` (the planner). ``selection_sql`` alone turns them into SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Operator(Enum):
    """A comparison of a field with values."""

    EQUAL = "="
    NOT_EQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    #: Two values: the lowest and the highest.
    BETWEEN = "between"
    #: One or more values.
    IN = "in"
    #: A pattern, in which ``%`` stands for any text, ``_`` for any character, and ``\`` takes the next one literally.
    LIKE = "like"
    #: No value.
    IS_NULL = "is null"


class LiteralKind(Enum):
    """The way in which a value was written."""

    NUMBER = "number"
    QUOTED = "quoted"
    BOOLEAN = "boolean"
    #: Without quotes: a text, or the number or truth value that it looks like, as the field's type has it.
    WORD = "word"


class Literal(NamedTuple):
    """A value in a condition."""

    kind: LiteralKind
    #: As written, without quotes.
    text: str
    #: In the text of the condition, from 0.
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class FieldComparison:
    """A field compared with values."""

    field: str
    operator: Operator
    values: tuple[Literal, ...] = ()
    #: The set of files that has the field, in a planner's question about several.
    table: str = ""
    #: The text of the condition and where the field stands in it, for messages.
    source: str = ""
    position: int = 0


@dataclass(frozen=True)
class And:
    """All of some conditions; without any, true."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """At least one of some conditions; without any, false."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The negation of a condition."""

    part: Condition


Condition = FieldComparison | And | Or | Not


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Files that fulfil every field of this value; an empty field asks for nothing."""

    filetypes: tuple[str, ...] = ()
    #: Names of the runs that made the files.
    runs: tuple[str, ...] = ()
    #: A tag of the runs that made the files.
    tag: str = ""
    #: Made or ingested before this time (seconds since 1970).
    before: float | None = None
    conditions: tuple[Condition, ...] = ()
