"""Show what a pipeline would run: blocks, modules, jobs and calls; nothing is recorded or started."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framework.commands.submit import with_pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from framework.plan.graph import Graph
    from framework.plan.model import Call, File, Plan


@click.command(name="plan", epilog="Example: fw plan pipelines/hello.wcl --set names=Vera,Annie --calls")
@with_pipeline
@click.option("--calls", "with_calls", is_flag=True, help="Every call: command line, inputs and why, outputs.")
@click.option("--graph", type=click.Choice(["svg", "mermaid", "dot"]), help="What flows between the modules, drawn.")
@click.option("--around", type=int, metavar="CALL", help="With --graph: only a call and its neighbours.")
@click.option(
    "--diff",
    "other",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What is added (+), gone (-) or changed (~) since another pipeline, planned the same way.",
)
@click.option("--json", "as_json", is_flag=True, help="The whole plan as JSON.")
def command(
    pipeline: Path,
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    registry: str | None,
    with_calls: bool,
    graph: str | None,
    around: int | None,
    other: Path | None,
    as_json: bool,
) -> None:
    """Plan PIPELINE as its next attempt, check the plan whole, and show it."""
    from framework.plan.reasons import reasons
    from framework.registry.database import open_registry
    from framework.submission import plan_next, read_submission

    if around is not None and not graph:
        raise click.UsageError("--around says which part of a graph is drawn: add --graph svg, mermaid or dot")
    values = {**files, **variables}
    db = open_registry(registry)
    submission = read_submission(pipeline, overrides, values)
    plan = plan_next(submission, db)
    for warning in plan.warnings:
        click.echo(warning, err=True)
    if graph:
        click.echo(json.dumps(asdict(graph_of(plan, around)), indent=1) if as_json else drawn(plan, graph, around))
        return
    if as_json:
        click.echo(json.dumps(as_object(plan), indent=1))
        return
    if other:
        before = plan_next(read_submission(other, overrides, values), db)
        click.echo("\n".join(difference_lines(plan, before)))
        return
    for line in summary(plan):
        click.echo(line)
    if with_calls:
        why = reasons(plan, submission.pipeline)
        for call in plan.calls:
            for line in call_lines(call, why):
                click.echo(line)


def drawn(plan: Plan, form: str, number: int | None) -> str:
    """The plan's graph, by module or around a call."""
    from framework.pictures import svg
    from framework.plan.drawing import dot, mermaid

    graph = graph_of(plan, number)
    text = "\n".join((mermaid if form == "mermaid" else dot)(graph))
    return svg(text) if form == "svg" else text


def graph_of(plan: Plan, number: int | None) -> Graph:
    from framework.errors import PlanError
    from framework.plan.graph import around, by_module

    if number is None:
        return by_module(plan)
    if number not in {call.number for call in plan.calls}:
        raise PlanError(f"the plan has no call {number}: fw plan --calls shows them")
    return around(plan, number)


def difference_lines(plan: Plan, before: Plan) -> list[str]:
    """What differs between two plans, in order; a line even where nothing does."""
    from framework.plan.difference import difference

    return list(difference(plan.calls, before.calls)) or ["the same calls"]


def summary(plan: Plan) -> Iterator[str]:
    """Blocks and modules with their numbers, then jobs with what they wait for."""
    yield f"run       {plan.identity.run}"
    yield f"archive   {plan.archive_root}/{plan.archive_path}"
    for block in plan.blocks:
        yield f"block {block.number}   {block.name}: {len(block.jobs)} jobs"
        width = max((len(module.name) for module in block.modules), default=0)
        for module in block.modules:
            made = sum(len(call.outputs) for job in block.jobs for call in job.calls if call.module == module.name)
            yield f"  {module.name:<{width}}  {module.calls} calls, {made} files"
        for job in block.jobs:
            after = f"  after {', '.join(map(str, job.parents))}" if job.parents else ""
            yield f"  job {job.number}{f' ({job.keys})' if job.keys else ''}: {_steps(job.calls)}{after}"


def call_lines(call: Call, why: Callable[[Call, File], str]) -> Iterator[str]:
    """One call: its command lines, what it reads and why, and what it makes."""
    from framework.plan.cmdline import shell_text

    keys = ", ".join(f"{key}={value}" for key, value in call.keys.items())
    yield ""
    yield f"call {call.number}  {call.module}{f' ({keys})' if keys else ''}"
    for step in call.execs:
        yield f"  $ {shell_text(step.argv)}"
    for file in call.inputs:
        yield f"  reads {file.path}  ({why(call, file)})"
    for file in call.outputs:
        yield f"  makes {file.path}"


def as_object(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    from framework.engines.directory import job_record

    return {
        "run": plan.identity.run,
        "archive_root": plan.archive_root,
        "archive_path": plan.archive_path,
        "blocks": [
            {
                "block": block.number,
                "name": block.name,
                "modules": [{"name": module.name, "calls": module.calls} for module in block.modules],
                "jobs": [{**job_record(job), "parents": job.parents} for job in block.jobs],
            }
            for block in plan.blocks
        ],
    }


def _steps(calls: tuple[Call, ...]) -> str:
    """``write 1, shout 5``; a long row of one module's calls is shown as its ends."""
    by_module: dict[str, list[int]] = {}
    for call in calls:
        by_module.setdefault(call.module, []).append(call.number)
    return ", ".join(
        f"{module} {numbers[0]}" if len(numbers) == 1 else f"{module} {numbers[0]}..{numbers[-1]} ({len(numbers)})"
        for module, numbers in by_module.items()
    )
