"""Restart a run that was killed or failed; finished calls are not repeated."""

from __future__ import annotations

from pathlib import Path

import click

from framework.commands.shared.options import json_option, registry_option, with_values
from framework.commands.shared.pipeline_file import PipelineFile
from framework.output.text import counted


@click.command(name="restart", epilog="Example: fw restart HST1_r1p01 --set request_memory=4000 --reason 'it swapped'")
@click.argument("run")
@with_values
@click.option(
    "--pipeline",
    metavar="FILE",
    type=PipelineFile(),
    help="The pipeline's file, edited; without it, --set changes what was submitted.",
)
@click.option("--reason", default="", help="Why; it is put on record with your name.")
@click.option("--slots", type=click.IntRange(min=1), help="Jobs at a time on this machine (default: its processors).")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--wait", is_flag=True, help="On a pool: wait until it is over.")
@registry_option
@json_option("End with a JSON object on standard output.")
def command(
    run: str,
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    pipeline: Path | None,
    reason: str,
    slots: int | None,
    detach: bool,
    wait: bool,
    registry: str | None,
    as_json: bool,
) -> int:
    """End the remaining processes of RUN on this machine, and run the calls that are not finished.

    With another configuration, calls that it changes run again too, with all calls downstream of them.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.run_directory import existing_run
    from framework.registry.database.opening import open_registry
    from framework.runs.changed_restart import replan
    from framework.runs.control import record_control
    from framework.runs.execution import check_ended, check_recorded, execute_run

    directory = existing_run(run)
    db = open_registry(registry)
    check_recorded(directory, db)
    if pipeline or overrides:
        check_ended(directory, db)
        changed = replan(directory, db, pipeline, overrides, {**files, **variables})
        click.echo(f"{run}: done before, and done again now: {counted(len(changed.again), 'call')}", err=True)
        reason = f"{reason}; {changed.what}" if reason else changed.what
    elif variables or files:
        raise click.UsageError("--var and --vars are for a template: name it with --pipeline")
    record_control(directory, db, "restart", reason)
    return execute_run(directory, db, "restart", slots=slots, detach=detach, wait=wait, as_json=as_json)
