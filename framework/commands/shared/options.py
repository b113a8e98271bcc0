"""Options that several verbs share, with the conversion of their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from framework.commands.shared.pipeline_file import PipelineFile

registry_option = click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
#: Of every verb that asks the registry a question.
sql_option = click.option("--sql", "as_sql", is_flag=True, help="The SQL of the question instead of the answer.")


def json_option(help: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """Return the option ``--json`` with a help that says what a verb prints by it."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def assignments(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Return ``key=value`` texts as a mapping."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"'{text}' is not key=value", ctx=ctx, param=option)
        found[key.strip()] = value.strip()
    return found


def variables_of(ctx: click.Context, option: click.Parameter, files: tuple[Path, ...]) -> dict[str, object]:
    """Return the values of YAML or JSON files, those of later files over those of earlier ones."""
    # Loaded when the verb runs: its help needs none of it.
    import yaml

    from framework.commands.shared.template_values import read_template_values  # loads yaml

    found: dict[str, object] = {}
    for path in files:
        try:
            found |= read_template_values(path)
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            raise click.BadParameter(f"{path} cannot be read: {error}", ctx=ctx, param=option) from error
    return found


set_option = click.option(
    "--set", "overrides", multiple=True, callback=assignments, metavar="KEY=VALUE", help="Override a value."
)


var_option = click.option(
    "--var", "variables", multiple=True, callback=assignments, metavar="NAME=VALUE", help="For templates."
)


vars_option = click.option(
    "--vars", "files", multiple=True, callback=variables_of, metavar="FILE", help="For templates: a YAML or JSON file.",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip


def with_values(command: click.decorators.FC) -> click.decorators.FC:
    """Add the options of every verb that reads a pipeline: values, and variables of templates."""
    for option in (vars_option, var_option, set_option):
        command = option(command)
    return command


def with_pipeline(command: click.decorators.FC) -> click.decorators.FC:
    """Add the argument and the options of every verb that plans a pipeline."""
    argument = click.argument("pipeline", type=PipelineFile())
    return argument(with_values(registry_option(command)))


def conditions(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return ``key=a,b`` texts as a mapping from keys to the values that they may have."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"{text!r} is not key=value", ctx=ctx, param=option)
        found[key.strip()] = tuple(value.strip() for value in values.split(","))
    return found


def print_sql(statements: list[str]) -> None:
    """Print SQL statements, each ended by a semicolon, as a database's own client reads them."""
    for statement in statements:
        click.echo(f"{statement};")
