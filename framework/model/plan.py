"""The plan's parts: frozen values that say everything that will run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

#: The archive name of files that lie outside every archive; their path is absolute, or a URL.
EXTERNAL = "external"


class Known(NamedTuple):
    """What is already known of a file: its size in bytes and its sha256, as an archive has it."""

    size: int
    sha256: str
    #: What its name ends with there, where it is kept compressed.
    compression: str = ""
    #: The archive that has it, where that is not the run's own.
    archive: str = ""


class Part(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Part of a job's record in a shard, whose keys are the names of the fields."""


class File(Part, frozen=True, kw_only=True):
    """One file as a call sees it."""

    #: How the pipeline speaks of it: ``file.red``, or ``list.reds.red`` for a member of a list.
    label: str
    filetype: str
    #: Its identity: directory and name in the archive, or the absolute path or URL of a file outside every archive.
    path: str
    #: Where it lies below the job's own directory.
    job_path: str
    #: Recorded with the file and searchable.
    metadata: Mapping[str, str] = {}
    saved: bool = True
    optional: bool = False
    #: Whether it lies outside every archive.
    external: bool = False
    #: A second name for it in the job, which a program insists on; not unique, on purpose.
    rename: str = ""
    #: Size in bytes and sha256 of what an archive already holds.
    size: int | None = None
    sha256: str | None = None
    #: What its name in the archive ends with beyond this path, where it is kept compressed.
    compression: str = ""
    #: The archive that it is brought from before it is needed; empty where the run's own has it.
    staged_from: str = ""
    #: Cards that its FITS headers are given before it is stored: HDU, keyword, value, comment.
    header: tuple[tuple[str, str, str, str], ...] = ()
    #: Whether it stays in memory, in the process that the job's calls share, and is not written.
    in_memory: bool = False
    #: Where only the program knows which files it makes: the expression that their names fit; path and job_path have
    #: ``*`` then.
    pattern: str = ""

    @property
    def name(self) -> str:
        return self.job_path.rpartition("/")[2]

    @property
    def known(self) -> Known | None:
        return None if self.size is None else Known(self.size, self.sha256 or "", self.compression, self.staged_from)

    @property
    def archived(self) -> str:
        """Its path as an archive keeps it."""
        return self.path + self.compression

    def placed(self, label: str, job_path: str, rename: str) -> File:
        """The same file as another module speaks of it."""
        return File(
            label=label,
            filetype=self.filetype,
            path=self.path,
            job_path=job_path,
            metadata=self.metadata,
            saved=self.saved,
            optional=self.optional,
            external=self.external,
            rename=rename,
            size=self.size,
            sha256=self.sha256,
            compression=self.compression,
            staged_from=self.staged_from,
        )


class ListFile(Part, frozen=True, kw_only=True):
    """A list of files, written into the job's directory before the programs begin."""

    label: str
    job_path: str
    lines: tuple[str, ...]
    #: The paths of each line's files, where some may be missing when the list is written; else empty.
    files: tuple[tuple[str, ...], ...] = ()


class Exec(Part, frozen=True, kw_only=True):
    """One program of a call, its command line filled in."""

    number: int
    program: str
    argv: tuple[str, ...]
    #: Indexes of the words that hold $HEAD{} or $SECRET{}, which the job fills in.
    deferred: tuple[int, ...] = ()
    #: Labels of what it reads and makes, and (parent, child) labels, as the pipeline declares them.
    used: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    version_flag: str = ""
    version_pattern: str = ""
    #: ``package.module:function`` that does its work in the job's process; empty where it is a program of its own.
    step: str = ""


class Needs(Part, frozen=True, kw_only=True):
    """What a call asks of the machine; None, or no step, where the pipeline does not say."""

    #: What it asks for at first, and each time after that was too little.
    memory_steps_mb: tuple[int, ...] = ()
    disk_mb: int | None = None
    cpus: int = 1
    gpus: int = 0
    walltime_steps_minutes: tuple[float, ...] = ()
    #: Exit statuses by which programs say that memory was too little.
    memory_statuses: tuple[int, ...] = ()
    #: For sites with a queue: which of its parts, and whom it charges; empty where the pipeline does not say.
    partition: str = ""
    account: str = ""

    @property
    def memory_mb(self) -> int | None:
        """What it asks for at first."""
        return self.memory_steps_mb[0] if self.memory_steps_mb else None

    @property
    def walltime_minutes(self) -> float | None:
        """What it asks for at first."""
        return self.walltime_steps_minutes[0] if self.walltime_steps_minutes else None


class Environment(Part, frozen=True, kw_only=True, tag_field="kind", tag="environment"):
    """How programs find their software on the machine itself; what it names is applied in this order."""

    name: str
    #: A script that bash reads, and its arguments.
    setup: tuple[str, ...] = ()
    #: What ``module load`` is given, and the script that makes that command known (empty: where it usually lies).
    module_load: tuple[str, ...] = ()
    module_init: str = ""
    #: Directories of a conda or of a virtual environment.
    conda: str = ""
    venv: str = ""
    #: Longest time that making it ready may take.
    setup_minutes: float

    @property
    def label(self) -> str:
        return f"environment {self.name}"


class Bind(Part, frozen=True, array_like=True):
    """A place of the machine that programs in a container see."""

    outside: str
    inside: str
    writable: bool


class Container(Part, frozen=True, kw_only=True, tag_field="kind", tag="container"):
    """An image that programs run in, and what runs it."""

    name: str
    runtime: str
    image: str
    binds: tuple[Bind, ...] = ()
    #: Further words for the runtime.
    options: tuple[str, ...] = ()
    setup_minutes: float

    @property
    def label(self) -> str:
        return f"container {self.name}"


class Call(Part, frozen=True, kw_only=True):
    """One execution of one wrapper."""

    #: Its number in the run, ``wrapnum`` in the registry.
    number: int
    module: str
    wrapper: str
    keys: Mapping[str, str]
    log: File
    inputs: tuple[File, ...]
    outputs: tuple[File, ...]
    lists: tuple[ListFile, ...] = ()
    execs: tuple[Exec, ...]
    #: The wrapper's own section of the module, expanded.
    settings: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    needs: Needs
    #: Label of what its programs run in; empty for the machine as it is.
    software: str = ""
    max_retries: int = 0
    #: The module allows so many of its calls at a time in one job; None where it does not say.
    max_threads: int | None = None

    @property
    def in_process(self) -> bool:
        """Whether it runs in the process that it shares with others of its job."""
        return any(step.step for step in self.execs)


class Job(Part, frozen=True, kw_only=True):
    """Calls that run together on one worker, in order."""

    number: int
    block: int
    keys: str
    calls: tuple[Call, ...]
    #: Jobs whose files this one needs.
    parents: tuple[int, ...] = ()
    #: How many calls of one module may run at a time; 0 where the block does not say.
    max_threads: int = 0

    @property
    def max_retries(self) -> int:
        return max(call.max_retries for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A step as the plan sees it: how many calls it became."""

    name: str
    number: int
    calls: int
    #: At most so many of its jobs run at a time in the whole run; None for no limit.
    max_running: int | None = None
    #: Names of throttles that the site keeps, ``name`` or ``name:weight``.
    concurrency_limits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Modules that are planned together."""

    number: int
    name: str
    modules: tuple[Module, ...]
    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateModule:
    """A step of a late block: what is known of it before its inputs are there."""

    name: str
    number: int
    #: What it will ask for, object by object: ``file.piece: depends = split.file.piece``.
    asks: tuple[str, ...]
    #: The modules whose files it depends on, and ``archive`` where it queries.
    sources: tuple[str, ...]
    #: Programs that it runs in any case.
    programs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBlock:
    """A block that is planned when the blocks before it have ended, since its width is known only then."""

    number: int
    name: str
    #: The block right before it.
    after: str
    modules: tuple[LateModule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a run is called, and whose it is."""

    reqnum: int
    unitname: str
    attnum: int
    run: str
    project: str
    campaign: str
    pipeline: str
    operator: str
    jira_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that will run."""

    identity: Identity
    blocks: tuple[Block, ...]
    #: The run's directory in the home archive.
    archive_path: str
    archive: str
    archive_root: str
    target_site: str
    #: What the site says of itself, keys of its sections joined by dots.
    site: Mapping[str, str]
    #: True when blocks wait for each other; False when only files order the jobs.
    barriers: bool
    #: Top-level values that the pipeline asks to keep with the attempt.
    kept_values: Mapping[str, str]
    #: Top-level text to print when the run is done.
    epilogue: str
    #: What programs run in, by label.
    software: Mapping[str, Environment | Container]
    #: How many graphics processors the site gives; None where it does not say.
    gpus: int | None
    #: What may be looked at but did not stop the plan.
    warnings: tuple[str, ...] = ()
    #: Blocks that are planned later, in their order.
    late: tuple[LateBlock, ...] = ()
    #: What modules of this plan read, and late blocks depend on: ``module.list.label`` to its lines
    #: (framework/plan/products.py).
    carried: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    #: Where relative paths and programs lie.
    submit_directory: str = ""
    #: The archive that what the run has made goes to when it has ended; empty where it stays in its own.
    deliver_to: str = ""
    #: How many files a machine's jobs may fetch from one server at a time; 0 for no limit.
    max_transfers: int = 0
    #: Whether what jobs leave that nobody declared is kept.
    keeps_junk: bool = False
    #: What fpack is told, where files are compressed by it; its own defaults are not ours.
    compression_args: tuple[str, ...] = ()

    @property
    def programs(self) -> frozenset[tuple[str, str]]:
        """What has to be on the machine, each with the label of what it runs in, empty for the machine as it is."""
        now = {(step.argv[0], call.software) for call in self.calls for step in call.execs}
        return frozenset(now.union(*(module.programs for block in self.late for module in block.modules)))

    @property
    def jobs(self) -> Iterator[Job]:
        return (job for block in self.blocks for job in block.jobs)

    @property
    def calls(self) -> Iterator[Call]:
        return (call for job in self.jobs for call in job.calls)


#: What a run and its unit may be called: nothing that a shell, a URL or a DAG file would trip over.
SAFE_NAME = re.compile(r"[\w.,+=@%~^:-]+", re.ASCII)

#: A path in an archive: any text that is UTF-8, between single slashes, that leads nowhere else.
_PART = r"(?!\.\.?(?:/|\Z))[^/\0\ud800-\udfff]+"
ARCHIVE_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
