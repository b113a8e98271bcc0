"""A draft: the rows of what is being read from journals, until they are written."""

from __future__ import annotations

from collections.abc import Callable

from framework.registry.ingest.changes import Changes, places
from framework.registry.ingest.run_state import Known

_START_TIME, _END_TIME, _STATUS, _EXEC_HOST = places("task", ("start_time", "end_time", "status", "exec_host"))


class Draft:
    """Changes of a run's rows, and what is known of the run, which is ahead of the registry by these changes."""

    def __init__(self, known: Known, take_task_id: Callable[[], int]) -> None:
        self.known = known
        #: The host of whoever tells at the moment.
        self.host: str | None = None
        self._take_task_id = take_task_id
        self._start_anew()

    def hand_over(self) -> Changes:
        """The changes, to be written; new ones begin."""
        changes = self.changes
        self._start_anew()
        return changes

    def _start_anew(self) -> None:
        self.changes = Changes()
        # Most facts are of what is new: these rows are at hand.
        self.new_tasks = self.changes.new["task"]
        self.new_calls = self.changes.new["pfw_wrapper"]
        self.new_execs = self.changes.new["pfw_exec"]

    def new_task(self, name: str, label: str | None, table: str, parent: int | None) -> int:
        """A row for something that takes time; its id."""
        id_ = self._take_task_id()
        root = self.known.attempt.task_id
        self.new_tasks[id_] = [id_, name, label, table, None, None, None, None, parent, root]
        return id_

    def begin(self, task_id: int, t: float) -> None:
        """A task has started, on the host that tells."""
        row = self.new_tasks.get(task_id)
        if row is None:
            self.changes.set("task", task_id, ("start_time", "exec_host"), t, self.host)
        else:
            row[_START_TIME], row[_EXEC_HOST] = t, self.host

    def end(self, task_id: int, t: float, status: int) -> None:
        """A task has ended."""
        row = self.new_tasks.get(task_id)
        if row is None:
            self.changes.set("task", task_id, ("end_time", "status"), t, status)
        else:
            row[_END_TIME], row[_STATUS] = t, status

    def say(self, task_id: int, t: float, level: int, text: str) -> None:
        """A message, unless the registry has it already."""
        row = (task_id, self.known.attempt_id, t, level, None, text, None, None)
        self.changes.repeatable_messages.append(row)
