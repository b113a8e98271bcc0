"""Rows of a new attempt, for the registry and for the run directory, from which a lost registry is recovered."""

from __future__ import annotations

import os
import time

import msgspec

from framework.engines.run_directory import RunDirectory
from framework.errors import InfrastructureError
from framework.model.plan import Plan
from framework.registry.questions.attempts import (
    NewAttempt,
    NewBlock,
    NewModule,
)
from framework.runs.software_versions import submission_versions
from framework.runs.submitted_pipeline import Submission
from wcl import write

#: What the registry recorded at submission, in the run's directory.
ATTEMPT = "attempt.json"


def new_attempt(plan: Plan, submission: Submission) -> NewAttempt:
    """Return the rows of a new attempt, as the registry records them before anything runs."""
    identity = plan.identity
    return NewAttempt(
        reqnum=identity.reqnum,
        unitname=identity.unitname,
        attnum=identity.attnum,
        project=identity.project,
        pipeline=identity.pipeline,
        operator=identity.operator,
        run=identity.run,
        campaign=identity.campaign,
        jira_id=identity.jira_id,
        submitwcl=submission.typed,
        renderedwcl=submission.rendered,
        fullsubmitwcl=write(submission.pipeline),
        submit_host=os.uname().nodename,
        submit_time=time.time(),
        software=submission_versions(submission.path),
        archive_path=plan.archive_path,
        values={**plan.kept_values, "archive_root": plan.archive_root},
        blocks=tuple(
            NewBlock(
                number=block.number,
                name=block.name,
                target_site=plan.target_site,
                modules=tuple(
                    NewModule(name=part.name, number=part.number, calls=part.calls) for part in block.modules
                ),
                jobs=len(block.jobs),
            )
            for block in plan.blocks
        )
        + tuple(
            NewBlock(
                number=block.number,
                name=block.name,
                target_site=plan.target_site,
                modules=tuple(NewModule(name=part.name, number=part.number, calls=0) for part in block.modules),
            )
            for block in plan.late
        ),
    )


def write_attempt(new: NewAttempt, directory: RunDirectory) -> None:
    """Write the rows of the new attempt beside the plan: from them and the journals a lost registry is recovered."""
    try:
        directory.plan.mkdir(parents=True, exist_ok=True)
        (directory.plan / ATTEMPT).write_bytes(msgspec.json.encode(new))
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
