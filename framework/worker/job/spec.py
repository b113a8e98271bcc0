"""A job as the worker reads it from its shard of the plan."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO


class FileSpec:
    """A file of a call: where it lies in the archive (or outside) and where in the job."""

    __slots__ = (
        "at", "compression", "header", "in_memory", "keep", "label", "meta", "optional", "outside", "path", "pattern",
        "rename", "sent", "sha256", "size", "type",
    )  # fmt: skip

    def __init__(self, data: dict[str, Any]) -> None:
        self.label: str = data["label"]
        self.path: str = data["path"]
        self.at: str = data["at"]
        self.type: str = data["type"]
        self.outside: bool = data.get("outside", False)
        #: Where a file from outside lies on this machine, if not at its own path.
        self.sent = ""
        #: A second name beside it, which a program insists on.
        self.rename: str = data.get("rename", "")
        self.keep: bool = data.get("keep", True)
        self.optional: bool = data.get("optional", False)
        #: Left in memory by a step of the job's process, for the others.
        self.in_memory: bool = data.get("in_memory", False)
        self.size: int | None = data.get("size")
        self.sha256: str | None = data.get("sha256")
        self.meta: dict[str, Any] = data.get("meta", {})
        #: What its name in the archive ends with beyond its path, where it is kept compressed.
        self.compression: str = data.get("compression", "")
        #: Cards that its headers are given: HDU, keyword, value, comment.
        self.header: list[list[str]] = data.get("header", [])
        #: Where only the program knows which files it makes: what their names fit; path and at end with ``*`` then.
        self.pattern: str = data.get("pattern", "")

    @property
    def archived(self) -> str:
        """Its path as an archive keeps it."""
        return self.path + self.compression

    def named(self, name: str, found: dict[str, str]) -> FileSpec:
        """One of the files that fit the pattern, with what its name tells."""
        same = {"label": self.label, "type": self.type, "keep": self.keep, "meta": {**self.meta, **found},
                "compression": self.compression, "header": self.header}  # fmt: skip
        return FileSpec({**same, "path": _beside(self.path, name), "at": _beside(self.at, name)})


def _beside(path: str, name: str) -> str:
    """Another name in the same directory."""
    return "".join((*path.rpartition("/")[:2], name))


class StepSpec:
    """A program of a call."""

    __slots__ = (
        "argv", "derived", "late", "made", "number", "program", "step", "used", "version_flag", "version_pattern"
    )  # fmt: skip

    def __init__(self, data: dict[str, Any]) -> None:
        self.number: int = data["exec"]
        self.program: str = data["program"]
        self.argv: list[str] = data["argv"]
        #: Which words the job has still to fill in.
        self.late: list[int] = data.get("late", [])
        self.used: list[str] = data.get("used", [])
        self.made: list[str] = data.get("made", [])
        self.derived: list[list[str]] = data.get("derived", [])
        self.version_flag: str = data.get("version_flag", "")
        self.version_pattern: str = data.get("version_pattern", "")
        #: ``package.module:function`` that does its work in the job's process; empty for a program of its own.
        self.step: str = data.get("step", "")

    @property
    def spoken(self) -> str:
        """What a message calls it: of a Python program, the module."""
        if self.step:
            return f"step {self.argv[2]}"
        return " ".join(self.argv[:3]) if self.argv[1:2] == ["-m"] and len(self.argv) > 2 else self.program


class CallSpec:
    """One execution of a wrapper."""

    __slots__ = (
        "environment", "inputs", "keys", "limits", "lists", "log", "memory_statuses", "module", "number", "outputs",
        "settings", "software", "steps", "threads", "wrapper",
    )  # fmt: skip

    def __init__(self, data: dict[str, Any]) -> None:
        self.number: int = data["call"]
        self.module: str = data["module"]
        self.wrapper: str = data["wrapper"]
        self.keys: dict[str, str] = data["keys"]
        self.log = FileSpec(data["log"])
        self.inputs = [FileSpec(part) for part in data["inputs"]]
        self.outputs = [FileSpec(part) for part in data["outputs"]]
        #: A list file's place in the job, its lines, and the paths of each line where some may be missing.
        self.lists: list[tuple[str, list[str], list[list[str]]]] = [
            (part["at"], part["lines"], part.get("files", [])) for part in data.get("lists", [])
        ]
        self.steps = [StepSpec(part) for part in data["execs"]]
        self.settings: dict[str, str] = data.get("settings", {})
        self.environment: dict[str, str] = data.get("environment", {})
        #: Label of what its programs run in; empty for the machine as it is.
        self.software: str = data.get("software", "")
        needs = data["needs"]
        #: Seconds that the call's programs may take together (``time``) and MB that each may use (``memory``): at
        #: first, and after each time that it was too little.
        self.limits: dict[str, list[float]] = {
            "memory": needs.get("memory_steps_mb", []),
            "time": [minutes * 60 for minutes in needs.get("walltime_steps_minutes", [])],
        }
        #: Exit statuses by which its programs say that memory was too little.
        self.memory_statuses: list[int] = needs.get("memory_statuses", [])
        self.threads: int = data.get("threads", 0)

    @property
    def in_process(self) -> bool:
        """Whether it runs in the process that it shares with others of its job."""
        return any(step.step for step in self.steps)

    def asks(self, what: str, wanted: Mapping[str, int]) -> float | None:
        """How much of memory or time it asks for, having been left wanting so often; None where it does not say."""
        steps = self.limits.get(what, [])
        return steps[min(wanted.get(what, 0), len(steps) - 1)] if steps else None


class JobSpec:
    """Calls that run together, in the order of their modules."""

    __slots__ = (
        "archive", "archive_root", "attempt", "block", "calls", "compression_args", "junk", "keys", "max_transfers",
        "number", "parents", "run", "shard", "software", "threads",
    )  # fmt: skip

    def __init__(self, header: dict[str, Any], data: dict[str, Any]) -> None:
        self.run: str = header["run"]
        self.attempt: int = header["attempt"]
        self.archive: str = header["archive"]
        self.archive_root: str = header["archive_root"]
        self.shard: str = header["shard"]
        #: What programs run in, by label (framework/worker/environments/base.py).
        self.software: dict[str, dict[str, Any]] = header.get("software", {})
        self.compression_args: list[str] = header.get("compression_args", [])
        #: How many files its machine may fetch from one server at a time; 0 for no limit.
        self.max_transfers: int = header.get("max_transfers", 0)
        #: Where in the archive what jobs leave undeclared is kept; empty where it is not.
        self.junk: str = header.get("junk", "")
        self.number: int = data["job"]
        self.block: int = data["block"]
        self.keys: str = data["keys"]
        self.threads: int = data.get("threads", 0)
        self.parents: list[int] = data.get("parents", [])
        self.calls = [CallSpec(part) for part in data["calls"]]


def read_job(shard: str, offset: int) -> JobSpec:
    """The job that begins at a byte of a shard; the shard's first line says what its jobs share."""
    with _opened(shard) as file:
        header = json.loads(file.readline())
        file.seek(offset)
        return JobSpec(header, json.loads(file.readline()))


def _opened(shard: str) -> BinaryIO:
    """A shard, which travels compressed where there is no shared file system."""
    if not shard.endswith(".gz"):
        return open(shard, "rb")
    import gzip  # costs as much as the rest of the worker's start, and is seldom needed

    return gzip.open(shard, "rb")  # type: ignore[return-value]
