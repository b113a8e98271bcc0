"""Check WCL or YAML files: errors and warnings, each with its position."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, with_values
from framework.commands.shared.pipeline_file import PipelineFile
from framework.output.text import counted

if TYPE_CHECKING:
    from wcl import Problem


@click.command(name="check", epilog="Example: fw check hello --json")
@click.argument("paths", nargs=-1, required=True, type=PipelineFile())
@with_values
@click.option("--strict", is_flag=True, help="Take unknown keys for errors.")
@json_option("As a JSON list.")
def command(
    paths: tuple[Path, ...],
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    strict: bool,
    as_json: bool,
) -> int:
    """Read PATHS, WCL or YAML, and report problems. Whether a pipeline can be run is checked by fw plan."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.configuration.site_file import site_keys
    from framework.pipeline.software import check_software
    from wcl.keys.checks import check_file

    known = site_keys()
    found = [
        problem
        for path in paths
        for problem in check_file(
            path,
            known,
            overrides=overrides,
            variables={**files, **variables},
            strict=strict,
            further=[check_software],
        )
    ]
    errors = sum(problem.severity == "error" for problem in found)
    if as_json:
        click.echo(json.dumps([as_object(problem) for problem in found], indent=1))
    else:
        for problem in found:
            click.echo(str(problem))
        click.echo(
            f"{counted(len(paths), 'file')}: {counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}",
            err=True,
        )
    return 1 if errors else 0


def as_object(problem: Problem) -> dict[str, object]:
    """Return a problem as plain data; columns count from 1."""
    return {
        "file": problem.position.file,
        "line": problem.position.line,
        "column": problem.column + 1,
        "width": problem.width,
        "severity": problem.severity,
        "message": problem.message,
        "hint": problem.hint,
        "text": problem.text,
    }
