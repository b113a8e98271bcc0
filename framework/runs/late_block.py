"""Late block: planned once, from the outputs of the blocks before it.

An engine calls this when those blocks have ended: the local engine in a process of its own, HTCondor as the PRE script
of the block's sub-DAG. It may be called again, and by several at a time: the first plan that is written whole is the
plan.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from framework.configuration.site_file import site_values
from framework.engines.history import job_is_done, read_history
from framework.engines.htcondor.site import is_pool
from framework.engines.plan_records import software_records
from framework.engines.program_check import check_programs
from framework.engines.run_directory import RunDirectory
from framework.errors import InfrastructureError, RunError
from framework.model.plan import Identity, Plan
from framework.model.run import PlannedRun
from framework.output.text import counted
from framework.pipeline.archives import read_archives
from framework.plan.build import build_late_block
from framework.plan.earlier_blocks import EarlierBlocks
from framework.plan.products import FileLine
from framework.registry.ingest.completeness import wait_until_complete
from framework.runs.planner_answers import RegistryAnswers
from framework.runs.submitted_pipeline import SUBMITTED
from framework.runs.wrapper_hooks import WrapperHooks, wrapper_files
from wcl import Section, parse

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

#: How long the registry may take to learn what has been made, in seconds.
PATIENCE = 600.0


def plan_late_block(
    directory: RunDirectory, registry: Registry, number: int, *, patience: float, say: Callable[[str], None]
) -> PlannedRun:
    """Plan a late block and write its plan, unless that is done; return the run with it.

    Raises WclError with all problems of the block, and RunError where the blocks before it have not ended.
    """
    with _alone(directory):
        run = directory.read_plan()
        if number in run.planned_late:
            return run
        _refuse_too_early(directory, run, number)
        _wait(directory, registry, run, patience, say)
        plan = _plan_block(directory, registry, run, number)
        if not is_pool(run.site):  # a pool's machines may have what this one lacks
            check_programs(plan.programs, software_records(plan))
        directory.write_late_block(plan, run)
        for warning in plan.warnings:
            say(warning)
        return directory.read_plan()


@contextmanager
def _alone(directory: RunDirectory) -> Iterator[None]:
    held = os.open(directory.plan / "late.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _refuse_too_early(directory: RunDirectory, run: PlannedRun, number: int) -> None:
    if not run.late or run.late[0].number != number:
        waiting = ", ".join(f"{block.number} ({block.name})" for block in run.late) or "none"
        raise RunError(f"block {number} of {run.run} cannot be planned now; late blocks that wait, in order: {waiting}")
    history = read_history(directory.journal, run)
    left = [job.number for job in run.jobs.values() if not job_is_done(job, history)]
    if left:
        raise RunError(
            f"block {number} of {run.run} is planned when the blocks before it have ended well: "
            f"{counted(len(left), 'job')} not done, such as {left[0]}"
        )


def _wait(
    directory: RunDirectory, registry: Registry, run: PlannedRun, patience: float, say: Callable[[str], None]
) -> None:

    wait_until_complete(registry, run.attempt, directory.journal, patience, say)


def _plan_block(directory: RunDirectory, registry: Registry, run: PlannedRun, number: int) -> Plan:
    pipeline = as_submitted(directory, run)
    return build_late_block(
        pipeline,
        Identity(**run.identity),
        RegistryAnswers(registry, run.archive, run.submit_directory, read_archives(pipeline).sources),
        number=number,
        earlier=EarlierBlocks(jobs=tuple(directory.read_jobs(run)), carried=_lines(run.carried)),
        submit_directory=run.submit_directory,
        wrappers=wrapper_files(),
        hooks=WrapperHooks(),
    )


def _lines(carried: Mapping[str, Any]) -> dict[str, list[FileLine]]:
    return {name: msgspec.convert(lines, list[FileLine]) for name, lines in carried.items()}


def as_submitted(directory: RunDirectory, run: PlannedRun) -> Section:
    """Return the pipeline as it was understood at submission, or at the last restart with another configuration."""
    site_values()  # makes the site's functions known
    path = directory.submitted_file(SUBMITTED, run.version)
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise InfrastructureError(
            f"the pipeline as it was submitted cannot be read: {path}: {error.strerror}"
        ) from error
