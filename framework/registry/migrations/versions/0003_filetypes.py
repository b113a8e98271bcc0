"""Filetypes with their metadata, base names of files, and checksums of their contents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from framework.registry.schema.column_types import Time, Words

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "ops_filetype",
        sa.Column("filetype", Words, nullable=False),
        sa.Column("description", Words),
        sa.Column("changed_date", Time, nullable=False),
        sa.PrimaryKeyConstraint("filetype", name="pk_ops_filetype"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ops_filetype_metadata",
        sa.Column("filetype", Words, nullable=False),
        sa.Column("column_name", Words, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("data_type", Words, nullable=False),
        sa.Column("searchable", sa.Boolean(), nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.PrimaryKeyConstraint("filetype", "column_name", name="pk_ops_filetype_metadata"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ops_file_group",
        sa.Column("column_name", Words, nullable=False),
        sa.PrimaryKeyConstraint("column_name", name="pk_ops_file_group"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_desfile_filename", "desfile", ["filename"])
    op.create_index("ix_desfile_sha256", "desfile", ["sha256"])
    op.create_index("ix_pfw_attempt_unitname", "pfw_attempt", ["unitname"])
