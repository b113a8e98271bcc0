"""References: which column names a row of which table, where the database itself does not hold them together.

To have each checked as it is written would cost as much as to write it; ``fw registry check`` does it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import Column

from framework.registry.schema.tables import metadata


class Reference(NamedTuple):
    """A column, and the column whose values it has."""

    near: Column[Any]
    far: Column[Any]


_UNCHECKED = """
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


def unchecked() -> Iterator[Reference]:
    """The references that no database holds."""
    for line in _UNCHECKED.split("\n")[1:-1]:
        yield Reference(*(_column(name) for name in line.split()))


def all_references() -> Iterator[Reference]:
    """These and the foreign keys."""
    yield from unchecked()
    for table in metadata.sorted_tables:
        for column in table.columns:
            for key in column.foreign_keys:
                yield Reference(column, key.column)


def _column(name: str) -> Column[Any]:
    table, _, column = name.partition(".")
    return metadata.tables[table].c[column]
