"""Run as its directory describes it: jobs and calls with what an engine needs of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Call, with what an engine needs of it."""

    number: int
    module: str
    #: Archive paths of files that it makes and the archive keeps.
    kept: tuple[str, ...]
    #: Archive paths of files that it makes for its own job only.
    unkept: tuple[str, ...]
    inputs: tuple[str, ...]


class PlannedJob(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Job, with what an engine needs of it."""

    number: int
    block: int
    parents: tuple[int, ...]
    calls: tuple[PlannedCall, ...]
    max_retries: int
    cpus: int
    #: Memory that it requests at first, and after each time that this was exceeded; number of steps of its time.
    memory_steps_mb: tuple[int, ...]
    time_steps: int
    #: File of the plan with its record, and the offset in bytes.
    shard: str
    offset: int
    gpus: int
    #: Labels of the environments and containers of its programs.
    software: tuple[str, ...]
    disk_mb: int = 0
    #: Partition and account of a batch system, and how long the job may take; empty, or 0, where the pipeline does not
    #: request any.
    partition: str = ""
    account: str = ""
    walltime_minutes: int = 0

    @property
    def memory_mb(self) -> int:
        """Memory that it requests at first."""
        return self.memory_steps_mb[0]


@dataclass(frozen=True, kw_only=True)
class PlannedLateBlock:
    """Late block that is still to be planned."""

    number: int
    name: str
    after: str


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """Plan of a run, as its directory holds it."""

    run: str
    attempt: int
    archive: str
    archive_root: str
    archive_path: str
    barriers: bool
    epilogue: str
    #: Programs with the label of their environment or container, empty for the machine as it is.
    programs: tuple[tuple[str, str], ...]
    #: Environments and containers of programs, by label, as workers read them.
    software: Mapping[str, Mapping[str, Any]]
    #: Number of graphics processors of the site; None where it is not known.
    gpus: int | None
    #: Module name to the greatest number of its jobs that run at a time.
    max_running: Mapping[str, int]
    jobs: Mapping[int, PlannedJob]
    #: Directory of relative paths of the pipeline.
    submit_directory: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    #: Late blocks that are planned: number to the number of calls of each module.
    planned_late: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    #: Late blocks that are still to be planned, in their order.
    late: tuple[PlannedLateBlock, ...] = ()
    #: Lists that late blocks depend on: ``module.list.label`` to its lines, as plain data.
    carried: Mapping[str, Any] = field(default_factory=dict)
    #: Module name to the concurrency limits of the pool that its jobs use.
    concurrency_limits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Files to stage: path in the archive, to the archive that has the file and its own path.
    staging: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Archive that the run's files are delivered to when it has ended; empty for none.
    deliver_to: str = ""
    target_site: str = "local"
    #: Settings of the site, keys of its sections joined by dots.
    site: Mapping[str, str] = field(default_factory=dict)
    #: Version of the plan: one more with each restart with another configuration.
    version: int = 1
    #: Call number to the first start whose results count, for calls that a change of the configuration affects.
    since: Mapping[int, int] = field(default_factory=dict)
