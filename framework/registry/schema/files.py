"""Tables of files: their contents, their copies in archives and their provenance."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, text

from framework.registry.schema.column_types import Json, Number, Time, Words, key, metadata, of, required

desfile = Table(
    "desfile",
    metadata,
    key("id", comment="greater for what was told of later"),
    Column("pfw_attempt_id", Number, comment="the run that made it; none for a file from outside"),
    Column("wgb_task_id", Number, comment="the exec or call that made it"),
    required("filetype", comment="what kind of file it is: ops_filetype says which there are"),
    required("filename", comment="the base name"),
    required("path", comment="directory and name within an archive; absolute outside of archives"),
    required("path_version", comment="sha256 of a file outside of archives, empty within"),
    Column("compression", Words, comment="the suffix of its compression"),
    Column("filesize", Number, comment="bytes; none for what was never written"),
    Column("sha256", Words, comment="of its contents"),
    Column("md5sum", Words, comment="of its contents, where a legacy archive wants it"),
    Column("metadata", Json, comment="what is recorded of it, by key; the views of filetypes have it in columns"),
    Column("created_date", Time, comment="when it was recorded or, by a run, made"),
    Index(None, "path", "path_version", unique=True),
    Index(None, "pfw_attempt_id", "filetype"),
    Index(None, "filetype"),
    Index(None, "filename"),
    Index(None, "sha256"),
    comment="A file, in whichever archives it is",
)

file_archive_info = Table(
    "file_archive_info",
    metadata,
    key("desfile_id", comment="the file"),
    key("archive_name", Words, "the archive, as sites call it"),
    required("filename", comment="the base name"),
    required("path", comment="the directory within the archive"),
    Column("compression", Words, comment="the suffix of its compression there"),
    Column("filesize", Number, comment="of a compressed copy: its own size"),
    Column("sha256", Words, comment="of a compressed copy: its own checksum"),
    Index(None, "sha256", sqlite_where=text("sha256 is not null"), postgresql_where=text("sha256 is not null")),
    comment="An archive that a file is in",
    sqlite_with_rowid=False,
)

file_tombstone = Table(
    "file_tombstone",
    metadata,
    of("desfile.id", "desfile_id", "the file", key=True),
    key("archive_name", Words, "the archive that had it"),
    required("removed_date", Time, comment="when it was removed"),
    required("removed_by", comment="who removed it"),
    required("reason", comment="why, as they said"),
    comment="An archive that a file was removed from, on purpose: when, by whom, and why",
    sqlite_with_rowid=False,
)

opm_used = Table(
    "opm_used",
    metadata,
    key("task_id", comment="the exec"),
    key("desfile_id", comment="the file"),
    Index(None, "desfile_id"),
    comment="The task read the file",
    sqlite_with_rowid=False,
)

opm_was_generated_by = Table(
    "opm_was_generated_by",
    metadata,
    key("task_id", comment="the exec or call"),
    key("desfile_id", comment="the file"),
    comment="The task wrote the file",
    sqlite_with_rowid=False,
)

opm_was_derived_from = Table(
    "opm_was_derived_from",
    metadata,
    key("child_desfile_id", comment="the file that came of it"),
    key("parent_desfile_id", comment="the file that it came of"),
    Index(None, "parent_desfile_id"),
    comment="The child's contents come from the parent's",
    sqlite_with_rowid=False,
)

proctag = Table(
    "proctag",
    metadata,
    key("tag", Words, "the release"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    Column("created_date", Time, comment="when it was tagged"),
    Column("created_by", Words, comment="who tagged it"),
    comment="Runs that belong to a release",
)
