"""Differences between two runs or plans, as values: of calls, jobs, configuration and versions, and all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from framework.runs.comparison.run_names import OwnName


@dataclass(frozen=True)
class Change:
    """A difference of one call in one respect."""

    #: ``command line``, ``reads``, ``content``, ``makes``, ``list``, ``setting``, ``environment``, ``resource``,
    #: ``wrapper`` or ``provenance``.
    what: str
    #: Of which program, file, setting.
    name: str
    #: Words, paths or lines; empty where there was, or is, nothing.
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True)
class Cause:
    """A configuration value that differs and that a call depends on."""

    key: str
    place: str


@dataclass(frozen=True, kw_only=True)
class CallDifference:
    """A call that is new, gone or different."""

    #: ``added``, ``removed`` or ``changed``.
    kind: str
    #: In the new plan; of a call that is gone, in the old one.
    number: int
    block: str
    module: str
    keys: Mapping[str, str]
    changes: tuple[Change, ...] = ()
    causes: tuple[Cause, ...] = ()
    #: Calls that differ too and whose files it reads.
    follows: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobDifference:
    """A job that is new, gone or different."""

    #: ``added``, ``removed`` or ``changed``.
    kind: str
    #: In the new plan; of a job that is gone, in the old one.
    number: int
    block: str
    keys: str
    calls: int
    #: Numbers of the calls that it has and had not (in the new plan), and had and has not (in the old one).
    joined: tuple[int, ...] = ()
    left: tuple[int, ...] = ()
    #: How many of its calls run at a time, before and now.
    threads: tuple[int, int] | None = None
    #: The jobs that it waits for, before and now; of the old plan's only those that are still there.
    parents: tuple[tuple[int, ...], tuple[int, ...]] | None = None


@dataclass(frozen=True)
class ValueDifference:
    """A configuration value that differs; empty on the side that has none."""

    #: Dotted path.
    key: str
    old: str
    new: str
    #: Where it stands, as file and line.
    old_place: str
    new_place: str


@dataclass(frozen=True)
class VersionDifference:
    """A program with its recorded and its present version."""

    program: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Differences between two sides."""

    new: str
    old: str
    #: What the runs are called, where it differs: taken for the same wherever it stands.
    evened: tuple[OwnName, ...]
    configuration: tuple[ValueDifference, ...]
    versions: tuple[VersionDifference, ...]
    calls: tuple[CallDifference, ...]
    jobs: tuple[JobDifference, ...]
    #: How many calls and jobs differ in nothing.
    same_calls: int
    same_jobs: int

    @property
    def is_empty(self) -> bool:
        return not (self.configuration or self.versions or self.calls or self.jobs)
