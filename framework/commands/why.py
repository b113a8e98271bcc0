"""Say why a run does not go on or has failed: by cause, in plain words, with what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from framework.engines import Standing
    from framework.registry.course import CourseRow
    from framework.registry.database import Registry
    from framework.registry.runs import RunRow

#: How many calls or jobs of one cause are named.
NAMED = 5
#: How many of the last things that people and queues did are told.
LATEST = 10


@click.command(name="why", epilog="Example: fw why HST1_r1p01")
@click.argument("run")
@click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
@click.option("--json", "as_json", is_flag=True, help="As a JSON object.")
def command(run: str, registry: str | None, as_json: bool) -> None:
    """Say what is wrong with RUN, or what it waits for."""
    from framework import tables
    from framework.registry.course import COURSE, ERROR
    from framework.registry.course import course as course_of
    from framework.registry.database import open_registry
    from framework.registry.runs import find_run

    db = open_registry(registry)
    found = find_run(db, run)
    said = course_of(db, found.attempt_id, (ERROR, COURSE))
    errors = [one for one in said if one.level == ERROR]
    course = [one for one in said if one.level == COURSE]
    standing = standing_of(found.run, db)
    if as_json:
        click.echo(tables.as_json(_as_object(found, errors, course, standing)))
        return
    for line in lines(found, errors, course, standing):
        click.echo(line)


def standing_of(run: str, db: Registry) -> Standing | None:
    """How a run's jobs stand with what runs them; None where it was not submitted here."""
    from framework.errors import FrameworkError
    from framework.home import existing_run
    from framework.running import engine_of

    try:
        directory = existing_run(run)
        return engine_of(directory, db).status(directory)
    except FrameworkError:
        return None


def lines(run: RunRow, errors: list[CourseRow], course: list[CourseRow], standing: Standing | None) -> Iterator[str]:
    """The account, what matters most first."""
    from framework import tables

    yield f"{run.run} is {run.state}: {run.jobs_done} of {run.jobs_expected} jobs done, {run.jobs_failed} failed"
    if standing is not None and standing.jobs and run.ended is None:
        yield "  in the queue: " + ", ".join(f"{count} {state}" for state, count in sorted(standing.jobs.items()))
    for what, remedy, jobs in _troubles(standing):
        yield f"  {_named('job', jobs)}: {what}"
        if remedy:
            yield f"      {remedy}"
    for text, module, calls in causes(errors):
        yield f"  {_named('call', calls)}{f' of {module}' if module else ''}: {text}"
        if calls:
            yield f"      fw log {run.run} {calls[0]}; when that is put right: fw restart {run.run}"
    if not errors and not _troubles(standing):
        yield f"  nothing is wrong; {_waits_for(run, standing)}"
    if course:
        yield "what happened to it:"
    for one in course[-LATEST:]:
        about = f"job {one.jobnum}  " if one.jobnum is not None else ""
        yield f"  {tables.moment(one.time)}  {about}{one.text}"
    if len(course) > LATEST:
        yield f"  (and {len(course) - LATEST} more before: fw job {run.run})"


def causes(errors: list[CourseRow]) -> list[tuple[str, str, list[int]]]:
    """What went wrong, the most frequent first: text, module, and the calls that it happened to."""
    found: dict[tuple[str, str], list[int]] = {}
    for one in errors:
        calls = found.setdefault((one.text, one.module or ""), [])
        if one.wrapnum is not None and one.wrapnum not in calls:
            calls.append(one.wrapnum)
    ordered = sorted(found.items(), key=lambda entry: -len(entry[1]))
    return [(text, module, sorted(calls)) for (text, module), calls in ordered]


def _troubles(standing: Standing | None) -> list[tuple[str, str, list[int]]]:
    found: dict[tuple[str, str], list[int]] = {}
    for trouble in standing.troubles if standing else ():
        found.setdefault((f"{trouble.state}: {trouble.what}", trouble.remedy), []).append(trouble.job)
    return [(what, remedy, sorted(jobs)) for (what, remedy), jobs in found.items()]


def _named(noun: str, numbers: list[int]) -> str:
    if not numbers:
        return "the run"
    shown = ", ".join(map(str, numbers[:NAMED]))
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"{noun}{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _waits_for(run: RunRow, standing: Standing | None) -> str:
    if run.ended is not None:
        return "it is over"
    if standing is None or not standing.jobs:
        return f"if nothing runs it any more: fw restart {run.run}"
    return "its idle jobs wait for a free slot" if standing.jobs.get("idle") else "it goes on"


def _as_object(
    run: RunRow, errors: list[CourseRow], course: list[CourseRow], standing: Standing | None
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "run": run.run,
        "state": run.state,
        "causes": [{"text": text, "module": module, "calls": calls} for text, module, calls in causes(errors)],
        "queue": dict(standing.jobs) if standing else None,
        "troubles": [asdict(trouble) for trouble in standing.troubles] if standing else [],
        "course": [asdict(one) for one in course],
    }
