"""Release a held run, or its held jobs, when the reason of the hold has been removed."""

from __future__ import annotations

import click

from framework.commands.shared.options import registry_option


@click.command(name="release", epilog='Example: fw release HST1_r1p01 --reason "the disk is being replaced"')
@click.argument("run")
@click.option("--reason", default="", help="Why; it is put on record with your name.")
@registry_option
def command(run: str, reason: str, registry: str | None) -> int:
    """Release RUN."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.control import control_run

    if not control_run(run, registry, "release", reason):
        click.echo(f"{run} has nothing in the queue", err=True)
        return 1
    click.echo(f"{run} goes on", err=True)
    return 0
