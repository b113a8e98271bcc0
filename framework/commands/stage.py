"""Copy the files that a run needs from other archives into its own, or deliver its outputs."""

from __future__ import annotations

import json

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import FrameworkError
from framework.output.text import counted, printable


@click.command(name="stage", epilog="Example: fw stage T0042_r1p01 --home")
@click.argument("run")
@click.option("--home", "homewards", is_flag=True, help="Take what the run has made to the archive where it belongs.")
@registry_option
@json_option("A JSON list [path, trouble] for each file, a line each.")
def command(run: str, homewards: bool, registry: str | None, as_json: bool) -> int:
    """Copy the inputs that RUN's archive lacks; ends with 1 when a file cannot be copied.

    Engines do this by themselves: jobs wait for their files. Files that are there already are left.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.run_directory import existing_run
    from framework.registry.database.opening import open_registry
    from framework.runs.stage_inputs import deliver_outputs, stage_inputs

    directory, db = existing_run(run), open_registry(registry)
    plan = directory.read_plan()
    if homewards and not plan.deliver_to:
        raise FrameworkError(f"what {run} has made stays in archive {plan.archive}")
    failed = count = 0
    for path, error in deliver_outputs(db, directory) if homewards else stage_inputs(db, directory):
        count += not error
        failed += bool(error)
        if as_json:
            click.echo(json.dumps([path, error]))
        elif error:
            click.echo(printable(f"{path}: {error}"), err=True)
    if not as_json:
        words = f"taken to {plan.deliver_to}" if homewards else f"brought to {plan.archive}"
        click.echo(f"{counted(count, 'file')} {words}, {failed} failed", err=True)
    return 1 if failed else 0
