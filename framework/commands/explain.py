"""Explain a value: where it was set, what it replaced, and each step of its expansion."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import assignments, json_option, with_values
from framework.commands.shared.pipeline_file import PipelineFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wcl.explain import ValueExplanation


@click.command(
    name="explain",
    epilog="Example: fw explain hello module.write.file.greeting.filename --with name=Vera",
)
@click.argument("pipeline", type=PipelineFile())
@click.argument("key")
@with_values
@click.option("--with", "loop", multiple=True, callback=assignments, metavar="KEY=VALUE", help="A loop key's value.")
@json_option("As a JSON object.")
def command(
    pipeline: Path,
    key: str,
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    loop: dict[str, str],
    as_json: bool,
) -> None:
    """Show where KEY, a dotted path, gets its value in PIPELINE with the site's values and the defaults."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.submission import scope_of_key
    from framework.runs.submitted_pipeline import read_submission
    from wcl.explain import explain

    submission = read_submission(pipeline, overrides, {**files, **variables})
    found = explain(submission.pipeline, key, scope_of_key(submission, key, loop))
    if as_json:
        click.echo(json.dumps(asdict(found, dict_factory=_json_object), default=str, indent=1))
        return
    for line in lines(found):
        click.echo(line)


def _json_object(fields: Iterable[tuple[str, object]]) -> dict[str, object]:
    """Return the fields of an explanation or a step as a JSON object, where a position is called `place`."""
    return {"place" if name == "position" else name: value for name, value in fields}


def lines(found: ValueExplanation) -> Iterator[str]:
    """Yield the lines of an explanation, the oldest value first."""
    for position, value in found.replaced:
        yield f"{position}: {value}    (replaced)"
    yield f"{found.position}: {found.key} = {found.value}"
    for step in found.steps:
        where = f"  {step.position}" if step.position else ""
        yield f"  ${{{step.variable}}} is {step.value}{where}"
        yield f"    {step.text}"
    for result in found.results:
        yield f"= {result}"
    if found.problem:
        yield "cannot be filled in here:"
        yield from (f"  {line}" for line in found.problem.splitlines())
