"""Comparison of two recorded runs, regardless of the place and time at which each was executed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, or_, select

from framework.registry.database.connection import Registry
from framework.registry.questions.software import stacks_of, submitters_of
from framework.registry.schema import tables as schema
from framework.registry.schema.column_types import Time
from framework.worker.journal.message_level import MessageLevel
from framework.worker.journal.statuses import LOST

#: Filetypes whose contents differ each time.
VOLATILE = frozenset({"log"})

#: Tables that hold what one run was, by the attempt's id.
_ATTEMPT_TABLES = (
    schema.pfw_attempt_label,
    schema.pfw_attempt_software,
    schema.pfw_attempt_val,
    schema.attempt_state,
    schema.attempt_state_history,
    schema.pfw_block,
    schema.pfw_module,
    schema.pfw_job,
    schema.pfw_wrapper,
    schema.pfw_exec,
    schema.task_message,
    schema.proctag,
    schema.ingest_pending,
)

#: Names of the place, the queue, the people, and what was measured. Times are left out by their type.
_IGNORED_COLUMNS = frozenset(
    {
        *("id", "pfw_attempt_id", "attnum", "run"),
        *("exec_host", "submit_host", "jobroot", "queue", "condorid", "group_submit_id"),
        # They are those of texts that are compared themselves, but for the run's names.
        *("submitwcl_sha256", "renderedwcl_sha256", "fullsubmitwcl_sha256"),
        *("user_created_by", "module_created_by", "created_by", "user_changed_by"),
        *("diskusage", "wallclock", "utime", "stime", "maxrss", "minflt", "majflt"),
        *("inblock", "oublock", "nvcsw", "nivcsw"),
    }
)

#: What of software is the same wherever it lies.
_STACK_KEYS = ("version", "python", "packages", "modules", "products", "setup_sha256", "image", "digest", "git")

Line = tuple[str, ...]


def differences(
    db_a: Registry,
    attempt_a: int,
    db_b: Registry,
    attempt_b: int,
    *,
    volatile: frozenset[str] = VOLATILE,
    ignore_lost: bool = False,
) -> list[str]:
    """Return the rows that only one of two runs has, as text; an empty list if the runs are equal.

    Ids, times, hosts, measured resources, execution ids, events and the location of software may differ, and so may the
    size and checksum of files of a ``volatile`` type. With ``ignore_lost``, lost executions are left out, and the
    programs of a lost call.
    """
    first = _lines(db_a, attempt_a, volatile, ignore_lost)
    second = _lines(db_b, attempt_b, volatile, ignore_lost)
    only = [("the first only", first - second), ("the second only", second - first)]
    return sorted(f"{' '.join(line)}: in {where}" for where, lines in only for line in lines.elements())


def _lines(db: Registry, attempt_id: int, volatile: frozenset[str], ignore_lost: bool) -> Counter[Line]:
    with db.read() as connection:
        return Counter(_RunRows(connection, attempt_id, volatile, ignore_lost).lines())


class _RunRows:
    """Rows of a run as text that is the same in every registry."""

    def __init__(self, connection: Connection, attempt_id: int, volatile: frozenset[str], ignore_lost: bool) -> None:
        self._connection = connection
        self._attempt_id = attempt_id
        self._volatile = volatile
        attempt = schema.pfw_attempt
        self._attempt = connection.execute(attempt.select().where(attempt.c.id == attempt_id)).one()
        self._of_run = schema.task.c.root_task_id == self._attempt.task_id
        self._tasks = dict(self._task_names())
        self._ignored_tasks = (
            frozenset(connection.execute(self._select_lost()).scalars()) if ignore_lost else frozenset()
        )
        rows = [row for query in self._file_queries() for row in connection.execute(query)]
        files = {row.id: row for row in rows if row.wgb_task_id not in self._ignored_tasks}
        self._files = list(files.values())
        self._paths = {id_: row.path for id_, row in files.items()}

    def _select_lost(self) -> Select[Any]:
        task, call = schema.task, schema.task.alias()
        of_call = and_(call.c.id == task.c.parent_task_id, call.c.info_table == schema.pfw_wrapper.name)
        is_lost = or_(task.c.status == LOST, call.c.status == LOST)
        return select(task.c.id).outerjoin_from(task, call, of_call).where(self._of_run, is_lost)

    def lines(self) -> Iterator[Line]:
        """Yield every row that is compared, as the name of its table and the values of its columns."""
        attempt, task, child = schema.pfw_attempt, schema.task, schema.opm_was_derived_from.c.child_desfile_id
        yield self._line(attempt, self._attempt)
        yield from self._table(task, self._of_run)
        for table in _ATTEMPT_TABLES:
            yield from self._table(table, table.c.pfw_attempt_id == self._attempt_id)
        for file in self._files:
            yield self._line(schema.desfile, file)
        for table in (schema.opm_used, schema.opm_was_generated_by):
            yield from self._table(table, table.c.task_id.in_(select(task.c.id).where(self._of_run)))
        own = select(schema.desfile.c.id).where(schema.desfile.c.pfw_attempt_id == self._attempt_id)
        yield from self._table(schema.opm_was_derived_from, child.in_(own))
        for line in self._table(schema.file_archive_info, schema.file_archive_info.c.desfile_id.in_(own)):
            if "desfile_id=?" not in line:
                yield line

    def _table(self, table: Table, condition: ColumnElement[bool]) -> Iterator[Line]:
        task_column = "id" if table is schema.task else "task_id"
        for row in self._connection.execute(table.select().where(condition)):
            is_event = table is schema.task_message and row.message_lvl == MessageLevel.EVENT
            if row._mapping.get(task_column) not in self._ignored_tasks and not is_event:
                yield self._line(table, row)

    def _line(self, table: Table, row: Row[Any]) -> Line:
        values = dict(row._mapping)
        if table is schema.desfile and row.filetype in self._volatile:
            values |= {"filesize": None, "sha256": None, "md5sum": None}
        columns = [
            column
            for column in table.columns
            if column.name not in _IGNORED_COLUMNS and not isinstance(column.type, Time)
        ]
        return (
            table.name,
            *(f"{column.name}={self._format_value(column.name, values[column.name])}" for column in columns),
        )

    def _format_value(self, column: str, value: Any) -> str:
        if value is None:
            return "-"
        if column.endswith("task_id"):
            return self._tasks.get(value, "?")
        if column == "software_sha256":
            return self._software.get(value, "?")
        if column.endswith("desfile_id"):
            value = self._paths.get(value, "?")
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        root = self._archive_root
        return (text.replace(root, "<root>") if root else text).replace(self._attempt.run, "<run>")

    @cached_property
    def _software(self) -> dict[str, str]:
        """Software stacks of the run without their locations, by checksum."""
        return {
            stack.sha256: f"{stack.label} {json.dumps([stack.found.get(key) for key in _STACK_KEYS], sort_keys=True)}"
            for find in (stacks_of, submitters_of)
            for stack in find(self._connection, self._attempt_id).values()
        }

    @cached_property
    def _archive_root(self) -> str:
        value = schema.pfw_attempt_val
        query = select(value.c.val).where(value.c.pfw_attempt_id == self._attempt_id, value.c.key == "archive_root")
        return self._connection.execute(query).scalar() or ""

    def _task_names(self) -> Iterator[tuple[int, str]]:
        block, job, call, one = schema.pfw_block, schema.pfw_job, schema.pfw_wrapper, schema.pfw_exec
        yield self._attempt.task_id, "attempt"
        for row in self._connection.execute(block.select().where(block.c.pfw_attempt_id == self._attempt_id)):
            yield row.task_id, f"block {row.blknum}"
        for row in self._connection.execute(job.select().where(job.c.pfw_attempt_id == self._attempt_id)):
            yield row.task_id, f"job {row.jobnum}"
        calls = {}
        for row in self._connection.execute(call.select().where(call.c.pfw_attempt_id == self._attempt_id)):
            calls[row.task_id] = f"call {row.wrapnum} try {row.trynum}"
        yield from calls.items()
        for row in self._connection.execute(one.select().where(one.c.pfw_attempt_id == self._attempt_id)):
            yield row.task_id, f"{calls.get(row.pfw_wrapper_task_id)} exec {row.execnum}"

    def _file_queries(self) -> Iterator[Select[Any]]:
        """Yield the queries for the files that the run made, and for those that it read."""
        file, used = schema.desfile, schema.opm_used
        yield file.select().where(file.c.pfw_attempt_id == self._attempt_id)
        read = select(used.c.desfile_id).join(schema.task, schema.task.c.id == used.c.task_id).where(self._of_run)
        yield file.select().where(file.c.id.in_(read))
