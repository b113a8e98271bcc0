"""Create, upgrade, check, copy, recover or describe a registry."""

from __future__ import annotations

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import RunError
from framework.output import tables
from framework.output.text import counted, printable


@click.group(name="registry", epilog="Example: fw registry check")
def command() -> None:
    """Administer a registry: sqlite:////path/file or postgresql://user@host/database."""


@command.command(epilog="Example: fw registry init --registry postgresql://olga@db.example.org/production")
@registry_option
def init(registry: str | None) -> None:
    """Create a registry in an empty database."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.connection import connect
    from framework.registry.database.opening import open_registry
    from framework.registry.schema.tables import REVISION

    was = connect(registry).revision()
    db = open_registry(registry)
    click.echo(f"{db.place}: {'made' if was is None else 'there already'}, schema {REVISION}")


@command.command(epilog="Example: fw registry upgrade --registry postgresql://olga@db.example.org/production")
@registry_option
def upgrade(registry: str | None) -> None:
    """Upgrade a registry to the schema of this skyfw, all or nothing, and recreate its views and indexes.

    All users of the registry need a skyfw that is as new.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.admin.copy import set_next_ids
    from framework.registry.database.connection import connect
    from framework.registry.database.opening import refuse_newer
    from framework.registry.database.upgrade import upgrade
    from framework.registry.schema.tables import REVISION

    db = connect(registry)
    was = db.revision()
    refuse_newer(db, was)
    upgrade(db)
    with db.write() as connection:
        set_next_ids(connection)
    click.echo(f"{db.place}: schema {was or 'none'} -> {REVISION}")


@command.command(epilog="Example: fw registry check --json")
@registry_option
@json_option("What was looked at, as JSON.")
def check(registry: str | None, as_json: bool) -> int:
    """Check the integrity of the registry; ends with 1 when it is damaged."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.admin.check import check
    from framework.registry.database.opening import open_registry

    found = list(check(open_registry(registry)))
    if as_json:
        click.echo(tables.as_json([{"what": one.what, "trouble": one.error} for one in found]))
    else:
        tables.print_table(("what", "state"), [(one.what, one.error or "good") for one in found])
    return 1 if any(one.error for one in found) else 0


@command.command(epilog="Example: fw registry copy --to postgresql://olga@db.example.org/production")
@click.option("--to", required=True, metavar="URL", help="An empty database; the registry is made in it.")
@registry_option
def copy(to: str, registry: str | None) -> None:
    """Copy a registry into another database, SQLite or PostgreSQL, all or nothing; every row is compared afterwards."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.admin.copy import copy
    from framework.registry.database.opening import open_registry

    target = open_registry(to)
    counts = copy(open_registry(registry), target, lambda text: click.echo(text, err=True))
    click.echo(f"{target.place}: {counted(sum(counts.values()), 'row')} copied and compared")


@command.command(epilog="Example: fw registry recover")
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@registry_option
def recover(runs: tuple[str, ...], registry: str | None) -> int:
    """Record RUNs, or all of $FW_HOME, from their directories in a registry that has lost them.

    For a registry that was lost, or restored from an older copy; rows that it has stay as they are. Files from outside
    are recorded again by fw ingest, and linked by repeating this command; tags, verdicts, removals and copies in other
    archives are not recovered.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.run_directory import existing_run
    from framework.registry.database.opening import open_registry
    from framework.runs.recover import find_runs, recover_run

    db = open_registry(registry)
    status = 0
    for directory in map(existing_run, runs) if runs else find_runs():
        try:
            found = recover_run(db, directory)
        except RunError as error:
            click.echo(printable(f"{directory.run}: {error}"), err=True)
            status = 1
            continue
        state = "recorded anew" if found.is_new else "was here"
        click.echo(f"{found.run}: {state}, {counted(found.facts, 'fact')} ingested")
    return status


@command.command(epilog="Example: fw registry schema --mermaid > registry.mmd")
@click.option("--mermaid", is_flag=True, help="A diagram instead of a list.")
@json_option("JSON instead of a list.")
def schema(mermaid: bool, as_json: bool) -> None:
    """Print every table and column with what it means."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.admin.describe import describe_tables, mermaid_lines, text_lines

    if as_json:
        click.echo(tables.as_json(describe_tables()))
    else:
        click.echo("\n".join(mermaid_lines() if mermaid else text_lines()))
