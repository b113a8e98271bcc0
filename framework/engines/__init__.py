"""What an engine is: it takes a plan that is written in a run's directory, and sees to it that its jobs run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from framework.engines.directory import RunDirectory


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


class Engine(Protocol):
    """The seam between what is to run and what runs it."""

    def prepare(self, directory: RunDirectory) -> None:
        """Refuse a run that cannot begin here, such as one whose programs are missing."""

    def submit(self, directory: RunDirectory) -> Outcome:
        """Run it from its beginning."""

    def restart(self, directory: RunDirectory) -> Outcome:
        """Go on with what is not done."""

    def cancel(self, directory: RunDirectory) -> bool:
        """End what runs; False where nothing does."""
