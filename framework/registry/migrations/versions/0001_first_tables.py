"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from framework.registry.schema.column_types import Json, Number, Time, Words

revision = "0001"
down_revision = None


TASK_STATE = """
create view task_state as
select a.task_id, t.name, 'new' as state, a.submittime as state_time
  from pfw_attempt a join task t on t.id = a.task_id where a.submittime is not null
union all
select j.task_id, t.name, 'queued', j.submit_time
  from pfw_job j join task t on t.id = j.task_id where j.submit_time is not null
union all
select w.task_id, t.name, 'staging', t.start_time
  from pfw_wrapper w join task t on t.id = w.task_id where t.start_time is not null
union all
select w.task_id, t.name, 'running', w.exec_start_time
  from pfw_wrapper w join task t on t.id = w.task_id where w.exec_start_time is not null
union all
select w.task_id, t.name, 'storing', w.exec_end_time
  from pfw_wrapper w join task t on t.id = w.task_id where w.exec_end_time is not null
union all
select t.id, t.name, 'running', t.start_time
  from task t where t.start_time is not null and t.info_table <> 'pfw_wrapper'
union all
select t.id, t.name, case t.status when 0 then 'done' when 9 then 'lost' else 'failed' end, t.end_time
  from task t where t.end_time is not null
"""


def upgrade() -> None:
    op.create_table(
        "desfile",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("pfw_attempt_id", Number, comment="the run that made it; none for a file from outside"),
        sa.Column("wgb_task_id", Number, comment="the exec or call that made it"),
        sa.Column("filetype", Words, nullable=False),
        sa.Column("filename", Words, nullable=False),
        sa.Column(
            "path", Words, nullable=False, comment="directory and name within an archive; absolute outside of archives"
        ),
        sa.Column("path_version", Words, nullable=False, comment="sha256 of a file outside of archives, empty within"),
        sa.Column("compression", Words),
        sa.Column("filesize", Number),
        sa.Column("sha256", Words),
        sa.Column("md5sum", Words),
        sa.Column("metadata", Json),
        sa.Column("created_date", Time),
        sa.PrimaryKeyConstraint("id", name="pk_desfile"),
        comment="A file, in whichever archives it is",
    )
    op.create_index("ix_desfile_filetype", "desfile", ["filetype"])
    op.create_index("ix_desfile_path_path_version", "desfile", ["path", "path_version"], unique=True)
    op.create_index("ix_desfile_pfw_attempt_id_filetype", "desfile", ["pfw_attempt_id", "filetype"])
    op.create_table(
        "file_archive_info",
        sa.Column("desfile_id", Number, autoincrement=False, nullable=False),
        sa.Column("archive_name", Words, autoincrement=False, nullable=False),
        sa.Column("filename", Words, nullable=False),
        sa.Column("path", Words, nullable=False, comment="the directory within the archive"),
        sa.Column("compression", Words),
        sa.PrimaryKeyConstraint("desfile_id", "archive_name", name="pk_file_archive_info"),
        comment="An archive that a file is in",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "id_block",
        sa.Column("name", Words, autoincrement=False, nullable=False),
        sa.Column("next_id", Number, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_id_block"),
        comment="Where the next range of ids begins",
    )
    op.create_table(
        "opm_used",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("desfile_id", Number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("task_id", "desfile_id", name="pk_opm_used"),
        comment="The task read the file",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_opm_used_desfile_id", "opm_used", ["desfile_id"])
    op.create_table(
        "opm_was_derived_from",
        sa.Column("child_desfile_id", Number, autoincrement=False, nullable=False),
        sa.Column("parent_desfile_id", Number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("child_desfile_id", "parent_desfile_id", name="pk_opm_was_derived_from"),
        comment="The child's contents come from the parent's",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_opm_was_derived_from_parent_desfile_id", "opm_was_derived_from", ["parent_desfile_id"])
    op.create_table(
        "opm_was_generated_by",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("desfile_id", Number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("task_id", "desfile_id", name="pk_opm_was_generated_by"),
        comment="The task wrote the file",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pfw_request",
        sa.Column("reqnum", Number, autoincrement=False, nullable=False),
        sa.Column("project", Words, nullable=False),
        sa.Column("jira_id", Words),
        sa.Column("pipeline", Words, nullable=False),
        sa.Column("campaign", Words),
        sa.Column("user_created_by", Words),
        sa.Column("module_created_by", Words),
        sa.Column("created_date", Time),
        sa.PrimaryKeyConstraint("reqnum", name="pk_pfw_request"),
        comment="A piece of a campaign, as its first attempt described it",
    )
    op.create_table(
        "task",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("label", Words),
        sa.Column("info_table", Words, nullable=False),
        sa.Column("start_time", Time),
        sa.Column("end_time", Time),
        sa.Column("status", sa.Integer()),
        sa.Column("exec_host", Words),
        sa.Column("parent_task_id", Number),
        sa.Column("root_task_id", Number, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_task"),
        comment="Everything that takes time: attempt, block, job, wrapper, exec",
    )
    op.create_index("ix_task_root_task_id", "task", ["root_task_id"])
    op.create_table(
        "pfw_exec",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("execnum", sa.Integer(), nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("cmdargs", Words),
        sa.Column("version", Words),
        sa.Column("wallclock", sa.Double(), comment="seconds"),
        sa.Column("utime", sa.Double(), comment="seconds"),
        sa.Column("stime", sa.Double(), comment="seconds"),
        sa.Column("maxrss", Number, comment="kB"),
        sa.Column("minflt", Number),
        sa.Column("majflt", Number),
        sa.Column("inblock", Number),
        sa.Column("oublock", Number),
        sa.Column("nvcsw", Number),
        sa.Column("nivcsw", Number),
        sa.Column("pfw_attempt_id", Number, nullable=False),
        sa.Column("pfw_block_task_id", Number),
        sa.Column("pfw_job_task_id", Number, nullable=False),
        sa.Column("pfw_wrapper_task_id", Number, nullable=False),
        sa.PrimaryKeyConstraint("task_id", name="pk_pfw_exec"),
        comment="One run of a program",
    )
    op.create_index("ix_pfw_exec_pfw_attempt_id", "pfw_exec", ["pfw_attempt_id"])
    op.create_index(
        "ix_pfw_exec_pfw_wrapper_task_id_execnum", "pfw_exec", ["pfw_wrapper_task_id", "execnum"], unique=True
    )
    op.create_table(
        "pfw_unit",
        sa.Column("reqnum", Number, autoincrement=False, nullable=False),
        sa.Column("unitname", Words, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["reqnum"], ["pfw_request.reqnum"], name="fk_pfw_unit_reqnum"),
        sa.PrimaryKeyConstraint("reqnum", "unitname", name="pk_pfw_unit"),
        comment="What a request is done for: a tile, an exposure, a night, a data set",
    )
    op.create_table(
        "pfw_wrapper",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("wrapnum", sa.Integer(), nullable=False),
        sa.Column("trynum", sa.Integer(), nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("modname", Words, nullable=False),
        sa.Column("wrapkeys", Words),
        sa.Column("log", Words),
        sa.Column("planfile", Words, comment="the shard of the plan that defines the call"),
        sa.Column("diskusage", Number),
        sa.Column("exec_start_time", Time),
        sa.Column("exec_end_time", Time),
        sa.Column("pfw_attempt_id", Number, nullable=False),
        sa.Column("pfw_block_task_id", Number),
        sa.Column("pfw_job_task_id", Number, nullable=False),
        sa.PrimaryKeyConstraint("task_id", name="pk_pfw_wrapper"),
        comment="A call: one execution of one wrapper",
    )
    op.create_index(
        "ix_pfw_wrapper_pfw_attempt_id_wrapnum_pfw_job_task_id_trynum",
        "pfw_wrapper",
        ["pfw_attempt_id", "wrapnum", "pfw_job_task_id", "trynum"],
        unique=True,
    )
    op.create_table(
        "pfw_attempt",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("reqnum", Number, nullable=False),
        sa.Column("unitname", Words, nullable=False),
        sa.Column("attnum", sa.Integer(), nullable=False),
        sa.Column("run", Words, nullable=False),
        sa.Column("project", Words, nullable=False),
        sa.Column("campaign", Words),
        sa.Column("pipeline", Words, nullable=False),
        sa.Column("operator", Words, nullable=False),
        sa.Column("condorid", Number),
        sa.Column("submitwcl", Words),
        sa.Column("fullsubmitwcl", Words),
        sa.Column("submittime", Time),
        sa.Column("numexpblk", sa.Integer()),
        sa.Column("archive_path", Words),
        sa.Column("group_submit_id", Number),
        sa.Column("restart_time", Time, comment="when it last began; task.start_time is when it first did"),
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["reqnum", "unitname"], ["pfw_unit.reqnum", "pfw_unit.unitname"], name="fk_pfw_attempt_reqnum"
        ),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_pfw_attempt_task_id"),
        sa.PrimaryKeyConstraint("id", name="pk_pfw_attempt"),
        comment="One try at a unit: a run",
    )
    op.create_index("ix_pfw_attempt_campaign", "pfw_attempt", ["campaign"])
    op.create_index("ix_pfw_attempt_operator", "pfw_attempt", ["operator"])
    op.create_index(
        "ix_pfw_attempt_reqnum_unitname_attnum", "pfw_attempt", ["reqnum", "unitname", "attnum"], unique=True
    )
    op.create_index("ix_pfw_attempt_run", "pfw_attempt", ["run"], unique=True)
    op.create_table(
        "attempt_state",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("processing_state", Words, nullable=False),
        sa.Column("data_state", Words, nullable=False),
        sa.Column("home_archive_state", Words, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_attempt_state_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", name="pk_attempt_state"),
        comment="NEW, PASS or FAIL, and what has become of the data",
    )
    op.create_table(
        "attempt_state_history",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("change_date", Time, autoincrement=False, nullable=False),
        sa.Column("processing_state", Words, autoincrement=False, nullable=False),
        sa.Column("data_state", Words, nullable=False),
        sa.Column("home_archive_state", Words, nullable=False),
        sa.Column("user_changed_by", Words),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_attempt_state_history_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", "change_date", "processing_state", name="pk_attempt_state_history"),
        comment="Each state that an attempt entered",
    )
    op.create_table(
        "ingest_lease",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("holder", Words, nullable=False),
        sa.Column("expiry", Time, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_ingest_lease_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", name="pk_ingest_lease"),
        comment="Who may write what a run's journals tell, and until when",
    )
    op.create_table(
        "ingest_pending",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("path", Words, autoincrement=False, nullable=False),
        sa.Column("child_path", Words, autoincrement=False, nullable=False),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_ingest_pending_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("task_id", "path", "child_path", name="pk_ingest_pending"),
        comment="A task used a file that no journal has told of yet; with a child, that was derived from it",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ingest_pending_pfw_attempt_id", "ingest_pending", ["pfw_attempt_id"])
    op.create_table(
        "journal_position",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("journal", Words, autoincrement=False, nullable=False),
        sa.Column("position", Number, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_journal_position_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", "journal", name="pk_journal_position"),
        comment="How many bytes of a journal stand in the registry",
    )
    op.create_table(
        "pfw_attempt_label",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("label", Words, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_pfw_attempt_label_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", "label", name="pk_pfw_attempt_label"),
        comment="Words by which an attempt can be found",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pfw_attempt_val",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("key", Words, autoincrement=False, nullable=False),
        sa.Column("val", Words, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_pfw_attempt_val_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", "key", name="pk_pfw_attempt_val"),
        comment="Values of the configuration that are kept for questions",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pfw_block",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("blknum", sa.Integer(), nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("condorid", Number),
        sa.Column("modulelist", Words, nullable=False),
        sa.Column("numexpjobs", sa.Integer()),
        sa.Column("target_site", Words),
        sa.Column("restart_time", Time),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_pfw_block_pfw_attempt_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_pfw_block_task_id"),
        sa.PrimaryKeyConstraint("task_id", name="pk_pfw_block"),
        comment="Modules that are planned together",
    )
    op.create_index("ix_pfw_block_pfw_attempt_id_blknum", "pfw_block", ["pfw_attempt_id", "blknum"], unique=True)
    op.create_table(
        "pfw_job",
        sa.Column("task_id", Number, autoincrement=False, nullable=False),
        sa.Column("jobnum", sa.Integer(), nullable=False),
        sa.Column("queue", Words, nullable=False),
        sa.Column("jobkeys", Words),
        sa.Column("jobroot", Words),
        sa.Column("junktar", Words),
        sa.Column("expect_num_wrap", sa.Integer()),
        sa.Column("submit_time", Time),
        sa.Column("lost_time", Time, comment="when it was found to have ended without a word"),
        sa.Column("diskusage", Number),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("pfw_block_task_id", Number),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_pfw_job_pfw_attempt_id"),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name="fk_pfw_job_task_id"),
        sa.PrimaryKeyConstraint("task_id", name="pk_pfw_job"),
        comment="One execution of a job; run again after being lost, a job has another row",
    )
    op.create_index(
        "ix_pfw_job_pfw_attempt_id_jobnum_queue", "pfw_job", ["pfw_attempt_id", "jobnum", "queue"], unique=True
    )
    op.create_table(
        "proctag",
        sa.Column("tag", Words, autoincrement=False, nullable=False),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("created_date", Time),
        sa.Column("created_by", Words),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_proctag_pfw_attempt_id"),
        sa.PrimaryKeyConstraint("tag", "pfw_attempt_id", name="pk_proctag"),
        comment="Runs that belong to a release",
    )
    op.create_table(
        "task_message",
        sa.Column("task_id", Number, nullable=False),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("message_time", Time, nullable=False),
        sa.Column("message_lvl", sa.Integer(), nullable=False, comment="1 error, 2 warning, 3 information"),
        sa.Column("ops_message_pattern_id", Number),
        sa.Column("message", Words, nullable=False),
        sa.Column("log_file", Words),
        sa.Column("log_line", sa.Integer()),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_task_message_pfw_attempt_id"),
        comment="What a task had to say",
    )
    op.create_index("ix_task_message_pfw_attempt_id_message_lvl", "task_message", ["pfw_attempt_id", "message_lvl"])
    op.create_index("ix_task_message_task_id", "task_message", ["task_id"])
    op.create_table(
        "pfw_module",
        sa.Column("pfw_block_task_id", Number, autoincrement=False, nullable=False),
        sa.Column("modname", Words, autoincrement=False, nullable=False),
        sa.Column("modnum", sa.Integer(), nullable=False),
        sa.Column("numexpcalls", sa.Integer(), nullable=False),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_pfw_module_pfw_attempt_id"),
        sa.ForeignKeyConstraint(["pfw_block_task_id"], ["pfw_block.task_id"], name="fk_pfw_module_pfw_block_task_id"),
        sa.PrimaryKeyConstraint("pfw_block_task_id", "modname", name="pk_pfw_module"),
        comment="What was planned for a module",
    )
    op.create_index("ix_pfw_module_pfw_attempt_id_modnum", "pfw_module", ["pfw_attempt_id", "modnum"])
    op.execute(TASK_STATE)
    for name in ("task", "pfw_attempt", "desfile"):
        op.execute(f"insert into id_block (name, next_id) values ('{name}', 1)")  # noqa: S608
