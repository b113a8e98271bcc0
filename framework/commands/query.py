"""Find files by their type and metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from framework.registry.database import Registry
    from framework.registry.files import FileRow


def conditions(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """``key=a,b`` as the values that a key may have."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not key=value", ctx=ctx, param=option)
        found[key.strip()] = tuple(value.strip() for value in values.split(","))
    return found


@click.command(name="query", epilog="Example: fw query hsc_raw visit=1228 ccd=49,50 'filename=%fits%' --paths")
@click.argument("filetype")
@click.argument("wanted", nargs=-1, callback=conditions, metavar="[KEY=VALUE]...")
@click.option("--paths", is_flag=True, help="Only the paths, one a line.")
@click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def command(
    filetype: str, wanted: dict[str, tuple[str, ...]], paths: bool, registry: str | None, as_json: bool
) -> None:
    """List the files of FILETYPE of which every KEY has its value, or one of several (a,b).

    % stands for anything. Keys are those of the files' metadata, and filename, path, run, sha256.
    """
    from framework.registry.database import open_registry
    from framework.registry.files import find

    db = open_registry(registry)
    files = find(db, filetype, wanted)
    if not files and not as_json:
        click.echo(nothing_found(db, filetype), err=True)
    elif paths and not as_json:
        for file in files:
            click.echo(file.path)
    else:
        show(files, as_json, paths)


def show(files: list[FileRow], as_json: bool, paths: bool) -> None:
    """Files as a table or as JSON."""
    from msgspec.structs import asdict

    from framework import tables

    if as_json:
        told = [{key: value for key, value in asdict(file).items() if key != "packed"} for file in files]
        click.echo(tables.as_json([file.path for file in files] if paths else told))
        return
    rows = [[file.path, size_text(file), file.run or "", metadata_text(file)] for file in files]
    tables.print_table(("path", "size", "run", "metadata"), rows, frozenset({"size"}))


def size_text(file: FileRow) -> str:
    """A size; what was passed from step to step in memory has none."""
    from framework import tables

    return "in memory" if file.size is None else tables.size(file.size)


def metadata_text(file: FileRow) -> str:
    """Metadata on one line."""
    return " ".join(f"{key}={value}" for key, value in file.metadata.items())


def nothing_found(db: Registry, filetype: str) -> str:
    """Why there may be nothing to show."""
    from framework.registry.files import filetypes
    from wcl.spelling import did_you_mean

    known = filetypes(db)
    if filetype in known:
        return f"no file of type '{filetype}' has these values"
    hint = did_you_mean(filetype, known) or (f"there are {', '.join(known)}" if known else "there are no files yet")
    return f"no file of type '{filetype}': {hint}"
