"""Tables of verified reruns: repeated calls, and the comparison of their files with the record."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table

from framework.registry.schema.column_types import Number, Time, Words, key, metadata, of, required

verification = Table(
    "verification",
    metadata,
    key("id", comment="greater for what was repeated later"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run"),
    Column("wrapnum", Integer, nullable=False, comment="the call of the run that was repeated"),
    Column("verdict", Words, nullable=False, comment="identical, volatile, close, different, failed"),
    Column("difference", Words, comment="in words, where it is different or failed"),
    Column("status", Integer, nullable=False, comment="what the repeated call ended with"),
    Column("verify_time", Time, nullable=False, comment="when it had ended"),
    Column("wallclock", Double, comment="seconds that repeating and comparing took"),
    Column("operator", Words, nullable=False, comment="who asked for it"),
    Column("exec_host", Words, nullable=False, comment="where it was repeated"),
    Column("software", Words, comment="what its programs ran in: same as recorded, differs, or none for the machine"),
    Column("framework_sha256", Words, comment="the software_stack of the framework that repeated it"),
    Index(None, "pfw_attempt_id", "wrapnum"),
    comment="A call that was repeated apart from its run, and what came of it",
)

verification_file = Table(
    "verification_file",
    metadata,
    of("verification.id", "verification_id", "the repeated call", key=True),
    key("path", Words, "the recorded path"),
    Column("desfile_id", Number, comment="the recorded file; none for one that the run did not make"),
    Column("filetype", Words, comment="whose declarations say what may differ"),
    required("verdict", comment="identical, volatile, close, different"),
    Column("difference", Words, comment="the first difference in words, or what differs and may"),
    Index(None, "desfile_id"),
    comment="A file of a repeated call beside the recorded one",
    sqlite_with_rowid=False,
)
