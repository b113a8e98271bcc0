"""Facts of calls and the programs that they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from framework.registry.database.json_text import keys_text
from framework.registry.ingest.changes import places
from framework.registry.ingest.job_facts import JobFacts
from framework.registry.ingest.journal_reader import Fact
from framework.registry.ingest.new_rows import Draft
from framework.registry.ingest.provenance_links import Lineage, read_files
from framework.registry.ingest.run_state import KnownCall, KnownExec, KnownJob, Told

_USAGE = ("wallclock", "utime", "stime", "maxrss", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")
_USAGE_KEYS = ("wall", *_USAGE[1:])
_PROGRAM = ("name", "cmdargs", "version")
_EXEC_START, _EXEC_END, _DISK = (
    (column, places("pfw_wrapper", (column,))[0]) for column in ("exec_start_time", "exec_end_time", "diskusage")
)
_USAGE_PLACES, _PROGRAM_PLACES = (
    slice(places("pfw_exec", columns)[0], places("pfw_exec", columns)[-1] + 1) for columns in (_USAGE, _PROGRAM)
)


class CallFacts:
    """Takes in what workers tell of calls."""

    def __init__(self, draft: Draft, lineage: Lineage, jobs: JobFacts) -> None:
        self._draft = draft
        self._lineage = lineage
        self._jobs = jobs
        #: Calls by what facts say of them, found fast.
        self._calls: dict[tuple[Any, ...], tuple[KnownJob, KnownCall]] = {}

    def call(self, fact: Fact) -> tuple[KnownJob, KnownCall]:
        """The call that a fact is about, and its job; made if nobody has told of them yet."""
        return self._calls.get((fact["job"], fact["queue"], fact["call"], fact["try"])) or self._find_call(fact)

    def _find_call(self, fact: Fact) -> tuple[KnownJob, KnownCall]:
        job = self._jobs.job(fact)
        key = (int(fact["call"]), int(fact["try"]))
        call = job.calls.get(key)
        if call is None:
            module, wrapper = fact.get("module"), fact.get("wrapper")
            id_ = self._draft.new_task("wrapper", module, "pfw_wrapper", job.task_id)
            about = (keys_text(fact.get("keys")), fact.get("log"), fact.get("plan"), None, None, None)
            place = (self._draft.known.attempt_id, job.block_task_id, job.task_id)
            self._draft.changes.new["pfw_wrapper"][id_] = [id_, *key, wrapper or "", module or "", *about, *place]
            call = job.calls[key] = KnownCall(id_)
            if job.lost_time is not None:
                self._jobs.close_as_lost(call, job.lost_time)
        self._calls[fact["job"], fact["queue"], fact["call"], fact["try"]] = job, call
        return job, call

    def call_start(self, fact: Fact, t: float) -> None:
        module, wrapper = fact["module"], fact["wrapper"]
        is_new = (fact["job"], fact["queue"], fact["call"], fact["try"]) not in self._calls
        call = self.call(fact)[1]
        self._draft.begin(call.task_id, t)
        if is_new and call.task_id in self._draft.changes.new["pfw_wrapper"]:
            return
        self._draft.changes.set("task", call.task_id, ("label",), module)
        columns = ("name", "modname", "wrapkeys", "planfile")
        values = (wrapper, module, keys_text(fact.get("keys")), fact.get("plan"))
        self._draft.changes.set("pfw_wrapper", call.task_id, columns, *values)
        if not call.log_moved:
            self._draft.changes.set("pfw_wrapper", call.task_id, ("log",), fact.get("log"))

    def _set_in_call(self, call: KnownCall, column: tuple[str, int], value: Any) -> None:
        row = self._draft.new_calls.get(call.task_id)
        if row is None:
            self._draft.changes.set("pfw_wrapper", call.task_id, column[:1], value)
        else:
            row[column[1]] = value

    def call_run(self, fact: Fact, t: float) -> None:
        self._set_in_call(self.call(fact)[1], _EXEC_START, t)

    def call_store(self, fact: Fact, t: float) -> None:
        self._set_in_call(self.call(fact)[1], _EXEC_END, t)

    def call_end(self, fact: Fact, t: float) -> None:
        job, call = self.call(fact)
        if call.told is Told.ENDED:
            return
        # All is read before anything is changed: half of a fact would be worse than none.
        status = int(fact["status"])
        attempt_id = self._draft.known.attempt_id
        tasks = _TasksOfCall(self._exec, job, call)
        files = read_files(fact, attempt_id, call.task_id, tasks, t)
        messages = [
            (tasks[m.get("exec") or 0], attempt_id, t, int(m["level"]), None, str(m["text"]), *_place_in_file(m))
            for m in fact.get("messages") or ()
        ]
        self._draft.changes.messages += messages
        call.told = Told.ENDED
        self._draft.end(call.task_id, t, status)
        self._set_in_call(call, _DISK, fact.get("disk"))
        if "log" in fact:
            call.log_moved = True
            self._draft.changes.set("pfw_wrapper", call.task_id, ("log",), fact["log"])
        self._lineage.add(call.task_id, files)

    def _exec(self, job: KnownJob, call: KnownCall, number: int) -> KnownExec:
        known = call.execs.get(number)
        if known is None:
            id_ = self._draft.new_task("exec", f"exec_{number}", "pfw_exec", call.task_id)
            place = (self._draft.known.attempt_id, job.block_task_id, job.task_id, call.task_id)
            about = ["", None, None, *[None] * len(_USAGE)]
            self._draft.changes.new["pfw_exec"][id_] = [id_, number, *about, *place, None]
            known = call.execs[number] = KnownExec(id_)
            if job.lost_time is not None:
                self._jobs.close_as_lost(known, job.lost_time)
        return known

    def exec_start(self, fact: Fact, t: float) -> None:
        known = self._exec(*self.call(fact), int(fact["exec"]))
        self._draft.begin(known.task_id, t)
        values = (fact["program"], fact.get("args"), fact.get("version"))
        row = self._draft.new_execs.get(known.task_id)
        if row is None:
            self._draft.changes.set("pfw_exec", known.task_id, _PROGRAM, *values)
        else:
            row[_PROGRAM_PLACES] = values
        if software := fact.get("software"):
            self._draft.changes.set("pfw_exec", known.task_id, ("software_sha256",), str(software))

    def exec_end(self, fact: Fact, t: float) -> None:
        status = int(fact["status"])
        usage = fact.get("usage") or {}
        values = [usage.get(key) for key in _USAGE_KEYS]
        known = self._exec(*self.call(fact), int(fact["exec"]))
        known.told = Told.ENDED
        self._draft.end(known.task_id, t, status)
        row = self._draft.new_execs.get(known.task_id)
        if row is None:
            self._draft.changes.set("pfw_exec", known.task_id, _USAGE, *values)
        else:
            row[_USAGE_PLACES] = values


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
