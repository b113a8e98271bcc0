"""Cancel a run: its programs are asked to end, and that is recorded; fw restart continues it."""

from __future__ import annotations

import click

from framework.commands.shared.options import registry_option


@click.command(name="cancel", epilog='Example: fw cancel HST1_r1p01 --reason "the disk is being replaced"')
@click.argument("run")
@click.option("--reason", default="", help="Why; it is put on record with your name.")
@registry_option
def command(run: str, reason: str, registry: str | None) -> int:
    """Cancel RUN, on this machine or on its pool."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.control import control_run

    if not control_run(run, registry, "cancel", reason):
        click.echo(f"{run} is not running", err=True)
        return 1
    click.echo(f"{run} is cancelled; fw restart {run} goes on with it", err=True)
    return 0
