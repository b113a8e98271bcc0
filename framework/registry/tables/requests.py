"""Tables of what was asked for: requests, units, attempts, blocks, modules."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table

from framework.registry.columns import Number, Time, Words
from framework.registry.tables.definition import key, metadata, of, required

pfw_request = Table(
    "pfw_request",
    metadata,
    key("reqnum"),
    required("project"),
    Column("jira_id", Words),
    required("pipeline"),
    Column("campaign", Words),
    Column("user_created_by", Words),
    Column("module_created_by", Words),
    Column("created_date", Time),
    comment="A piece of a campaign, as its first attempt described it",
)

pfw_unit = Table(
    "pfw_unit",
    metadata,
    Column("reqnum", Number, ForeignKey("pfw_request.reqnum"), primary_key=True, autoincrement=False),
    key("unitname", Words),
    comment="What a request is done for: a tile, an exposure, a night, a data set",
)

pfw_attempt = Table(
    "pfw_attempt",
    metadata,
    key("id"),
    required("reqnum", Number),
    required("unitname"),
    required("attnum", Integer),
    required("run"),
    required("project"),
    Column("campaign", Words),
    required("pipeline"),
    required("operator"),
    Column("condorid", Number),
    Column("submitwcl", Words),
    Column("fullsubmitwcl", Words),
    Column("submittime", Time),
    Column("numexpblk", Integer),
    Column("archive_path", Words),
    Column("group_submit_id", Number),
    Column("restart_time", Time, comment="when it last began; task.start_time is when it first did"),
    Column("submit_host", Words, comment="where it was submitted"),
    Column("renderedwcl", Words, comment="the submitted file after rendering; none where it is no template"),
    Column("submitwcl_sha256", Words, comment="checksum of the configuration as typed"),
    Column("renderedwcl_sha256", Words, comment="checksum of the configuration as rendered"),
    Column("fullsubmitwcl_sha256", Words, comment="checksum of the configuration as it was understood"),
    of("task.id", "task_id"),
    ForeignKeyConstraint(["reqnum", "unitname"], ["pfw_unit.reqnum", "pfw_unit.unitname"]),
    Index(None, "reqnum", "unitname", "attnum", unique=True),
    Index(None, "run", unique=True),
    Index(None, "campaign"),
    Index(None, "operator"),
    Index(None, "task_id"),
    comment="One try at a unit: a run",
)

pfw_attempt_software = Table(
    "pfw_attempt_software",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    key("role", Words),
    Column("software_sha256", Words, nullable=False, comment="the software_stack that was found"),
    Index(None, "software_sha256"),
    comment="What submitted a run: the framework, and the folder of its pipeline",
    sqlite_with_rowid=False,
)

pfw_attempt_label = Table(
    "pfw_attempt_label",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    key("label", Words),
    comment="Words by which an attempt can be found",
    sqlite_with_rowid=False,
)

pfw_attempt_val = Table(
    "pfw_attempt_val",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    key("key", Words),
    required("val"),
    comment="Values of the configuration that are kept for questions",
    sqlite_with_rowid=False,
)

attempt_state = Table(
    "attempt_state",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    required("processing_state"),
    required("data_state"),
    required("home_archive_state"),
    comment="NEW, PASS or FAIL, and what has become of the data",
)

attempt_state_history = Table(
    "attempt_state_history",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", key=True),
    key("change_date", Time),
    key("processing_state", Words),
    required("data_state"),
    required("home_archive_state"),
    Column("user_changed_by", Words),
    comment="Each state that an attempt entered",
)

pfw_block = Table(
    "pfw_block",
    metadata,
    of("task.id", "task_id", key=True),
    required("blknum", Integer),
    required("name"),
    Column("condorid", Number),
    required("modulelist"),
    Column("numexpjobs", Integer),
    Column("target_site", Words),
    Column("restart_time", Time),
    of("pfw_attempt.id", "pfw_attempt_id"),
    Index(None, "pfw_attempt_id", "blknum", unique=True),
    comment="Modules that are planned together",
)

pfw_module = Table(
    "pfw_module",
    metadata,
    of("pfw_block.task_id", "pfw_block_task_id", key=True),
    key("modname", Words),
    required("modnum", Integer),
    required("numexpcalls", Integer),
    of("pfw_attempt.id", "pfw_attempt_id"),
    Index(None, "pfw_attempt_id", "modnum"),
    comment="What was planned for a module",
)
