"""Show what a pipeline would run: blocks, modules, jobs and calls; nothing is recorded or started."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from framework.commands.shared.options import json_option, with_pipeline
from framework.errors import PlanError
from framework.output.svg import svg
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from framework.model.job import Call, File, Job
    from framework.model.plan import Block, LateBlock, Plan
    from framework.plan.display.graph import Graph
    from framework.registry.database.connection import Registry
    from framework.runs.comparison.differences import RunComparison
    from framework.runs.submitted_pipeline import Submission


@click.command(name="plan", epilog="Example: fw plan hello --set names=Vera,Annie --calls")
@with_pipeline
@click.option("--calls", "with_calls", is_flag=True, help="Every call: command line, inputs and why, outputs.")
@click.option("--graph", type=click.Choice(["svg", "mermaid", "dot"]), help="What flows between the modules, drawn.")
@click.option("--around", type=int, metavar="CALL", help="With --graph: only a call and its neighbours.")
@click.option(
    "--diff",
    "other",
    metavar="RUN|FILE",
    help="What is added (+), gone (-) or changed (~), and why, since a recorded run, or beside another pipeline that "
    "is planned the same way. Programs with a version_flag are asked for their version.",
)
@json_option("As JSON: the whole plan, its graph, or what differs.")
def command(
    pipeline: Path,
    overrides: dict[str, str],
    variables: dict[str, str],
    files: dict[str, object],
    registry: str | None,
    with_calls: bool,
    graph: str | None,
    around: int | None,
    other: str | None,
    as_json: bool,
) -> None:
    """Plan PIPELINE as its next attempt, check the plan whole, and show it."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.runs.submission import plan_next
    from framework.runs.submitted_pipeline import read_submission

    if around is not None and not graph:
        raise click.UsageError("--around says which part of a graph is drawn: add --graph svg, mermaid or dot")
    values = {**files, **variables}
    db = open_registry(registry)
    submission = read_submission(pipeline, overrides, values)
    plan = plan_next(submission, db)
    for warning in plan.warnings:
        click.echo(warning, err=True)
    if graph:
        click.echo(json.dumps(asdict(graph_of(plan, around)), indent=1) if as_json else draw(plan, graph, around))
    elif other:
        found = compare_with(plan, submission, db, other, lambda path: read_submission(path, overrides, values))
        show_comparison(found, plan.late, as_json)
    elif as_json:
        click.echo(json.dumps(as_object(plan), indent=1))
    else:
        for line in (*summary(plan), *(all_call_lines(plan, submission) if with_calls else ())):
            click.echo(line)


def all_call_lines(plan: Plan, submission: Submission) -> Iterator[str]:
    """Yield the lines of every call: what it reads and why, and its command lines."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.plan.display.reasons import explain_inputs

    why = explain_inputs(plan, submission.pipeline)
    for call in plan.calls:
        yield from call_lines(call, why)


def draw(plan: Plan, form: str, number: int | None) -> str:
    """Return the graph of a plan by module, or around a call, as text in a graph language or as SVG."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.plan.display.graph_text import dot, mermaid

    graph = graph_of(plan, number)
    text = "\n".join((mermaid if form == "mermaid" else dot)(graph))
    return svg(text) if form == "svg" else text


def graph_of(plan: Plan, number: int | None) -> Graph:
    # Loaded when the verb runs: its help needs none of it.
    from framework.plan.display.graph import call_graph, module_graph

    if number is None:
        return module_graph(plan)
    if number not in {call.number for call in plan.calls}:
        raise PlanError(f"the plan has no call {number}: fw plan --calls shows them")
    return call_graph(plan, number)


def compare_with(
    plan: Plan, submission: Submission, db: Registry, other: str, read: Callable[[Path], Submission]
) -> RunComparison:
    """Compare a plan with that of another pipeline's file, or with a recorded run."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.runs import UnknownRun
    from framework.runs.comparison.comparison import compare
    from framework.runs.comparison.side import planned_side, recorded_side, without_late_blocks
    from framework.runs.submission import plan_next

    if Path(other).is_file():
        before = read(Path(other))
        return compare(planned_side(plan_next(before, db), before), planned_side(plan, submission))
    try:
        return compare(without_late_blocks(recorded_side(db, other)), planned_side(plan, submission))
    except UnknownRun as error:
        raise UnknownRun(f"there is no file {other}, and {error}") from error


def show_comparison(found: RunComparison, late: Sequence[LateBlock], as_json: bool) -> None:
    """Print what differs, and name the blocks that could not be compared."""
    if late:
        click.echo(f"not compared, since planned late: {', '.join(block.name for block in late)}", err=True)
    click.echo(json.dumps(asdict(found), indent=1) if as_json else "\n".join(comparison_lines(found)))


def comparison_lines(found: RunComparison) -> Iterator[str]:
    """Yield the lines of a comparison, with control characters escaped."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.comparison.report import report_lines

    return (printable(line) for line in report_lines(found))


def summary(plan: Plan) -> Iterator[str]:
    """Yield blocks and modules with their numbers, then jobs with the jobs that they wait for."""
    yield f"run       {plan.identity.run}"
    yield f"archive   {plan.archive_root}/{plan.archive_path}"
    yield from software_lines(plan)
    for block in plan.blocks:
        yield from _block_lines(block)
    for late in plan.late:
        yield from _late_block_lines(late)


def _block_lines(block: Block) -> Iterator[str]:
    yield f"block {block.number}   {block.name}: {counted(len(block.jobs), 'job')}"
    width = max((len(module.name) for module in block.modules), default=0)
    for module in block.modules:
        calls = [call for job in block.jobs for call in job.calls if call.module == module.name]
        made = [file for call in calls for file in call.outputs]
        yield f"  {module.name:<{width}}  {counted(module.calls, 'call')}, {_files(made)}{_surroundings(calls)}"
    for job in block.jobs:
        yield _job_line(job)


def _job_line(job: Job) -> str:
    after = f"  after {', '.join(map(str, job.parents))}" if job.parents else ""
    return f"  job {job.number}{f' ({job.keys})' if job.keys else ''}: {_steps(job.calls)}{after}"


def _late_block_lines(block: LateBlock) -> Iterator[str]:
    yield f"block {block.number}   {block.name}: planned when block {block.after} has ended"
    width = max((len(part.name) for part in block.modules), default=0)
    for part in block.modules:
        yield f"  {part.name:<{width}}  {f'asks for {part.asks[0]}' if part.asks else 'asks for nothing'}"
        yield from (f"  {'':<{width}}           {question}" for question in part.asks[1:])


def software_lines(plan: Plan) -> Iterator[str]:
    """Yield the environments and containers of a plan, and whether this machine has them."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.plan_records import software_records
    from framework.engines.program_check import software_error

    for label, definition in sorted(software_records(plan).items()):
        parts = {
            key: value for key, value in definition.items() if key not in ("kind", "name", "setup_minutes") and value
        }
        words = [_property_text(key, value) for key, value in parts.items()]
        missing = software_error(definition)
        yield f"{label}: {', '.join(words)}" + (f"  (not on this machine: {missing})" if missing else "")


def _property_text(key: str, value: Any) -> str:
    if key == "binds":
        value = [":".join([outside, inside, "rw" if writable else "ro"]) for outside, inside, writable in value]
    return f"{key} {' '.join(value) if isinstance(value, list | tuple) else value}"


def _surroundings(calls: list[Call]) -> str:
    """Return the software of a module's calls, and their requests besides processors."""
    labels = sorted({call.software for call in calls} - {""})
    words = [f"in {label}" for label in labels]
    gpus = max((call.needs.gpus for call in calls), default=0)
    words += [f"{gpus} graphics processors"] if gpus else []
    for key in ("partition", "account"):
        words += [f"{key} {value}" for value in sorted({getattr(call.needs, key) for call in calls} - {""})]
    return "".join(f", {word}" for word in words)


def call_lines(call: Call, why: Callable[[Call, File], str]) -> Iterator[str]:
    """Yield the lines about one call: command lines, inputs with reasons, outputs."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.plan.command_line import shell_text

    keys = ", ".join(f"{key}={value}" for key, value in call.keys.items())
    yield ""
    within = f"  in {call.software}" if call.software else ""
    shared = ", in one process with others of its job" if call.in_process else ""
    yield f"call {call.number}  {call.module}{f' ({keys})' if keys else ''}{within}{shared}"
    for step in call.execs:
        yield f"  $ {shell_text(step.argv)}"
    for file in call.inputs:
        yield f"  reads {file.path}  ({why(call, file)})"
    for file in call.outputs:
        yield f"  makes {file.path}{' in memory' if file.in_memory else ''}"


def as_object(plan: Plan) -> dict[str, object]:
    """Return a plan as plain data."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.plan_records import job_record, software_records

    return {
        "run": plan.identity.run,
        "software": software_records(plan),
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
        "late": [asdict(block) for block in plan.late],
    }


def _files(made: list[File]) -> str:
    """Return the number of outputs; those of wildcards are not known before the run."""
    fixed = sum(not file.pattern for file in made)
    if fixed == len(made):
        return counted(fixed, "file")
    return f"{counted(fixed, 'file')} and any number of others" if fixed else "any number of files"


def _steps(calls: tuple[Call, ...]) -> str:
    """Return the calls of a job by module, ``write 1, shout 5``; a range is shown by its ends."""
    module_graph: dict[str, list[int]] = {}
    for call in calls:
        module_graph.setdefault(call.module, []).append(call.number)
    return ", ".join(
        f"{module} {numbers[0]}" if len(numbers) == 1 else f"{module} {numbers[0]}..{numbers[-1]} ({len(numbers)})"
        for module, numbers in module_graph.items()
    )
