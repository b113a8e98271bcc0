"""Submit a pipeline: plan it whole, check it, record it and run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.output.text import counted

if TYPE_CHECKING:
    from framework.model.plan import Plan


def assignments(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """``key=value`` texts as a mapping."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"'{text}' is not key=value", ctx=ctx, param=option)
        found[key.strip()] = value.strip()
    return found


def variables_of(ctx: click.Context, option: click.Parameter, files: tuple[Path, ...]) -> dict[str, object]:
    """The values of YAML or JSON files, the later ones over the earlier."""
    import yaml

    found: dict[str, object] = {}
    for path in files:
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise click.BadParameter(f"{path} cannot be read: {error}", ctx=ctx, param=option) from error
        if not isinstance(values, dict):
            raise click.BadParameter(f"{path} holds no names with values", ctx=ctx, param=option)
        found |= {str(name): value for name, value in values.items()}
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
    """The options of every verb that reads a file: values, and variables of templates."""
    for option in (vars_option, var_option, set_option):
        command = option(command)
    return command


def with_pipeline(command: click.decorators.FC) -> click.decorators.FC:
    """The options of every verb that plans a pipeline."""
    argument = click.argument("pipeline", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    return argument(with_values(click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")(command)))


@click.command(
    name="submit",
    epilog="Example: fw submit pipelines/calcloud_train.wcl --set seed=2 --set unitname=HST2",
)
@with_pipeline
@click.option("--slots", type=click.IntRange(min=1), help="Jobs at a time on this machine (default: its processors).")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--wait", is_flag=True, help="On a pool: wait until it is over.")
@click.option("--json", "as_json", is_flag=True, help="End with a JSON object on standard output.")
def command(
    pipeline: Path,
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    registry: str | None,
    slots: int | None,
    detach: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Plan PIPELINE, check the plan whole, record it, and run it on this machine."""
    from framework.registry.database.opening import open_registry
    from framework.runs.execution import carry_out
    from framework.runs.submission import begin, read_submission

    submission = read_submission(pipeline, overrides, {**files, **variables})
    with_registry = open_registry(registry)
    plan, directory = begin(submission, with_registry)
    announce(plan)
    return carry_out(directory, with_registry, "submit", slots=slots, detach=detach, wait=wait, as_json=as_json)


def announce(plan: Plan) -> None:
    """What was planned, before it begins."""
    jobs, calls = sum(1 for _ in plan.jobs), sum(1 for _ in plan.calls)
    for warning in plan.warnings:
        click.echo(warning, err=True)
    later = f"; planned later: {', '.join(block.name for block in plan.late)}" if plan.late else ""
    click.echo(f"{plan.identity.run}: {counted(calls, 'call')} in {counted(jobs, 'job')}{later}", err=True)
