"""Find the origin of a file on disk by its contents."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import asdict as struct_as_dict

from framework.commands.shared.options import json_option, print_sql, registry_option, sql_option
from framework.output import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from framework.registry.questions.files import FileRow, Origin


@click.command(name="whence", epilog="Example: fw whence ~/Downloads/calexp.fits")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@sql_option
@registry_option
@json_option("Every file on record with these contents, as JSON.")
def command(path: Path, as_sql: bool, registry: str | None, as_json: bool) -> int:
    """Show every file on record that has the contents of PATH: what it is, which call made it, which archives have it.

    The name of PATH does not matter. Ends with 1 when no file on record has these contents.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.database.statement_log import collect_statements
    from framework.registry.questions.files import copies_of, find_by_content, find_producer
    from framework.worker.files.transfer import measure

    db = open_registry(registry)
    measured = measure(str(path))
    with collect_statements(db) as asked:
        files = find_by_content(db, measured.sha256, measured.size)
        copies = copies_of(db, [file.id for file in files])
        places = {id_: [copy.archive for copy in found] for id_, found in copies.items()}
        rows = [(file, find_producer(db, file.id), places.get(file.id, [])) for file in files]
    if as_sql:
        print_sql(asked)
    elif as_json:
        click.echo(tables.as_json([as_object(*row) for row in rows]))
    elif rows:
        columns = ("path", "filetype", "made by", "archives")
        shown = [(file.path, file.filetype, maker_text(by), ", ".join(names)) for file, by, names in rows]
        tables.print_table(columns, shown)
    else:
        click.echo(f"no file on record has the contents of {path} (sha256 {measured.sha256})", err=True)
    return 0 if rows else 1


def maker_text(origin: Origin | None) -> str:
    """Return the call that made a file, as text."""
    return "" if origin is None else f"{origin.module} (call {origin.wrapnum} of {origin.run})"


def as_object(file: FileRow, origin: Origin | None, archives: Sequence[str]) -> dict[str, object]:
    """Return a file with its maker and its copies as plain data."""
    return {**struct_as_dict(file), "made_by": asdict(origin) if origin else None, "archives": list(archives)}
