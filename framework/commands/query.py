"""Find files by their type and metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict

from framework.commands.shared.file_choices import nothing_found
from framework.commands.shared.options import conditions, json_option, print_sql, registry_option, sql_option
from framework.output import tables

if TYPE_CHECKING:
    from framework.registry.questions.files import FileRow
    from framework.registry.questions.selection import Selection


ANY = "files"


@click.command(
    name="query",
    epilog="Example: fw query hsc_raw visit=1228 ccd=49,50 --paths; "
    "fw query files --filetype calexp --where \"visit between 1 and 9 and filter = 'HSC-R'\"",
)
@click.argument("kind", metavar="FILETYPE|files")
@click.argument("wanted", nargs=-1, callback=conditions, metavar="[KEY=VALUE]...")
@click.option("--filetype", help="Of 'files' only those of this type.")
@click.option("--where", metavar="CONDITION", help="As in SQL: =, <, between, in, like, is null, and, or, not, ( ).")
@click.option("--paths", is_flag=True, help="Only the paths, one a line.")
@sql_option
@registry_option
@json_option("JSON instead of a table.")
def command(
    kind: str,
    wanted: dict[str, tuple[str, ...]],
    filetype: str | None,
    where: str | None,
    paths: bool,
    as_sql: bool,
    registry: str | None,
    as_json: bool,
) -> None:
    """List the files of FILETYPE of which every KEY has its value, or one of several (a,b).

    % stands for anything. Keys are those of the files' metadata, and filename, path, filetype, filesize, sha256,
    created_date, run, reqnum, unitname, attnum, campaign, pipeline, operator. The word 'files' in the place of FILETYPE
    means files of all types.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.database.statement_log import collect_statements
    from framework.registry.questions.file_selection import find_files

    filetype = choose_filetype(kind, filetype)
    if filetype is None and not wanted and where is None:
        raise click.UsageError("say which files: --filetype, --where or KEY=VALUE")
    db = open_registry(registry)
    selection = select_files(filetype, wanted, where)
    with collect_statements(db) as asked:
        files = find_files(db, selection)
    if as_sql:
        print_sql(asked)
    elif not files and not as_json:
        click.echo(nothing_found(db, filetype), err=True)
    else:
        show(files, as_json, paths)


def choose_filetype(kind: str, filetype: str | None) -> str | None:
    """Return the filetype that the arguments name; None for files of all types."""
    if kind == ANY:
        return filetype
    if filetype is not None:
        raise click.UsageError(f"--filetype goes with '{ANY}'; {kind!r} is a filetype already")
    return kind


def select_files(filetype: str | None, wanted: dict[str, tuple[str, ...]], where: str | None) -> Selection:
    """Return the selection of files that arguments and options describe."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.key_values import key_value_conditions
    from framework.registry.questions.selection import Selection
    from framework.registry.questions.where_clause import parse_where_clause

    conditions = key_value_conditions(wanted)
    if where is not None:
        conditions = (*conditions, parse_where_clause(where))
    return Selection(filetypes=(filetype,) if filetype is not None else (), conditions=conditions)


def show(files: list[FileRow], as_json: bool, paths: bool) -> None:
    """Print files as a table or as JSON, or only their paths."""
    if as_json:
        click.echo(tables.as_json([file.path if paths else as_object(file) for file in files]))
        return
    if paths:
        for file in files:
            click.echo(file.path)
        return
    rows = [[file.path, size_text(file), file.run or "", metadata_text(file)] for file in files]
    tables.print_table(("path", "size", "run", "metadata"), rows, frozenset({"size"}))


def as_object(file: FileRow) -> dict[str, object]:
    """Return a file as plain data."""
    return {key: value for key, value in asdict(file).items() if key != "packed"}


def size_text(file: FileRow) -> str:
    """Return a file's size as text; files that were passed in memory have none."""
    return "in memory" if file.size is None else tables.size(file.size)


def metadata_text(file: FileRow) -> str:
    """Return a file's metadata on one line."""
    return " ".join(f"{key}={value}" for key, value in file.metadata.items())
