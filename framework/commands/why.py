"""Explain why a run does not go on or has failed: by cause, with the remedy of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.engines.engine import JobState
from framework.errors import FrameworkError
from framework.output import tables
from framework.runs.queue_status import read_queue_status

if TYPE_CHECKING:
    from framework.engines.engine import JobProblem, QueueStatus
    from framework.registry.database.connection import Registry
    from framework.registry.questions.run_messages import RunMessage
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
    """Show the problems of RUN, or what it waits for."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.run_messages import run_messages as course_of
    from framework.registry.questions.run_messages import unresolved_errors
    from framework.registry.questions.runs import find_run, run_progress
    from framework.worker.journal.message_level import MessageLevel

    db = open_registry(registry)
    found = run_progress(db, find_run(db, run))
    course = course_of(db, found.attempt_id, (MessageLevel.EVENT,))
    queue_status = read_queue_status(found, db)
    errors = _relevant_errors(unresolved_errors(db, found.attempt_id), found, queue_status)
    if queue_status is not None and found.ended is None and queue_status.job_counts.get(JobState.IDLE):
        queue_status = replace(queue_status, problems=(*queue_status.problems, *_blocking_reasons(found.run, db)))
    if as_json:
        click.echo(tables.as_json(_as_object(found, errors, course, queue_status)))
        return
    for line in lines(found, errors, course, queue_status):
        click.echo(line)


def _blocking_reasons(run: str, db: Registry) -> tuple[JobProblem, ...]:
    """Why jobs that wait will wait for ever; nothing where the pool cannot be asked."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.engines.run_directory import existing_run
    from framework.runs.execution import find_engine

    try:
        directory = existing_run(run)
        return find_engine(directory, db).find_blocking_reasons(directory)
    except FrameworkError:
        return ()


def _relevant_errors(errors: list[RunMessage], run: Run, queue_status: QueueStatus | None) -> list[RunMessage]:
    """Return the errors without those of jobs that go on by themselves or were removed by hand."""
    if queue_status is None:
        return errors
    aside = {problem.job for problem in queue_status.problems if problem.state == JobState.REMOVED}
    if run.ended is None:
        aside |= queue_status.active_jobs
    return [one for one in errors if one.jobnum not in aside]


def lines(
    run: RunRow, errors: list[RunMessage], course: list[RunMessage], queue_status: QueueStatus | None
) -> Iterator[str]:
    """Yield the lines of the explanation, the most important first."""
    yield f"{run.run} is {run.state}: {run.jobs_done} of {run.jobs_expected} jobs done, {run.jobs_failed} failed"
    if queue_status is not None and queue_status.job_counts and run.ended is None:
        yield "  in the queue: " + ", ".join(
            f"{count} {state}" for state, count in sorted(queue_status.job_counts.items())
        )
    problems = _problems_by_cause(queue_status)
    for what, remedy, jobs in problems:
        yield f"  {_numbers_text('job', jobs)}: {what}"
        if remedy:
            yield f"      {remedy}"
    yield from _error_lines(run.run, errors)
    if not errors and not problems:
        yield f"  nothing is wrong; {_waits_for(run, queue_status)}"
    yield from _event_lines(run.run, list(_group_events(course)))


def _error_lines(run: str, errors: list[RunMessage]) -> Iterator[str]:
    """Yield a line for each cause of errors, with the remedy."""
    for text, module, calls, jobs in causes(errors):
        about = _numbers_text("call", calls) if calls else _numbers_text("job", jobs)
        yield f"  {about}{f' of {module}' if module else ''}: {text}"
        if calls:
            yield f"      fw log {run} {calls[0]}; when that is put right: fw restart {run}"


def _event_lines(run: str, events: list[tuple[float, str, list[int]]]) -> Iterator[str]:
    """Yield the latest events of a run."""
    if events:
        yield "what happened to it:"
    for time, text, jobs in events[-LATEST:]:
        about = f"{_numbers_text('job', jobs)}  " if jobs else ""
        yield f"  {tables.moment(time)}  {about}{text}"
    if len(events) > LATEST:
        yield f"  (and {len(events) - LATEST} more before: fw job {run})"


def _group_events(course: list[RunMessage]) -> Iterator[tuple[float, str, list[int]]]:
    """Yield events of a run, those of several jobs at a time as one: time, text, jobs."""
    found: list[tuple[float, str, list[int]]] = []
    for one in course:
        jobs = [] if one.jobnum is None else [one.jobnum]
        same = next((each for each in found if each[1] == one.text and one.time - each[0] <= TOGETHER), None)
        if same is None:
            found.append((one.time, one.text, jobs))
        else:
            same[2].extend(job for job in jobs if job not in same[2])
    yield from found


def causes(errors: list[RunMessage]) -> list[tuple[str, str, list[int], list[int]]]:
    """Return the causes of errors, the most frequent first: text, module, and the calls or else the jobs."""
    found: dict[tuple[str, str], tuple[set[int], set[int]]] = {}
    for one in errors:
        calls, jobs = found.setdefault((one.text, one.module or ""), (set(), set()))
        if one.wrapnum is not None:
            calls.add(one.wrapnum)
        elif one.jobnum is not None:
            jobs.add(one.jobnum)
    ordered = sorted(found.items(), key=lambda entry: -len(entry[1][0]))
    return [(text, module, sorted(calls), sorted(jobs)) for (text, module), (calls, jobs) in ordered]


def _problems_by_cause(queue_status: QueueStatus | None) -> list[tuple[str, str, list[int]]]:
    found: dict[tuple[str, str], list[int]] = {}
    for problem in queue_status.problems if queue_status else ():
        jobs = found.setdefault((f"{problem.state}: {problem.reason}", problem.remedy), [])
        jobs += [] if problem.job is None else [problem.job]
    return [(what, remedy, sorted(jobs)) for (what, remedy), jobs in found.items()]


def _numbers_text(noun: str, numbers: list[int]) -> str:
    if not numbers:
        return "the run"
    shown = ", ".join(map(str, numbers[:NAMED]))
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"{noun}{'s' if len(numbers) > 1 else ''} {shown}{more}"


def _waits_for(run: Run, queue_status: QueueStatus | None) -> str:
    if run.ended is not None:
        return "it is over"
    if queue_status is None or not queue_status.job_counts:
        return f"if nothing runs it any more: fw restart {run.run}"
    return "its idle jobs wait for a free slot" if queue_status.job_counts.get(JobState.IDLE) else "it goes on"


def _as_object(
    run: RunRow, errors: list[RunMessage], course: list[RunMessage], queue_status: QueueStatus | None
) -> dict[str, object]:

    return {
        "run": run.run,
        "state": run.state,
        "causes": [
            {"text": text, "module": module, "calls": calls, "jobs": jobs}
            for text, module, calls, jobs in causes(errors)
        ],
        "queue": dict(queue_status.job_counts) if queue_status else None,
        "troubles": [_problem_record(problem) for problem in queue_status.problems] if queue_status else [],
        "course": [asdict(one) for one in course],
    }


def _problem_record(problem: JobProblem) -> dict[str, object]:
    return {"job": problem.job, "state": problem.state, "what": problem.reason, "remedy": problem.remedy}
