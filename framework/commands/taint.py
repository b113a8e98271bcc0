"""List the files derived from a bad file, and the calls to repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, print_sql, registry_option, sql_option
from framework.output import tables
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from framework.registry.questions.ancestry import Ancestry
    from framework.registry.questions.files import FileRow


@click.command(name="taint", epilog="Example: fw taint flat-HSC-I-049.fits")
@click.argument("file")
@sql_option
@registry_option
@json_option("Files and calls as JSON.")
def command(file: str, as_sql: bool, registry: str | None, as_json: bool) -> None:
    """Show every file derived from FILE, and by run the fewest calls whose repetition replaces them all."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.database.statement_log import collect_statements
    from framework.registry.questions.ancestry import descendants, find_file

    db = open_registry(registry)
    with collect_statements(db) as asked:
        found = find_file(db, file)
        ancestry = descendants(db, found.id)
    if as_sql:
        return print_sql(asked)
    spoilt = sorted((each for each in ancestry.files.values() if each.id != found.id), key=lambda each: each.path)
    calls = calls_to_repeat(ancestry)
    if as_json:
        files = [{"path": each.path, "filetype": each.filetype, "run": each.run} for each in spoilt]
        click.echo(tables.as_json({"file": found.path, "files": files, "calls": calls}))
        return
    if not spoilt:
        click.echo(f"nothing came from {printable(found.path)}", err=True)
        return
    show(spoilt, calls)


def show(spoilt: Sequence[FileRow], calls: Mapping[str, Mapping[str, list[int]]]) -> None:
    """Print the files that came from a bad one, and the calls to repeat."""
    tables.print_table(("path", "filetype", "run"), [(each.path, each.filetype, each.run or "") for each in spoilt])
    click.echo(f"\n{counted(len(spoilt), 'file')}; to make again what is spoilt, repeat these calls in this order:")
    for run, modules in calls.items():
        for module, numbers in modules.items():
            click.echo(f"  {run}  {module}: {', '.join(map(str, numbers))}")


def calls_to_repeat(ancestry: Ancestry) -> dict[str, dict[str, list[int]]]:
    """Return the calls between a file and its descendants: run to module to numbers of calls, in order.

    All of them are needed, since each reads a tainted file; no other call does.
    """
    makers = (maker for link in ancestry.links if (maker := ancestry.maker(link)))
    calls = {(maker.run, maker.wrapnum, maker.module) for maker in makers}
    found: dict[str, dict[str, list[int]]] = {}
    for run, number, module in sorted(calls):
        found.setdefault(run, {}).setdefault(module, []).append(number)
    return found
