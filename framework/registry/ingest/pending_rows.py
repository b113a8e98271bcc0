"""Pending rows: changes of a run's rows that facts have led to, until they are written."""

from __future__ import annotations

from collections.abc import Callable

from framework.registry.ingest.changes import Changes
from framework.registry.ingest.known_rows import KnownRows
from framework.registry.ingest.row_layout import RowLayout, column_indexes

_TASK = RowLayout("task", "id", "name", "label", "info_table", "parent_task_id", "root_task_id")
_START_TIME, _END_TIME, _STATUS, _EXEC_HOST = column_indexes("task", ("start_time", "end_time", "status", "exec_host"))
_MESSAGE = RowLayout("task_message", "task_id", "pfw_attempt_id", "message_time", "message_lvl", "message")


class PendingRows:
    """Changes of a run's rows; ``known`` is ahead of the registry by these changes."""

    def __init__(self, known: KnownRows, take_task_id: Callable[[], int]) -> None:
        self.known = known
        #: Host of the process whose journal is being read.
        self.host: str | None = None
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
