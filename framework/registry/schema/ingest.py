"""Tables that processes which write to the registry keep for themselves."""

from __future__ import annotations

from sqlalchemy import Index, Table

from framework.registry.schema.column_types import Number, Time, Words, key, metadata, of, required

id_block = Table(
    "id_block",
    metadata,
    key("name", Words, "the table whose ids they are"),
    required("next_id", Number, "the first that nobody has taken"),
    comment="Where the next range of ids begins",
)

ingest_lease = Table(
    "ingest_lease",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    required("holder", comment="machine, process, its start, and a mark of its own"),
    required("expiry", Time, "until when, unless it is renewed"),
    comment="Who may write what a run's journals tell, and until when",
)

journal_position = Table(
    "journal_position",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    key("journal", Words, "the journal's file"),
    required("position", Number, "bytes"),
    comment="How many bytes of a journal stand in the registry",
)

ingest_pending = Table(
    "ingest_pending",
    metadata,
    key("task_id", comment="who used it"),
    key("path", Words, "the file that was used"),
    key("child_path", Words, "the file that was derived from it, or empty"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run"),
    Index(None, "pfw_attempt_id"),
    comment="A task used a file that no journal has told of yet; with a child, that was derived from it",
    sqlite_with_rowid=False,
)
