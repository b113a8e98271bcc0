"""Export a run for another registry, or as W3C PROV-JSON or RO-Crate."""

from __future__ import annotations

from pathlib import Path

import click

from framework.commands.shared.options import json_option, registry_option
from framework.output import tables
from framework.output.text import counted


@click.command(
    name="export", epilog="Example: fw export Ht0_r11p95 Ht0.skyfw --with-files; fw import Ht0.skyfw elsewhere"
)
@click.argument("run")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--format",
    "form",
    type=click.Choice(["skyfw", "prov", "rocrate"]),
    default="skyfw",
    help="For fw import (the default), W3C PROV-JSON, or Workflow Run RO-Crate.",
)
@click.option("--with-files", is_flag=True, help="The files too, not only what is known of them (skyfw, rocrate).")
@click.option("--ancestors", is_flag=True, help="The runs that made what it read too (skyfw).")
@click.option("--license", "licence", default="", metavar="ADDRESS", help="Of the contents (rocrate).")
@registry_option
@json_option("What was written, as JSON.")
def command(
    run: str,
    file: Path,
    form: str,
    with_files: bool,
    ancestors: bool,
    licence: str,
    registry: str | None,
    as_json: bool,
) -> None:
    """Write RUN to FILE: its executions, files, lineage, configuration and software.

    A crate is a directory, or a zip file if FILE ends with .zip; PROV-JSON goes to the standard output for -.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.archive import archives
    from framework.configuration.site_file import operator, site_values
    from framework.exchange.export_run import FileLocations, export_bundle, export_crate, export_prov
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.provenance import provenance
    from framework.registry.questions.runs import find_run

    if (with_files and form == "prov") or (ancestors and form != "skyfw"):
        raise click.UsageError(f"--{'with-files' if with_files else 'ancestors'} is not for the format {form}")
    if str(file) == "-" and form != "prov":
        raise click.UsageError(f"the format {form} needs the name of a file")
    db = open_registry(registry)
    found = find_run(db, run)
    known = archives(site_values())
    count = 1
    if form == "skyfw":
        count = export_bundle(db, found, file, known, operator(), files=with_files, ancestors=ancestors)
    elif form == "rocrate":
        told = provenance(db, found.attempt_id)
        export_crate(told, file, FileLocations(db, told, known), licence, files=with_files)
    else:
        with click.open_file(
            str(file), "w", encoding="utf-8", errors="backslashreplace", atomic=str(file) != "-"
        ) as out:
            export_prov(provenance(db, found.attempt_id), out)
    if as_json:
        click.echo(tables.as_json({"run": found.run, "format": form, "file": str(file), "runs": count}))
    else:
        click.echo(f"{found.run}: {counted(count, 'run')} written to {file}", err=True)
