"""Ask the registry in SQL."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import FrameworkError, RegistryError
from framework.output import tables
from framework.output.text import counted

if TYPE_CHECKING:
    from framework.registry.admin.user_sql import StatementResult
    from framework.registry.database.connection import Registry


@click.command(
    name="sql", epilog="Example: fw sql 'select modname, count(*) from pfw_wrapper group by modname'; fw sql @slow.sql"
)
@click.argument("statement", required=False)
@click.option("--write", is_flag=True, help="Let the statement change the registry.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV instead of a table.")
@json_option("A JSON list of objects instead of a table.")
@registry_option
def command(statement: str | None, write: bool, as_csv: bool, as_json: bool, registry: str | None) -> None:
    """Execute one STATEMENT, a file's with @FILE, or without it the statement on standard input."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.admin.user_sql import execute_change, execute_read_only
    from framework.registry.database.opening import open_registry

    text = read_statement(statement)
    answer = execute_change(open_registry(registry), text) if write else execute_read_only(open_to_read(registry), text)
    if not answer.columns:
        click.echo(
            f"{counted(max(answer.changed, 0), 'row')} changed" if write else "the statement has no answer", err=True
        )
    elif as_csv:
        print_csv(answer)
    elif as_json:
        print_json(answer)
    else:
        print_rows(answer)


def open_to_read(url: str | None) -> Registry:
    """Open the registry read-only; a registry that does not exist is created empty first."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry

    try:
        return open_registry(url, read_only=True)
    except RegistryError:
        # This makes it or brings it up to date, or else says best what is wrong.
        open_registry(url).close()
        return open_registry(url, read_only=True)


def read_statement(argument: str | None) -> str:
    """Return the SQL of an argument, a file or standard input."""
    if argument is None or argument == "-":
        text = sys.stdin.read()
    elif argument.startswith("@"):
        try:
            text = Path(argument[1:]).read_text()
        except OSError as error:
            raise FrameworkError(f"{argument[1:]}: {error.strerror}") from error
    else:
        text = argument
    if not text.strip():
        raise FrameworkError("there is no SQL statement to carry out")
    return text


def print_rows(answer: StatementResult) -> None:
    """Print rows as a table, with times as dates."""
    rows = [[answer.format_value(place, value) for place, value in enumerate(row)] for row in answer.rows]
    tables.print_table(answer.columns, rows, answer.number_columns())


def print_csv(answer: StatementResult) -> None:
    """Print rows as CSV, with values as stored."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)


def print_json(answer: StatementResult) -> None:
    """Print rows as a JSON list of objects, with values as stored."""
    rows: list[dict[str, object]] = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    click.echo(tables.as_json(rows))
