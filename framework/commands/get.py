"""Get files out of the archives, each checked against its record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.file_choices import nothing_found
from framework.commands.shared.options import conditions, json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables
from framework.output.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.archives.get import FetchedFile
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import FileRow


@click.command(
    name="get", epilog="Example: fw get --filetype deepcoadd_forced_src --where filter=HSC-I --into /data/me"
)
@click.argument("files", nargs=-1)
@click.option("--filetype", help="All files of this type.")
@click.option("--where", "wanted", multiple=True, callback=conditions, metavar="KEY=VALUE",
              help="Of the type only those with this value, or one of several (a,b).")  # fmt: skip
@click.option("--into", default=".", type=click.Path(file_okay=False, path_type=Path), help="Directory; default: here.")
@registry_option
@json_option("What became of each file, as JSON.")
def command(
    files: tuple[str, ...],
    filetype: str | None,
    wanted: dict[str, tuple[str, ...]],
    into: Path,
    registry: str | None,
    as_json: bool,
) -> int:
    """Copy FILES (paths in an archive, or base names) or those of a type; ends with 1 when a file cannot be copied."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.get import get
    from framework.registry.database.opening import open_registry

    if bool(files) == bool(filetype):
        raise click.UsageError("name files, or a type with --filetype")
    if wanted and not filetype:
        raise click.UsageError("--where goes with --filetype")
    db = open_registry(registry)
    got = list(get(db, choose_files(db, files, filetype, wanted), into))
    if as_json:
        click.echo(tables.as_json([{"path": g.path, "target": str(g.target), "trouble": g.error or ""} for g in got]))
    else:
        show(got)
    return 1 if any(each.error for each in got) else 0


def show(got: Iterable[FetchedFile]) -> None:
    """Print where each file is, or why it could not be copied."""
    for each in got:
        if each.error:
            click.echo(printable(f"{each.path}: {each.error}"), err=True)
        else:
            click.echo(printable(str(each.target)))


def choose_files(
    db: Registry, files: tuple[str, ...], filetype: str | None, wanted: dict[str, tuple[str, ...]]
) -> list[FileRow]:
    """Return the files that the arguments name."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.ancestry import find_file
    from framework.registry.questions.file_selection import find_files
    from framework.registry.questions.key_values import key_value_conditions
    from framework.registry.questions.selection import Selection

    if filetype is None:
        return list({file.id: file for file in (find_file(db, name) for name in files)}.values())
    found = find_files(db, Selection(filetypes=(filetype,), conditions=key_value_conditions(wanted)))
    if not found:
        raise FrameworkError(nothing_found(db, filetype))
    return found
