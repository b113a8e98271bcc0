"""Changes of the registry: rows that facts have led to, gathered by table and written in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select

from framework.registry.database import bulk
from framework.registry.ingest.file_rows import FileBatch, SameFiles
from framework.registry.ingest.known_rows import KnownRows
from framework.registry.ingest.row_layout import RowLayout, column_indexes
from framework.registry.schema.tables import metadata, task_message

#: Tables whose rows are known by an id of their own, each before those that point to it.
_OWN = ("task", "pfw_block", "pfw_job", "pfw_wrapper", "pfw_exec")
#: Tables of pairs, with the indexes of the file ids in a row.
_OF_FILES = {"file_archive_info": (0,), "opm_used": (1,), "opm_was_generated_by": (1,), "opm_was_derived_from": (0, 1)}

#: A list that can be changed until it is written.
Row = list[Any]
Pair = tuple[Any, ...]


class Changes:
    """New rows, and changes of rows that were written before."""

    def __init__(self) -> None:
        self.new: dict[str, dict[int, Row]] = {name: {} for name in _OWN}
        self.changed: dict[tuple[str, tuple[str, ...]], list[Pair]] = defaultdict(list)
        self.files: list[Pair] = []
        #: New ids of files of starts after those that the registry had: they are newer than its files, by any clock.
        self.files_of_later_starts: set[int] = set()
        self.of_files: dict[str, list[Pair]] = {name: [] for name in _OF_FILES}
        #: True if a pair may be in the registry already, since it belongs to rows of an earlier step.
        self.pairs_may_repeat = False
        #: Messages of calls that have ended: a call ends once.
        self.messages: list[Pair] = []
        #: Messages that the registry may have already.
        self.repeatable_messages: list[Pair] = []
        #: Calls of the modules of late blocks: (count, task id of the block, module).
        self.calls: list[Pair] = []
        self.states: list[Pair] = []
        #: Software by SHA-256; the registry may have it already.
        self.software: dict[str, Pair] = {}
        #: Files of these changes that earlier changes found in the registry.
        self.same: SameFiles = {}
        self.pending: list[Pair] = []
        self.no_longer_pending: list[Pair] = []

    def set(self, table: str, id_: int, columns: tuple[str, ...], *values: Any) -> None:
        """Set columns of a row, which may be new."""
        row = self.new[table].get(id_) if table in self.new else None
        if row is None:
            self.changed[table, columns].append((*values, id_))
            return
        for index, value in zip(column_indexes(table, columns), values, strict=True):
            row[index] = value

    def prepare(self, dialect: str) -> None:
        """Convert all rows into the form in which they are written; nothing may be changed after it."""
        tables = metadata.tables
        self._own = [bulk.Batch(dialect, tables[name], list(self.new[name].values())) for name in _OWN]
        self._files = FileBatch(dialect, self.files, self.files_of_later_starts)
        # A fact may name a pair twice.
        pairs = {} if self.pairs_may_repeat else {name: [*dict.fromkeys(rows)] for name, rows in self.of_files.items()}
        self._pairs = {name: bulk.Batch(dialect, tables[name], rows) for name, rows in pairs.items()}

    def write(self, connection: Connection) -> SameFiles:
        """Write all changes; return the files that were in the registry already."""
        for batch in self._own:
            batch.insert(connection)
        for (name, columns), rows in self.changed.items():
            bulk.update(connection, metadata.tables[name], columns, rows)
        _set_calls(connection, self.calls)
        same = self._files.write(connection)
        self._write_pairs(connection, {**self.same, **same})
        bulk.insert(connection, task_message, self.messages)
        _insert_new_messages(connection, self.repeatable_messages)
        bulk.insert_missing(connection, metadata.tables["attempt_state_history"], self.states)
        bulk.insert_missing(
            connection, metadata.tables["software_stack"], [row for _, row in sorted(self.software.items())]
        )
        bulk.insert_missing(connection, metadata.tables["ingest_pending"], self.pending)
        _delete_pending(connection, self.no_longer_pending)
        return same

    def _write_pairs(self, connection: Connection, same: SameFiles) -> None:
        for name, indexes in _OF_FILES.items():
            if same or self.pairs_may_repeat:
                rows = (
                    [_with_known_ids(row, indexes, same) for row in self.of_files[name]]
                    if same
                    else self.of_files[name]
                )
                bulk.insert_missing(connection, metadata.tables[name], rows)
            else:
                self._pairs[name].insert(connection)
        self._write_changed_copies(connection, same)

    def _write_changed_copies(self, connection: Connection, same: SameFiles) -> None:
        """Let the record of each archive's copy follow a file that was made again.

        The run's archive has the new file, in a form and with a checksum of its own if it is compressed. Other archives
        have the former one: they are no copies any more.
        """
        if not self._files.newest:
            return
        copies = metadata.tables["file_archive_info"]
        newest = [row for row in self.of_files["file_archive_info"] if row[0] in self._files.newest]
        rows = [_with_known_ids(row, (0,), same) for row in newest]
        bulk.replace(connection, copies, rows)
        archives = {row[0]: row[1] for row in rows}
        changed = sorted(self._files.with_other_content)
        bulk.delete_others(connection, copies, [(id_, archives.get(id_, "")) for id_ in changed])


def _with_known_ids(row: Pair, indexes: tuple[int, ...], same: SameFiles) -> Pair:
    return tuple(same.get(value, value) if index in indexes else value for index, value in enumerate(row))


def _insert_new_messages(connection: Connection, rows: list[Pair]) -> None:
    if not rows:
        return
    columns = list(task_message.columns)
    key = [task_message.c[name] for name in ("task_id", "message_lvl", "message", "message_time")]
    binds = {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in columns}
    known = exists().where(*(column == binds[column.name] for column in key))
    statement = task_message.insert().from_select(columns, select(*binds.values()).where(~known))
    connection.execute(statement, [dict(zip((bind.key for bind in binds.values()), row, strict=True)) for row in rows])


def _set_calls(connection: Connection, rows: list[Pair]) -> None:
    if rows:
        module = metadata.tables["pfw_module"]
        names = ("new_count", "of_block", "of_module")
        here = (module.c.pfw_block_task_id == bindparam("of_block"), module.c.modname == bindparam("of_module"))
        statement = module.update().where(*here).values(numexpcalls=bindparam("new_count"))
        connection.execute(statement, [dict(zip(names, row, strict=True)) for row in rows])


def _delete_pending(connection: Connection, rows: list[Pair]) -> None:
    if rows:
        key = ("task_id", "path", "child_path")
        table = metadata.tables["ingest_pending"]
        condition = [table.c[name] == bindparam(f"old_{name}") for name in key]
        values = [dict(zip((f"old_{name}" for name in key), row, strict=True)) for row in rows]
        connection.execute(table.delete().where(*condition), values)


_TASK = RowLayout("task", "id", "name", "label", "info_table", "parent_task_id", "root_task_id")


_START_TIME, _END_TIME, _STATUS, _EXEC_HOST = column_indexes("task", ("start_time", "end_time", "status", "exec_host"))


_MESSAGE = RowLayout("task_message", "task_id", "pfw_attempt_id", "message_time", "message_lvl", "message")


class PendingRows:
    """Changes of a run's rows; ``known`` is ahead of the registry by these changes."""

    def __init__(self, known: KnownRows, take_task_id: Callable[[], int]) -> None:
        self.known = known
        #: Host of the process whose journal is being read.
        self.host: str | None = None
        #: Number of the run's start that the journal belongs to.
        self.start_number = 0
        self._take_task_id = take_task_id
        self._clear()

    def take_changes(self) -> Changes:
        """Return the changes, to be written, and begin new ones."""
        changes = self.changes
        self._clear()
        return changes

    def _clear(self) -> None:
        self.changes = Changes()
        # Most facts are about new rows: these are changed in place.
        self.new_tasks = self.changes.new["task"]
        self.new_calls = self.changes.new["pfw_wrapper"]
        self.new_execs = self.changes.new["pfw_exec"]

    def add_task(self, name: str, label: str | None, table: str, parent: int | None) -> int:
        """Add a task whose details are in another table; return its id."""
        task_id = self._take_task_id()
        row = _TASK.row(task_id, name, label, table, parent, self.known.attempt.task_id)
        self.new_tasks[task_id] = list(row)
        return task_id

    def start_task(self, task_id: int, t: float) -> None:
        """Set the start of a task, on the host of the journal."""
        row = self.new_tasks.get(task_id)
        if row is None:
            self.changes.set("task", task_id, ("start_time", "exec_host"), t, self.host)
        else:
            row[_START_TIME], row[_EXEC_HOST] = t, self.host

    def end_task(self, task_id: int, t: float, status: int) -> None:
        """Set the end and the status of a task."""
        row = self.new_tasks.get(task_id)
        if row is None:
            self.changes.set("task", task_id, ("end_time", "status"), t, status)
        else:
            row[_END_TIME], row[_STATUS] = t, status

    def add_message(self, task_id: int, t: float, level: int, text: str) -> None:
        """Add a message, unless the registry has it already."""
        self.changes.repeatable_messages.append(_MESSAGE.row(task_id, self.known.attempt_id, t, level, text))
