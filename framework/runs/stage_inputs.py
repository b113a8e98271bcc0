"""Staging of a run's files: inputs from other archives into its own, and outputs to the archive of delivery."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from framework.archives.archive import named_archive
from framework.archives.replicate import find_missing, replicate
from framework.engines.staged_inputs import files_to_stage
from framework.engines.subcommand import StagedFile
from framework.registry.questions.file_selection import find_copies
from framework.registry.questions.files import copies_of, find_in_archive
from framework.registry.questions.selection import Selection
from framework.runs.late_block import as_submitted

if TYPE_CHECKING:
    from framework.engines.run_directory import RunDirectory
    from framework.model.run import PlannedRun
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow


def stage_inputs(db: Registry, directory: RunDirectory) -> Iterator[StagedFile]:
    """Copy the inputs that a run's archive lacks, archive by archive; yield each file, with the error if it failed."""
    plan = directory.read_plan()
    values = as_submitted(directory, plan)
    own = named_archive(values, plan.archive)
    coming = files_to_stage(plan)
    for name in sorted(set(coming.values())):
        files, lost = _find_copies(db, plan, name, [path for path, archive in coming.items() if archive == name])
        yield from (StagedFile(path, f"archive {name} has it no longer") for path in lost)
        for each in replicate(db, named_archive(values, name), own, files):
            yield StagedFile(each.path, each.error or "")


def deliver_outputs(db: Registry, directory: RunDirectory) -> Iterator[StagedFile]:
    """Copy a run's outputs to its archive of delivery; yield each file, with the error where it failed."""
    plan = directory.read_plan()
    values = as_submitted(directory, plan)
    own, home = named_archive(values, plan.archive), named_archive(values, plan.deliver_to)
    made = list(find_copies(db, own.name, Selection(runs=(plan.run,))))
    for each in replicate(db, own, home, find_missing(db, home, made)):
        yield StagedFile(each.path, each.error or "")


def _find_copies(
    db: Registry, plan: PlannedRun, archive: str, wanted: list[str]
) -> tuple[list[tuple[FileRow, Copy]], list[str]]:
    """Return the copies that an archive has of some files, and the paths that it lacks."""
    rows = find_in_archive(db, archive, [plan.staging[path][1] for path in wanted])
    copies = copies_of(db, [row.id for row in rows.values()])
    found = {
        copy.path: (row, copy) for row in rows.values() for copy in copies.get(row.id, ()) if copy.archive == archive
    }
    return [found[path] for path in wanted if path in found], [path for path in wanted if path not in found]
