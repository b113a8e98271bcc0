"""Repeat calls of a recorded run, apart from the run, and compare their outputs with the record."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.errors import RunError
from framework.output.tables import as_json as written
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.registry.database.connection import Registry
    from framework.registry.questions.verifications import Verification
    from framework.runs.verification.rerun import OutputComparison, RerunResult


@click.command(name="rerun", epilog="Example: fw rerun HST1_r1p01 3 --into /tmp/again; fw rerun --verify Ht0_r11p95")
@click.argument("run")
@click.argument("wrapnum", type=int, nargs=-1)
@click.option("--verify", is_flag=True, help="Compare contents, and put the verdict on record.")
@click.option("--module", help="With --verify: every call of this module.")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to (default: ./rerun_RUN_WRAPNUM, with _2 behind it if that is there).",
)
@registry_option
@json_option("The comparison as JSON.")
def command(
    run: str,
    wrapnum: tuple[int, ...],
    verify: bool,
    module: str | None,
    into: Path | None,
    registry: str | None,
    as_json: bool,
) -> int:
    """Repeat call WRAPNUM of RUN from its recorded plan and archived inputs.

    The inputs are verified against their recorded checksums, the programs get copies of them in a new directory, and
    the outputs stay there: neither the archive nor the record is changed. Ends with 0 when every output is the same,
    and with 1 when one differs or the call fails.

    With --verify, several calls may be named, or a module, or none for all of the run. Outputs with other checksums are
    compared by their contents (FITS by header and data, parquet and CSV by column, JSON by value, text by line); the
    verdict (identical, volatile, close, different, failed) is recorded in the registry, and good outputs are removed.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.database.opening import open_registry

    db = open_registry(registry)
    if verify:
        return verify_calls(db, run, wrapnum, module, into, as_json)
    if len(wrapnum) != 1 or module:
        raise click.UsageError("name one call: several, or a module, are for --verify")
    return repeat_call(db, run, wrapnum[0], into, as_json)


def repeat_call(db: Registry, run: str, number: int, into: Path | None, as_json: bool) -> int:
    """Repeat one call, and keep its outputs."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.verification.rerun import rerun_call

    target = into or free_directory(run, number)
    result = rerun_call(db, run, number, target.absolute())
    if as_json:
        about = {"status": result.status, "reason": result.reason, "directory": str(target)}
        outputs = [vars(part) for part in result.outputs]
        click.echo(written({**about, "software": result.software, "outputs": outputs}))
    else:
        for line in result.commands:
            click.echo(f"$ {line}", err=True)
        for part in result.outputs:
            click.echo(line_of(part))
        if result.software == "differs":
            click.echo(f"its software is not what is recorded: see {os.path.relpath(target)}/journal", err=True)
        if result.status:
            click.echo(f"call {number} failed: {result.reason}", err=True)
        click.echo(f"log and outputs: {os.path.relpath(target)}", err=True)
    return 0 if result.same else 1


def free_directory(run: str, number: int) -> Path:
    """Return a new directory to repeat a call in; outputs of earlier repetitions stay."""
    name = f"rerun_{run}_{number}"
    return next(path for again in count(1) if not (path := Path(name if again == 1 else f"{name}_{again}")).exists())


def line_of(part: OutputComparison) -> str:
    """Return the line about one output compared with its record."""
    return f"{part.verdict:<9}  {part.path}"


def verify_calls(
    db: Registry, run: str, numbers: tuple[int, ...], module: str | None, into: Path | None, as_json: bool
) -> int:
    """Verify calls one after another; one that cannot be repeated does not stop the others."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.runs.verification.verify import GOOD, Verifier

    if numbers and module:
        raise click.UsageError("name calls, or a module, not both")
    verifier = Verifier(db, run)
    status, told = 0, list[dict[str, object]]()
    for number in numbers or verifier.calls(module):
        target = (into / str(number) if into else free_directory(verifier.run.run, number)).absolute()
        try:
            again, done = verifier.verify(number, target)
        except RunError as error:
            click.echo(f"call {number} cannot be repeated: {error}", err=True)
            told.append({"call": number, "verdict": None, "difference": str(error)})
            status = 1
            continue
        is_good = done.verdict in GOOD
        status = status if is_good else 1
        told.append(as_object(done, again, target))
        keeps_outputs = into is not None or not is_good
        if not as_json:
            show_verdict(done, target if keeps_outputs else None)
        if not keeps_outputs:
            shutil.rmtree(target)
    if as_json:
        click.echo(written(told))
    return status


def show_verdict(done: Verification, target: Path | None) -> None:
    """Print the verdict on a call, and the directory of its outputs where they are kept."""
    for line in verdict_lines(done):
        click.echo(printable(line))
    if target is not None:
        click.echo(f"log and outputs: {os.path.relpath(target)}", err=True)


def verdict_lines(done: Verification) -> Iterator[str]:
    """Yield the verdict on a call, and on those of its files that are not identical."""
    identical = sum(file.verdict == "identical" for file in done.files)
    within = "; its software is not what is recorded" if done.software == "differs" else ""
    share = f"{identical} of {counted(len(done.files), 'file')} identical"
    yield f"call {done.wrapnum}: {done.verdict} ({share}, {done.wallclock:.1f} s{within})"
    if done.status:
        yield f"  {done.difference}"
    for file in done.files:
        if file.verdict != "identical":
            yield f"  {file.verdict:<12}  {file.path}: {file.difference}"


def as_object(done: Verification, again: RerunResult, target: Path) -> dict[str, object]:
    """Return a verdict as plain data."""
    about = {key: value for key, value in asdict(done).items() if key not in ("pfw_attempt_id", "wrapnum", "files")}
    files = [asdict(file) for file in done.files]
    return {"call": done.wrapnum, **about, "commands": list(again.commands), "directory": str(target), "files": files}
