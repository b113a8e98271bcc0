"""Software that submitted a run, verified reruns, and views with the names of the IVOA's provenance model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from framework.registry.schema.column_types import Number, Time, Words

revision = "0004"
down_revision = "0003"

#: Files, executions and people by the names of ProvenanceDM 1.0, as a TAP service offers them.
VIEWS = {
    "activity": """
        select t.id, t.name || ' ' || coalesce(t.label, '') as name, t.start_time as starttime, t.end_time as stoptime,
               case when t.status is null then null when t.status = 0 then 'done'
                    else 'ended with status ' || t.status end as comment,
               coalesce(e.name, w.modname, a.pipeline) as activitydescription_id
          from task t
          left join pfw_exec e on e.task_id = t.id
          left join pfw_wrapper w on w.task_id = t.id
          left join pfw_attempt a on a.task_id = t.id
    """,
    "entity": """
        select d.id, d.filename as name, d.path as location, d.created_date as generatedattime,
               null as invalidatedattime, 'sha256 ' || d.sha256 as comment, d.filetype as entitydescription_id
          from desfile d
    """,
    "agent": """
        select operator as id, operator as name, 'Person' as type, null as comment, null as email,
               null as affiliation, null as phone, null as address, null as url
          from pfw_attempt group by operator
        union all
        select sha256, name, 'SoftwareAgent', kind, null, null, null, null, image
          from software_stack
    """,
    "used": """
        select task_id as activity_id, desfile_id as entity_id, null as role, null as time,
               null as useddescription_id
          from opm_used
    """,
    # By way of the file's own maker: a file has one, and both ends are found by their keys.
    "wasgeneratedby": """
        select d.id as entity_id, g.task_id as activity_id, null as role, d.created_date as time,
               null as wasgeneratedbydescription_id
          from opm_was_generated_by g join desfile d on d.id = g.desfile_id and d.wgb_task_id = g.task_id
    """,
    "wasderivedfrom": """
        select child_desfile_id as generatedentity_id, parent_desfile_id as usedentity_id from opm_was_derived_from
    """,
    "wasinformedby": """
        select u.task_id as informed_id, g.task_id as informant_id
          from opm_used u
          join desfile d on d.id = u.desfile_id
          join opm_was_generated_by g on g.task_id = d.wgb_task_id and g.desfile_id = d.id
    """,
    "wasassociatedwith": """
        select task_id as activity_id, operator as agent_id, 'operator' as role from pfw_attempt
        union all
        select a.task_id, s.software_sha256, s.role
          from pfw_attempt_software s join pfw_attempt a on a.id = s.pfw_attempt_id
        union all
        select task_id, software_sha256, 'environment' from pfw_exec where software_sha256 is not null
    """,
    "wasattributedto": """
        select d.id as entity_id, a.operator as agent_id, 'operator' as role
          from desfile d join pfw_attempt a on a.id = d.pfw_attempt_id
    """,
    "activitydescription": """
        select pipeline as id, pipeline as name, null as version, null as description, null as docurl,
               'pipeline' as type, null as subtype
          from pfw_attempt group by pipeline
        union all
        select modname, modname, null, null, null, 'module', null from pfw_module group by modname
        union all
        select name, name, max(version), null, null, 'program', null from pfw_exec group by name
    """,
    "entitydescription": """
        select filetype as id, filetype as name, null as description, null as docurl, 'file' as type
          from desfile group by filetype
    """,
    "parameter": """
        select pfw_attempt_id || ':' || key as id, key as name, val as value, null as parameterdescription_id
          from pfw_attempt_val
    """,
    "wasconfiguredby": """
        select a.task_id as activity_id, 'Parameter' as artefacttype, v.pfw_attempt_id || ':' || v.key as parameter_id,
               null as configfile_id
          from pfw_attempt_val v join pfw_attempt a on a.id = v.pfw_attempt_id
        union all
        select task_id, 'ConfigFile', null, fullsubmitwcl_sha256 from pfw_attempt
         where fullsubmitwcl_sha256 is not null
    """,
    "configfile": """
        select fullsubmitwcl_sha256 as id, pipeline as name, run as location, null as comment
          from pfw_attempt where fullsubmitwcl_sha256 is not null
    """,
}


def upgrade() -> None:
    add_submission()
    add_verifications()
    op.execute("insert into id_block (name, next_id) values ('verification', 1)")
    for name, query in VIEWS.items():
        op.execute(f"create view {name} as {query}")


def add_submission() -> None:
    for name, comment in (
        ("submit_host", "where it was submitted"),
        ("renderedwcl", "the submitted file after rendering; none where it is no template"),
        ("submitwcl_sha256", "checksum of the configuration as typed"),
        ("renderedwcl_sha256", "checksum of the configuration as rendered"),
        ("fullsubmitwcl_sha256", "checksum of the configuration as it was understood"),
    ):
        op.add_column("pfw_attempt", sa.Column(name, Words, comment=comment))
    op.create_index("ix_pfw_attempt_task_id", "pfw_attempt", ["task_id"])
    op.create_table(
        "pfw_attempt_software",
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("role", Words, autoincrement=False, nullable=False),
        sa.Column("software_sha256", Words, nullable=False, comment="the software_stack that was found"),
        sa.PrimaryKeyConstraint("pfw_attempt_id", "role", name="pk_pfw_attempt_software"),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_pfw_attempt_software_pfw_attempt_id"),
        comment="What submitted a run: the framework, and the folder of its pipeline",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pfw_attempt_software_software_sha256", "pfw_attempt_software", ["software_sha256"])


def add_verifications() -> None:
    op.create_table(
        "verification",
        sa.Column("id", Number, autoincrement=False, nullable=False),
        sa.Column("pfw_attempt_id", Number, autoincrement=False, nullable=False),
        sa.Column("wrapnum", sa.Integer, nullable=False, comment="the call of the run that was repeated"),
        sa.Column(
            "verdict",
            Words,
            nullable=False,
            comment="identical, volatile, close, different, failed",
        ),
        sa.Column("difference", Words, comment="in words, where it is different or failed"),
        sa.Column("status", sa.Integer, nullable=False, comment="what the repeated call ended with"),
        sa.Column("verify_time", Time, nullable=False, comment="when it had ended"),
        sa.Column("wallclock", sa.Double, comment="seconds that repeating and comparing took"),
        sa.Column("operator", Words, nullable=False, comment="who asked for it"),
        sa.Column("exec_host", Words, nullable=False, comment="where it was repeated"),
        sa.Column(
            "software", Words, comment="what its programs ran in: same as recorded, differs, or none for the machine"
        ),
        sa.Column("framework_sha256", Words, comment="the software_stack of the framework that repeated it"),
        sa.PrimaryKeyConstraint("id", name="pk_verification"),
        sa.ForeignKeyConstraint(["pfw_attempt_id"], ["pfw_attempt.id"], name="fk_verification_pfw_attempt_id"),
        comment="A call that was repeated apart from its run, and what came of it",
    )
    op.create_index("ix_verification_pfw_attempt_id_wrapnum", "verification", ["pfw_attempt_id", "wrapnum"])
    op.create_table(
        "verification_file",
        sa.Column("verification_id", Number, autoincrement=False, nullable=False),
        sa.Column("path", Words, autoincrement=False, nullable=False),
        sa.Column("desfile_id", Number, comment="the recorded file; none for one that the run did not make"),
        sa.Column("filetype", Words, comment="whose declarations say what may differ"),
        sa.Column("verdict", Words, nullable=False),
        sa.Column("difference", Words, comment="the first difference in words, or what differs and may"),
        sa.PrimaryKeyConstraint("verification_id", "path", name="pk_verification_file"),
        sa.ForeignKeyConstraint(["verification_id"], ["verification.id"], name="fk_verification_file_verification_id"),
        comment="A file of a repeated call beside the recorded one",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_verification_file_desfile_id", "verification_file", ["desfile_id"])
