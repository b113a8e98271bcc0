"""Tables of requests, units, attempts, blocks and modules."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table

from framework.registry.schema.column_types import Number, Time, Words, key, metadata, of, required

pfw_request = Table(
    "pfw_request",
    metadata,
    key("reqnum", comment="the request's number"),
    required("project", comment="the project"),
    Column("jira_id", Words, comment="the ticket that asked for it"),
    required("pipeline", comment="the pipeline"),
    Column("campaign", Words, comment="the campaign"),
    Column("user_created_by", Words, comment="who submitted the first attempt"),
    Column("module_created_by", Words, comment="what recorded it"),
    Column("created_date", Time, comment="when"),
    comment="A piece of a campaign, as its first attempt described it",
)

pfw_unit = Table(
    "pfw_unit",
    metadata,
    Column(
        "reqnum",
        Number,
        ForeignKey("pfw_request.reqnum"),
        primary_key=True,
        autoincrement=False,
        comment="the request's number",
    ),
    key("unitname", Words, "the unit's name"),
    comment="What a request is done for: a tile, an exposure, a night, a data set",
)

pfw_attempt = Table(
    "pfw_attempt",
    metadata,
    key("id", comment="greater for what was submitted later"),
    required("reqnum", Number, "the request"),
    required("unitname", comment="the unit"),
    required("attnum", Integer, "its number among the tries at the unit, from 1"),
    required("run", comment="the run's name: Ht0_r11p95"),
    required("project", comment="the project"),
    Column("campaign", Words, comment="the campaign"),
    required("pipeline", comment="the pipeline"),
    required("operator", comment="who submitted it"),
    Column("condorid", Number, comment="the pool's number of the DAG"),
    Column("submitwcl", Words, comment="the pipeline as typed"),
    Column("fullsubmitwcl", Words, comment="the pipeline as it was understood, with the site's values"),
    Column("submittime", Time, comment="when it was submitted"),
    Column("numexpblk", Integer, comment="how many blocks it has"),
    Column("archive_path", Words, comment="its directory in the home archive"),
    Column("group_submit_id", Number, comment="attempts that were submitted together have one"),
    Column("restart_time", Time, comment="when it last began; task.start_time is when it first did"),
    Column("submit_host", Words, comment="where it was submitted"),
    Column("renderedwcl", Words, comment="the submitted file after rendering; none where it is no template"),
    Column("submitwcl_sha256", Words, comment="checksum of the configuration as typed"),
    Column("renderedwcl_sha256", Words, comment="checksum of the configuration as rendered"),
    Column("fullsubmitwcl_sha256", Words, comment="checksum of the configuration as it was understood"),
    of("task.id", "task_id", "the attempt's task"),
    ForeignKeyConstraint(["reqnum", "unitname"], ["pfw_unit.reqnum", "pfw_unit.unitname"]),
    Index(None, "reqnum", "unitname", "attnum", unique=True),
    Index(None, "run", unique=True),
    Index(None, "unitname"),
    Index(None, "campaign"),
    Index(None, "operator"),
    Index(None, "task_id"),
    comment="One try at a unit: a run",
)

pfw_attempt_software = Table(
    "pfw_attempt_software",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    key("role", Words, "framework, or pipeline"),
    Column("software_sha256", Words, nullable=False, comment="the software_stack that was found"),
    Index(None, "software_sha256"),
    comment="What submitted a run: the framework, and the folder of its pipeline",
    sqlite_with_rowid=False,
)

pfw_attempt_label = Table(
    "pfw_attempt_label",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    key("label", Words, "the word"),
    comment="Words by which an attempt can be found",
    sqlite_with_rowid=False,
)

pfw_attempt_val = Table(
    "pfw_attempt_val",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    key("key", Words, "the value's name, with its sections"),
    required("val", comment="the value"),
    comment="Values of the configuration that are kept for questions",
    sqlite_with_rowid=False,
)

attempt_state = Table(
    "attempt_state",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    required("processing_state", comment="NEW, PASS or FAIL"),
    required("data_state", comment="NEW, ACTIVE or JUNK"),
    required("home_archive_state", comment="what the home archive still has of it"),
    comment="NEW, PASS or FAIL, and what has become of the data",
)

attempt_state_history = Table(
    "attempt_state_history",
    metadata,
    of("pfw_attempt.id", "pfw_attempt_id", "the run", key=True),
    key("change_date", Time, "since when"),
    key("processing_state", Words, "NEW, PASS or FAIL"),
    required("data_state", comment="NEW, ACTIVE or JUNK"),
    required("home_archive_state", comment="what the home archive still had of it"),
    Column("user_changed_by", Words, comment="who or what changed it"),
    comment="Each state that an attempt entered",
)

pfw_block = Table(
    "pfw_block",
    metadata,
    of("task.id", "task_id", "the block's task", key=True),
    required("blknum", Integer, "its number within the run, from 1"),
    required("name", comment="the block"),
    Column("condorid", Number, comment="the pool's number of the DAG"),
    required("modulelist", comment="its modules in order, with commas"),
    Column("numexpjobs", Integer, comment="how many jobs it was planned with; none while it is not planned yet"),
    Column("target_site", Words, comment="the site that it runs at"),
    Column("restart_time", Time, comment="when it last began; task.start_time is when it first did"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run"),
    Index(None, "pfw_attempt_id", "blknum", unique=True),
    comment="Modules that are planned together",
)

pfw_module = Table(
    "pfw_module",
    metadata,
    of("pfw_block.task_id", "pfw_block_task_id", "the block's task", key=True),
    key("modname", Words, "the module"),
    required("modnum", Integer, "its place within the block, from 1"),
    required("numexpcalls", Integer, "how many calls it was planned with"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run"),
    Index(None, "pfw_attempt_id", "modnum"),
    comment="What was planned for a module",
)
