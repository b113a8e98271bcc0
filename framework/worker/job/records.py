"""Records of a job, as JSON between planner, engine and worker; for type checkers only: no worker imports them.

A shard of the plan begins with a header, and has a record a job; ``framework/model/plan.py`` documents the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired, TypedDict


class FileRecord(TypedDict):
    """File of a call."""

    label: str
    path: str
    job_path: str
    filetype: str
    external: NotRequired[bool]
    rename: NotRequired[str]
    saved: NotRequired[bool]
    optional: NotRequired[bool]
    in_memory: NotRequired[bool]
    size: NotRequired[int | None]
    sha256: NotRequired[str | None]
    metadata: NotRequired[dict[str, object]]
    compression: NotRequired[str]
    header: NotRequired[list[list[str]]]
    pattern: NotRequired[str]


class ListRecord(TypedDict):
    """List of files."""

    label: str
    job_path: str
    lines: list[str]
    files: NotRequired[list[list[str]]]


class ExecRecord(TypedDict):
    """Program of a call."""

    number: int
    program: str
    argv: list[str]
    deferred: NotRequired[list[int]]
    used: NotRequired[list[str]]
    made: NotRequired[list[str]]
    derived: NotRequired[list[list[str]]]
    version_flag: NotRequired[str]
    version_pattern: NotRequired[str]
    step: NotRequired[str]


class NeedsRecord(TypedDict, total=False):
    """Resources of a call that the worker enforces."""

    memory_steps_mb: list[int]
    walltime_steps_minutes: list[float]
    memory_statuses: list[int]


class CallRecord(TypedDict):
    """One execution of a wrapper."""

    number: int
    module: str
    wrapper: str
    keys: dict[str, str]
    log: FileRecord
    inputs: list[FileRecord]
    outputs: list[FileRecord]
    lists: NotRequired[list[ListRecord]]
    execs: list[ExecRecord]
    settings: NotRequired[dict[str, str]]
    environment: NotRequired[dict[str, str]]
    needs: NeedsRecord
    software: NotRequired[str]
    max_threads: NotRequired[int | None]


class JobRecord(TypedDict):
    """Calls that run together."""

    number: int
    block: int
    keys: str
    calls: list[CallRecord]
    parents: NotRequired[list[int]]
    max_threads: NotRequired[int]


class ShardHeader(TypedDict):
    """First line of a shard: the fields that all its jobs share."""

    #: Missing in format 1.
    format: NotRequired[int]
    run: str
    attempt: int
    archive: str
    archive_root: str
    shard: str
    software: NotRequired[dict[str, dict[str, Any]]]
    compression_args: NotRequired[list[str]]
    max_transfers: NotRequired[int]
    junk: NotRequired[str]


class LocalOrder(TypedDict):
    """Order by which a worker of the local engine runs a job."""

    shard: str
    offset: int
    #: Id of the execution.
    queue: str
    aside: str
    skip: NotRequired[Iterable[int]]
    tries: NotRequired[dict[str, int]]
    wanted: NotRequired[Mapping[str, Mapping[str, int]]]
    known: NotRequired[Mapping[str, tuple[int, str]]]
    gpus: NotRequired[list[int]]


class PoolOrder(TypedDict, total=False):
    """Order that tells a job of a pool about earlier submissions; empty for one that never began."""

    skip: list[int]
    #: Call number, as text, to how often it was tried to its end.
    tries: dict[str, int]
    #: How often the job's time was raised.
    raised: int
    #: Size and sha256 of inputs that earlier submissions stored.
    known: dict[str, tuple[int, str]]


class JournalOpening(TypedDict):
    """Run and submission that a journal names in its first line."""

    run: str
    attempt: int
    start: int


class PoolSettings(JournalOpening):
    """Settings that all jobs of a submission read."""

    directory: str
    archive_root: str
    #: Directory of the orders.
    orders: str
    #: True where jobs share a file system with the run.
    shared: bool
    secrets: NotRequired[str]


class Answer(TypedDict):
    """Answer of a worker of the local engine: how the calls of a job went."""

    job: NotRequired[int]
    #: Id of the execution.
    queue: NotRequired[str]
    status: int
    reason: NotRequired[str]
    #: Call, and memory or time, which it exceeded.
    want: NotRequired[tuple[int, str] | None]
    finished: NotRequired[Iterable[int]]
    failed: NotRequired[Iterable[int]]
    #: Size and sha256 of files that were made, by archive path.
    stored: NotRequired[dict[str, tuple[int, str]]]
    #: Label of software that could not be made ready.
    broken: NotRequired[str]
    #: True if the end of the job could not be recorded.
    lost: NotRequired[bool]


class StepOrder(TypedDict):
    """Order to the shared process to execute a step."""

    step: str
    arguments: list[str]
    #: Paths in the job's directory of outputs that stay in memory.
    memory: list[str]
    #: Pairs of a path and of the one that its object has already.
    names: list[tuple[str, str]]
    #: Paths of objects that no later step reads.
    forget: list[str]
    environment: dict[str, str]


class StepAnswer(TypedDict):
    """Answer of the shared process."""

    status: int
    #: Outputs that were left in memory.
    held: list[str]
    usage: NotRequired[dict[str, float]]
