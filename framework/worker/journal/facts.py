"""Facts as JSON objects, for ``Journal.write``: one function a kind of fact.

``framework.model.facts`` has the meaning of each key, as ``docs/reference/journal.md`` prints it; a test holds the two
equal.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as mypy knows it, without the import: a worker starts in milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    #: A fact, with its kind at ``e``; the journal adds the time ``t`` if it is not there.
    FactObject = dict[str, object]
    #: A file, as ``file_record`` makes it.
    FileObject = dict[str, Any]
else:
    FactObject = FileObject = dict


class JobExecution:
    """One execution of a job, which its facts are about."""

    __slots__ = ("keys",)

    def __init__(self, job: int, execution_id: str) -> None:
        #: Job and execution, as facts name them.
        self.keys: dict[str, Any] = {"job": job, "queue": execution_id}


class CallTry(JobExecution):
    """One try at a call, which its facts are about."""

    __slots__ = ()

    def __init__(self, job: int, execution_id: str, call: int, try_number: int) -> None:
        self.keys = {"job": job, "queue": execution_id, "call": call, "try": try_number}


def file_record(
    path: str, filetype: str, *, size: int | None = None, sha256: str | None = None, archive: str | None = None,
    packed: Sequence[Any] | None = None, metadata: Mapping[str, Any] | None = None,
) -> FileObject:  # fmt: skip
    """A file that was read or made; what is None is left out."""
    optional = (("size", size), ("sha256", sha256), ("archive", archive), ("packed", packed), ("meta", metadata))
    return {"path": path, "type": filetype, **{key: value for key, value in optional if value is not None}}


def call_message(level: int, text: str, exec_number: int = 0) -> dict[str, Any]:
    """A message of a call, or of one of its programs."""
    return {"level": level, "text": text, "exec": exec_number}


# ---- the run and its blocks


def attempt_start() -> FactObject:
    """The engine begins the run, or restarts it."""
    return {"e": "attempt.start"}


def attempt_files(files: Sequence[FileObject]) -> FactObject:
    """The engine stores files that belong to the run as a whole."""
    return {"e": "attempt.files", "files": files}


def attempt_end(status: int) -> FactObject:
    """The engine ends the run."""
    return {"e": "attempt.end", "status": status}


def block_plan(block: int, jobs: int, modules: Mapping[str, int]) -> FactObject:
    """A late block has been planned: its jobs, and the calls of each module."""
    return {"e": "block.plan", "block": block, "jobs": jobs, "modules": modules}


def block_start(block: int) -> FactObject:
    """The engine begins a block."""
    return {"e": "block.start", "block": block}


def block_end(block: int, status: int) -> FactObject:
    """A block ends."""
    return {"e": "block.end", "block": block, "status": status}


def message(level: int, text: str, *, block: int | None = None, about: JobExecution | None = None) -> FactObject:
    """A message about the run, a block, or a job or call."""
    subject = {} if block is None else {"block": block}
    return {"e": "message", **subject, **(about.keys if about else {}), "level": level, "text": text}


# ---- jobs


def job_queue(execution: JobExecution, block: int) -> FactObject:
    """The engine queues an execution of a job."""
    return {"e": "job.queue", **execution.keys, "block": block}


def job_lost(execution: JobExecution, reason: str) -> FactObject:
    """An execution ended without a report."""
    return {"e": "job.lost", **execution.keys, "reason": reason}


def job_start(execution: JobExecution, *, block: int, keys: str, calls: int, root: str) -> FactObject:
    """A worker begins a job of so many calls in the directory ``root``."""
    return {"e": "job.start", **execution.keys, "block": block, "keys": keys, "calls": calls, "root": root}


def job_end(execution: JobExecution, status: int, files: Sequence[FileObject] = ()) -> FactObject:
    """A worker ends a job; its files are the tarball of what nobody declared, if that is kept."""
    return {"e": "job.end", **execution.keys, "status": status, **({"files": files} if files else {})}


# ---- calls and their programs


def call_start(
    call: CallTry, *, module: str, wrapper: str, keys: Mapping[str, str], log: str, plan: str
) -> FactObject:  # fmt: skip
    """A worker begins a call, which the shard ``plan`` defines."""
    about = {"module": module, "wrapper": wrapper, "keys": keys, "log": log, "plan": plan}
    return {"e": "call.start", **call.keys, **about}


def call_run(call: CallTry) -> FactObject:
    """A call has its inputs, and its programs begin."""
    return {"e": "call.run", **call.keys}


def call_store(call: CallTry) -> FactObject:
    """The programs of a call have ended, and its outputs are checked and stored."""
    return {"e": "call.store", **call.keys}


def call_end(  # noqa: PLR0913  (a fact has a value for each key)
    call: CallTry, status: int, *, files: Sequence[FileObject], messages: Sequence[Mapping[str, Any]],
    made: Iterable[Sequence[Any]], used: Iterable[Sequence[Any]] = (), derived: Iterable[Sequence[str]] = (),
    log: str = "", exceeded: str = "",
) -> FactObject:  # fmt: skip
    """A call ends; see ``framework.model.facts.CallEnd``."""
    files_of_call = {"files": files, "used": [*used], "made": [*made], "derived": [*derived]}
    optional = {**({"log": log} if log else {}), **({"want": exceeded} if exceeded else {})}
    return {"e": "call.end", **call.keys, "status": status, **files_of_call, "messages": messages, **optional}


def software(sha256: str, *, kind: str, name: str, found: Mapping[str, Any]) -> FactObject:
    """A worker has made an environment or a container ready."""
    return {"e": "software", "sha256": sha256, "kind": kind, "name": name, "found": found}


def exec_start(
    call: CallTry, exec_number: int, *, program: str, args: str, version: str | None, software: str = ""
) -> FactObject:
    """A program of a call begins, in the software with this SHA-256."""
    about = {"program": program, "args": args, "version": version, **({"software": software} if software else {})}
    return {"e": "exec.start", **call.keys, "exec": exec_number, **about}


def exec_end(call: CallTry, exec_number: int, status: int, usage: Mapping[str, float]) -> FactObject:
    """A program of a call ends; ``usage`` is as in ``framework.model.facts.ProgramUsage``."""
    return {"e": "exec.end", **call.keys, "exec": exec_number, "status": status, "usage": usage}
