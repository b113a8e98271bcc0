"""Tables of executions: tasks, jobs, calls, programs and their messages."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, Table

from framework.registry.schema.column_types import Json, Number, Time, Words, key, metadata, of, required

task = Table(
    "task",
    metadata,
    key("id", comment="greater for what was told of later"),
    required("name", comment="attempt, block, job, wrapper, or exec_ and its number"),
    Column("label", Words, comment="the run, the block's name, the job's number or the module's name"),
    required("info_table", comment="the table whose row of the same id says more"),
    Column("start_time", Time, comment="when it first began"),
    Column("end_time", Time, comment="none while it runs"),
    Column("status", Integer, comment="0 done, -9 lost, else why it failed; none while it runs"),
    Column("exec_host", Words, comment="the machine that it ran on"),
    Column("parent_task_id", Number, comment="the task that it is part of"),
    required("root_task_id", Number, comment="the attempt's task"),
    Index(None, "root_task_id"),
    comment="Everything that takes time: attempt, block, job, wrapper, exec",
)

pfw_job = Table(
    "pfw_job",
    metadata,
    of("task.id", "task_id", "the job's task", key=True),
    required("jobnum", Integer, "its number within the run"),
    required("queue", comment="which execution it is: the engine's own id of it"),
    Column("jobkeys", Words, comment="the values that its calls share, joined by _"),
    Column("jobroot", Words, comment="the directory that it worked in"),
    Column("junktar", Words, comment="the archive's path of what was left over"),
    Column("expect_num_wrap", Integer, comment="how many calls it was planned with"),
    Column("submit_time", Time, comment="when it entered the queue"),
    Column("lost_time", Time, comment="when it was found to have ended without a word"),
    Column("diskusage", Number, comment="bytes"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run"),
    Column("pfw_block_task_id", Number, comment="the block's task"),
    Index(None, "pfw_attempt_id", "jobnum", "queue", unique=True),
    comment="One execution of a job; run again after being lost, a job has another row",
)

pfw_wrapper = Table(
    "pfw_wrapper",
    metadata,
    # The task is written with it, always; to have that checked would cost as much as to write it.
    key("task_id", comment="the call's task"),
    required("wrapnum", Integer, "its number within the run"),
    required("trynum", Integer, "which try at it within the job, from 1"),
    required("name", comment="the wrapper"),
    required("modname", comment="the module"),
    Column("wrapkeys", Words, comment="the values of the wrapper's loop, as JSON"),
    Column("log", Words, comment="where its log lies in the archive"),
    Column("planfile", Words, comment="the shard of the plan that defines the call"),
    Column("diskusage", Number, comment="bytes"),
    Column("exec_start_time", Time, comment="when its inputs were in place"),
    Column("exec_end_time", Time, comment="when its programs had ended"),
    required("pfw_attempt_id", Number, "the run"),
    Column("pfw_block_task_id", Number, comment="the block's task"),
    required("pfw_job_task_id", Number, "the job's task"),
    Index(None, "pfw_attempt_id", "wrapnum", "pfw_job_task_id", "trynum", unique=True),
    comment="A call: one execution of one wrapper",
)

pfw_exec = Table(
    "pfw_exec",
    metadata,
    # The task is written with it, always; to have that checked would cost as much as to write it.
    key("task_id", comment="the program's task"),
    required("execnum", Integer, "its number within the call"),
    required("name", comment="the program"),
    Column("cmdargs", Words, comment="the command line, as it was given"),
    Column("version", Words, comment="what the program said its version is"),
    Column("wallclock", Double, comment="seconds"),
    Column("utime", Double, comment="seconds"),
    Column("stime", Double, comment="seconds"),
    Column("maxrss", Number, comment="kB"),
    Column("minflt", Number, comment="page faults without a disk"),
    Column("majflt", Number, comment="page faults with a disk"),
    Column("inblock", Number, comment="blocks read"),
    Column("oublock", Number, comment="blocks written"),
    Column("nvcsw", Number, comment="times it waited"),
    Column("nivcsw", Number, comment="times it was made to wait"),
    required("pfw_attempt_id", Number, "the run"),
    Column("pfw_block_task_id", Number, comment="the block's task"),
    required("pfw_job_task_id", Number, "the job's task"),
    required("pfw_wrapper_task_id", Number, "the call's task"),
    Column("software_sha256", Words, comment="the software_stack that it ran in; none for the machine as it was"),
    Index(None, "pfw_wrapper_task_id", "execnum", unique=True),
    Index(None, "pfw_attempt_id"),
    Index(None, "software_sha256"),
    comment="One run of a program",
)

software_stack = Table(
    "software_stack",
    metadata,
    key("sha256", Words, "of what was found, without its places"),
    required("kind", comment="environment or container"),
    required("name", comment="what the site or the pipeline calls it"),
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
    required("task_id", Number, "who said it"),
    of("pfw_attempt.id", "pfw_attempt_id", "the run"),
    required("message_time", Time, "when"),
    required("message_lvl", Integer, "1 error, 2 warning, 3 information, 4 what people and queues did"),
    Column("ops_message_pattern_id", Number, comment="the pattern by which it was found in a log; none is used yet"),
    required("message", comment="the words"),
    Column("log_file", Words, comment="where it was found"),
    Column("log_line", Integer, comment="on which line"),
    Index(None, "pfw_attempt_id", "message_lvl"),
    Index(None, "task_id"),
    comment="What a task had to say",
)
