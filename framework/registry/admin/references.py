"""References between tables that the database itself does not enforce.

To enforce them on every write would cost as much as the write; ``fw registry check`` checks them afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column

from framework.registry.schema.tables import metadata


class Reference(NamedTuple):
    """A column, and the column of another table that it refers to."""

    near: Column[Any]
    far: Column[Any]


_UNENFORCED = """
desfile.pfw_attempt_id pfw_attempt.id
desfile.wgb_task_id task.id
file_archive_info.desfile_id desfile.id
opm_used.desfile_id desfile.id
opm_used.task_id task.id
opm_was_derived_from.child_desfile_id desfile.id
opm_was_derived_from.parent_desfile_id desfile.id
opm_was_generated_by.desfile_id desfile.id
opm_was_generated_by.task_id task.id
pfw_exec.pfw_attempt_id pfw_attempt.id
pfw_exec.pfw_block_task_id pfw_block.task_id
pfw_exec.pfw_job_task_id pfw_job.task_id
pfw_exec.pfw_wrapper_task_id pfw_wrapper.task_id
pfw_exec.software_sha256 software_stack.sha256
pfw_exec.task_id task.id
pfw_job.pfw_block_task_id pfw_block.task_id
pfw_wrapper.pfw_attempt_id pfw_attempt.id
pfw_wrapper.pfw_block_task_id pfw_block.task_id
pfw_wrapper.pfw_job_task_id pfw_job.task_id
pfw_wrapper.task_id task.id
task.parent_task_id task.id
task.root_task_id task.id
task_message.task_id task.id
ops_filetype_metadata.filetype ops_filetype.filetype
"""


def unenforced_references() -> Iterator[Reference]:
    """Yield the references that the database does not enforce."""
    for line in _UNENFORCED.split("\n")[1:-1]:
        yield Reference(*(_column(name) for name in line.split()))


def all_references() -> Iterator[Reference]:
    """Yield all references: those that the database does not enforce, and its foreign keys."""
    yield from unenforced_references()
    for table in metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                yield Reference(column, key.column)


def _column(name: str) -> Column[Any]:
    table, _, column = name.partition(".")
    return metadata.tables[table].c[column]
