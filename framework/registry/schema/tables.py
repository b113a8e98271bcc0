"""All tables of the registry, and the migration that creates them.

Names are those of the Dark Energy Survey's registry, so that its operators' queries run unchanged. Whatever takes
time is a row of ``task``; the tables ``pfw_*`` describe it under the same id. A test compares these tables with those
that ``migrations`` creates.
"""

from __future__ import annotations

from framework.registry.schema.column_types import metadata
from framework.registry.schema.executions import (
    pfw_exec,
    pfw_job,
    pfw_wrapper,
    software_stack,
    task,
    task_message,
)
from framework.registry.schema.files import (
    desfile,
    file_archive_info,
    file_tombstone,
    opm_used,
    opm_was_derived_from,
    opm_was_generated_by,
    proctag,
)
from framework.registry.schema.filetypes import ops_file_group, ops_filetype, ops_filetype_metadata
from framework.registry.schema.ingest import id_block, ingest_lease, ingest_pending, journal_position
from framework.registry.schema.requests import (
    attempt_state,
    attempt_state_history,
    pfw_attempt,
    pfw_attempt_label,
    pfw_attempt_software,
    pfw_attempt_val,
    pfw_block,
    pfw_module,
    pfw_request,
    pfw_unit,
)
from framework.registry.schema.verifications import verification, verification_file

__all__ = [
    "REVISION",
    "attempt_state",
    "attempt_state_history",
    "desfile",
    "file_archive_info",
    "file_tombstone",
    "id_block",
    "ingest_lease",
    "ingest_pending",
    "journal_position",
    "metadata",
    "opm_used",
    "opm_was_derived_from",
    "opm_was_generated_by",
    "ops_file_group",
    "ops_filetype",
    "ops_filetype_metadata",
    "pfw_attempt",
    "pfw_attempt_label",
    "pfw_attempt_software",
    "pfw_attempt_val",
    "pfw_block",
    "pfw_exec",
    "pfw_job",
    "pfw_module",
    "pfw_request",
    "pfw_unit",
    "pfw_wrapper",
    "proctag",
    "software_stack",
    "task",
    "task_message",
    "verification",
    "verification_file",
]

#: The migration that makes what stands here.
REVISION = "0005"
