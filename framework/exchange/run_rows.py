"""Rows of a run, the same from every registry: with names instead of ids, and in one order.

A task is called by its name (``task_names``), a file by ``[path, version]``, a verification by its number; the
attempt itself is left out, and a file says in ``pfw_attempt_id`` which run made it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, select

from framework.registry.questions.files import wanted_ids
from framework.registry.questions.task_names import task_names
from framework.registry.schema import tables as schema
from framework.registry.schema.column_types import Json, Time

#: Name of a table, and its rows with values in the order of ``columns_of``.
Part = tuple[str, Iterator[list[Any]]]

#: Tables with rows of one run, in an order in which they can be written. The rows are those whose attempt it is.
OF_ATTEMPT = (
    "pfw_attempt_label",
    "pfw_attempt_val",
    "pfw_attempt_software",
    "attempt_state",
    "attempt_state_history",
    "pfw_block",
    "pfw_module",
    "pfw_job",
    "pfw_wrapper",
    "pfw_exec",
    "task_message",
    "proctag",
)
OF_FILES = (
    "desfile",
    "file_archive_info",
    "file_tombstone",
    "opm_used",
    "opm_was_generated_by",
    "opm_was_derived_from",
)
OF_VERIFICATIONS = ("verification", "verification_file")
ORDER = (
    *("pfw_request", "pfw_unit", "software_stack", "task", "pfw_attempt"),
    *OF_ATTEMPT,
    *OF_FILES,
    "ingest_pending",
    *OF_VERIFICATIONS,
)


def columns_of(table: str) -> list[str]:
    """Return the columns that are exported."""
    return [
        column.name
        for column in schema.metadata.tables[table].columns
        if (table, column.name) == ("desfile", "pfw_attempt_id")
        or (column.name != "pfw_attempt_id" and (table, column.name) != ("pfw_attempt", "id"))
    ]


class RunRows:
    """Rows of a run, as one transaction sees them."""

    def __init__(self, connection: Connection, attempt_id: int) -> None:
        self._connection = connection
        self._attempt_id = attempt_id
        attempt = schema.pfw_attempt
        self.attempt = connection.execute(attempt.select().where(attempt.c.id == attempt_id)).one()
        self._tasks = task_names(connection, attempt_id)
        self._files = self._file_keys()
        of_run = schema.verification.c
        done = select(of_run.id).where(of_run.pfw_attempt_id == attempt_id).order_by(of_run.verify_time, of_run.id)
        self._verifications = {id_: at for at, id_ in enumerate(connection.execute(done).scalars(), start=1)}

    def parts(self) -> Iterator[Part]:
        """Yield the rows of every table, in an order in which they can be inserted."""
        for name in ORDER:
            yield name, self._rows(schema.metadata.tables[name])

    def _rows(self, table: Table) -> Iterator[list[Any]]:
        shown = [(column, self._converter(table.name, table.c[column])) for column in columns_of(table.name)]
        rows = (
            [tell(row[column]) for column, tell in shown]
            for row in self._connection.execute(self._query(table)).mappings()
        )
        # Later tasks have greater numbers in every registry; nothing else has an order of its own.
        return rows if table.name == "task" else iter(sorted(rows, key=json.dumps))

    def _query(self, table: Table) -> Select[Any]:
        """Return the query for the rows of a table that belong to the run."""
        query = table.select().where(*self._conditions(table))
        return query.order_by(table.c.id) if table.name == "task" else query

    def _conditions(self, table: Table) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions that hold for the run's rows of a table."""
        attempt = self.attempt
        values = {
            "pfw_request": {"reqnum": attempt.reqnum},
            "pfw_unit": {"reqnum": attempt.reqnum, "unitname": attempt.unitname},
            "task": {"root_task_id": attempt.task_id},
            "pfw_attempt": {"id": attempt.id},
        }
        ids: dict[str, tuple[str, Iterable[int]]] = {
            "desfile": ("id", self._files),
            "file_archive_info": ("desfile_id", self._files),
            "file_tombstone": ("desfile_id", self._files),
            "opm_used": ("task_id", self._tasks),
            "opm_was_generated_by": ("task_id", self._tasks),
            "verification_file": ("verification_id", self._verifications),
        }
        if table.name in ids:
            column, wanted = ids[table.name]
            yield table.c[column].in_(wanted_ids(self._connection.dialect.name, list(wanted)))
        elif table.name == "software_stack":
            yield table.c.sha256.in_(self._checksums())
        elif table.name == "opm_was_derived_from":
            yield table.c.child_desfile_id.in_(self._own())
        else:
            equal = values.get(table.name, {"pfw_attempt_id": attempt.id})
            yield from (table.c[column] == value for column, value in equal.items())

    def _own(self) -> Select[Any]:
        return select(schema.desfile.c.id).where(schema.desfile.c.pfw_attempt_id == self._attempt_id)

    def _file_keys(self) -> dict[int, list[str]]:
        """Return path and version of the outputs and inputs of the run, and of files that its files derive from."""
        file, used, derived = schema.desfile.c, schema.opm_used.c, schema.opm_was_derived_from.c
        made = schema.opm_was_generated_by.c
        tasks = wanted_ids(self._connection.dialect.name, self._tasks)
        about = select(file.id, file.path, file.path_version)
        found: dict[int, list[str]] = {}
        for chosen in (
            self._own(),
            select(used.desfile_id).where(used.task_id.in_(tasks)),
            select(made.desfile_id).where(made.task_id.in_(tasks)),
            select(derived.parent_desfile_id).where(derived.child_desfile_id.in_(self._own())),
        ):
            found |= {id_: [path, at] for id_, path, at in self._connection.execute(about.where(file.id.in_(chosen)))}
        return found

    def _checksums(self) -> list[str]:
        """Return the checksums of the software that rows of the run name."""
        found: set[str] = set()
        for column in (
            schema.pfw_exec.c.software_sha256,
            schema.pfw_attempt_software.c.software_sha256,
            schema.verification.c.framework_sha256,
        ):
            of_run = select(column).distinct().where(column.table.c.pfw_attempt_id == self._attempt_id)
            found.update(filter(None, self._connection.execute(of_run).scalars()))
        return sorted(found)

    def _converter(self, table: str, column: Any) -> Callable[[Any], Any]:
        """Return a function that converts the values of a column to a form that is the same everywhere."""
        if is_task(table, column.name):
            return self._tasks.get
        if is_file(table, column.name):
            return self._files.get
        if (table, column.name) in (("verification", "id"), ("verification_file", "verification_id")):
            return self._verifications.get
        if (table, column.name) == ("desfile", "pfw_attempt_id"):
            return self._maker_names().get
        if isinstance(column.type, Time):
            return microseconds
        return canonical if column.type is Json else _same

    def _maker_names(self) -> dict[int, str]:
        file, attempt = schema.desfile.c, schema.pfw_attempt.c
        ids = wanted_ids(self._connection.dialect.name, self._files)
        makers = select(file.pfw_attempt_id).where(file.id.in_(ids), file.pfw_attempt_id.is_not(None)).distinct()
        query = select(attempt.id, attempt.run).where(attempt.id.in_(makers))
        return {id_: run for id_, run in self._connection.execute(query)}


def is_task(table: str, column: str) -> bool:
    """Return whether a column has ids of tasks."""
    return (table, column) == ("task", "id") or column.endswith("task_id")


def is_file(table: str, column: str) -> bool:
    """Return whether a column has ids of files."""
    return (table, column) == ("desfile", "id") or column.endswith("desfile_id")


def _same(value: Any) -> Any:
    return value


def microseconds(value: float | None) -> float | None:
    """Return a number to a microsecond, as exactly as every database keeps times."""
    return None if value is None else round(value, 6)


def canonical(value: Any) -> Any:
    """Return JSON with sorted keys, since not every database keeps their order."""
    if isinstance(value, dict):
        return {key: canonical(value[key]) for key in sorted(value)}
    return [canonical(part) for part in value] if isinstance(value, list) else value


def comparable(row: list[Any]) -> str:
    """Return a row as text, equal for equal rows: a whole number may have lost its decimal point."""
    return json.dumps(_evened(row))


def _evened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _evened(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_evened(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
