"""Outcomes of two runs: contents of files, states of calls, and resources used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from framework.registry.questions.files import files_of_attempt
from framework.registry.questions.runs import find_run, modules
from framework.runs.comparison.run_names import RunNames
from framework.runs.comparison.side import Side
from wcl import Section, parse_boolean

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import FileRow
    from framework.registry.questions.runs import ModuleRow


@dataclass(frozen=True)
class FileDifference:
    """A file that only one run made, or whose contents differ."""

    #: ``added``, ``removed`` or ``changed``.
    kind: str
    path: str
    filetype: str


@dataclass(frozen=True)
class ModuleFigures:
    """Figures of a module in one run; times in seconds, memory in kB."""

    done: int
    failed: int
    #: None before the module's block is planned.
    expected: int | None
    mean_wall: float | None
    peak_memory: int | None


@dataclass(frozen=True)
class ModuleComparison:
    """Figures of a module in both runs; None for a run that does not have it."""

    block: str
    module: str
    old: ModuleFigures | None
    new: ModuleFigures | None


@dataclass(frozen=True, kw_only=True)
class OutcomeComparison:
    """Differences between the outcomes of two runs."""

    states: tuple[str, str]
    files: tuple[FileDifference, ...]
    #: Files that both made, with the same content.
    same_files: int
    #: Files that both made and whose content means nothing, such as logs.
    volatile_files: int
    modules: tuple[ModuleComparison, ...]


#: Results of the comparison of a file that is no difference.
_SAME, _VOLATILE = "same", "volatile"


def compare_outcomes(db: Registry, old: Side, new: Side) -> OutcomeComparison:
    """Compare the outcomes of two recorded runs."""
    runs = find_run(db, old.names.run), find_run(db, new.names.run)
    before, now = (files_of_attempt(db, run.attempt_id) for run in runs)
    volatile = _volatile_filetypes(old.pipeline) | _volatile_filetypes(new.pipeline)
    pairs = _pair_files(before, now, RunNames(old.names, new.names, (old.pipeline, new.pipeline)))
    found = [_compare_file(path, was, row, volatile) for path, was, row in pairs]
    return OutcomeComparison(
        states=(runs[0].state, runs[1].state),
        files=tuple(one for one in found if isinstance(one, FileDifference)),
        same_files=found.count(_SAME),
        volatile_files=found.count(_VOLATILE),
        modules=tuple(_modules(*(modules(db, run.attempt_id) for run in runs))),
    )


def _compare_file(
    path: str, was: FileRow | None, row: FileRow | None, volatile: Collection[str]
) -> FileDifference | str | None:
    """Return how a file differs, or that it is the same or volatile; None for a volatile file of one run only."""
    if was and row:
        return _compare_contents(path, was, row, volatile)
    kind, one = ("added", row) if row else ("removed", was)
    if one is None or one.filetype in volatile:
        return None
    return FileDifference(kind, path, one.filetype)


def _compare_contents(path: str, was: FileRow, row: FileRow, volatile: Collection[str]) -> FileDifference | str:
    if row.filetype in volatile:
        return _VOLATILE
    if was.sha256 is not None and was.sha256 == row.sha256:
        return _SAME
    return FileDifference("changed", path, row.filetype)


def _pair_files(
    before: Mapping[str, FileRow], now: Mapping[str, FileRow], renaming: RunNames
) -> Iterator[tuple[str, FileRow | None, FileRow | None]]:
    """Yield each file's path (in the new run where it has the file) with its records in both runs."""
    left = dict(now)
    for path, row in before.items():
        renamed = path if path in left else renaming(path)
        found = left.pop(renamed, None)
        yield renamed if found else path, row, found
    for path, row in left.items():
        yield path, None, row


def _volatile_filetypes(pipeline: Section) -> set[str]:
    """Return the filetypes whose contents differ from run to run."""
    return {
        name
        for name, section in pipeline.section("filetype_metadata").sections()
        if parse_boolean(section.text("volatile", "False"), section.opened_position)
    }


def _modules(before: list[ModuleRow], now: list[ModuleRow]) -> Iterator[ModuleComparison]:
    old = {(row.block, row.module): _numbers(row) for row in before}
    new = {(row.block, row.module): _numbers(row) for row in now}
    for block, module in dict.fromkeys([*new, *old]):
        yield ModuleComparison(block, module, old.get((block, module)), new.get((block, module)))


def _numbers(row: ModuleRow) -> ModuleFigures:
    return ModuleFigures(row.calls_done, row.calls_failed, row.calls_expected, row.mean_wall, row.peak_memory)
