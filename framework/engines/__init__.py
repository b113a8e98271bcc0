"""What an engine is: it takes a plan that is written in a run's directory, and sees to it that its jobs run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from framework.engines.run_directory import RunDirectory


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended, or how far it is."""

    status: int
    jobs: int
    done: int
    failed: int
    #: Jobs that were not tried because something before them failed.
    skipped: int
    #: Blocks that are not planned yet.
    late: tuple[str, ...] = ()
    #: The first reasons, for the person who waits.
    reasons: tuple[str, ...] = ()
    #: False while a pool goes on with it by itself.
    is_over: bool = True
    #: What a queue calls it.
    queue: str = ""


@dataclass(frozen=True)
class Trouble:
    """A job that does not go on, or the run where it is none, in plain words."""

    job: int | None
    state: str
    what: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the jobs of a run stand with whatever runs them."""

    #: State (idle, running, held, done, failed, removed) to how many jobs are in it.
    jobs: Mapping[str, int]
    troubles: tuple[Trouble, ...]
    #: Jobs that run, or will, whatever befell them before.
    going_on: frozenset[int] = frozenset()


class Engine(Protocol):
    """The seam between what is to run and what runs it."""

    def prepare(self, directory: RunDirectory) -> None:
        """Refuse a run that cannot begin here, such as one whose programs are missing."""

    def submit(self, directory: RunDirectory) -> Outcome:
        """Run it from its beginning, or hand it over to who does."""

    def status(self, directory: RunDirectory) -> Standing:
        """How its jobs stand now."""

    def is_over(self, directory: RunDirectory) -> bool:
        """Whether nothing of it runs or waits any more."""

    def obstacles(self, directory: RunDirectory) -> tuple[Trouble, ...]:
        """What keeps waiting jobs from ever running, as things are; asked for by somebody who wonders."""

    def restart(self, directory: RunDirectory) -> Outcome:
        """Go on with what is not done."""

    def cancel(self, directory: RunDirectory, reason: str) -> bool:
        """End what runs, and wait for that; False where nothing does."""

    def hold(self, directory: RunDirectory, reason: str) -> bool:
        """Begin nothing more; False where nothing runs."""

    def release(self, directory: RunDirectory, reason: str) -> bool:
        """Go on after a hold; False where nothing waits."""
