"""Plan of a run: frozen values that describe everything that will run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from framework.model.part import Part
from framework.model.software import Container, Environment

#: Archive name of files outside every archive; their path is absolute, or a URL.
EXTERNAL = "external"


class ArchivedFile(NamedTuple):
    """File as an archive holds it: size in bytes and sha256."""

    size: int
    sha256: str
    #: Suffix of its name there, where it is kept compressed.
    compression: str = ""
    #: Archive that has it, where that is not the run's own.
    archive: str = ""


class File(Part, frozen=True, kw_only=True):
    """File of a call."""

    #: Name in the pipeline: ``file.red``, or ``list.reds.red`` for a member of a list.
    label: str
    filetype: str
    #: Its identity: directory and name in the archive, or the absolute path or URL of a file outside every archive.
    path: str
    #: Path in the job's directory.
    job_path: str
    #: Searchable values that are recorded with the file.
    metadata: Mapping[str, str] = {}
    #: Whether the archive keeps it; otherwise only the job has it.
    saved: bool = True
    #: Whether it may be missing.
    optional: bool = False
    #: Whether it lies outside every archive.
    external: bool = False
    #: Second name in the job, which a program requires; several files may have the same.
    rename: str = ""
    #: Size in bytes and sha256, where an archive holds it already.
    size: int | None = None
    sha256: str | None = None
    #: Suffix after this path in the archive, where it is kept compressed.
    compression: str = ""
    #: Archive that it is staged from; empty where the run's own has it.
    staged_from: str = ""
    #: Cards that are set in its FITS headers before it is stored: HDU, keyword, value, comment.
    header: tuple[tuple[str, str, str, str], ...] = ()
    #: Whether it stays in memory, in the process that the job's calls share, and is not written.
    in_memory: bool = False
    #: Regular expression of names, where only the program knows which files it makes; path and job_path hold ``*``
    #: then.
    pattern: str = ""

    @property
    def name(self) -> str:
        """Name in the job's directory."""
        return self.job_path.rpartition("/")[2]

    @property
    def known(self) -> ArchivedFile | None:
        """Archived file; None where no archive holds it yet."""
        return (
            None
            if self.size is None
            else ArchivedFile(self.size, self.sha256 or "", self.compression, self.staged_from)
        )

    @property
    def archived(self) -> str:
        """Path under which an archive keeps it."""
        return self.path + self.compression

    def relabelled(self, label: str, job_path: str, rename: str) -> File:
        """Return the same file under the names that another module has for it."""
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
    """List of files that is written into the job's directory before the programs begin."""

    label: str
    job_path: str
    lines: tuple[str, ...]
    #: Archive paths of each line's files, where some may be missing when the list is written; else empty.
    files: tuple[tuple[str, ...], ...] = ()


class Exec(Part, frozen=True, kw_only=True):
    """Program of a call, with its command line."""

    number: int
    program: str
    argv: tuple[str, ...]
    #: Indexes of the words that hold $HEAD{} or $SECRET{}, which the job fills in.
    deferred: tuple[int, ...] = ()
    #: Labels of files that it reads and makes, and (parent, child) labels, as the pipeline declares them.
    used: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    #: Option by which the program prints its version, and the regular expression that finds it in the output.
    version_flag: str = ""
    version_pattern: str = ""
    #: ``package.module:function`` that runs in the job's process instead; empty for a program of its own.
    step: str = ""


class Needs(Part, frozen=True, kw_only=True):
    """Resources that a call requests; None, or no step, where the pipeline does not request any."""

    #: Memory that it requests at first, and after each time that this was exceeded; so too the time.
    memory_steps_mb: tuple[int, ...] = ()
    disk_mb: int | None = None
    cpus: int = 1
    gpus: int = 0
    walltime_steps_minutes: tuple[float, ...] = ()
    #: Exit statuses of programs for which memory was too little.
    memory_statuses: tuple[int, ...] = ()
    #: Partition and account of a batch system; empty for its defaults.
    partition: str = ""
    account: str = ""

    @property
    def memory_mb(self) -> int | None:
        """Memory that it requests at first."""
        return self.memory_steps_mb[0] if self.memory_steps_mb else None

    @property
    def walltime_minutes(self) -> float | None:
        """Time that it requests at first."""
        return self.walltime_steps_minutes[0] if self.walltime_steps_minutes else None


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
    #: Section of the wrapper in the module, expanded.
    settings: Mapping[str, str] = {}
    #: Environment variables of its programs.
    environment: Mapping[str, str] = {}
    needs: Needs
    #: Label of the environment or container of its programs; empty for the machine as it is.
    software: str = ""
    max_retries: int = 0
    #: Greatest number of the module's calls that run at a time in one job; None without a limit of the module.
    max_threads: int | None = None

    @property
    def in_process(self) -> bool:
        """True if it runs in the process that calls of its job share."""
        return any(step.step for step in self.execs)


class Job(Part, frozen=True, kw_only=True):
    """Calls that run together on one worker, in order."""

    number: int
    block: int
    keys: str
    calls: tuple[Call, ...]
    #: Numbers of the jobs whose files this one reads.
    parents: tuple[int, ...] = ()
    #: Greatest number of calls of one module that run at a time; 0 without a limit of the block.
    max_threads: int = 0

    @property
    def max_retries(self) -> int:
        """Greatest number of retries of its calls."""
        return max(call.max_retries for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """Module with the number of its calls."""

    name: str
    number: int
    calls: int
    #: Greatest number of its jobs that run at a time in the whole run; None for no limit.
    max_running: int | None = None
    #: Concurrency limits of the pool that its jobs use, ``name`` or ``name:weight``.
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
    """Module of a late block: what is known before its inputs exist."""

    name: str
    number: int
    #: Its questions, object by object: ``file.piece: depends = split.file.piece``.
    asks: tuple[str, ...]
    #: Modules whose files it depends on, and ``archive`` where it queries the registry.
    sources: tuple[str, ...]
    #: Programs that it runs in any case, with the label of their environment or container.
    programs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LateBlock:
    """Block that is planned when the blocks before it have ended, since its number of calls is known only then."""

    number: int
    name: str
    #: Name of the block before it.
    after: str
    modules: tuple[LateModule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Names of a run and its owner."""

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
    """Plan of a run: all its blocks, jobs and calls."""

    identity: Identity
    blocks: tuple[Block, ...]
    #: The run's directory in the home archive.
    archive_path: str
    archive: str
    archive_root: str
    target_site: str
    #: Settings of the site, keys of its sections joined by dots.
    site: Mapping[str, str]
    #: True when blocks wait for each other; False when only files order the jobs.
    barriers: bool
    #: Top-level values of the pipeline that are recorded with the attempt.
    kept_values: Mapping[str, str]
    #: Top-level text to print when the run is done.
    epilogue: str
    #: Environments and containers of programs, by label.
    software: Mapping[str, Environment | Container]
    #: Number of graphics processors of the site; None where it is not known.
    gpus: int | None
    #: Warnings for the user.
    warnings: tuple[str, ...] = ()
    #: Blocks that are planned later, in their order.
    late: tuple[LateBlock, ...] = ()
    #: Lists of this plan that late blocks depend on: ``module.list.label`` to its lines
    #: (framework/plan/products.py).
    carried: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    #: Directory of relative paths and programs.
    submit_directory: str = ""
    #: Archive that the run's files are delivered to when it has ended; empty for none.
    deliver_to: str = ""
    #: Greatest number of files that the jobs of a machine download from one server at a time; 0 for no limit.
    max_transfers: int = 0
    #: Whether undeclared files that jobs leave are kept.
    keeps_junk: bool = False
    #: Arguments of fpack; empty for lossless compression.
    compression_args: tuple[str, ...] = ()

    @property
    def programs(self) -> frozenset[tuple[str, str]]:
        """Programs that must be on the machine, with the label of their environment or container."""
        now = {(step.argv[0], call.software) for call in self.calls for step in call.execs}
        return frozenset(now.union(*(module.programs for block in self.late for module in block.modules)))

    @property
    def jobs(self) -> Iterator[Job]:
        """All jobs, block by block."""
        return (job for block in self.blocks for job in block.jobs)

    @property
    def calls(self) -> Iterator[Call]:
        """All calls, job by job."""
        return (call for job in self.jobs for call in job.calls)


#: Names of runs and units: without characters that are special in a shell, a URL or a DAG file.
SAFE_NAME = re.compile(r"[\w.,+=@%~^:-]+", re.ASCII)

#: Path in an archive: relative, valid UTF-8, with single slashes and without ``.`` and ``..``.
_PART = r"(?!\.\.?(?:/|\Z))[^/\0\ud800-\udfff]+"
ARCHIVE_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
