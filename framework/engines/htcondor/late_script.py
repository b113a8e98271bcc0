"""Late blocks on a pool: the PRE script of a block's sub-DAG has the block planned, and writes that DAG."""

from __future__ import annotations

import os
import time

from framework.engines.history import RunHistory, read_history
from framework.engines.htcondor.checks import check_limits
from framework.engines.htcondor.dag import NOTHING_TO_DO
from framework.engines.htcondor.learned_resources import read_learned
from framework.engines.htcondor.pool import has_other_machines
from framework.engines.htcondor.site import read_site
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.subcommand import LatePlanner
from framework.errors import FrameworkError
from framework.model.run import PlannedRun
from framework.output.log import get_logger
from framework.worker.journal import facts
from framework.worker.journal.journal import Journal
from framework.worker.journal.message_level import MessageLevel

log = get_logger(__name__)


def plan_block(submission: SubmissionDirectory, number: int) -> int:
    """Plan a block once those before it have ended; return the exit status of its PRE script.

    It may be done again: a plan that is there is kept.
    """
    run, began = submission.run, time.time()
    names = {block.number: block.name for block in run.read_plan().late}
    error = _plan(submission, number)
    plan = run.read_plan()
    history = read_history(run.journal, plan)
    name = f"engine-{submission.start}-late{number}-{os.getpid()}-{os.urandom(3).hex()}"
    journal = Journal(str(run.journal), name, run=plan.run, attempt=plan.attempt, start=submission.start)
    journal.write(facts.block_start(number), t=began)
    try:
        jobs = 0 if error else _write(submission, plan, number, history, journal)
    except FrameworkError as refusal:
        error = str(refusal)
    fields = {"run": plan.run, "block": number}
    if error:
        text = f"block {names.get(number, number)} could not be planned: {error}"
        journal.write(facts.message(MessageLevel.ERROR, text, block=number))
        log.error(text, extra=fields)
        status = 1
    else:
        log.info("planned: %d jobs", jobs, extra=fields)
        status = 0 if jobs else NOTHING_TO_DO
    if status:
        journal.write(facts.block_end(number, 1 if error else 0))
    journal.close()
    return status


def _plan(submission: SubmissionDirectory, number: int) -> str | None:
    """Have a block planned; return why that failed, None if it did not."""
    planner = LatePlanner(submission.run, number, os.environ.get("FW_REGISTRY", ""))
    while (lines := planner.read_lines()) is not None:
        for line in lines:
            print(line, flush=True)
    return planner.wait()


def _write(
    submission: SubmissionDirectory, plan: PlannedRun, number: int, history: RunHistory, journal: Journal
) -> int:
    """Record the plan and write the DAG; return how many jobs are in it."""
    site = read_site(plan.target_site, plan.site)
    check_limits(plan, site)
    if number not in history.planned_blocks:
        jobs = sum(job.block == number for job in plan.jobs.values())
        journal.write(facts.block_plan(number, jobs, plan.planned_late[number]))
    if files := submission.run.archive_plan(plan, history.archived_files):
        journal.write(facts.attempt_files(files))
    return submission.write_late_block(plan, number, history, site, read_learned(submission.run), has_other_machines())
