"""Release a run, or those of its jobs that are held, once what held them is put right."""

from __future__ import annotations

import click

from framework.commands.shared.options import registry_option


@click.command(name="release", epilog='Example: fw release HST1_r1p01 --reason "the disk is being replaced"')
@click.argument("run")
@click.option("--reason", default="", help="Why; it is put on record with your name.")
@registry_option
def command(run: str, reason: str, registry: str | None) -> int:
    """Let RUN go on."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.control import steer

    if not steer(run, registry, "release", reason):
        click.echo(f"{run} has nothing in the queue", err=True)
        return 1
    click.echo(f"{run} goes on", err=True)
    return 0
