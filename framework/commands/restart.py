"""Restart a run that was killed or failed: what is done is not done again."""

from __future__ import annotations

import click


@click.command(name="restart", epilog="Example: fw restart HST1_r1p01")
@click.argument("run")
@click.option("--slots", type=click.IntRange(min=1), help="Jobs at a time on this machine (default: its processors).")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--wait", is_flag=True, help="On a pool: wait until it is over.")
@click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
@click.option("--json", "as_json", is_flag=True, help="End with a JSON object on standard output.")
def command(run: str, slots: int | None, detach: bool, wait: bool, registry: str | None, as_json: bool) -> int:
    """End whatever is left of RUN on this machine, and run what is not done."""
    from framework.home import existing_run
    from framework.registry.database import open_registry
    from framework.running import carry_out, check_known
    from framework.steering import record_steering

    directory = existing_run(run)
    db = open_registry(registry)
    check_known(directory, db)
    record_steering(directory, db, "restart", "")
    return carry_out(directory, db, "restart", slots=slots, detach=detach, wait=wait, as_json=as_json)
