"""Release a run, or those of its jobs that are held, once what held them is put right."""

from __future__ import annotations

import click


@click.command(name="release", epilog='Example: fw release HST1_r1p01 --reason "the disk is being replaced"')
@click.argument("run")
@click.option("--reason", default="", help="Why; it is put on record with your name.")
@click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
def command(run: str, reason: str, registry: str | None) -> int:
    """Let RUN go on."""
    from framework.home import existing_run
    from framework.registry.database import open_registry
    from framework.running import engine_of
    from framework.steering import record_steering

    directory = existing_run(run)
    db = open_registry(registry)
    engine = engine_of(directory, db)
    if not engine.release(directory, reason):
        click.echo(f"{run} has nothing in the queue", err=True)
        return 1
    record_steering(directory, db, "release", reason)
    click.echo(f"{run} goes on", err=True)
    return 0
