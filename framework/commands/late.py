"""Plan a late block of a run, as its engine does when the blocks before it have ended."""

from __future__ import annotations

import click

from framework.commands.shared.options import registry_option
from framework.output.text import counted


@click.command(name="late", epilog="Example: fw late T0042_r1p01 2")
@click.argument("run")
@click.argument("block", type=int)
@registry_option
def command(run: str, block: int, registry: str | None) -> None:
    """Plan BLOCK of RUN, and write the plan for fw restart; a block that is planned already is left as it is.

    Engines do this by themselves. By hand it tells whether a block could be planned now, and what is wrong with it.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.run_directory import existing_run
    from framework.registry.database.opening import open_registry
    from framework.runs.late_block import PATIENCE, plan_late_block

    directory = existing_run(run)
    planned = plan_late_block(directory, open_registry(registry), block, patience=PATIENCE, say=click.echo)
    jobs = [job for job in planned.jobs.values() if job.block == block]
    modules = ", ".join(f"{calls} {module}" for module, calls in planned.planned_late[block].items())
    click.echo(f"block {block} of {run}: {modules} in {counted(len(jobs), 'job')}")
