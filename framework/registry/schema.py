"""What the tables of the registry are; ``migrations`` make them, and a test holds the two together.

Names are those of the Dark Energy Survey's registry, so that its operators' queries run as they stand. Whatever takes
time is a row of ``task``; the ``pfw_`` tables say what it was, under the same id.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Double, ForeignKey, ForeignKeyConstraint, Index, Integer, MetaData, Table

from framework.registry.columns import Json, Number, Time, Words

#: The migration that makes what stands here.
REVISION = "0001"

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str, type_: Any = Number) -> Column[Any]:
    return Column(name, type_, primary_key=True, autoincrement=False)


def _of(table: str, name: str, *, key: bool = False, required: bool = True) -> Column[Any]:
    return Column(name, Number, ForeignKey(table), primary_key=key, autoincrement=False, nullable=not required)


def _required(name: str, type_: Any = Words) -> Column[Any]:
    return Column(name, type_, nullable=False)


task = Table(
    "task",
    metadata,
    _key("id"),
    _required("name"),
    Column("label", Words),
    _required("info_table"),
    Column("start_time", Time),
    Column("end_time", Time),
    Column("status", Integer),
    Column("exec_host", Words),
    Column("parent_task_id", Number),
    _required("root_task_id", Number),
    Index(None, "root_task_id"),
    comment="Everything that takes time: attempt, block, job, wrapper, exec",
)

# ---------------------------------------------------------------- what was asked for

pfw_request = Table(
    "pfw_request",
    metadata,
    _key("reqnum"),
    _required("project"),
    Column("jira_id", Words),
    _required("pipeline"),
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
    _key("unitname", Words),
    comment="What a request is done for: a tile, an exposure, a night, a data set",
)

pfw_attempt = Table(
    "pfw_attempt",
    metadata,
    _key("id"),
    _required("reqnum", Number),
    _required("unitname"),
    _required("attnum", Integer),
    _required("run"),
    _required("project"),
    Column("campaign", Words),
    _required("pipeline"),
    _required("operator"),
    Column("condorid", Number),
    Column("submitwcl", Words),
    Column("fullsubmitwcl", Words),
    Column("submittime", Time),
    Column("numexpblk", Integer),
    Column("archive_path", Words),
    Column("group_submit_id", Number),
    Column("restart_time", Time, comment="when it last began; task.start_time is when it first did"),
    _of("task.id", "task_id"),
    ForeignKeyConstraint(["reqnum", "unitname"], ["pfw_unit.reqnum", "pfw_unit.unitname"]),
    Index(None, "reqnum", "unitname", "attnum", unique=True),
    Index(None, "run", unique=True),
    Index(None, "campaign"),
    Index(None, "operator"),
    comment="One try at a unit: a run",
)

pfw_attempt_label = Table(
    "pfw_attempt_label",
    metadata,
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    _key("label", Words),
    comment="Words by which an attempt can be found",
    sqlite_with_rowid=False,
)

pfw_attempt_val = Table(
    "pfw_attempt_val",
    metadata,
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    _key("key", Words),
    _required("val"),
    comment="Values of the configuration that are kept for questions",
    sqlite_with_rowid=False,
)

attempt_state = Table(
    "attempt_state",
    metadata,
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    _required("processing_state"),
    _required("data_state"),
    _required("home_archive_state"),
    comment="NEW, PASS or FAIL, and what has become of the data",
)

attempt_state_history = Table(
    "attempt_state_history",
    metadata,
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    _key("change_date", Time),
    _key("processing_state", Words),
    _required("data_state"),
    _required("home_archive_state"),
    Column("user_changed_by", Words),
    comment="Each state that an attempt entered",
)

pfw_block = Table(
    "pfw_block",
    metadata,
    _of("task.id", "task_id", key=True),
    _required("blknum", Integer),
    _required("name"),
    Column("condorid", Number),
    _required("modulelist"),
    Column("numexpjobs", Integer),
    Column("target_site", Words),
    Column("restart_time", Time),
    _of("pfw_attempt.id", "pfw_attempt_id"),
    Index(None, "pfw_attempt_id", "blknum", unique=True),
    comment="Modules that are planned together",
)

pfw_module = Table(
    "pfw_module",
    metadata,
    _of("pfw_block.task_id", "pfw_block_task_id", key=True),
    _key("modname", Words),
    _required("modnum", Integer),
    _required("numexpcalls", Integer),
    _of("pfw_attempt.id", "pfw_attempt_id"),
    Index(None, "pfw_attempt_id", "modnum"),
    comment="What was planned for a module",
)

# ---------------------------------------------------------------- what was executed

pfw_job = Table(
    "pfw_job",
    metadata,
    _of("task.id", "task_id", key=True),
    _required("jobnum", Integer),
    _required("queue"),
    Column("jobkeys", Words),
    Column("jobroot", Words),
    Column("junktar", Words),
    Column("expect_num_wrap", Integer),
    Column("submit_time", Time),
    Column("lost_time", Time, comment="when it was found to have ended without a word"),
    Column("diskusage", Number),
    _of("pfw_attempt.id", "pfw_attempt_id"),
    Column("pfw_block_task_id", Number),
    Index(None, "pfw_attempt_id", "jobnum", "queue", unique=True),
    comment="One execution of a job; run again after being lost, a job has another row",
)

pfw_wrapper = Table(
    "pfw_wrapper",
    metadata,
    _of("task.id", "task_id", key=True),
    _required("wrapnum", Integer),
    _required("trynum", Integer),
    _required("name"),
    _required("modname"),
    Column("wrapkeys", Words),
    Column("log", Words),
    Column("planfile", Words, comment="the shard of the plan that defines the call"),
    Column("diskusage", Number),
    Column("exec_start_time", Time),
    Column("exec_end_time", Time),
    _required("pfw_attempt_id", Number),
    Column("pfw_block_task_id", Number),
    _required("pfw_job_task_id", Number),
    Index(None, "pfw_attempt_id", "wrapnum", "pfw_job_task_id", "trynum", unique=True),
    comment="A call: one execution of one wrapper",
)

pfw_exec = Table(
    "pfw_exec",
    metadata,
    _of("task.id", "task_id", key=True),
    _required("execnum", Integer),
    _required("name"),
    Column("cmdargs", Words),
    Column("version", Words),
    Column("wallclock", Double, comment="seconds"),
    Column("utime", Double, comment="seconds"),
    Column("stime", Double, comment="seconds"),
    Column("maxrss", Number, comment="kB"),
    Column("minflt", Number),
    Column("majflt", Number),
    Column("inblock", Number),
    Column("oublock", Number),
    Column("nvcsw", Number),
    Column("nivcsw", Number),
    _required("pfw_attempt_id", Number),
    Column("pfw_block_task_id", Number),
    _required("pfw_job_task_id", Number),
    _required("pfw_wrapper_task_id", Number),
    Index(None, "pfw_wrapper_task_id", "execnum", unique=True),
    Index(None, "pfw_attempt_id"),
    comment="One run of a program",
)

task_message = Table(
    "task_message",
    metadata,
    _required("task_id", Number),
    _of("pfw_attempt.id", "pfw_attempt_id"),
    _required("message_time", Time),
    Column("message_lvl", Integer, nullable=False, comment="1 error, 2 warning, 3 information"),
    Column("ops_message_pattern_id", Number),
    _required("message"),
    Column("log_file", Words),
    Column("log_line", Integer),
    Index(None, "pfw_attempt_id", "message_lvl"),
    Index(None, "task_id"),
    comment="What a task had to say",
)

# ---------------------------------------------------------------- files and where they come from

desfile = Table(
    "desfile",
    metadata,
    _key("id"),
    Column("pfw_attempt_id", Number, comment="the run that made it; none for a file from outside"),
    Column("wgb_task_id", Number, comment="the exec or call that made it"),
    _required("filetype"),
    _required("filename"),
    Column("path", Words, nullable=False, comment="directory and name within an archive; absolute outside of archives"),
    Column("path_version", Words, nullable=False, comment="sha256 of a file outside of archives, empty within"),
    Column("compression", Words),
    Column("filesize", Number),
    Column("sha256", Words),
    Column("md5sum", Words),
    Column("metadata", Json),
    Column("created_date", Time),
    Index(None, "path", "path_version", unique=True),
    Index(None, "pfw_attempt_id", "filetype"),
    Index(None, "filetype"),
    comment="A file, in whichever archives it is",
)

file_archive_info = Table(
    "file_archive_info",
    metadata,
    _key("desfile_id"),
    _key("archive_name", Words),
    _required("filename"),
    Column("path", Words, nullable=False, comment="the directory within the archive"),
    Column("compression", Words),
    comment="An archive that a file is in",
    sqlite_with_rowid=False,
)

opm_used = Table(
    "opm_used",
    metadata,
    _key("task_id"),
    _key("desfile_id"),
    Index(None, "desfile_id"),
    comment="The task read the file",
    sqlite_with_rowid=False,
)

opm_was_generated_by = Table(
    "opm_was_generated_by",
    metadata,
    _key("task_id"),
    _key("desfile_id"),
    comment="The task wrote the file",
    sqlite_with_rowid=False,
)

opm_was_derived_from = Table(
    "opm_was_derived_from",
    metadata,
    _key("child_desfile_id"),
    _key("parent_desfile_id"),
    Index(None, "parent_desfile_id"),
    comment="The child's contents come from the parent's",
    sqlite_with_rowid=False,
)

proctag = Table(
    "proctag",
    metadata,
    _key("tag", Words),
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    Column("created_date", Time),
    Column("created_by", Words),
    comment="Runs that belong to a release",
)

# ---------------------------------------------------------------- how the registry is written

id_block = Table(
    "id_block",
    metadata,
    _key("name", Words),
    _required("next_id", Number),
    comment="Where the next range of ids begins",
)

ingest_lease = Table(
    "ingest_lease",
    metadata,
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    _required("holder"),
    _required("expiry", Time),
    comment="Who may write what a run's journals tell, and until when",
)

journal_position = Table(
    "journal_position",
    metadata,
    _of("pfw_attempt.id", "pfw_attempt_id", key=True),
    _key("journal", Words),
    _required("position", Number),
    comment="How many bytes of a journal stand in the registry",
)

ingest_pending = Table(
    "ingest_pending",
    metadata,
    _key("task_id"),
    _key("path", Words),
    _key("child_path", Words),
    _of("pfw_attempt.id", "pfw_attempt_id"),
    Index(None, "pfw_attempt_id"),
    comment="A task used a file that no journal has told of yet; with a child, that was derived from it",
    sqlite_with_rowid=False,
)
