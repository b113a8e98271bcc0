"""Contract of an engine: it runs the jobs of a plan that is written in a run's directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from framework.engines.run_directory import RunDirectory


class JobState(StrEnum):
    """States of a job with whatever runs it; some are HTCondor's, under its names."""

    #: Waits for a slot.
    IDLE = "idle"
    #: Waits for a file of another archive.
    WAITING = "waits"
    RUNNING = "running"
    #: Kept from running until somebody, or a rule, releases it.
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    #: Taken out of the queue.
    REMOVED = "removed"
    #: Of a whole run: it has not ended, and nothing runs it.
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """End of a run, or how far it is."""

    #: 0 for a good end, else why not (framework/worker/journal/statuses.py).
    status: int
    #: How many jobs are planned; of these so many are done, have failed, and were not begun because others failed.
    jobs: int
    done: int
    failed: int
    skipped: int
    #: Names of blocks that are not planned yet.
    unplanned_blocks: tuple[str, ...] = ()
    #: Why jobs failed, the first ones first, as sentences for a person.
    reasons: tuple[str, ...] = ()
    #: False while a pool goes on with it by itself.
    is_over: bool = True
    #: Name that the queue gave to the run, such as ``cluster 12``; empty where there is none.
    queue_name: str = ""


@dataclass(frozen=True)
class JobProblem:
    """Reason why a job does not go on, with a remedy."""

    #: None where the whole run is concerned.
    job: int | None
    state: JobState
    reason: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class QueueStatus:
    """States of the jobs of a run with whatever runs them, and what is wrong with some."""

    #: State to how many jobs are in it; states without jobs are left out.
    job_counts: Mapping[JobState, int]
    problems: tuple[JobProblem, ...]
    #: Jobs that run or will run by themselves, whatever happened to them before.
    active_jobs: frozenset[int] = frozenset()


class JournalFollower(Protocol):
    """Ingest of a run's journals into the registry, beside the engine."""

    def begin(self) -> None:
        """Begin to ingest while the run goes on."""

    def finish(self) -> None:
        """Ingest the last facts, and end."""

    def catch_up(self) -> None:
        """Ingest, in this process, what the journals hold now."""


class Engine(Protocol):
    """Contract between a plan and what runs it."""

    def prepare(self, directory: RunDirectory) -> None:
        """Refuse a run that cannot begin here, such as one whose programs are missing."""

    def submit(self, directory: RunDirectory) -> RunResult:
        """Run it from its beginning, or hand it to a pool."""

    def restart(self, directory: RunDirectory) -> RunResult:
        """Run what is not done."""

    def read_status(self, directory: RunDirectory) -> QueueStatus:
        """Return the states of its jobs now."""

    def is_over(self, directory: RunDirectory) -> bool:
        """Return whether nothing of it runs or waits any more."""

    def find_blocking_reasons(self, directory: RunDirectory) -> tuple[JobProblem, ...]:
        """Return why waiting jobs can never run as things are; this may take seconds, and is for a person who asks."""

    def cancel(self, directory: RunDirectory, reason: str) -> bool:
        """End what runs, and wait for that; False where nothing runs."""

    def hold(self, directory: RunDirectory, reason: str) -> bool:
        """Start nothing more; False where nothing runs."""

    def release(self, directory: RunDirectory, reason: str) -> bool:
        """Go on after a hold; False where nothing waits."""
