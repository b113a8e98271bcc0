"""Import runs that another registry has exported."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from framework.exchange.import_run import RunImport


@click.command(name="import", epilog="Example: fw import Ht0_r11p95.skyfw --archive home")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--archive", metavar="NAME", help="Where files go that are inside (default: the site's home archive).")
@click.option("--tags", "with_tags", is_flag=True, help="The tags of the runs too: later runs choose files by them.")
@registry_option
@json_option("A JSON list, an object a run.")
def command(file: Path, archive: str | None, with_tags: bool, registry: str | None, as_json: bool) -> None:
    """Import the runs in FILE into the registry, and the files in it into an archive.

    A run that is here already stays as it is, and is refused if it is another one of that name; its verdicts and copies
    of files are added. So stays the record of a file that was ingested here, whatever run claims to have made it. Files
    that are not in FILE are recorded where this site's archives have them.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.archive import archives
    from framework.configuration.site_file import site_values
    from framework.exchange.import_run import import_bundle
    from framework.registry.database.opening import open_registry

    values = site_values()
    known = archives(values)
    name = archive or values.text("home_archive")
    if name not in known:
        raise FrameworkError(f"this site has no archive {name!r}: it has {', '.join(known)}")
    done = []
    for each in import_bundle(open_registry(registry), file, known[name], known, with_tags=with_tags):
        done.append(each)
        if not as_json:
            click.echo(printable(line_of(each)))
    if as_json:
        click.echo(tables.as_json([asdict(each) for each in done]))


def line_of(each: RunImport) -> str:
    """Return the line about an imported run."""
    state = "imported" if each.is_new else f"was here, {counted(each.added, 'row')} added" if each.added else "was here"
    files = f", {counted(each.files, 'file')}" if each.files else ""
    absent = f", {counted(each.absent, 'file')} in no archive here" if each.absent else ""
    tags = f", without its tags ({', '.join(each.tags_left)}): --tags takes them" if each.tags_left else ""
    kept = f"; as on record here, not made by it: {', '.join(each.kept)}" if each.kept else ""
    return f"{each.run}: {state}{files}{absent}{tags}{kept}"
