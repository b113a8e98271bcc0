"""Hold a run: no job begins, and running jobs go on to their end; fw release ends the hold."""

from __future__ import annotations

import click

from framework.commands.shared.options import registry_option


@click.command(name="hold", epilog='Example: fw hold HST1_r1p01 --reason "the disk is being replaced"')
@click.argument("run")
@click.option("--reason", default="", help="Why; it is put on record with your name.")
@registry_option
def command(run: str, reason: str, registry: str | None) -> int:
    """Let no more jobs of RUN begin."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.control import control_run

    if not control_run(run, registry, "hold", reason):
        click.echo(f"{run} is not running", err=True)
        return 1
    click.echo(f"{run} is held; fw release {run} lets it go on", err=True)
    return 0
