"""Execution of a run: its engine, its follower and the progress display, from a verb to an exit code."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from framework.engines.engine import Engine, JobState, RunResult
from framework.engines.history import job_is_done, read_history
from framework.engines.htcondor.engine import HTCondorEngine
from framework.engines.htcondor.site import is_pool
from framework.engines.local.engine import LocalEngine
from framework.engines.run_directory import RunDirectory
from framework.engines.staged_inputs import files_to_stage
from framework.engines.subcommand import run_stager
from framework.errors import InfrastructureError, RunError
from framework.model.run import PlannedRun
from framework.output.progress import Quiet, watcher_for
from framework.output.text import counted
from framework.registry.ingest.follower import Follower
from framework.registry.questions.runs import find_attempt_ids
from framework.worker.journal.statuses import INTERRUPTED

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

#: Seconds between two looks at a pool's queue.
QUEUE_PAUSE = 1.0


def execute_run(
    directory: RunDirectory,
    registry: Registry,
    verb: str,
    *,
    slots: int | None = None,
    detach: bool = False,
    wait: bool = False,
    as_json: bool = False,
) -> int:
    """Submit or restart a run on the engine of its site, and return the exit code."""
    plan = directory.read_plan()
    follower = Follower(registry, plan.attempt, directory.journal)
    if is_pool(plan.site):
        return _submit_to_pool(directory, registry, plan, follower, verb, wait=wait, as_json=as_json)
    if detach:
        return _detach(directory, registry, plan, follower, verb, slots)
    result = _run_locally(directory, registry, follower, verb, slots, quiet=as_json)
    if as_json:
        click.echo(json.dumps(_as_object(plan, result)))
    else:
        _print_result(plan, result)
    return 0 if result.status == 0 else 1


def find_engine(directory: RunDirectory, registry: Registry) -> Engine:
    """Return the engine that a run belongs to, to ask it or to control the run."""
    plan = directory.read_plan()
    follower = Follower(registry, plan.attempt, directory.journal)
    if is_pool(plan.site):
        return HTCondorEngine(follower)
    return LocalEngine(1, Quiet(), follower)


def _submit_to_pool(
    directory: RunDirectory,
    registry: Registry,
    plan: PlannedRun,
    follower: Follower,
    verb: str,
    *,
    wait: bool,
    as_json: bool,
) -> int:
    """Submit a run to the pool; wait for its end only where that is asked for."""
    # For the nodes that write into it, wherever --registry or FW_REGISTRY or FW_HOME put it.
    os.environ["FW_REGISTRY"] = registry.engine.url.render_as_string(hide_password=False)
    engine = HTCondorEngine(follower)
    with with_restart_hint(directory):
        if files_to_stage(plan) and (error := run_stager(directory, registry.url)):
            raise InfrastructureError(f"files of other archives cannot be staged: {error}")
        engine.prepare(directory)
        result = engine.submit(directory) if verb == "submit" else engine.restart(directory)
        if wait and not result.is_over:
            _print_submitted(plan, result)
            result = _wait_for_pool(engine, directory, plan)
    if as_json:
        click.echo(json.dumps(_as_object(plan, result)))
    elif result.is_over:
        _print_result(plan, result)
    else:
        _print_submitted(plan, result)
    return 0 if result.status == 0 else 1


def _wait_for_pool(engine: HTCondorEngine, directory: RunDirectory, plan: PlannedRun) -> RunResult:
    """Wait until nothing of the run is in the queue, and return how it ended."""
    seen = ""
    while not engine.is_over(directory):
        counts = engine.read_status(directory).job_counts
        text = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
        if text != seen:
            click.echo(f"{plan.run}: {text}", err=True)
            seen = text
        time.sleep(QUEUE_PAUSE)
    plan = directory.read_plan()  # with the late blocks
    history = read_history(directory.journal, plan)
    done = sum(job_is_done(job, history) for job in plan.jobs.values())
    queue_status = engine.read_status(directory)
    failed = queue_status.job_counts.get(JobState.FAILED, 0) + queue_status.job_counts.get(JobState.REMOVED, 0)
    return RunResult(
        status=0 if done == len(plan.jobs) and not plan.late else 1,
        jobs=len(plan.jobs),
        done=done,
        failed=failed,
        skipped=len(plan.jobs) - done - failed,
        unplanned_blocks=tuple(block.name for block in plan.late),
        reasons=tuple(f"job {problem.job}: {problem.reason}; {problem.remedy}" for problem in queue_status.problems),
    )


def _print_submitted(plan: PlannedRun, result: RunResult) -> None:
    done = f", {result.done} of them done already" if result.done else ""
    where = f" as {result.queue_name}" if result.queue_name else ""
    click.echo(f"{plan.run} is with HTCondor{where}: {counted(result.jobs, 'job')}{done}", err=True)
    click.echo(f"  next      fw stat {plan.run}    fw why {plan.run}    fw cancel {plan.run}", err=True)


def check_recorded(directory: RunDirectory, registry: Registry) -> None:
    """Raise RunError for a run of which this registry has no record, or the record of another run of that name."""
    plan = directory.read_plan()
    if plan.attempt not in find_attempt_ids(registry, plan.run):
        raise RunError(
            f"{registry.place} has no record of this {plan.run}: name the registry that has with --registry or "
            f"FW_REGISTRY; if it is lost: fw registry recover {plan.run}"
        )


def check_ended(directory: RunDirectory, registry: Registry) -> None:
    """Raise RunError for a run that is still running."""
    if not find_engine(directory, registry).is_over(directory):
        raise RunError(f"{directory.run} goes on: fw cancel {directory.run}, then restart it with what is to change")


def _run_locally(
    directory: RunDirectory, registry: Registry, follower: Follower, verb: str, slots: int | None, quiet: bool
) -> RunResult:
    watcher = watcher_for(sys.stderr, quiet=quiet)
    engine = LocalEngine(slots or len(os.sched_getaffinity(0)), watcher, follower, registry.url)
    with watcher, with_restart_hint(directory):
        if verb == "submit":
            engine.prepare(directory)
        result = engine.submit(directory) if verb == "submit" else engine.restart(directory)
    plan = directory.read_plan()
    if result.status == 0 and plan.deliver_to and (error := run_stager(directory, registry.url, "--home")):
        raise InfrastructureError(
            f"{plan.run} is done, but not all of it is in archive {plan.deliver_to} yet: {error}\n"
            f"put that right, then: fw stage {plan.run} --home"
        )
    return result


@contextmanager
def with_restart_hint(directory: RunDirectory) -> Iterator[None]:
    """Append the hint ``fw restart RUN`` to infrastructure errors and to an interrupt outside the engine."""
    try:
        yield
    except InfrastructureError as error:
        way = f"what was done is kept; put that right, then: fw restart {directory.run}"
        raise type(error)(f"{error}\n{way}") from error
    except KeyboardInterrupt:
        raise InfrastructureError(f"interrupted; what was done is kept: fw restart {directory.run}") from None


def _detach(
    directory: RunDirectory, registry: Registry, plan: PlannedRun, follower: Follower, verb: str, slots: int | None
) -> int:
    """Run in a process of its own, whose output goes to ``engine.log`` in the run's directory."""
    log = directory.path / "engine.log"
    sys.stdout.flush()
    sys.stderr.flush()
    follower.close_registry()
    if os.fork():
        click.echo(f"{plan.run} runs on by itself; see fw stat {plan.run}, and {log}", err=True)
        return 0
    os.setsid()
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, descriptor in ((0, nothing), (1, written), (2, written)):
        os.dup2(descriptor, target)
    status = 1
    try:
        result = _run_locally(directory, registry, follower, verb, slots, quiet=False)
        _print_result(plan, result)
        status = result.status
    except Exception as error:  # noqa: BLE001 (nobody is there to raise it to; the file tells)
        click.echo(f"error: {error}", err=True)
    os._exit(1 if status else 0)


def _print_result(plan: PlannedRun, result: RunResult) -> None:
    where = os.path.join(plan.archive_root, plan.archive_path)
    if result.status == 0:
        click.echo(f"{plan.run} is done: {counted(result.done, 'job')}", err=True)
        click.echo(f"  results   {where}")
        click.echo(f"  next      fw stat {plan.run}    fw log {plan.run}")
        if plan.epilogue:
            click.echo(f"  {plan.epilogue}")
        return
    for reason in result.reasons[:10]:
        click.echo(f"  {reason}", err=True)
    if len(result.reasons) > 10:
        click.echo(f"  and {len(result.reasons) - 10} more", err=True)
    not_planned = f"; not planned: {', '.join(result.unplanned_blocks)}" if result.unplanned_blocks else ""
    words = "was interrupted" if result.status == INTERRUPTED else "failed"
    click.echo(
        f"{plan.run} {words}: {result.done} of {result.jobs} jobs done, {result.failed} failed, "
        f"{result.skipped} not begun{not_planned}",
        err=True,
    )
    click.echo(f"  next      fw log {plan.run}    fw stat {plan.run}    fw restart {plan.run}", err=True)


def _as_object(plan: PlannedRun, result: RunResult) -> dict[str, object]:
    return {
        "run": plan.run,
        "attempt": plan.attempt,
        "status": result.status,
        "jobs": result.jobs,
        "done": result.done,
        "failed": result.failed,
        "skipped": result.skipped,
        "not_planned": list(result.unplanned_blocks),
        "reasons": list(result.reasons),
        "results": os.path.join(plan.archive_root, plan.archive_path),
    }
