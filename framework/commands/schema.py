"""Print a JSON Schema of the known keys, so that editors complete and check YAML."""

from __future__ import annotations

import json

import click


@click.command(name="schema", epilog="Example: fw schema > skyfw.schema.json")
def command() -> None:
    """Print the schema of the framework's keys and of those that the site declares."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.configuration.site_file import site_keys
    from wcl.keys.schema import json_schema

    click.echo(json.dumps(json_schema(site_keys()), indent=1))
