"""Answers to the planner's ``query_fields``: files by ``x``, ``x%``, ``!x`` and ``null``, and joined sets of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select, and_, select, true

from framework.pipeline.questions import FieldsQuestion, UnansweredError
from framework.registry.database.chunks import chunks
from framework.registry.database.connection import Registry
from framework.registry.questions.files import FileRow, packed_columns, packed_form
from framework.registry.questions.selection import (
    And,
    Condition,
    FieldComparison,
    Literal,
    LiteralKind,
    Not,
    Operator,
    Or,
)
from framework.registry.questions.selection_fields import FileTables
from framework.registry.questions.selection_sql import TextCompiler
from framework.registry.schema.tables import desfile, file_archive_info, pfw_attempt


def find_by_fields(db: Registry, archive: str, question: FieldsQuestion) -> Iterator[FileRow]:
    """Yield the files of the question's table that an archive has and whose fields fulfil it, by their paths."""
    tables = _Tables(question.table)
    compiler = TextCompiler(db.dialect, tables.get)
    joins = [(_split(left, question.table), _split(right, question.table)) for left, right in question.joins]
    fields = [_split(name, question.table) for name in question.outputs]
    conditions = [compiler.compile(condition) for condition in field_conditions(question)]
    conditions += [compiler.column(*left) == compiler.column(*right) for left, right in joins]
    outputs = [compiler.column(*field).label(f"output_{number}") for number, field in enumerate(fields)]
    query = _query(tables, archive, outputs).where(true(), *conditions)
    with db.read() as connection:
        for row in connection.execute(query):
            yield _file_row(row, [field for field, _ in fields])


def find_newest_by_name(db: Registry, archive: str, names: Iterable[str]) -> dict[str, FileRow]:
    """Return for each base name that an archive has the file that was recorded last."""
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        for chunk in chunks(sorted(names)):
            tables = _Tables("named")
            file = tables.get("named").file
            query = _query(tables, archive, []).where(file.c.filename.in_(chunk))
            for row in connection.execute(query.order_by(None).order_by(file.c.id)):
                found[row.path.rpartition("/")[2]] = _file_row(row, [])
    return found


def field_conditions(question: FieldsQuestion) -> Iterator[Condition]:
    """Yield the condition on each field: one of the values without ``!``, and none of those with it."""
    for name, values in question.conditions.items():
        field, table = _split(name, question.table)
        if field == "tag":
            yield FieldComparison(field=field, operator=Operator.IN, values=_words(values), table=question.table)
        else:
            wanted = tuple(_comparison(field, table, value) for value in values if not value.startswith("!"))
            refused = tuple(Not(_comparison(field, table, value[1:])) for value in values if value.startswith("!"))
            yield And(((Or(wanted), *refused)) if wanted else refused)


def _comparison(field: str, table: str, value: str) -> FieldComparison:
    if value.lower() == "null":
        return FieldComparison(field=field, operator=Operator.IS_NULL, table=table)
    operator = Operator.LIKE if "%" in value else Operator.EQUAL
    return FieldComparison(field=field, operator=operator, values=_words([value]), table=table)


def _words(values: Iterable[str]) -> tuple[Literal, ...]:
    return tuple(Literal(LiteralKind.WORD, value) for value in values)


def _split(name: str, main: str) -> tuple[str, str]:
    """Return the field and the table of ``table.field``; without a table, it is the question's own."""
    table, _, field = name.rpartition(".")
    if '"' in field:
        raise UnansweredError(f"'{field}' is not the name of a field")
    return field, table or main


class _Tables:
    """The sets of files that a question names, each with the attempts that made them."""

    def __init__(self, main: str) -> None:
        self.main = main
        self.by_name: dict[str, FileTables] = {}
        self.get(main)

    def get(self, name: str) -> FileTables:
        """Return one of the sets, new ones too."""
        if name not in self.by_name:
            self.by_name[name] = FileTables(desfile.alias(name), pfw_attempt.alias(f"{name}_attempt"))
        return self.by_name[name]


def _query(tables: _Tables, archive: str, outputs: list[Any]) -> Select[Any]:
    file, attempt = tables.get(tables.main)
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
    for name, (other, its_attempt) in tables.by_name.items():
        if name != tables.main:
            both = other.outerjoin(its_attempt, its_attempt.c.id == other.c.pfw_attempt_id)
            query = query.join_from(file, both, true())
    return query.order_by(file.c.path)


def _file_row(row: Sequence[Any], names: list[str]) -> FileRow:
    id_, path, filetype, size, sha256, metadata, run, *values = row
    packed, values = packed_form(values[:3]), values[3:]
    further = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    metadata = {**(metadata or {}), **further} if further else metadata or {}
    return FileRow(
        id=id_, path=path, filetype=filetype, size=size, sha256=sha256, metadata=metadata, run=run, packed=packed
    )
