"""Ingest files from outside: recognised by name, catalogued with their metadata, kept in the archive."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from framework.commands.shared.options import json_option, registry_option, set_option
from framework.output.progress import Tally
from framework.output.text import printable


@click.command(name="ingest", epilog="Example: fw ingest --types pipelines/hsc/filetypes.wcl /data/night1")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--types", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="WCL with filetype_metadata, over the site's own.")  # fmt: skip
@set_option
@registry_option
@json_option("What became of each file, as JSON.")
def command(
    paths: tuple[Path, ...], types: tuple[Path, ...], overrides: dict[str, str], registry: str | None, as_json: bool
) -> int:
    """Ingest the files of PATHS; ends with 1 when some were refused, each with its reason.

    Refused are files that fit no filetype, cannot be read, or would replace another file. Links are followed. An
    interrupted ingest continues when the command is repeated.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.archive import named_archive
    from framework.archives.external_filetypes import filetypes
    from framework.archives.ingest_files import ingest
    from framework.archives.vanished_root import check_root
    from framework.archives.writers import lock_for_writing
    from framework.configuration.site_file import with_types
    from framework.registry.database.opening import open_registry
    from framework.runs.submission import declare_filetypes

    pipeline = with_types(types, overrides)
    name = pipeline.text("home_archive")
    archive = named_archive(pipeline, name)
    db = open_registry(registry)
    check_root(db, archive)
    declare_filetypes(db, pipeline)
    with lock_for_writing(archive, "fw ingest"), Tally(sys.stderr, f"into {name}", quiet=as_json) as tally:
        found = ingest(db, name, archive.store, filetypes(pipeline), paths, tally)
    if as_json:
        states = (("new", found.new), ("known", found.known))
        rows = [{"state": state, "source": one.source, "path": one.path, "filetype": one.filetype,
                 "metadata": one.metadata} for state, group in states for one in group]  # fmt: skip
        rows += [{"state": "refused", "source": source, "reason": reason} for source, reason in found.refused]
        click.echo(json.dumps(rows, indent=1))
    else:
        for source, reason in found.refused:
            click.echo(printable(f"{source}: {reason}"), err=True)
        kinds: dict[str, int] = {}
        for one in found.new:
            kinds[one.filetype] = kinds.get(one.filetype, 0) + 1
        for kind, count in sorted(kinds.items()):
            click.echo(f"{kind}  {count}")
        click.echo(f"{len(found.new)} new, {len(found.known)} known already, {len(found.refused)} refused", err=True)
    return 1 if found.refused else 0
