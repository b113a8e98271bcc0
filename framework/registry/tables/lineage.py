"""Tables of files: what they are, where they are and where they come from."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from framework.registry.columns import Json, Number, Time, Words
from framework.registry.tables.definition import key, metadata, of, required

desfile = Table(
    "desfile",
    metadata,
    key("id"),
    Column("pfw_attempt_id", Number, comment="the run that made it; none for a file from outside"),
    Column("wgb_task_id", Number, comment="the exec or call that made it"),
    required("filetype"),
    required("filename"),
    Column("path", Words, nullable=False, comment="directory and name within an archive; absolute outside of archives"),
    Column("path_version", Words, nullable=False, comment="sha256 of a file outside of archives, empty within"),
    Column("compression", Words),
    Column("filesize", Number),
    Column("sha256", Words),
    Column("md5sum", Words),
    Column("metadata", Json),
    Column("created_date", Time),
    Index(None, "path", "path_version", unique=True),
    Index(None, "pfw_attempt_id", "filetype"),
    Index(None, "filetype"),
    comment="A file, in whichever archives it is",
)

file_archive_info = Table(
    "file_archive_info",
    metadata,
    key("desfile_id"),
    key("archive_name", Words),
    required("filename"),
    Column("path", Words, nullable=False, comment="the directory within the archive"),
    Column("compression", Words),
    Column("filesize", Number, comment="of a compressed copy: its own size"),
    Column("sha256", Words, comment="of a compressed copy: its own checksum"),
    comment="An archive that a file is in",
    sqlite_with_rowid=False,
)

file_tombstone = Table(
    "file_tombstone",
    metadata,
    of("desfile.id", "desfile_id", key=True),
    key("archive_name", Words),
    required("removed_date", Time),
    required("removed_by"),
    required("reason"),
    comment="An archive that a file was removed from, on purpose: when, by whom, and why",
    sqlite_with_rowid=False,
)

opm_used = Table(
    "opm_used",
    metadata,
    key("task_id"),
    key("desfile_id"),
    Index(None, "desfile_id"),
    comment="The task read the file",
    sqlite_with_rowid=False,
)

opm_was_generated_by = Table(
    "opm_was_generated_by",
    metadata,
    key("task_id"),
    key("desfile_id"),
    comment="The task wrote the file",
    sqlite_with_rowid=False,
)

opm_was_derived_from = Table(
    "opm_was_derived_from",
    metadata,
    key("child_desfile_id"),
    key("parent_desfile_id"),
    Index(None, "parent_desfile_id"),
    comment="The child's contents come from the parent's",
    sqlite_with_rowid=False,
)

proctag = Table(
    "proctag",
    metadata,
    key("tag", Words),
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    Column("created_date", Time),
    Column("created_by", Words),
    comment="Runs that belong to a release",
)
