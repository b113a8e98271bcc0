"""Plan of a run: frozen values that describe everything that will run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.model.job import Call, Container, Environment, Job

#: Archive name of files outside every archive; their path is absolute, or a URL.
EXTERNAL = "external"


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
