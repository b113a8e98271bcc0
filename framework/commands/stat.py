"""Show runs and their progress, or the modules of one run."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import DamagedPlanError, FrameworkError
from framework.output import tables
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from framework.engines.engine import QueueStatus
    from framework.registry.database.connection import Registry
    from framework.registry.questions.messages import FailureRow
    from framework.registry.questions.runs import ModuleRow, Run, RunRow

#: How many runs are shown without --all.
NEWEST = 20
#: How many failed calls of a run are shown with their reasons.
SHOWN_FAILURES = 8

_RUN_COLUMNS = ("run", "pipeline", "campaign", "operator", "state", "jobs", "failed", "running", "calls", "started")
_MODULE_COLUMNS = ("module", "block", "expected", "running", "done", "failed", "mean", "longest", "peak memory")
_NUMBERS = frozenset(
    {*("jobs", "failed", "running", "calls", "expected", "done", "mean", "longest", "peak memory", "elapsed")}
)


@click.command(name="stat", epilog="Example: fw stat --campaign dr1; fw stat HST1_r1p01")
@click.argument("run", required=False)
@click.option("--all", "everything", is_flag=True, help=f"Every run, not only the {NEWEST} newest.")
@click.option("--user", help="Only the runs of this operator.")
@click.option("--campaign", help="Only the runs of this campaign.")
@registry_option
@json_option("JSON instead of a table.")
def command(
    run: str | None, everything: bool, user: str | None, campaign: str | None, registry: str | None, as_json: bool
) -> None:
    """Show a row for each run, the newest last; or, of one RUN, a row for each module.

    A run may be named in full, by the beginning of its name, or by its unit (the newest attempt).
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry

    db = open_registry(registry)
    if run is not None:
        show_run(db, run, as_json)
    else:
        show_runs(db, None if everything else NEWEST, user, campaign, as_json)


def show_runs(db: Registry, newest: int | None, operator: str | None, campaign: str | None, as_json: bool) -> None:
    """Print a row for each run."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.runs import runs

    found = runs(db, newest=newest, operator=operator, campaign=campaign)
    rows = [replace(row, state="stopped") if _is_stopped(row) else row for row in found]
    if as_json:
        click.echo(tables.as_json([asdict(row) for row in rows]))
    elif rows:
        tables.print_table((*_RUN_COLUMNS, "elapsed"), [run_cells(row) for row in rows], _NUMBERS)
    else:
        click.echo("no runs yet: fw submit begins one", err=True)


def _is_stopped(run: Run) -> bool:
    """Return whether a run of this machine's engine has not ended, but no process runs it."""
    if run.ended is not None:
        return False
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.htcondor.site import is_pool
    from framework.engines.run_directory import run_directory

    directory = run_directory(run.run)
    if not directory.path.is_dir():
        return False
    try:
        # A pool is not asked: a list should not wait for it. Without a journal it has not begun to run yet.
        return (
            not is_pool(directory.read_plan().site)
            and any(directory.journal.glob("*"))
            and directory.find_owner() is None
        )
    except DamagedPlanError as error:
        click.echo(printable(f"{run.run}: {str(error).partition(chr(10))[0]}"), err=True)
        return True
    except FrameworkError:
        return False


def show_run(db: Registry, name: str, as_json: bool) -> None:
    """Print a run's state, and a row for each module."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.messages import failures
    from framework.registry.questions.runs import configuration, find_run, progress
    from framework.registry.questions.software import submitters
    from framework.runs.queue_status import read_queue_status

    run, rows = progress(db, find_run(db, name))
    failed = failures(db, run.attempt_id) if any(row.calls_failed for row in rows) else []
    if as_json:
        of_run = {"modules": [asdict(row) for row in rows], "failures": [asdict(row) for row in failed]}
        with_what = {role: asdict(stack) for role, stack in submitters(db, run.attempt_id).items()}
        click.echo(
            tables.as_json({**asdict(run), **of_run, **configuration(db, run.attempt_id), "software": with_what})
        )
        return
    queue_status = read_queue_status(run, db) if run.ended is None else None
    tables.print_fields(header(run) | submission_fields(db, run.attempt_id) | queue_fields(run.run, queue_status))
    click.echo()
    tables.print_table(_MODULE_COLUMNS, [module_cells(row) for row in rows], _NUMBERS)
    for line in failure_lines(run.run, failed):
        click.echo(line)


def queue_fields(run: str, queue_status: QueueStatus | None) -> dict[str, str]:
    """Return the fields about the queue of a run: jobs by state, and the first problem."""
    fields = {}
    if queue_status is not None and queue_status.job_counts:
        fields["queue"] = ", ".join(f"{count} {state}" for state, count in sorted(queue_status.job_counts.items()))
    if queue_status is not None and queue_status.problems:
        first = queue_status.problems[0]
        fields["trouble"] = f"{first.reason}{'' if first.job is None else f' (job {first.job})'}; fw why {run}"
    return fields


def failure_lines(run: str, failed: list[FailureRow]) -> Iterator[str]:
    """Yield a line for each failed call with its reason."""
    if failed:
        yield ""
    for row in failed[:SHOWN_FAILURES]:
        keys = ", ".join(f"{key}={value}" for key, value in json.loads(row.keys or "{}").items())
        yield printable(f"call {row.wrapnum}, {row.module}{f' ({keys})' if keys else ''}, failed: {row.reason}")
    if len(failed) > SHOWN_FAILURES:
        yield f"and {len(failed) - SHOWN_FAILURES} more: fw log {run}, fw job {run}"


def run_cells(row: RunRow) -> list[str]:
    """Return the cells of a run's row."""
    about = [row.run, row.pipeline, row.campaign or "", row.operator, row.state]
    more = "+" if row.blocks_to_plan else ""
    jobs = [f"{row.jobs_done}/{row.jobs_expected}{more}", str(row.jobs_failed), str(row.jobs_running)]
    calls = f"{row.calls_done}/{row.calls_expected}{more}"
    return [*about, *jobs, calls, tables.moment(row.started), tables.duration(row.elapsed)]


def header(run: RunRow) -> dict[str, str]:
    """Return the fields printed above a run's modules."""
    fields: dict[str, str | None] = {
        "run": run.run,
        "state": run.state,
        "pipeline": run.pipeline,
        "campaign": run.campaign,
        "operator": run.operator,
        "jobs": f"{run.jobs_done} of {run.jobs_expected} done, {run.jobs_running} running, {run.jobs_failed} failed",
        "calls": f"{run.calls_done} of {run.calls_expected} done",
        "to plan": f"{run.blocks_to_plan} blocks, when those before them have ended" if run.blocks_to_plan else "",
        "started": tables.moment(run.started),
        "ended": tables.moment(run.ended),
        "elapsed": tables.duration(run.elapsed),
    }
    return {name: value for name, value in fields.items() if value}


def submission_fields(db: Registry, attempt_id: int) -> dict[str, str]:
    """Return the host of submission, and the versions of framework and pipeline."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.runs import configuration
    from framework.registry.questions.software import submitters

    fields = {}
    if host := configuration(db, attempt_id)["submit_host"]:
        fields["submitted"] = f"on {host}"
    for role, stack in submitters(db, attempt_id).items():
        named = f"skyfw {stack.found['version']}" if role == "framework" else stack.found["folder"]
        fields[role] = f"{named}, {commit(stack.found['git'])}"
    return fields


def commit(git: Mapping[str, Any]) -> str:
    """Return a git commit as text, and whether files have been changed since."""
    if "none" in git:
        return str(git["none"])
    changed = f", {counted(len(git['changed']), 'file')} changed since" if git["dirty"] else ""
    return f"commit {(git['commit'] or 'none yet')[:12]}{changed}"


def module_cells(row: ModuleRow) -> list[str]:
    """Return the cells of a module's row."""
    expected = "late" if row.calls_expected is None else row.calls_expected
    counts = (expected, row.calls_running, row.calls_done, row.calls_failed)
    times = (tables.duration(row.mean_wall), tables.duration(row.max_wall))
    return [row.module, row.block, *map(str, counts), *times, tables.size(row.peak_memory, 1024)]
