"""Tables of filetypes, their metadata keys, and groups of files."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Integer, Table

from framework.registry.schema.column_types import Time, Words, key, metadata, required

ops_filetype = Table(
    "ops_filetype",
    metadata,
    key("filetype", Words, "its name, which is that of its view too"),
    Column("description", Words, comment="what such a file is"),
    required("changed_date", Time, "when it was declared so"),
    comment="A filetype as the newest pipeline declares it; a view of its name has its files",
    sqlite_with_rowid=False,
)

ops_filetype_metadata = Table(
    "ops_filetype_metadata",
    metadata,
    key("filetype", Words, "the filetype"),
    key("column_name", Words, "the key in desfile.metadata, and the column of the view"),
    required("position", Integer, "its place among the filetype's keys, from 1"),
    required("data_type", comment="integer, real, text or boolean"),
    required("searchable", Boolean, "whether files are found by it with an index"),
    required("status", comment="r required, o optional"),
    comment="A key that is recorded of the files of a type",
    sqlite_with_rowid=False,
)

ops_file_group = Table(
    "ops_file_group",
    metadata,
    key("column_name", Words, "the key, which is the name of the view too"),
    comment="A key by which the files of all types are asked for together; a view of its name has them",
    sqlite_with_rowid=False,
)
