"""Compressed copies, and copies that were removed on purpose."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from framework.registry.schema.column_types import Number, Time, Words

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    size = sa.Column("filesize", Number, comment="of a compressed copy: its own size")
    checksum = sa.Column("sha256", Words, comment="of a compressed copy: its own checksum")
    op.add_column("file_archive_info", size)
    op.add_column("file_archive_info", checksum)
    compressed = sa.text("sha256 is not null")
    op.create_index(
        "ix_file_archive_info_sha256",
        "file_archive_info",
        ["sha256"],
        sqlite_where=compressed,
        postgresql_where=compressed,
    )
    op.create_table(
        "file_tombstone",
        sa.Column("desfile_id", Number, autoincrement=False, nullable=False, comment="the file"),
        sa.Column("archive_name", Words, nullable=False, comment="the archive that had it"),
        sa.Column("removed_date", Time, nullable=False, comment="when it was removed"),
        sa.Column("removed_by", Words, nullable=False, comment="who removed it"),
        sa.Column("reason", Words, nullable=False, comment="why, as they said"),
        sa.ForeignKeyConstraint(["desfile_id"], ["desfile.id"], name="fk_file_tombstone_desfile_id"),
        sa.PrimaryKeyConstraint("desfile_id", "archive_name", name="pk_file_tombstone"),
        comment="An archive that a file was removed from, on purpose: when, by whom, and why",
        sqlite_with_rowid=False,
    )
