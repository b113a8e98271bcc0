"""Say why a run does not go on or has failed: by cause, in plain words, with what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables
from framework.runs.queue_status import standing_of

if TYPE_CHECKING:
    from framework.engines import Standing, Trouble
    from framework.registry.database.connection import Registry
    from framework.registry.questions.run_messages import CourseRow
    from framework.registry.questions.runs import Run, RunRow

#: How many calls or jobs of one cause are named.
NAMED = 5
#: How many of the last things that people and queues did are told, and within how many seconds the same is one thing.
LATEST = 10
TOGETHER = 60.0


@click.command(name="why", epilog="Example: fw why HST1_r1p01")
@click.argument("run")
@registry_option
@json_option("As a JSON object.")
def command(run: str, registry: str | None, as_json: bool) -> None:
    """Say what is wrong with RUN, or what it waits for."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.run_messages import COURSE, unsettled
    from framework.registry.questions.run_messages import course as course_of
    from framework.registry.questions.runs import find_run, how_far

    db = open_registry(registry)
    found = how_far(db, find_run(db, run))
    course = course_of(db, found.attempt_id, (COURSE,))
    standing = standing_of(found, db)
    errors = _that_matter(unsettled(db, found.attempt_id), found, standing)
    if standing is not None and found.ended is None and standing.jobs.get("idle"):
        standing = replace(standing, troubles=(*standing.troubles, *_obstacles(found.run, db)))
    if as_json:
        click.echo(tables.as_json(_as_object(found, errors, course, standing)))
        return
    for line in lines(found, errors, course, standing):
        click.echo(line)


def _obstacles(run: str, db: Registry) -> tuple[Trouble, ...]:
    """Why jobs that wait will wait for ever; nothing where the pool cannot be asked."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.run_directory import existing_run
    from framework.runs.execution import engine_of

    try:
        directory = existing_run(run)
        return engine_of(directory, db).obstacles(directory)
    except FrameworkError:
        return ()


def _that_matter(errors: list[CourseRow], run: Run, standing: Standing | None) -> list[CourseRow]:
    """Without those of jobs that go on by themselves, and of those that somebody has removed."""
    if standing is None:
        return errors
    aside = {trouble.job for trouble in standing.troubles if trouble.state == "removed"}
    if run.ended is None:
        aside |= standing.going_on
    return [one for one in errors if one.jobnum not in aside]


def lines(run: RunRow, errors: list[CourseRow], course: list[CourseRow], standing: Standing | None) -> Iterator[str]:
    """The account, what matters most first."""
    yield f"{run.run} is {run.state}: {run.jobs_done} of {run.jobs_expected} jobs done, {run.jobs_failed} failed"
    if standing is not None and standing.jobs and run.ended is None:
        yield "  in the queue: " + ", ".join(f"{count} {state}" for state, count in sorted(standing.jobs.items()))
    for what, remedy, jobs in _troubles(standing):
        yield f"  {_named('job', jobs)}: {what}"
        if remedy:
            yield f"      {remedy}"
    for text, module, calls, jobs in causes(errors):
        about = _named("call", calls) if calls else _named("job", jobs)
        yield f"  {about}{f' of {module}' if module else ''}: {text}"
        if calls:
            yield f"      fw log {run.run} {calls[0]}; when that is put right: fw restart {run.run}"
    if not errors and not _troubles(standing):
        yield f"  nothing is wrong; {_waits_for(run, standing)}"
    told = list(_told_together(course))
    if told:
        yield "what happened to it:"
    for time, text, jobs in told[-LATEST:]:
        about = f"{_named('job', jobs)}  " if jobs else ""
        yield f"  {tables.moment(time)}  {about}{text}"
    if len(told) > LATEST:
        yield f"  (and {len(told) - LATEST} more before: fw job {run.run})"


def _told_together(course: list[CourseRow]) -> Iterator[tuple[float, str, list[int]]]:
    """What happened to several jobs at a time, in one line: time, text, jobs."""
    found: list[tuple[float, str, list[int]]] = []
    for one in course:
        jobs = [] if one.jobnum is None else [one.jobnum]
        same = next((told for told in found if told[1] == one.text and one.time - told[0] <= TOGETHER), None)
        if same is None:
            found.append((one.time, one.text, jobs))
        else:
            same[2].extend(job for job in jobs if job not in same[2])
    yield from found


def causes(errors: list[CourseRow]) -> list[tuple[str, str, list[int], list[int]]]:
    """What went wrong, the most frequent first: text, module, and the calls or else the jobs that it happened to."""
    found: dict[tuple[str, str], tuple[set[int], set[int]]] = {}
    for one in errors:
        calls, jobs = found.setdefault((one.text, one.module or ""), (set(), set()))
        if one.wrapnum is not None:
            calls.add(one.wrapnum)
        elif one.jobnum is not None:
            jobs.add(one.jobnum)
    ordered = sorted(found.items(), key=lambda entry: -len(entry[1][0]))
    return [(text, module, sorted(calls), sorted(jobs)) for (text, module), (calls, jobs) in ordered]


def _troubles(standing: Standing | None) -> list[tuple[str, str, list[int]]]:
    found: dict[tuple[str, str], list[int]] = {}
    for trouble in standing.troubles if standing else ():
        jobs = found.setdefault((f"{trouble.state}: {trouble.what}", trouble.remedy), [])
        jobs += [] if trouble.job is None else [trouble.job]
    return [(what, remedy, sorted(jobs)) for (what, remedy), jobs in found.items()]


def _named(noun: str, numbers: list[int]) -> str:
    if not numbers:
        return "the run"
    shown = ", ".join(map(str, numbers[:NAMED]))
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"{noun}{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _waits_for(run: Run, standing: Standing | None) -> str:
    if run.ended is not None:
        return "it is over"
    if standing is None or not standing.jobs:
        return f"if nothing runs it any more: fw restart {run.run}"
    return "its idle jobs wait for a free slot" if standing.jobs.get("idle") else "it goes on"


def _as_object(
    run: RunRow, errors: list[CourseRow], course: list[CourseRow], standing: Standing | None
) -> dict[str, Any]:

    return {
        "run": run.run,
        "state": run.state,
        "causes": [
            {"text": text, "module": module, "calls": calls, "jobs": jobs}
            for text, module, calls, jobs in causes(errors)
        ],
        "queue": dict(standing.jobs) if standing else None,
        "troubles": [asdict(trouble) for trouble in standing.troubles] if standing else [],
        "course": [asdict(one) for one in course],
    }
