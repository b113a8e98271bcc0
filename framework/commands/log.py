"""Print the logs of a run's calls; by default those of failed calls."""

from __future__ import annotations

import codecs
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.registry.database.connection import Registry
    from framework.registry.questions.calls import CallRow

#: How often a log that grows is looked at.
PAUSE_SECONDS = 0.3
#: Bytes of a log that are held at a time.
PIECE_BYTES = 1 << 16


@click.command(name="log", epilog="Example: fw log HST1_r1p01; fw log HST1_r1p01 train; fw log HST1_r1p01 2 -f")
@click.argument("run")
@click.argument("which", required=False, metavar="[WRAPNUM|MODULE]")
@click.option("--err", "failed", is_flag=True, help="Only of calls that failed (the default without WHICH).")
@click.option("--path", "paths", is_flag=True, help="Where the logs are, instead of what they say.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing while the call runs.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Only the last N lines of each log.")
@registry_option
@json_option("JSON: call, state, path and text of each log.")
def command(
    run: str,
    which: str | None,
    failed: bool,
    paths: bool,
    follow: bool,
    tail: int | None,
    registry: str | None,
    as_json: bool,
) -> None:
    """Print the logs of RUN: of call WRAPNUM, of every call of MODULE, or of all calls that failed."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.runs import block_errors, find_run

    db = open_registry(registry)
    found = find_run(db, run)
    rows = choose_calls(db, found.attempt_id, found.run, which, failed)
    root = archive_root(db, found.attempt_id)
    if as_json:
        print_json(rows, root, tail)
        return
    block_failures = [] if which else block_errors(db, found.attempt_id)
    for text in block_failures:
        click.echo(text)
    if not rows and not block_failures:
        click.echo(f"{found.run}: no call has failed; fw log {found.run} WRAPNUM shows any other", err=True)
    elif paths:
        for row in rows:
            click.echo(log_path(row, root))
    elif follow:
        follow_log(db, found.attempt_id, rows[-1], root, tail)
    else:
        print_logs(rows, root, tail)


def choose_calls(db: Registry, attempt_id: int, run: str, which: str | None, failed: bool) -> list[CallRow]:
    """Return the tries whose logs the options ask for."""
    with_log = [row for row in find_tries(db, attempt_id, run, which) if row.log]
    if which and not failed:
        return with_log
    return [row for row in with_log if row.state in ("failed", "lost")]


def find_tries(db: Registry, attempt_id: int, run: str, which: str | None) -> list[CallRow]:
    """Return the tries of a call or of a module's calls, or of all calls."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.calls import calls

    number = int(which) if which and which.isdecimal() else None
    rows = calls(db, attempt_id, wrapnum=number, module=which if number is None else None)
    if which and not rows:
        started = sorted({row.module for row in calls(db, attempt_id)})
        raise FrameworkError(f"{run}: no call {which!r} has begun; modules with calls: {', '.join(started) or 'none'}")
    return rows


def archive_root(db: Registry, attempt_id: int) -> Path:
    """Return the root of the archive that the run writes to."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.runs import attempt_values

    home = os.environ.get("FW_HOME") or os.path.expanduser("~/.local/share/skyfw")
    return Path(attempt_values(db, attempt_id).get("archive_root") or Path(home) / "archive")


def log_path(row: CallRow, root: Path) -> Path:
    """Return the path of a call's log, now or after its end."""
    return root / (row.log or "")


def heading(row: CallRow) -> str:
    """Return the heading of a log."""
    status = f" with status {row.status}" if row.status else ""
    again = f", try {row.trynum}" if row.trynum > 1 else ""
    return f"call {row.wrapnum} ({row.module}{again}): {row.state}{status}"


def read_log(row: CallRow, root: Path, tail: int | None) -> Iterator[str]:
    """Yield the text of a log in pieces, or the reason why there is none; of ``tail`` lines where that is given."""
    path = log_path(row, root)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        with path.open("rb") as file:
            file.seek(0 if tail is None else find_tail(file, tail))
            while piece := file.read(PIECE_BYTES):
                yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except FileNotFoundError:
        yield f"(no log at {path})\n"
    except OSError as error:
        yield f"(the log cannot be read: {error.strerror}: {path})\n"


def find_tail(file: BinaryIO, lines: int) -> int:
    """Return the position of the last lines of a file."""
    end = file.seek(0, os.SEEK_END)
    if not lines:
        return end
    position, left = end, lines
    while position:
        start = max(0, position - PIECE_BYTES)
        file.seek(start)
        piece = file.read(position - start)
        if position == end and piece.endswith(b"\n"):
            piece = piece[:-1]  # the end of the last line
        while (at := piece.rfind(b"\n")) >= 0:
            left -= 1
            if not left:
                return start + at + 1
            piece = piece[:at]
        position = start
    return 0


def print_logs(rows: list[CallRow], root: Path, tail: int | None) -> None:
    """Print each log below its heading."""
    for number, row in enumerate(rows):
        if number:
            click.echo()
        click.echo(f"== {heading(row)}")
        last = ""
        for text in read_log(row, root, tail):
            click.echo(text, nl=False)
            last = text[-1:] or last
        if last != "\n":
            click.echo()


def print_json(rows: list[CallRow], root: Path, tail: int | None) -> None:
    """Print logs as JSON."""
    entries = [
        {
            "wrapnum": row.wrapnum,
            "try": row.trynum,
            "module": row.module,
            "state": row.state,
            "status": row.status,
            "path": str(log_path(row, root)),
            "text": "".join(read_log(row, root, tail)),
        }
        for row in rows
    ]
    click.echo(tables.as_json(entries))


def follow_log(db: Registry, attempt_id: int, row: CallRow, root: Path, tail: int | None) -> None:
    """Print a log as it grows, until its call has ended."""
    click.echo(f"== {heading(row)}")
    for text in growing(db, attempt_id, row, root, tail):
        click.echo(text, nl=False)


def growing(db: Registry, attempt_id: int, row: CallRow, root: Path, tail: int | None) -> Iterator[str]:
    """Yield text as it is added to a log, from its last lines on where ``tail`` says how many."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.calls import calls

    position: int | None = None
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        now = next(r for r in calls(db, attempt_id, wrapnum=row.wrapnum) if r.task_id == row.task_id)
        try:
            with log_path(now, root).open("rb") as file:
                if position is None:
                    position = 0 if tail is None else find_tail(file, tail)
                file.seek(position)
                while piece := file.read(PIECE_BYTES):
                    position += len(piece)
                    yield decoder.decode(piece)
        except FileNotFoundError:
            pass
        if now.end_time is not None:
            return
        time.sleep(PAUSE_SECONDS)
