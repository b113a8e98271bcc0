"""A run as it was planned and written down: its jobs and calls as an engine sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


class PlannedCall(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """What an engine knows of a call."""

    number: int
    module: str
    #: What it makes and keeps, as it lies in the archive.
    kept: tuple[str, ...]
    #: Archive paths it makes for its own job only.
    unkept: tuple[str, ...]
    inputs: tuple[str, ...]


class PlannedJob(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """What an engine knows of a job."""

    number: int
    block: int
    parents: tuple[int, ...]
    calls: tuple[PlannedCall, ...]
    max_retries: int
    cpus: int
    #: Memory that it asks for at first, and each time that it was too little; of time, how many steps there are.
    memory_steps_mb: tuple[int, ...]
    time_steps: int
    shard: str
    offset: int
    gpus: int
    #: Labels of what its calls' programs run in.
    software: tuple[str, ...]
    disk_mb: int = 0
    #: For sites with a queue: which of its parts, whom it charges, and how long the job may take; empty, or 0, where
    #: the pipeline does not say.
    partition: str = ""
    account: str = ""
    walltime_minutes: int = 0

    @property
    def memory_mb(self) -> int:
        return self.memory_steps_mb[0]


@dataclass(frozen=True, kw_only=True)
class PlannedLate:
    """What an engine knows of a block that is planned when the blocks before it have ended."""

    number: int
    name: str
    after: str


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A plan as it was written down."""

    run: str
    attempt: int
    archive: str
    archive_root: str
    archive_path: str
    barriers: bool
    epilogue: str
    #: Each program with the label of what it runs in, empty for the machine as it is.
    programs: tuple[tuple[str, str], ...]
    #: What programs run in, by label, as workers read it.
    software: Mapping[str, Mapping[str, Any]]
    #: How many graphics processors the site gives; None where it does not say.
    gpus: int | None
    #: Module name to how many of its calls may run at a time.
    max_running: Mapping[str, int]
    jobs: Mapping[int, PlannedJob]
    #: Where relative paths of the pipeline lie.
    submit_directory: str = ""
    identity: Mapping[str, Any] = field(default_factory=dict)
    #: Late blocks whose plan is written down: number to the calls of each module.
    planned_late: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    #: Late blocks that are still to be planned, in their order.
    late: tuple[PlannedLate, ...] = ()
    #: What late blocks depend on and no call makes: names to lines, as plain data.
    carried: Mapping[str, Any] = field(default_factory=dict)
    #: Module name to the throttles that it names.
    concurrency_limits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: What other archives have for the run: path as it lies there, to the archive and the path of the file itself.
    staging: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: The archive that what the run has made goes to when it has ended; empty where it stays.
    deliver_to: str = ""
    target_site: str = "local"
    #: What the site says of itself, keys of its sections joined by dots.
    site: Mapping[str, str] = field(default_factory=dict)
    #: How often the run was planned: once more with each configuration that it was restarted with.
    version: int = 1
    #: Call number to the first start of the run whose results count, where the configuration was changed before it.
    since: Mapping[int, int] = field(default_factory=dict)
