"""Submit a pipeline: plan and check it as a whole, record it, and run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, with_pipeline
from framework.output.text import counted

if TYPE_CHECKING:
    from framework.model.plan import Plan


@click.command(
    name="submit",
    epilog="Example: fw submit calcloud_train --set seed=2 --set unitname=HST2",
)
@with_pipeline
@click.option("--slots", type=click.IntRange(min=1), help="Jobs at a time on this machine (default: its processors).")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--wait", is_flag=True, help="On a pool: wait until it is over.")
@json_option("End with a JSON object on standard output.")
def command(
    pipeline: Path,
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    registry: str | None,
    slots: int | None,
    detach: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Plan PIPELINE, check the whole plan, record it, and run it on the engine of its site."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.runs.execution import execute_run
    from framework.runs.submission import begin_run
    from framework.runs.submitted_pipeline import read_submission

    submission = read_submission(pipeline, overrides, {**files, **variables})
    with_registry = open_registry(registry)
    plan, directory = begin_run(submission, with_registry)
    announce(plan)
    return execute_run(directory, with_registry, "submit", slots=slots, detach=detach, wait=wait, as_json=as_json)


def announce(plan: Plan) -> None:
    """Print the warnings and the size of a plan."""
    jobs, calls = sum(1 for _ in plan.jobs), sum(1 for _ in plan.calls)
    for warning in plan.warnings:
        click.echo(warning, err=True)
    later = f"; planned later: {', '.join(block.name for block in plan.late)}" if plan.late else ""
    click.echo(f"{plan.identity.run}: {counted(calls, 'call')} in {counted(jobs, 'job')}{later}", err=True)
