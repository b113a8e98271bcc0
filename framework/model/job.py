"""Job of a plan, with its calls, programs, files and software, as a shard holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec


class ArchivedFile(NamedTuple):
    """File as an archive holds it: size in bytes and sha256."""

    size: int
    sha256: str
    #: Suffix of its name there, where it is kept compressed.
    compression: str = ""
    #: Archive that has it, where that is not the run's own.
    archive: str = ""


class Part(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Part of a job's record in a shard, whose keys are the names of the fields."""


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


class Environment(Part, frozen=True, kw_only=True, tag_field="kind", tag="environment"):
    """Environment variables of programs, set by the following parts in this order."""

    name: str
    #: Script that bash sources, and its arguments.
    setup: tuple[str, ...] = ()
    #: Arguments of ``module load``, and the script that defines this command (empty for its usual path).
    module_load: tuple[str, ...] = ()
    module_init: str = ""
    #: Directories of a conda environment and of a virtual environment.
    conda: str = ""
    venv: str = ""
    #: Longest time that its setup may take.
    setup_minutes: float

    @property
    def label(self) -> str:
        return f"environment {self.name}"


class Bind(Part, frozen=True, array_like=True):
    """Directory or file of the machine that is mounted in a container."""

    outside: str
    inside: str
    writable: bool


class Container(Part, frozen=True, kw_only=True, tag_field="kind", tag="container"):
    """Image that programs run in, and its runtime."""

    name: str
    runtime: str
    image: str
    binds: tuple[Bind, ...] = ()
    #: Further options of the runtime.
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
