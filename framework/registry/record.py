"""A run's record: facts in, changes of the registry out, whatever the order in which journals tell them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from framework.errors import RegistryError
from framework.registry.changes import Changes, places
from framework.registry.ids import IdSource
from framework.registry.journals import Fact
from framework.registry.json_text import json_text
from framework.registry.known import LOST_STATUS, Known, KnownCall, KnownExec, KnownJob, Span, Told
from framework.registry.lineage import Lineage, read_files

#: The journal's format that is understood here.
FORMAT = 1

_USAGE = ("wallclock", "utime", "stime", "maxrss", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")
_USAGE_KEYS = ("wall", *_USAGE[1:])
_PROGRAM = ("name", "cmdargs", "version")
_END = ("end_time", "status")
_START_TIME, _END_TIME, _STATUS, _EXEC_HOST = places("task", ("start_time", "end_time", "status", "exec_host"))
_EXEC_START, _EXEC_END, _DISK = (
    (column, places("pfw_wrapper", (column,))[0]) for column in ("exec_start_time", "exec_end_time", "diskusage")
)
_USAGE_PLACES, _PROGRAM_PLACES = (
    slice(places("pfw_exec", columns)[0], places("pfw_exec", columns)[-1] + 1) for columns in (_USAGE, _PROGRAM)
)


class Record:
    """What a run's facts amount to. Between two writings, ``changes`` grows; ``known`` is ahead of the registry."""

    def __init__(self, known: Known, task_ids: IdSource, file_ids: IdSource) -> None:
        self.known = known
        self._task_id = task_ids.take
        self._lineage = Lineage(known, file_ids.take)
        self._begin_changes()
        self._host: str | None = None
        #: Calls by what facts say of them, found fast.
        self._calls: dict[tuple[Any, ...], tuple[KnownJob, KnownCall]] = {}
        self._handlers: dict[str, Callable[[Fact, float], None]] = {
            "open": self._open,
            "attempt.start": self._attempt_start,
            "attempt.files": self._attempt_files,
            "attempt.end": self._attempt_end,
            "block.start": self._block_start,
            "block.end": self._block_end,
            "job.queue": self._job_queue,
            "job.start": self._job_start,
            "job.lost": self._job_lost,
            "job.end": self._job_end,
            "call.start": self._call_start,
            "call.run": self._call_run,
            "call.store": self._call_store,
            "call.end": self._call_end,
            "exec.start": self._exec_start,
            "exec.end": self._exec_end,
            "message": self._message,
        }

    def tell(self, facts: list[Fact], journal: str, host: str | None) -> None:
        """Take in facts of one journal; one that makes no sense becomes a message."""
        self._host = host
        handlers = self._handlers
        for fact in facts:
            try:
                handlers[fact["e"]](fact, fact["t"] + 0.0)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self.complain(
                    f"{journal}: passed over a fact ({type(error).__name__} {error}): {json_text(fact)[:1000]}"
                )

    def complain(self, text: str) -> None:
        """Keep with the run that something of a journal could not be taken in."""
        self._say(self.known.attempt.task_id, time.time(), 1, text)

    def settle(self, connection: Connection) -> None:
        """Look up what the facts name by path alone; the changes are complete then."""
        self._lineage.settle(connection)

    def written(self, same: dict[int, int]) -> None:
        """Begin new changes, the old ones having been written."""
        self._lineage.written(same)
        self._begin_changes()

    def _begin_changes(self) -> None:
        self.changes = self._lineage.changes = Changes()
        # Most facts are of what is new: these rows are at hand.
        self._new_tasks = self.changes.new["task"]
        self._new_calls = self.changes.new["pfw_wrapper"]
        self._new_execs = self.changes.new["pfw_exec"]

    def _say(self, task_id: int, t: float, level: int, text: str) -> None:
        row = (task_id, self.known.attempt_id, t, level, None, text, None, None)
        self.changes.repeatable_messages.append(row)

    # ------------------------------------------------------------ the run and its blocks

    def _open(self, fact: Fact, t: float) -> None:
        if fact["format"] > FORMAT:
            raise RegistryError(
                f"{fact.get('journal')}: a journal of format {fact['format']}, where this skyfw reads {FORMAT}: "
                "update skyfw, nothing is lost until then"
            )

    def _attempt_start(self, fact: Fact, t: float) -> None:
        self.known.attempt.begin(t)
        self.changes.set("task", self.known.attempt.task_id, ("exec_host",), self._host)
        self._show_attempt()

    def _attempt_files(self, fact: Fact, t: float) -> None:
        task_id = self.known.attempt.task_id
        made = [(0, file["path"]) for file in fact["files"]]
        files = read_files({**fact, "made": made}, self.known.attempt_id, task_id, {0: task_id}, t)
        self._lineage.add(task_id, files)

    def _attempt_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        self.known.attempt.finish(t, status)
        state = "FAIL" if status else "PASS"
        self.changes.states.append((self.known.attempt_id, t, state, "NEW", "ORIG", None))
        self._show_attempt()

    def _show_attempt(self) -> None:
        span = self.known.attempt
        self._show(span)
        state = "NEW" if not span.is_over else "FAIL" if span.status else "PASS"
        self.changes.set("pfw_attempt", self.known.attempt_id, ("restart_time",), span.latest_start)
        self.changes.set("attempt_state", self.known.attempt_id, ("processing_state",), state)

    def _show(self, span: Span) -> None:
        end, status = (span.end, span.status) if span.is_over else (None, None)
        self.changes.set("task", span.task_id, ("start_time", *_END), span.start, end, status)

    def _block_start(self, fact: Fact, t: float) -> None:
        span = self._block(int(fact["block"]))
        span.begin(t)
        self._show_block(span)

    def _block_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        span = self._block(int(fact["block"]))
        span.finish(t, status)
        self._show_block(span)

    def _show_block(self, span: Span) -> None:
        self._show(span)
        self.changes.set("pfw_block", span.task_id, ("restart_time",), span.latest_start)

    def _block(self, number: int) -> Span:
        span = self.known.blocks.get(number)
        if span is None:
            root = self.known.attempt.task_id
            task_id = self._new_task("block", f"block {number}", "pfw_block", root)
            row = [task_id, number, f"block {number}", None, "", None, None, None, self.known.attempt_id]
            self.changes.new["pfw_block"][task_id] = row
            span = self.known.blocks[number] = Span(task_id)
        return span

    def _new_task(self, name: str, label: str | None, table: str, parent: int | None) -> int:
        id_ = self._task_id()
        root = self.known.attempt.task_id
        self.changes.new["task"][id_] = [id_, name, label, table, None, None, None, None, parent, root]
        return id_

    def _begin(self, task_id: int, t: float) -> None:
        row = self._new_tasks.get(task_id)
        if row is None:
            self.changes.set("task", task_id, ("start_time", "exec_host"), t, self._host)
        else:
            row[_START_TIME], row[_EXEC_HOST] = t, self._host

    def _end(self, task_id: int, t: float, status: int) -> None:
        row = self._new_tasks.get(task_id)
        if row is None:
            self.changes.set("task", task_id, _END, t, status)
        else:
            row[_END_TIME], row[_STATUS] = t, status

    # ------------------------------------------------------------ jobs

    def _job(self, fact: Fact) -> KnownJob:
        key = (int(fact["job"]), str(fact["queue"]))
        job = self.known.jobs.get(key)
        if job is None:
            task_id = self._new_task("job", str(key[0]), "pfw_job", None)
            attempt_id = self.known.attempt_id
            row = [task_id, *key, None, None, None, None, None, None, None, attempt_id, None]
            self.changes.new["pfw_job"][task_id] = row
            job = self.known.jobs[key] = KnownJob(task_id, None)
        if job.block_task_id is None and fact.get("block") is not None:
            self._place(job, self._block(int(fact["block"])).task_id)
        return job

    def _place(self, job: KnownJob, block_task_id: int) -> None:
        """Tell a job its block, and whatever came before it was known."""
        job.block_task_id = block_task_id
        column = ("pfw_block_task_id",)
        self.changes.set("task", job.task_id, ("parent_task_id",), block_task_id)
        self.changes.set("pfw_job", job.task_id, column, block_task_id)
        for call in job.calls.values():
            self.changes.set("pfw_wrapper", call.task_id, column, block_task_id)
            for one in call.execs.values():
                self.changes.set("pfw_exec", one.task_id, column, block_task_id)

    def _job_queue(self, fact: Fact, t: float) -> None:
        self.changes.set("pfw_job", self._job(fact).task_id, ("submit_time",), t)

    def _job_start(self, fact: Fact, t: float) -> None:
        job = self._job(fact)
        self._begin(job.task_id, t)
        columns = ("jobkeys", "expect_num_wrap", "jobroot")
        values = (_keys(fact.get("keys")), fact.get("calls"), fact.get("root"))
        self.changes.set("pfw_job", job.task_id, columns, *values)

    def _job_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        job = self._job(fact)
        job.told = Told.ENDED
        self._end(job.task_id, t, status)
        self.changes.set("pfw_job", job.task_id, ("diskusage",), fact.get("disk"))

    def _job_lost(self, fact: Fact, t: float) -> None:
        job = self._job(fact)
        if job.lost_time is not None:
            return
        job.lost_time = t
        self.changes.set("pfw_job", job.task_id, ("lost_time",), t)
        self._say(job.task_id, t, 1, f"lost: {fact.get('reason', 'no reason given')}")
        self._close_as_lost(job, t)
        for call in job.calls.values():
            self._close_as_lost(call, t)
            for one in call.execs.values():
                self._close_as_lost(one, t)

    def _close_as_lost(self, execution: KnownJob | KnownCall | KnownExec, t: float) -> None:
        if execution.told is Told.OPEN:
            execution.told = Told.LOST
            self._end(execution.task_id, t, LOST_STATUS)

    # ------------------------------------------------------------ calls

    def _call(self, fact: Fact) -> tuple[KnownJob, KnownCall]:
        return self._calls.get((fact["job"], fact["queue"], fact["call"], fact["try"])) or self._find_call(fact)

    def _find_call(self, fact: Fact) -> tuple[KnownJob, KnownCall]:
        job = self._job(fact)
        key = (int(fact["call"]), int(fact["try"]))
        call = job.calls.get(key)
        if call is None:
            module, wrapper = fact.get("module"), fact.get("wrapper")
            id_ = self._new_task("wrapper", module, "pfw_wrapper", job.task_id)
            about = (_keys(fact.get("keys")), fact.get("log"), fact.get("plan"), None, None, None)
            place = (self.known.attempt_id, job.block_task_id, job.task_id)
            self.changes.new["pfw_wrapper"][id_] = [id_, *key, wrapper or "", module or "", *about, *place]
            call = job.calls[key] = KnownCall(id_)
            if job.lost_time is not None:
                self._close_as_lost(call, job.lost_time)
        self._calls[fact["job"], fact["queue"], fact["call"], fact["try"]] = job, call
        return job, call

    def _call_start(self, fact: Fact, t: float) -> None:
        module, wrapper = fact["module"], fact["wrapper"]
        is_new = (fact["job"], fact["queue"], fact["call"], fact["try"]) not in self._calls
        call = self._call(fact)[1]
        self._begin(call.task_id, t)
        if is_new and call.task_id in self.changes.new["pfw_wrapper"]:
            return
        self.changes.set("task", call.task_id, ("label",), module)
        columns = ("name", "modname", "wrapkeys", "log", "planfile")
        values = (wrapper, module, _keys(fact.get("keys")), fact.get("log"), fact.get("plan"))
        self.changes.set("pfw_wrapper", call.task_id, columns, *values)

    def _set_in_call(self, call: KnownCall, column: tuple[str, int], value: Any) -> None:
        row = self._new_calls.get(call.task_id)
        if row is None:
            self.changes.set("pfw_wrapper", call.task_id, column[:1], value)
        else:
            row[column[1]] = value

    def _call_run(self, fact: Fact, t: float) -> None:
        self._set_in_call(self._call(fact)[1], _EXEC_START, t)

    def _call_store(self, fact: Fact, t: float) -> None:
        self._set_in_call(self._call(fact)[1], _EXEC_END, t)

    def _call_end(self, fact: Fact, t: float) -> None:
        job, call = self._call(fact)
        if call.told is Told.ENDED:
            return
        # All is read before anything is changed: half of a fact would be worse than none.
        status = int(fact["status"])
        attempt_id = self.known.attempt_id

        tasks = _TasksOfCall(self._exec, job, call)
        files = read_files(fact, attempt_id, call.task_id, tasks, t)
        messages = [
            (tasks[m.get("exec") or 0], attempt_id, t, int(m["level"]), None, str(m["text"]), *_place_in_file(m))
            for m in fact.get("messages") or ()
        ]
        self.changes.messages += messages
        call.told = Told.ENDED
        self._end(call.task_id, t, status)
        self._set_in_call(call, _DISK, fact.get("disk"))
        if "log" in fact:
            self.changes.set("pfw_wrapper", call.task_id, ("log",), fact["log"])
        self._lineage.add(call.task_id, files)

    # ------------------------------------------------------------ execs

    def _exec(self, job: KnownJob, call: KnownCall, number: int) -> KnownExec:
        known = call.execs.get(number)
        if known is None:
            id_ = self._new_task("exec", f"exec_{number}", "pfw_exec", call.task_id)
            place = (self.known.attempt_id, job.block_task_id, job.task_id, call.task_id)
            self.changes.new["pfw_exec"][id_] = [id_, number, "", None, None, *[None] * len(_USAGE), *place]
            known = call.execs[number] = KnownExec(id_)
            if job.lost_time is not None:
                self._close_as_lost(known, job.lost_time)
        return known

    def _exec_start(self, fact: Fact, t: float) -> None:
        known = self._exec(*self._call(fact), int(fact["exec"]))
        self._begin(known.task_id, t)
        values = (fact["program"], fact.get("args"), fact.get("version"))
        row = self._new_execs.get(known.task_id)
        if row is None:
            self.changes.set("pfw_exec", known.task_id, _PROGRAM, *values)
        else:
            row[_PROGRAM_PLACES] = values

    def _exec_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        usage = fact.get("usage") or {}
        values = [usage.get(key) for key in _USAGE_KEYS]
        known = self._exec(*self._call(fact), int(fact["exec"]))
        known.told = Told.ENDED
        self._end(known.task_id, t, status)
        row = self._new_execs.get(known.task_id)
        if row is None:
            self.changes.set("pfw_exec", known.task_id, _USAGE, *values)
        else:
            row[_USAGE_PLACES] = values

    def _message(self, fact: Fact, t: float) -> None:
        self._say(self._subject(fact), t, int(fact["level"]), str(fact["text"]))

    def _subject(self, fact: Fact) -> int:
        if fact.get("call") is not None:
            return self._call(fact)[1].task_id
        return self._job(fact).task_id if fact.get("job") is not None else self.known.attempt.task_id


class _TasksOfCall(dict[int, int]):
    """Task ids of a call's execs by number, 0 for the call itself; one that nobody has told of yet is made."""

    def __init__(
        self, exec_of: Callable[[KnownJob, KnownCall, int], KnownExec], job: KnownJob, call: KnownCall
    ) -> None:
        super().__init__({number: known.task_id for number, known in call.execs.items()})
        self[0] = call.task_id
        self._of = (job, call)
        self._exec_of = exec_of

    def __missing__(self, number: int) -> int:
        return self.setdefault(number, self._exec_of(*self._of, int(number)).task_id)


def _place_in_file(message: dict[str, Any]) -> tuple[Any, Any]:
    return message.get("file"), message.get("line")


def _keys(keys: Any) -> str | None:
    return keys if keys is None or isinstance(keys, str) else json_text(keys)
