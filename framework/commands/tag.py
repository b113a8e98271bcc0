"""Tag runs, so that files and later runs find them by name; without a run, list the tags."""

from __future__ import annotations

import getpass
import json

import click

from framework.commands.shared.options import json_option, registry_option


@click.command(name="tag", epilog="Example: fw tag PROTO-0.1 Ht0_r11p95")
@click.argument("tag", required=False)
@click.argument("runs", nargs=-1)
@click.option("--remove", is_flag=True, help="Take the tag from the runs.")
@registry_option
@json_option("The tags as a JSON list.")
def command(tag: str | None, runs: tuple[str, ...], remove: bool, registry: str | None, as_json: bool) -> int:
    """Give TAG to RUNS."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.runs import find_run
    from framework.registry.questions.tags import add_tag, remove_tag, tagged_runs

    db = open_registry(registry)
    status = 0
    found = [find_run(db, run) for run in runs]
    for run in found:
        if not remove:
            add_tag(db, str(tag), run.attempt_id, getpass.getuser())
        elif not remove_tag(db, str(tag), run.attempt_id):
            click.echo(f"{run.run} has no tag {tag}", err=True)
            status = 1
    if not runs or as_json:
        rows = tagged_runs(db, tag)
        if as_json:
            click.echo(json.dumps([{"tag": name, "run": tagged} for name, tagged in rows]))
        else:
            for name, tagged in rows:
                click.echo(f"{name}  {tagged}")
    return status
