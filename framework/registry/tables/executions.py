"""Tables of what was executed: tasks, jobs, calls, programs and their messages."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table

from framework.registry.columns import Json, Number, Time, Words
from framework.registry.tables.definition import key, metadata, of, required

task = Table(
    "task",
    metadata,
    key("id"),
    required("name"),
    Column("label", Words),
    required("info_table"),
    Column("start_time", Time),
    Column("end_time", Time),
    Column("status", Integer),
    Column("exec_host", Words),
    Column("parent_task_id", Number),
    required("root_task_id", Number),
    Index(None, "root_task_id"),
    comment="Everything that takes time: attempt, block, job, wrapper, exec",
)

pfw_job = Table(
    "pfw_job",
    metadata,
    of("task.id", "task_id", key=True),
    required("jobnum", Integer),
    required("queue"),
    Column("jobkeys", Words),
    Column("jobroot", Words),
    Column("junktar", Words),
    Column("expect_num_wrap", Integer),
    Column("submit_time", Time),
    Column("lost_time", Time, comment="when it was found to have ended without a word"),
    Column("diskusage", Number),
    of("pfw_attempt.id", "pfw_attempt_id"),
    Column("pfw_block_task_id", Number),
    Index(None, "pfw_attempt_id", "jobnum", "queue", unique=True),
    comment="One execution of a job; run again after being lost, a job has another row",
)

pfw_wrapper = Table(
    "pfw_wrapper",
    metadata,
    # The task is written with it, always; to have that checked would cost as much as to write it.
    key("task_id"),
    required("wrapnum", Integer),
    required("trynum", Integer),
    required("name"),
    required("modname"),
    Column("wrapkeys", Words),
    Column("log", Words),
    Column("planfile", Words, comment="the shard of the plan that defines the call"),
    Column("diskusage", Number),
    Column("exec_start_time", Time),
    Column("exec_end_time", Time),
    required("pfw_attempt_id", Number),
    Column("pfw_block_task_id", Number),
    required("pfw_job_task_id", Number),
    Index(None, "pfw_attempt_id", "wrapnum", "pfw_job_task_id", "trynum", unique=True),
    comment="A call: one execution of one wrapper",
)

pfw_exec = Table(
    "pfw_exec",
    metadata,
    # The task is written with it, always; to have that checked would cost as much as to write it.
    key("task_id"),
    required("execnum", Integer),
    required("name"),
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
    required("pfw_attempt_id", Number),
    Column("pfw_block_task_id", Number),
    required("pfw_job_task_id", Number),
    required("pfw_wrapper_task_id", Number),
    Column("software_sha256", Words, comment="the software_stack that it ran in; none for the machine as it was"),
    Index(None, "pfw_wrapper_task_id", "execnum", unique=True),
    Index(None, "pfw_attempt_id"),
    Index(None, "software_sha256"),
    comment="One run of a program",
)

software_stack = Table(
    "software_stack",
    metadata,
    key("sha256", Words),
    required("kind"),
    required("name"),
    Column("python", Words, comment="version of the Python that programs find"),
    Column("image", Words, comment="of a container: where it is from"),
    Column("image_digest", Words, comment="of a container: which image it is"),
    Column("found", Json, comment="all that was found: prefix, packages, modules, products, runtime, script"),
    comment="An environment or a container as workers found it; one row for all runs that found the same",
    sqlite_with_rowid=False,
)

task_message = Table(
    "task_message",
    metadata,
    required("task_id", Number),
    of("pfw_attempt.id", "pfw_attempt_id"),
    required("message_time", Time),
    Column("message_lvl", Integer, nullable=False, comment="1 error, 2 warning, 3 information"),
    Column("ops_message_pattern_id", Number),
    required("message"),
    Column("log_file", Words),
    Column("log_line", Integer),
    Index(None, "pfw_attempt_id", "message_lvl"),
    Index(None, "task_id"),
    comment="What a task had to say",
)
