"""Nodes of a DAG that run on the submit machine, beside the jobs of the run.

``follow DIRECTORY`` ingests events and journals while the run goes on. It may be killed: the run goes on without it,
and the next start of it catches up. ``finish DIRECTORY DAG_STATUS`` is the FINAL node: it closes the attempt when all
journals have been returned. ``plan DIRECTORY BLOCK`` is the PRE script of the DAG of a late block.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from framework.engines.htcondor.engine import finish_run
from framework.engines.htcondor.late_script import plan_block
from framework.engines.htcondor.observer import Observer, observer_lock
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.run_directory import RunDirectory
from framework.errors import FrameworkError, RegistryError
from framework.output.log import get_logger, log_to_run
from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import Ingester, ingest

log = get_logger(__name__)

#: Between two looks at what is new.
PAUSE_SECONDS = 2.0
#: How long the last node waits for a registry that is away; the journals keep everything for fw restart.
PATIENCE_SECONDS = 1800.0
#: DAGMan's word for a DAG that somebody has removed.
REMOVED = "4"


def main(arguments: list[str]) -> int:
    """Run one of the nodes and return its exit status."""
    verb, place, *more = arguments
    path = Path(place)
    submission = SubmissionDirectory(RunDirectory(path.parents[1]), int(path.name))
    try:
        log_to_run(submission.run.path, f"node-{verb}")
        log.info("node %s begins", verb, extra={"run": submission.run.run})
        if verb == "follow":
            follow(submission)
            log.info("node %s ends", verb, extra={"run": submission.run.run})
            return 0
        if verb == "plan":
            return plan_block(submission, int(more[0]))
        return conclude(submission, more[0] == REMOVED)
    except FrameworkError as error:
        log.error("node %s failed: %s", verb, error)
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def follow(submission: SubmissionDirectory) -> None:
    """Ingest events and journals until the FINAL node begins."""
    run = submission.run
    plan = run.read_plan()
    os.nice(10)  # what is looked at matters more than the look
    with observer_lock(run):
        observer = Observer(submission, plan)

        def is_closing() -> bool:
            observer.read_events()
            return observer.dag_state.is_closing

        # A registry that is away is waited for; what is not in it by the end, the last node brings in.
        while not is_closing():
            with contextlib.suppress(RegistryError):
                Ingester(open_registry(None), plan.attempt, run.journal).follow(is_closing, PAUSE_SECONDS)
            time.sleep(PAUSE_SECONDS)


def conclude(submission: SubmissionDirectory, is_cancelled: bool) -> int:
    """Close the attempt, and wait until the registry has all of it."""
    status = finish_run(submission, is_cancelled)
    plan = submission.run.read_plan()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            ingest(open_registry(None), plan.attempt, submission.run.journal)
        except RegistryError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_SECONDS)
        else:
            return 1 if status else 0
