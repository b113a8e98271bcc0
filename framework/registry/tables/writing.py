"""Tables that writers of the registry keep for themselves."""

from __future__ import annotations

from sqlalchemy import Index, Table

from framework.registry.columns import Number, Time, Words
from framework.registry.tables.definition import key, metadata, of, required

id_block = Table(
    "id_block",
    metadata,
    key("name", Words),
    required("next_id", Number),
    comment="Where the next range of ids begins",
)

ingest_lease = Table(
    "ingest_lease",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    required("holder"),
    required("expiry", Time),
    comment="Who may write what a run's journals tell, and until when",
)

journal_position = Table(
    "journal_position",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    key("journal", Words),
    required("position", Number),
    comment="How many bytes of a journal stand in the registry",
)

ingest_pending = Table(
    "ingest_pending",
    metadata,
    key("task_id"),
    key("path", Words),
    key("child_path", Words),
    of("pfw_attempt.id", "pfw_attempt_id"),
    Index(None, "pfw_attempt_id"),
    comment="A task used a file that no journal has told of yet; with a child, that was derived from it",
    sqlite_with_rowid=False,
)
