"""Facts of a journal, as typed values: what a process saw of a run, one fact a line of ``journal/<name>.jsonl``.

The key ``e`` of a line says which fact it is, and ``t`` when it happened. Keys that are unknown here are passed over.
"""

from __future__ import annotations

from typing import Union

import msgspec
from msgspec import Struct, field


class FileRecord(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A file that a call, a job or the run read or made."""

    #: Directory and name in the archive, or the absolute path or URL of a file outside every archive.
    path: str
    #: Filetype of the file.
    filetype: str = field(name="type")
    #: Size in bytes; absent for an object that was passed to other calls in memory.
    size: int | None = None
    #: SHA-256 of the content in hexadecimal digits; absent for an object that was passed to other calls in memory.
    sha256: str | None = None
    #: MD5 of the content in hexadecimal digits; only older journals have it.
    md5: str | None = None
    #: Archive that holds the file; absent if it was not kept, ``external`` for a file outside every archive.
    archive: str | None = None
    #: Suffix, size in bytes and SHA-256 of the archive's copy, if the archive keeps the file compressed.
    packed: tuple[str, int, str] | None = None
    #: Metadata: keys to values.
    metadata: dict[str, object] | None = field(default=None, name="meta")


class CallMessage(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A message of a program, or of the worker about the call."""

    #: 1 error, 2 warning, 3 information.
    level: int
    #: Text of the message.
    text: str
    #: Number of the program within the call; 0 if the message is not a program's.
    exec_number: int | None = field(default=None, name="exec")
    #: Source file that the message names.
    file: str | None = None
    #: Line in that file, from 1.
    line: int | None = None


class ProgramUsage(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Resources that a program used, as ``getrusage`` counts them; absent where nobody measured.

    Of steps that share a process they are differences, which may be written as real numbers.
    """

    #: Elapsed time in seconds.
    wall: float | None = None
    #: Processor time in user mode, in seconds.
    utime: float | None = None
    #: Processor time in system mode, in seconds.
    stime: float | None = None
    #: Largest resident set in kilobytes.
    maxrss: int | float | None = None
    #: Page faults without input or output.
    minflt: int | float | None = None
    #: Page faults with input or output.
    majflt: int | float | None = None
    #: Blocks read.
    inblock: int | float | None = None
    #: Blocks written.
    oublock: int | float | None = None
    #: Voluntary context switches.
    nvcsw: int | float | None = None
    #: Involuntary context switches.
    nivcsw: int | float | None = None


class JournalFact(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="e"):
    """A fact of any kind."""

    #: When it happened, in seconds since 1970 (UTC).
    time: float = field(name="t")


class JobFact(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="e"):
    """A fact about one execution of a job."""

    #: Number of the job in the plan.
    job: int
    #: Execution of the job: the id that its queue gave it, unique in the run.
    execution_id: str = field(name="queue")


class CallFact(JobFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag_field="e"):
    """A fact about one try at a call."""

    #: Number of the call in the plan (wrapnum).
    call: int
    #: Try at the call, counted from 1 over the whole run.
    try_number: int = field(name="try")


class JournalOpen(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="open"):
    """A process begins a journal; always the first line."""

    #: Format of the journal: 1.
    format: int = 1
    #: Name of the run.
    run: str | None = None
    #: The attempt's id in the registry.
    attempt: int | None = None
    #: Start of the run: 0 at submission, then one more at each restart; absent in notes of operators.
    start: int | None = None
    #: Host of the process.
    host: str | None = None
    #: Process number.
    pid: int | None = None
    #: Name of the journal.
    journal: str | None = None


class AttemptStart(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="attempt.start"):
    """The engine begins the run, or restarts it."""


class AttemptFiles(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="attempt.files"):
    """The engine stores files that belong to the run as a whole, such as the shards of its plan."""

    #: Files that were stored.
    files: list[FileRecord]


class AttemptEnd(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="attempt.end"):
    """The engine ends the run."""

    #: 0 if everything succeeded.
    status: int


class BlockPlan(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="block.plan"):
    """A late block has been planned."""

    #: Number of the block.
    block: int
    #: Jobs of the block.
    jobs: int
    #: Modules of the block, each with its number of calls.
    modules: dict[str, int]


class BlockStart(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="block.start"):
    """The engine begins a block."""

    #: Number of the block.
    block: int


class BlockEnd(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="block.end"):
    """A block ends."""

    #: Number of the block.
    block: int
    #: 0 if all its jobs succeeded.
    status: int


class JobQueue(JobFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="job.queue"):
    """The engine queues an execution of a job."""

    #: Number of the job's block.
    block: int | None = None


class JobLost(JobFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="job.lost"):
    """An execution ended without a report; calls and programs that it left open end with status -9."""

    #: Why it was lost.
    reason: str = "no reason given"


class JobStart(JobFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="job.start"):
    """A worker begins a job."""

    #: Number of the job's block.
    block: int | None = None
    #: Values of the loop that the job belongs to, as text or as keys to values.
    keys: str | dict[str, object] | None = None
    #: Calls that the job is planned to make.
    calls: int | None = None
    #: Directory of the job on the worker.
    root: str | None = None


class JobEnd(JobFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="job.end"):
    """A worker ends a job."""

    #: 0, or the status of its first call that failed.
    status: int
    #: The tarball of files that nobody declared, if the pipeline keeps it.
    files: list[FileRecord] = []
    #: Bytes that the job left on disk; only older journals have it.
    disk: int | None = None


class CallStart(CallFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="call.start"):
    """A worker begins a call."""

    #: Module that the call belongs to.
    module: str
    #: Wrapper that runs its programs.
    wrapper: str
    #: Values of the loop that the call belongs to.
    keys: str | dict[str, object] | None = None
    #: Path of the call's log in the archive.
    log: str | None = None
    #: Name of the shard that defines the call.
    plan: str | None = None


class CallRun(CallFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="call.run"):
    """A call has its inputs, and its programs begin."""


class CallStore(CallFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="call.store"):
    """The programs of a call have ended, and its outputs are checked and stored."""


class CallEnd(CallFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="call.end"):
    """A call ends, by its worker, or by the engine if the worker was lost.

    A call that failed lists only its log and the outside files that it read.
    """

    #: 0, the status of the program that failed, 1 for a bad result, 75 for infrastructure, -9 for a lost call.
    status: int
    #: Files that the call made, its log, and files outside every archive that it read.
    files: list[FileRecord] = []
    #: Pairs of a program's number and the path of a file that it read, which may be another call's or run's.
    used: list[tuple[int, str]] = []
    #: Pairs of a program's number and the path of a file that it made; 0 stands for the call, as for its log.
    made: list[tuple[int, str]] = []
    #: Pairs of the path of a file and of one that it was derived from.
    derived: list[tuple[str, str]] = []
    #: Messages of the programs and of the worker.
    messages: list[CallMessage] = []
    #: Path of the log in the archive, if the engine kept it under another name than ``call.start`` has.
    log: str | None = None
    #: Resource that was exceeded, ``memory`` or ``time``; absent if none was.
    exceeded: str | None = field(default=None, name="want")
    #: Bytes that the call left on disk; only older journals have it.
    disk: int | None = None


class SoftwareReady(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="software"):
    """A worker has made an environment or a container ready."""

    #: Identity of the software: a SHA-256 over what was found.
    sha256: str
    #: ``environment`` or ``container``.
    kind: str
    #: Name that the pipeline gives it.
    name: str
    #: Version of Python, image, digest and packages, as found.
    found: dict[str, object]


class ExecStart(CallFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="exec.start"):
    """A program of a call begins."""

    #: Number of the program within the call.
    exec_number: int = field(name="exec")
    #: Name of the program.
    program: str
    #: Command line, quoted for a shell.
    args: str | None = None
    #: Version that the program reports.
    version: str | None = None
    #: SHA-256 of the software that the program runs in; absent for the machine as it is.
    software: str | None = None


class ExecEnd(CallFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="exec.end"):
    """A program of a call ends."""

    #: Number of the program within the call.
    exec_number: int = field(name="exec")
    #: Exit code, or 128 and the signal's number; 124 if its time was up.
    status: int
    #: Resources that it used.
    usage: ProgramUsage = ProgramUsage()


class Message(JournalFact, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="message"):
    """A message about the run, a block, a job or a call."""

    #: 1 error, 2 warning, 3 information, 4 event of operators and queues.
    level: int
    #: Text of the message.
    text: str
    #: Number of the block that it is about.
    block: int | None = None
    #: Number of the job that it is about.
    job: int | None = None
    #: Execution of that job.
    execution_id: str | None = field(default=None, name="queue")
    #: Number of the call that it is about.
    call: int | None = None
    #: Try at that call.
    try_number: int | None = field(default=None, name="try")


#: Every kind of fact, in the order in which a run tells them.
FACTS = (
    JournalOpen, AttemptStart, AttemptFiles, BlockPlan, BlockStart, JobQueue, JobLost, BlockEnd, AttemptEnd,
    JobStart, CallStart, CallRun, SoftwareReady, ExecStart, ExecEnd, CallStore, CallEnd, Message, JobEnd,
)  # fmt: skip

Fact = Union[  # noqa: UP007  (msgspec evaluates it)
    JournalOpen, AttemptStart, AttemptFiles, BlockPlan, BlockStart, JobQueue, JobLost, BlockEnd, AttemptEnd,
    JobStart, CallStart, CallRun, SoftwareReady, ExecStart, ExecEnd, CallStore, CallEnd, Message, JobEnd,
]  # fmt: skip

#: Decodes one line of a journal; ``msgspec.ValidationError`` if a value has another type than its fact says.
DECODER: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)
