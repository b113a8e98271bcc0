"""Show the jobs of a run: state, calls, programs, times, host, memory, software."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import RunError
from framework.output.tables import moment
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from framework.registry.questions.calls import CallRow
    from framework.registry.questions.run_messages import RunMessage
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
    from framework.registry.questions.run_messages import run_messages
    from framework.registry.questions.runs import find_run
    from framework.registry.questions.software import stacks
    from framework.registry.questions.verifications import verifications
    from framework.worker.journal.message_level import MessageLevel

    db = open_registry(registry)
    found = find_run(db, run)
    rows = [row for row in calls(db, found.attempt_id) if number in (None, row.jobnum)]
    events = [
        one
        for one in run_messages(db, found.attempt_id, (MessageLevel.EVENT,))
        if one.jobnum and number in (None, one.jobnum)
    ]
    if number is not None and not rows and not events:
        raise RunError(
            f"{found.run}: no call of a job {number} has begun; it has {counted(found.jobs_expected, 'job')}"
        )
    report = JobReport(
        rows,
        messages(db, found.attempt_id),
        stacks(db, found.attempt_id),
        events,
        verifications(db, found.attempt_id),
    )
    if as_json:
        click.echo(json.dumps([report.as_object(row) for row in rows], indent=1))
        return
    for line in (*report.lines(), *report.software_lines()):
        click.echo(line)


@dataclass(frozen=True)
class JobReport:
    """Calls of jobs with all that is recorded about them."""

    rows: Sequence[CallRow]
    #: Id of a task to its messages.
    messages: Mapping[int, list[str]]
    #: Software by checksum.
    software: Mapping[str, Stack]
    events: Sequence[RunMessage] = ()
    #: Verdicts of reruns by the number of the call.
    verifications: Mapping[int, Verification] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield each execution of a job, below it each try at its calls, and the messages and events of each."""
        width = max((len(row.module) for row in self.rows), default=0)
        for (number, queue), rows in sorted(self._executions().items()):
            host = (rows[0].host if rows else None) or "no host"
            yield f"job {number}  ({queue}, {host})"
            for row in rows:
                yield self._call_line(row, width)
                yield from (f"          {printable(text)}" for text in self._texts_of_call(row))
            yield from (f"          {printable(text)}" for text in self._texts_of_job(number, queue, rows))

    def _executions(self) -> dict[tuple[int, str], list[CallRow]]:
        """Return the tries of each execution of a job, by its number and queue; none for one of events only."""
        found: dict[tuple[int, str], list[CallRow]] = {(one.jobnum or 0, one.queue or ""): [] for one in self.events}
        for row in self.rows:
            found.setdefault((row.jobnum, row.queue), []).append(row)
        return found

    def _call_line(self, row: CallRow, width: int) -> str:
        again = f" try {row.trynum}" if row.trynum > 1 else ""
        keys = ", ".join(f"{key}={value}" for key, value in json.loads(row.keys or "{}").items())
        status = "" if row.status in (0, None) else f" ({row.status})"
        memory = f"{row.peak_memory / 1024:.0f} MB" if row.peak_memory else ""
        stack = self.software.get(row.software or "")
        within = f"  in {software_name(stack)}" if stack else ""
        return (
            f"  {row.wrapnum:>6}  {row.module:<{width}}  {row.state + status:<12}  {duration(row):>9}  "
            f"{memory:>8}  {keys}{again}{within}"
        ).rstrip()

    def _texts_of_call(self, row: CallRow) -> Iterator[str]:
        """Yield the messages of a try, and the verdict of its rerun."""
        yield from self.messages.get(row.task_id, ())
        verified = self.verifications.get(row.wrapnum)
        if verified and row.state == "done":
            why = f": {verified.difference}" if verified.difference else ""
            yield f"{moment(verified.verify_time)}  verified by {verified.operator}: {verified.verdict}{why}"

    def _texts_of_job(self, number: int, queue: str, rows: Sequence[CallRow]) -> Iterator[str]:
        """Yield the messages and the events of one execution of a job."""
        if rows:
            yield from self.messages.get(rows[0].job_task_id, ())
        for one in self.events:
            if (one.jobnum, one.queue) == (number, queue):
                yield f"{moment(one.time)}  {one.text}"

    def software_lines(self) -> Iterator[str]:
        """Yield a line for each software that calls ran in."""
        for stack in self.software.values():
            if any(row.software == stack.sha256 for row in self.rows):
                yield f"{software_name(stack)}: {about(stack)}"

    def as_object(self, row: CallRow) -> dict[str, object]:
        """Return a try as plain data."""
        stack = self.software.get(row.software or "")
        verified = self.verifications.get(row.wrapnum)
        columns = ("verdict", "difference", "verify_time", "operator", "exec_host", "software")
        return {
            **asdict(row),
            "keys": json.loads(row.keys or "{}"),
            "state": row.state,
            "messages": self.messages.get(row.task_id, []),
            "software": asdict(stack) if stack else None,
            "verified": {name: getattr(verified, name) for name in columns} if verified else None,
        }


def software_name(stack: Stack) -> str:
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
