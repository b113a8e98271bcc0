"""Facts of calls and of the programs that they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from framework.model.facts import CallEnd, CallFact, CallRun, CallStart, CallStore, ExecEnd, ExecStart
from framework.registry.database.json_text import keys_text
from framework.registry.ingest.changes import PendingRows
from framework.registry.ingest.known_rows import EndState, KnownCall, KnownExec, KnownJob
from framework.registry.ingest.provenance_links import ProvenanceWriter, read_files
from framework.registry.ingest.row_layout import RowLayout, column_indexes

#: Columns of a program's usage, in the order of the fields of ``ProgramUsage``.
_USAGE = ("wallclock", "utime", "stime", "maxrss", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")
_PROGRAM = ("name", "cmdargs", "version")
_EXEC_START, _EXEC_END, _DISK = (
    (column, column_indexes("pfw_wrapper", (column,))[0])
    for column in ("exec_start_time", "exec_end_time", "diskusage")
)
_USAGE_SLICE, _PROGRAM_SLICE = (
    slice(column_indexes("pfw_exec", columns)[0], column_indexes("pfw_exec", columns)[-1] + 1)
    for columns in (_USAGE, _PROGRAM)
)
_OF_JOB = ("pfw_attempt_id", "pfw_block_task_id", "pfw_job_task_id")
_ABOUT_CALL = ("name", "modname", "wrapkeys", "log", "planfile")
_CALL = RowLayout("pfw_wrapper", "task_id", "wrapnum", "trynum", *_ABOUT_CALL, *_OF_JOB)
_EXEC = RowLayout("pfw_exec", "task_id", "execnum", "name", *_OF_JOB, "pfw_wrapper_task_id")
_MESSAGE = RowLayout(
    "task_message",
    *("task_id", "pfw_attempt_id", "message_time", "message_lvl", "message", "log_file", "log_line"),
)


class JobRows(Protocol):
    """Rows of jobs, as the facts of calls need them."""

    def find_job(self, number: int, execution_id: str) -> KnownJob:
        """Return an execution of a job."""

    def end_as_lost(self, execution: KnownCall | KnownExec, t: float) -> None:
        """End a call or a program whose job was lost."""


class CallRecorder:
    """Applies the facts of calls to the rows of a run."""

    def __init__(self, rows: PendingRows, provenance: ProvenanceWriter, jobs: JobRows) -> None:
        self._rows = rows
        self._provenance = provenance
        self._jobs = jobs
        #: Calls by job, execution, number and try.
        self._calls: dict[tuple[int, str, int, int], tuple[KnownJob, KnownCall]] = {}

    def find_call(self, job: int, execution_id: str, call: int, try_number: int) -> tuple[KnownJob, KnownCall]:
        """Return a try at a call, and its job; they are added if no fact has named them yet."""
        return self._calls.get((job, execution_id, call, try_number)) or self._add_call(
            job, execution_id, call, try_number, ("", "", None, None, None)
        )

    def _of(self, fact: CallFact) -> tuple[KnownJob, KnownCall]:
        key = (fact.job, fact.execution_id, fact.call, fact.try_number)
        return self._calls.get(key) or self._add_call(*key, ("", "", None, None, None))

    def _add_call(
        self, job_number: int, execution_id: str, number: int, try_number: int, about: tuple[Any, ...]
    ) -> tuple[KnownJob, KnownCall]:
        job = self._jobs.find_job(job_number, execution_id)
        call = job.calls.get((number, try_number))
        if call is None:
            task_id = self._rows.add_task("wrapper", about[1] or None, "pfw_wrapper", job.task_id)
            of_job = (self._rows.known.attempt_id, job.block_task_id, job.task_id)
            row = _CALL.row(task_id, number, try_number, *about, *of_job)
            self._rows.new_calls[task_id] = list(row)
            call = job.calls[number, try_number] = KnownCall(task_id)
            if job.lost_time is not None:
                self._jobs.end_as_lost(call, job.lost_time)
        self._calls[job_number, execution_id, number, try_number] = job, call
        return job, call

    def record_start(self, fact: CallStart) -> None:
        """Record the start of a call, and what it is."""
        key = (fact.job, fact.execution_id, fact.call, fact.try_number)
        about = (fact.wrapper, fact.module, keys_text(fact.keys), fact.log, fact.plan)
        is_new = key not in self._calls
        _, call = self._calls.get(key) or self._add_call(*key, about)
        self._rows.start_task(call.task_id, fact.time)
        if is_new and call.task_id in self._rows.new_calls:
            return
        changes = self._rows.changes
        changes.set("task", call.task_id, ("label",), fact.module)
        changes.set("pfw_wrapper", call.task_id, ("name", "modname", "wrapkeys", "planfile"), *about[:3], fact.plan)
        if not call.log_moved:
            changes.set("pfw_wrapper", call.task_id, ("log",), fact.log)

    def _set_in_call(self, call: KnownCall, column: tuple[str, int], value: Any) -> None:
        row = self._rows.new_calls.get(call.task_id)
        if row is None:
            self._rows.changes.set("pfw_wrapper", call.task_id, column[:1], value)
        else:
            row[column[1]] = value

    def record_run(self, fact: CallRun) -> None:
        """Record when the programs of a call began."""
        self._set_in_call(self._of(fact)[1], _EXEC_START, fact.time)

    def record_store(self, fact: CallStore) -> None:
        """Record when the programs of a call had ended."""
        self._set_in_call(self._of(fact)[1], _EXEC_END, fact.time)

    def record_end(self, fact: CallEnd) -> None:
        """Record the end of a call with its files and messages; only the first end counts."""
        job, call = self._of(fact)
        if call.end_state is EndState.ENDED:
            return
        # All is read before anything is changed: half of a fact would be worse than none.
        attempt_id, t = self._rows.known.attempt_id, fact.time
        tasks = _TasksOfCall(self._find_exec, job, call)
        files = read_files(
            fact.files, fact.made, attempt_id, call.task_id, tasks, t, used=fact.used, derived=fact.derived
        )
        messages = [
            _MESSAGE.row(tasks[one.exec_number or 0], attempt_id, t, one.level, one.text, one.file, one.line)
            for one in fact.messages
        ]
        self._rows.changes.messages += messages
        call.end_state = EndState.ENDED
        self._rows.end_task(call.task_id, t, fact.status)
        self._set_in_call(call, _DISK, fact.disk)
        if fact.log is not None:
            call.log_moved = True
            self._rows.changes.set("pfw_wrapper", call.task_id, ("log",), fact.log)
        self._provenance.add(call.task_id, files)

    def _find_exec(self, job: KnownJob, call: KnownCall, number: int) -> KnownExec:
        known = call.execs.get(number)
        if known is None:
            task_id = self._rows.add_task("exec", f"exec_{number}", "pfw_exec", call.task_id)
            of_job = (self._rows.known.attempt_id, job.block_task_id, job.task_id)
            self._rows.new_execs[task_id] = list(_EXEC.row(task_id, number, "", *of_job, call.task_id))
            known = call.execs[number] = KnownExec(task_id)
            if job.lost_time is not None:
                self._jobs.end_as_lost(known, job.lost_time)
        return known

    def record_exec_start(self, fact: ExecStart) -> None:
        """Record the start of a program."""
        known = self._find_exec(*self._of(fact), fact.exec_number)
        self._rows.start_task(known.task_id, fact.time)
        values = (fact.program, fact.args, fact.version)
        row = self._rows.new_execs.get(known.task_id)
        if row is None:
            self._rows.changes.set("pfw_exec", known.task_id, _PROGRAM, *values)
        else:
            row[_PROGRAM_SLICE] = values
        if fact.software:
            self._rows.changes.set("pfw_exec", known.task_id, ("software_sha256",), fact.software)

    def record_exec_end(self, fact: ExecEnd) -> None:
        """Record the end of a program, and the resources that it used."""
        used = fact.usage
        values = (
            used.wall, used.utime, used.stime, used.maxrss, used.minflt, used.majflt, used.inblock, used.oublock,
            used.nvcsw, used.nivcsw,
        )  # fmt: skip
        known = self._find_exec(*self._of(fact), fact.exec_number)
        known.end_state = EndState.ENDED
        self._rows.end_task(known.task_id, fact.time, fact.status)
        row = self._rows.new_execs.get(known.task_id)
        if row is None:
            self._rows.changes.set("pfw_exec", known.task_id, _USAGE, *values)
        else:
            row[_USAGE_SLICE] = values


class _TasksOfCall(dict[int, int]):
    """Task ids of a call's programs by number, 0 for the call; a program that no fact has named yet is added."""

    def __init__(
        self, find_exec: Callable[[KnownJob, KnownCall, int], KnownExec], job: KnownJob, call: KnownCall
    ) -> None:
        super().__init__({number: known.task_id for number, known in call.execs.items()})
        self[0] = call.task_id
        self._call = (job, call)
        self._find_exec = find_exec

    def __missing__(self, number: int) -> int:
        return self.setdefault(number, self._find_exec(*self._call, number).task_id)
