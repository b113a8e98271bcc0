"""Search: files by their type, their metadata and what else is on record of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from framework.errors import FrameworkError
from framework.registry.database.connection import Registry
from framework.registry.questions.files import FileRow, file_rows, select_files
from framework.registry.questions.where_clause import Field, parse
from framework.registry.schema.column_types import Number, Words
from framework.registry.schema.metadata_sql import KEY, as_text, typed
from framework.registry.schema.tables import desfile, ops_filetype_metadata, pfw_attempt
from wcl.spelling import did_you_mean

#: What can be asked for beside the metadata.
FIELDS: dict[str, Field] = {
    "filename": Field(desfile.c.filename, "text"),
    "path": Field(desfile.c.path, "text"),
    "filetype": Field(desfile.c.filetype, "text"),
    "filesize": Field(desfile.c.filesize, "integer"),
    "sha256": Field(desfile.c.sha256, "text"),
    "created_date": Field(desfile.c.created_date, "time"),
    "run": Field(pfw_attempt.c.run, "text"),
    "reqnum": Field(pfw_attempt.c.reqnum, "integer"),
    "unitname": Field(pfw_attempt.c.unitname, "text"),
    "attnum": Field(pfw_attempt.c.attnum, "integer"),
    "campaign": Field(pfw_attempt.c.campaign, "text"),
    "pipeline": Field(pfw_attempt.c.pipeline, "text"),
    "operator": Field(pfw_attempt.c.operator, "text"),
}
_SQL_TYPES: dict[str, Any] = {"integer": Number, "real": Double(), "text": Words, "boolean": Boolean()}
#: How many of a type's newest files tell which keys there are that nobody declares.
_SAMPLE = 100


def find(
    db: Registry,
    filetype: str | None,
    conditions: Mapping[str, Sequence[str]] | None = None,
    where: str | None = None,
) -> list[FileRow]:
    """Files of a type, or of all, in order of their paths, of which each key has one of its values.

    ``%`` in a value stands for anything. ``where`` is a condition as SQL has it (``where_clause``). Keys are those of
    the metadata, and :data:`FIELDS`.
    """
    with db.read() as connection:
        fields = Fields(connection, filetype)
        query = select_files().order_by(desfile.c.path, desfile.c.path_version)
        for key, values in (conditions or {}).items():
            query = query.where(or_(false(), *(fields.condition(key, value) for value in values)))
        if where is not None:
            query = query.where(parse(where, fields.field))
        return list(file_rows(connection, query.where(*fields.of_types())))


class Fields:
    """What a question about files may name, and which types of files it is about."""

    def __init__(self, connection: Connection, filetype: str | None) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._filetype = filetype
        row = ops_filetype_metadata.c
        query = select(row.filetype, row.column_name, row.data_type)
        if filetype is not None:
            query = query.where(row.filetype == filetype)
        #: Key to filetype to its type of data.
        self._declared: dict[str, dict[str, str]] = {}
        for name, key, data_type in connection.execute(query):
            self._declared.setdefault(key, {})[name] = data_type
        self._asked: set[str] = set()

    def of_types(self) -> list[ColumnElement[bool]]:
        """The filetypes that can have all the keys that were asked for, so that an index finds them."""
        if self._filetype is not None:
            return [desfile.c.filetype == self._filetype]
        able = [set(self._declared[key]) for key in self._asked]
        return [desfile.c.filetype.in_(sorted(set.intersection(*able)))] if able else []

    def field(self, name: str, value: object) -> Field:
        """The field of a name, to be compared with such a value; FrameworkError for one that there is not."""
        if name in FIELDS:
            return FIELDS[name]
        if name in self._declared:
            self._asked.add(name)
            types = set(self._declared[name].values())
            return self._typed(name, types.pop() if len(types) == 1 else "text")
        found = self._found_keys()
        if name in found and KEY.fullmatch(name):
            return self._typed(name, "real" if isinstance(value, int | float) else "text")
        whose = f"a {self._filetype}" if self._filetype else "a file"
        known = sorted({*FIELDS, *self._declared, *found})
        found_there = did_you_mean(name, known) or _listed(known)
        more = "" if self._filetype else "; with a filetype, its files' other keys too"
        raise FrameworkError(f"{name!r} is not on record of {whose}: {found_there}{more}")

    def condition(self, key: str, value: str) -> ColumnElement[bool]:
        """``key=value`` as somebody typed it."""
        data_type = self._declared.get(key, {}).get(self._filetype or "")
        if key in FIELDS:
            column = cast(FIELDS[key].column, Text) if FIELDS[key].data_type != "text" else FIELDS[key].column
            return column.like(value) if "%" in value else column == value
        if data_type in ("integer", "text") and "%" not in value:
            # As the view has it, which an index finds.
            meant = _whole(value) if data_type == "integer" else value
            return false() if meant is None else self._typed(key, data_type).column == meant
        if '"' in key or not key:
            raise FrameworkError(f"{key!r} is not a metadata key")
        if "%" in value:
            return as_text(self._dialect, desfile.c.metadata, key).like(value)
        return (_of_jsonb if self._dialect == "postgresql" else _of_json_text)(key, value)

    def _typed(self, key: str, data_type: str) -> Field:
        text = typed(self._dialect, key, data_type, "desfile.metadata")
        return Field(literal_column(text, _SQL_TYPES[data_type]), data_type)

    def _found_keys(self) -> set[str]:
        """The keys of the type's newest files."""
        if self._filetype is None:
            return set()
        newest = select(desfile.c.metadata).where(desfile.c.filetype == self._filetype).limit(_SAMPLE)
        return {key for metadata in self._connection.execute(newest).scalars() for key in metadata or ()}


def _listed(names: Iterable[str]) -> str:
    return f"there is {', '.join(names)}"


def _whole(value: str) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None


# ---------------------------------------------------------------- keys that nobody declares


def _of_jsonb(key: str, value: str) -> ColumnElement[bool]:
    field = desfile.c.metadata.op("->")(literal(key, Text))
    return or_(*(field == cast(literal(json.dumps(meant), Text), JSONB) for meant in _meanings(value)))


def _of_json_text(key: str, value: str) -> ColumnElement[bool]:
    place = literal(f'$."{key}"', Text)
    field, kind = func.json_extract(desfile.c.metadata, place), func.json_type(desfile.c.metadata, place)
    return or_(*(and_(kind.in_(_json_types(meant)), field == meant) for meant in _meanings(value)))


def _meanings(value: str) -> list[str | float | bool]:
    """A word that somebody typed can stand for text, and for a number or a truth value too."""
    try:
        meant = json.loads(value, parse_constant=str)
    except ValueError:
        return [value]
    return [value, meant] if isinstance(meant, (int, float)) else [value]


def _json_types(meant: str | float | bool) -> tuple[str, ...]:
    if isinstance(meant, bool):
        return ("true",) if meant else ("false",)
    return ("text",) if isinstance(meant, str) else ("integer", "real")
