"""Show the jobs of a run: state, calls, programs, times, host, memory, software."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import RunError
from framework.output.tables import moment
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from framework.registry.questions.calls import CallRow
    from framework.registry.questions.run_messages import CourseRow
    from framework.registry.questions.software import Stack
    from framework.registry.questions.verifications import Verification


@click.command(name="job", epilog="Example: fw job HST1_r1p01 2")
@click.argument("run")
@click.argument("number", type=int, required=False)
@registry_option
@json_option("As a JSON list.")
def command(run: str, number: int | None, registry: str | None, as_json: bool) -> None:
    """Show a row a job of RUN with its calls, or only job NUMBER."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.calls import calls
    from framework.registry.questions.messages import messages
    from framework.registry.questions.run_messages import COURSE, course
    from framework.registry.questions.runs import find_run
    from framework.registry.questions.software import stacks
    from framework.registry.questions.verifications import verifications

    db = open_registry(registry)
    found = find_run(db, run)
    rows = [row for row in calls(db, found.attempt_id) if number in (None, row.jobnum)]
    befell = [one for one in course(db, found.attempt_id, (COURSE,)) if one.jobnum and number in (None, one.jobnum)]
    if number is not None and not rows and not befell:
        raise RunError(
            f"{found.run}: no call of a job {number} has begun; it has {counted(found.jobs_expected, 'job')}"
        )
    said = messages(db, found.attempt_id)
    software = stacks(db, found.attempt_id)
    verified = verifications(db, found.attempt_id)
    if as_json:
        click.echo(json.dumps([as_object(row, said, software, verified) for row in rows], indent=1))
        return
    for line in lines(rows, said, software, befell, verified):
        click.echo(line)
    for stack in software.values():
        if any(row.software == stack.sha256 for row in rows):
            click.echo(f"{named(stack)}: {about(stack)}")


def lines(
    rows: list[CallRow],
    said: Mapping[int, list[str]],
    software: dict[str, Stack],
    course: Sequence[CourseRow] = (),
    verified: Mapping[int, Verification] | None = None,
) -> Iterator[str]:
    """Yield each execution of a job, below it each try at its calls, and the messages and events of each."""
    executions: dict[tuple[int, str], list[CallRow]] = {(one.jobnum or 0, one.queue or ""): [] for one in course}
    for row in rows:
        executions.setdefault((row.jobnum, row.queue), []).append(row)
    width = max((len(row.module) for row in rows), default=0)
    for (number, queue), inside in sorted(executions.items()):
        host = (inside[0].host if inside else None) or "no host"
        yield f"job {number}  ({queue}, {host})"
        for row in inside:
            nth = f" try {row.trynum}" if row.trynum > 1 else ""
            keys = ", ".join(f"{key}={value}" for key, value in json.loads(row.keys or "{}").items())
            status = "" if row.status in (0, None) else f" ({row.status})"
            memory = f"{row.peak_memory / 1024:.0f} MB" if row.peak_memory else ""
            within = f"  in {named(software[row.software])}" if row.software in software else ""
            yield (
                f"  {row.wrapnum:>6}  {row.module:<{width}}  {row.state + status:<12}  {duration(row):>9}  "
                f"{memory:>8}  {keys}{nth}{within}"
            ).rstrip()
            for message in said.get(row.task_id, ()):
                yield f"          {printable(message)}"
            again = (verified or {}).get(row.wrapnum)
            if again and row.state == "done":
                why = f": {again.difference}" if again.difference else ""
                told = f"{moment(again.verify_time)}  verified by {again.operator}: {again.verdict}{why}"
                yield f"          {printable(told)}"
        for message in said.get(inside[0].job_task_id, ()) if inside else ():
            yield f"          {printable(message)}"
        for one in course:
            if (one.jobnum, one.queue) == (number, queue):
                yield f"          {moment(one.time)}  {printable(one.text)}"


def named(stack: Stack) -> str:
    """Return the name of some software with its checksum, since it may change between two runs or two hosts."""
    return f"{stack.label} {stack.sha256[:8]}"


def about(stack: Stack) -> str:
    """Return the recorded properties of some software on one line."""
    found = stack.found
    if stack.kind == "container":
        image = f"{stack.image}, {stack.image_digest or 'a directory without a checksum'}"
        return f"{image}, run by {found['runtime']} {found['version']}"
    parts = [f"python {stack.python}"] if stack.python else []
    parts += [f"in {found['prefix']}"] if found.get("prefix") else []
    parts += [" ".join(found["setup"])] if found.get("setup") else []
    parts += [f"{what} {', '.join(found[what])}" for what in ("modules", "products") if found.get(what)]
    parts += [f"{len(found['packages'])} packages"] if found.get("packages") else []
    return ", ".join(parts) or f"{len(found['variables']['names'])} variables"


def duration(row: CallRow) -> str:
    """Return the time from a try's beginning to its end, or until now."""
    if row.start_time is None:
        return ""
    return f"{(row.end_time or time.time()) - row.start_time:.1f} s"


def as_object(
    row: CallRow, said: Mapping[int, list[str]], software: dict[str, Stack], verified: Mapping[int, Verification]
) -> dict[str, Any]:
    """Return a try as plain data."""
    within = asdict(software[row.software]) if row.software in software else None
    keys = json.loads(row.keys or "{}")
    again = verified.get(row.wrapnum)
    about = ("verdict", "difference", "verify_time", "operator", "exec_host", "software")
    known = {name: getattr(again, name) for name in about} if again else None
    told = {"keys": keys, "state": row.state, "messages": said.get(row.task_id, []), "software": within}
    return {**asdict(row), **told, "verified": known}
