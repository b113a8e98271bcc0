"""Cancel a run: what runs is asked to end, and is recorded; fw restart goes on with it."""

from __future__ import annotations

import os
import signal
import time

import click

#: Seconds to wait for the run to end in good order.
PATIENCE = 30.0


@click.command(name="cancel", epilog="Example: fw cancel HST1_r1p01")
@click.argument("run")
def command(run: str) -> int:
    """End RUN on this machine in good order."""
    from framework.home import existing_run

    directory = existing_run(run)
    owner = directory.owner()
    if owner is None:
        click.echo(f"{run} is not running here", err=True)
        return 1
    os.kill(owner, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while directory.owner() == owner:
        if time.monotonic() > deadline:
            click.echo(f"{run} has not ended after {PATIENCE:.0f} s: its process is {owner}", err=True)
            return 1
        time.sleep(0.05)
    click.echo(f"{run} is cancelled; fw restart {run} goes on with it", err=True)
    return 0
