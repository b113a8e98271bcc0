"""Find files by their type and metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import FileRow


def conditions(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """``key=a,b`` as the values that a key may have."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not key=value", ctx=ctx, param=option)
        found[key.strip()] = tuple(value.strip() for value in values.split(","))
    return found


#: Of every verb that asks the registry a question.
sql_option = click.option("--sql", "as_sql", is_flag=True, help="The SQL of the question instead of the answer.")

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
@click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
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
    from framework.registry.database.opening import open_registry
    from framework.registry.database.statement_log import statements
    from framework.registry.questions.search import find

    if filetype is not None and kind != ANY:
        raise click.UsageError(f"--filetype goes with '{ANY}'; {kind!r} is a filetype already")
    filetype = filetype if kind == ANY else kind
    if filetype is None and not wanted and where is None:
        raise click.UsageError("say which files: --filetype, --where or KEY=VALUE")
    db = open_registry(registry)
    with statements(db) as asked:
        files = find(db, filetype, wanted, where)
    if as_sql:
        print_sql(asked)
    elif not files and not as_json:
        click.echo(nothing_found(db, filetype), err=True)
    elif paths and not as_json:
        for file in files:
            click.echo(file.path)
    else:
        show(files, as_json, paths)


def print_sql(statements: list[str]) -> None:
    """Statements one after another, as a database's own client reads them."""
    for statement in statements:
        click.echo(f"{statement};")


def show(files: list[FileRow], as_json: bool, paths: bool) -> None:
    """Files as a table or as JSON."""
    from msgspec.structs import asdict

    from framework.output import tables

    if as_json:
        told = [{key: value for key, value in asdict(file).items() if key != "packed"} for file in files]
        click.echo(tables.as_json([file.path for file in files] if paths else told))
        return
    rows = [[file.path, size_text(file), file.run or "", metadata_text(file)] for file in files]
    tables.print_table(("path", "size", "run", "metadata"), rows, frozenset({"size"}))


def size_text(file: FileRow) -> str:
    """A size; what was passed from step to step in memory has none."""
    from framework.output import tables

    return "in memory" if file.size is None else tables.size(file.size)


def metadata_text(file: FileRow) -> str:
    """Metadata on one line."""
    return " ".join(f"{key}={value}" for key, value in file.metadata.items())


def nothing_found(db: Registry, filetype: str | None) -> str:
    """Why there may be nothing to show."""
    from framework.registry.questions.files import filetypes
    from wcl.spelling import did_you_mean

    if filetype is None:
        return "no file has these values"
    known = filetypes(db)
    if filetype in known:
        return f"no file of type '{filetype}' has these values"
    hint = did_you_mean(filetype, known) or (f"there are {', '.join(known)}" if known else "there are no files yet")
    return f"no file of type '{filetype}': {hint}"
