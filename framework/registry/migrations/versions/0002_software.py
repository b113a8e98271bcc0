"""Software stacks: the environments that programs ran in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from framework.registry.schema.column_types import Json, Words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "software_stack",
        sa.Column("sha256", Words, nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("python", Words, comment="version of the Python that programs find"),
        sa.Column("image", Words, comment="of a container: where it is from"),
        sa.Column("image_digest", Words, comment="of a container: which image it is"),
        sa.Column("found", Json, comment="all that was found: prefix, packages, modules, products, runtime, script"),
        sa.PrimaryKeyConstraint("sha256", name="pk_software_stack"),
        comment="An environment or a container as workers found it; one row for all runs that found the same",
        sqlite_with_rowid=False,
    )
    op.add_column(
        "pfw_exec",
        sa.Column(
            "software_sha256", Words, comment="the software_stack that it ran in; none for the machine as it was"
        ),
    )
    op.create_index("ix_pfw_exec_software_sha256", "pfw_exec", ["software_sha256"])
