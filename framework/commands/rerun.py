"""Run one call of a recorded run again, apart from the run, and compare what it makes with what is recorded."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from framework.rerunning import Comparison


@click.command(name="rerun", epilog="Example: fw rerun HST1_r1p01 3 --into /tmp/again")
@click.argument("run")
@click.argument("wrapnum", type=int)
@click.option(
    "--into", type=click.Path(file_okay=False, path_type=Path), help="Where to (default: ./rerun_RUN_WRAPNUM)."
)
@click.option("--registry", metavar="URL", help="Instead of $FW_REGISTRY.")
@click.option("--json", "as_json", is_flag=True, help="The comparison as JSON.")
def command(run: str, wrapnum: int, into: Path | None, registry: str | None, as_json: bool) -> int:
    """Repeat call WRAPNUM of RUN from what the registry and the archive kept of it.

    The inputs are verified against their recorded checksums, the programs run in a new directory, and the outputs
    stay there: neither the archive nor the registry is changed. Ends with 0 when every output is what it was, and
    with 1 when one differs or the call fails.
    """
    from framework.registry.database import open_registry
    from framework.rerunning import rerun

    target = into or Path(f"rerun_{run}_{wrapnum}")
    result = rerun(open_registry(registry), run, wrapnum, target.absolute())
    if as_json:
        about = {"status": result.status, "reason": result.reason, "directory": str(target)}
        outputs = [vars(part) for part in result.outputs]
        click.echo(json.dumps({**about, "software": result.software, "outputs": outputs}, indent=1))
    else:
        for line in result.commands:
            click.echo(f"$ {line}", err=True)
        for part in result.outputs:
            click.echo(line_of(part))
        if result.software == "differs":
            click.echo(f"its software is not what is recorded: see {os.path.relpath(target)}/journal", err=True)
        if result.status:
            click.echo(f"call {wrapnum} failed: {result.reason}", err=True)
        click.echo(f"log and outputs: {os.path.relpath(target)}", err=True)
    return 0 if result.same else 1


def line_of(part: Comparison) -> str:
    """One output beside what is recorded of it."""
    return f"{part.verdict:<9}  {part.path}"
