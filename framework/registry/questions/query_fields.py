"""Conditions: files by the values of their fields, as operators write them, in SQL with bound values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, not_, or_, select, true

from framework.pipeline.questions import FieldsQuestion, UnansweredError
from framework.registry.database.connection import Registry
from framework.registry.questions.files import FileRow, packed_columns, packed_in
from framework.registry.schema.metadata_sql import as_text
from framework.registry.schema.tables import desfile, file_archive_info, pfw_attempt, proctag

_CHUNK = 500
#: Fields that are columns; everything else is metadata.
_FILE = {"filename", "filetype", "path", "compression", "filesize", "sha256"}
_ATTEMPT = {"reqnum", "unitname", "attnum", "run", "campaign", "pipeline", "project", "operator"}


class Table:
    """One set of files of a question, with the attempts that made them."""

    def __init__(self, name: str) -> None:
        self.file = desfile.alias(name)
        self.attempt = pfw_attempt.alias(f"{name}_attempt")

    def field(self, name: str, dialect: str) -> ColumnElement[Any]:
        """A field as text."""
        if name == "pfw_attempt_id":
            return cast(self.file.c.pfw_attempt_id, Text)
        if name in _FILE:
            return cast(self.file.c[name], Text)
        if name in _ATTEMPT:
            return cast(self.attempt.c[name], Text)
        if '"' in name:
            raise UnansweredError(f"'{name}' is no field's name")
        return as_text(dialect, self.file.c.metadata, name)

    def tagged(self, tag: str) -> ColumnElement[bool]:
        with_tag = select(proctag.c.pfw_attempt_id).where(proctag.c.tag == tag)
        return self.file.c.pfw_attempt_id.in_(with_tag)


def select_files(db: Registry, archive: str, question: FieldsQuestion) -> Iterator[FileRow]:
    """The files of the question's table that an archive has and whose fields are as asked, by their paths."""
    tables: dict[str, Table] = {question.table: Table(question.table)}

    def field(name: str) -> ColumnElement[Any]:
        table, _, key = name.rpartition(".")
        place = table or question.table
        if place not in tables:
            tables[place] = Table(place)
        return tables[place].field(key, db.dialect)

    conditions: list[ColumnElement[bool]] = []
    for name, values in question.conditions.items():
        if name.rpartition(".")[2] == "tag":
            conditions.append(or_(*(tables[question.table].tagged(value) for value in values)))
        else:
            conditions.append(condition(field(name), values))
    conditions += [field(left) == field(right) for left, right in question.joins]
    outputs = [field(name).label(f"output_{number}") for number, name in enumerate(question.outputs)]
    query = _query(tables, question.table, archive, outputs).where(true(), *conditions)
    names = [name.rpartition(".")[2] for name in question.outputs]
    with db.read() as connection:
        for row in connection.execute(query):
            yield _row(row, names)


def newest_by_name(db: Registry, archive: str, names: Iterable[str]) -> dict[str, FileRow]:
    """For each base name that an archive has, the file that was recorded last."""
    wanted = iter(sorted(names))
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        while chunk := list(islice(wanted, _CHUNK)):
            table = Table("named")
            query = _query({"named": table}, "named", archive, []).where(table.file.c.filename.in_(chunk))
            for row in connection.execute(query.order_by(None).order_by(table.file.c.id)):
                found[row.path.rpartition("/")[2]] = _row(row, [])
    return found


def condition(field: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """``x``, ``x%``, ``!x``, ``!x%``, ``null`` and ``!null``: one of those without ``!``, and each with it."""
    given = list(values)
    wanted = [_matches(field, value) for value in given if not value.startswith("!")]
    refused = [not_(_matches(field, value[1:])) for value in given if value.startswith("!")]
    return and_(or_(*wanted) if wanted else true(), *refused)


def _matches(field: ColumnElement[Any], value: str) -> ColumnElement[bool]:
    if value.lower() == "null":
        return field.is_(None)
    return field.like(value, escape="\\") if "%" in value else field == value


def _query(tables: dict[str, Table], main: str, archive: str, outputs: list[Any]) -> Select[Any]:
    file, attempt = tables[main].file, tables[main].attempt
    here = and_(file_archive_info.c.desfile_id == file.c.id, file_archive_info.c.archive_name == archive)
    query = select(
        file.c.id,
        file.c.path,
        file.c.filetype,
        file.c.filesize,
        file.c.sha256,
        file.c.metadata,
        attempt.c.run,
        *packed_columns(),
        *outputs,
    ).select_from(file.join(file_archive_info, here).outerjoin(attempt, attempt.c.id == file.c.pfw_attempt_id))
    for name, table in tables.items():
        if name != main:
            both = table.file.outerjoin(table.attempt, table.attempt.c.id == table.file.c.pfw_attempt_id)
            query = query.join_from(file, both, true())
    return query.order_by(file.c.path)


def _row(row: Sequence[Any], names: list[str]) -> FileRow:
    id_, path, filetype, size, sha256, metadata, run, *values = row
    packed, values = packed_in(values[:3]), values[3:]
    further = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    metadata = {**(metadata or {}), **further} if further else metadata or {}
    return FileRow(
        id=id_, path=path, filetype=filetype, size=size, sha256=sha256, metadata=metadata, run=run, packed=packed
    )
