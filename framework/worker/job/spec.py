"""A job as the worker reads it from its shard of the plan.

The classes have the fields of their namesakes in ``framework/model/plan.py``, which documents them: ``FileSpec`` those
of ``File``, and so on; a test holds them equal. They are written out here since workers start in milliseconds.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO, TypeVar

    from framework.worker.job.records import (
        CallRecord,
        ExecRecord,
        FileRecord,
        JobRecord,
        ListRecord,
        NeedsRecord,
        ShardHeader,
    )

    Amount = TypeVar("Amount", int, float)


class FileSpec:
    """File of a call: its path in the archive (or outside it) and in the job's directory."""

    __slots__ = (
        "compression", "external", "filetype", "header", "in_memory", "job_path", "label", "metadata", "optional",
        "path", "pattern", "rename", "saved", "sha256", "size", "transferred_to",
    )  # fmt: skip

    def __init__(self, data: FileRecord) -> None:
        self.label: str = data["label"]
        self.path: str = data["path"]
        self.job_path: str = data["job_path"]
        self.filetype: str = data["filetype"]
        self.external: bool = data.get("external", False)
        self.rename: str = data.get("rename", "")
        self.saved: bool = data.get("saved", True)
        self.optional: bool = data.get("optional", False)
        self.in_memory: bool = data.get("in_memory", False)
        self.size: int | None = data.get("size")
        self.sha256: str | None = data.get("sha256")
        self.metadata: dict[str, object] = data.get("metadata", {})
        self.compression: str = data.get("compression", "")
        self.header: list[list[str]] = data.get("header", [])
        self.pattern: str = data.get("pattern", "")
        #: Where an external file was transferred to on this machine, if it is not at its own path.
        self.transferred_to = ""

    @property
    def archived(self) -> str:
        """Path under which an archive keeps the file."""
        return self.path + self.compression

    def with_name(self, name: str, metadata: dict[str, str]) -> FileSpec:
        """Return a file that fits the pattern of this one, with the metadata that its name holds."""
        return FileSpec(
            {"label": self.label, "filetype": self.filetype, "saved": self.saved,
             "metadata": {**self.metadata, **metadata}, "compression": self.compression, "header": self.header,
             "path": _with_name(self.path, name), "job_path": _with_name(self.job_path, name)}
        )  # fmt: skip


def _with_name(path: str, name: str) -> str:
    return "".join((*path.rpartition("/")[:2], name))


class ListSpec:
    """List of files that is written into the job's directory before the programs begin."""

    __slots__ = ("files", "job_path", "label", "lines")

    def __init__(self, data: ListRecord) -> None:
        self.label: str = data["label"]
        self.job_path: str = data["job_path"]
        self.lines: list[str] = data["lines"]
        self.files: list[list[str]] = data.get("files", [])


class ExecSpec:
    """Program of a call, with its command line."""

    __slots__ = (
        "argv", "deferred", "derived", "made", "number", "program", "step", "used", "version_flag", "version_pattern"
    )  # fmt: skip

    def __init__(self, data: ExecRecord) -> None:
        self.number: int = data["number"]
        self.program: str = data["program"]
        self.argv: list[str] = data["argv"]
        self.deferred: list[int] = data.get("deferred", [])
        self.used: list[str] = data.get("used", [])
        self.made: list[str] = data.get("made", [])
        self.derived: list[list[str]] = data.get("derived", [])
        self.version_flag: str = data.get("version_flag", "")
        self.version_pattern: str = data.get("version_pattern", "")
        self.step: str = data.get("step", "")

    @property
    def display_name(self) -> str:
        """Name of the program in messages; of a Python module, ``python -m MODULE``."""
        if self.step:
            return f"step {self.argv[2]}"
        return " ".join(self.argv[:3]) if self.argv[1:2] == ["-m"] and len(self.argv) > 2 else self.program


class NeedsSpec:
    """Resources of a call that the worker enforces."""

    __slots__ = ("memory_statuses", "memory_steps_mb", "walltime_steps_minutes")

    def __init__(self, data: NeedsRecord) -> None:
        self.memory_steps_mb: list[int] = data.get("memory_steps_mb", [])
        self.walltime_steps_minutes: list[float] = data.get("walltime_steps_minutes", [])
        self.memory_statuses: list[int] = data.get("memory_statuses", [])


class CallSpec:
    """One execution of a wrapper."""

    __slots__ = (
        "environment", "execs", "inputs", "keys", "lists", "log", "max_threads", "module", "needs", "number", "outputs",
        "settings", "software", "wrapper",
    )  # fmt: skip

    def __init__(self, data: CallRecord) -> None:
        self.number: int = data["number"]
        self.module: str = data["module"]
        self.wrapper: str = data["wrapper"]
        self.keys: dict[str, str] = data["keys"]
        self.log = FileSpec(data["log"])
        self.inputs = [FileSpec(part) for part in data["inputs"]]
        self.outputs = [FileSpec(part) for part in data["outputs"]]
        self.lists = [ListSpec(part) for part in data.get("lists", [])]
        self.execs = [ExecSpec(part) for part in data["execs"]]
        self.settings: dict[str, str] = data.get("settings", {})
        self.environment: dict[str, str] = data.get("environment", {})
        self.needs = NeedsSpec(data["needs"])
        self.software: str = data.get("software", "")
        self.max_threads: int | None = data.get("max_threads")

    @property
    def in_process(self) -> bool:
        """True if it runs in the process that calls of its job share."""
        return any(part.step for part in self.execs)

    @property
    def job_paths(self) -> list[str]:
        """Paths of its files in the job's directory."""
        files = [file.job_path for file in (*self.inputs, *self.outputs)]
        return files + [one.job_path for one in self.lists]

    def memory_mb(self, exceeded: Mapping[str, int]) -> int | None:
        """Return the memory that each program may use, after so many times that it was too little."""
        return _step(self.needs.memory_steps_mb, exceeded.get("memory", 0))

    def seconds(self, exceeded: Mapping[str, int]) -> float | None:
        """Return the time that its programs may take together, after so many times that it was too little."""
        minutes = _step(self.needs.walltime_steps_minutes, exceeded.get("time", 0))
        return None if minutes is None else minutes * 60


def _step(steps: list[Amount], number: int) -> Amount | None:
    return steps[min(number, len(steps) - 1)] if steps else None


class JobSpec:
    """Calls that run together, in the order of their modules."""

    __slots__ = (
        "archive", "archive_root", "attempt", "block", "calls", "compression_args", "junk", "keys", "max_threads",
        "max_transfers", "number", "parents", "run", "shard", "software",
    )  # fmt: skip

    def __init__(self, header: ShardHeader, data: JobRecord) -> None:
        self.run: str = header["run"]
        self.attempt: int = header["attempt"]
        self.archive: str = header["archive"]
        self.archive_root: str = header["archive_root"]
        self.shard: str = header["shard"]
        #: Environments and containers by label (framework/worker/environments/base.py).
        self.software = header.get("software", {})
        self.compression_args: list[str] = header.get("compression_args", [])
        #: Greatest number of files that its machine fetches from one server at a time; 0 for no limit.
        self.max_transfers: int = header.get("max_transfers", 0)
        #: Directory of the archive for undeclared files that jobs leave; empty where these are not kept.
        self.junk: str = header.get("junk", "")
        self.number: int = data["number"]
        self.block: int = data["block"]
        self.keys: str = data["keys"]
        self.calls = [CallSpec(part) for part in data["calls"]]
        self.parents: list[int] = data.get("parents", [])
        self.max_threads: int = data.get("max_threads", 0)


def read_job(shard: str, offset: int) -> JobSpec:
    """Read the job whose record begins at a byte of a shard."""
    with _open_shard(shard) as file:
        header = json.loads(file.readline())
        file.seek(offset)
        record = json.loads(file.readline())
    if "format" not in header:
        from framework.worker.job.shard_format import current_record  # only for runs of earlier versions

        record = current_record(header, record)
    return JobSpec(header, record)


def _open_shard(shard: str) -> BinaryIO:
    """Open a shard, which is compressed where it was transferred to a machine without the shared file system."""
    if not shard.endswith(".gz"):
        return open(shard, "rb")
    import gzip  # costs as much as the rest of the worker's start, and is seldom needed

    return gzip.open(shard, "rb")  # type: ignore[return-value]
