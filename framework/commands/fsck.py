"""Check an archive against the registry, both ways; with --repair, repair what can be repaired."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from framework.commands.shared.options import json_option, registry_option
from framework.configuration.home import home
from framework.output import tables
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.archives.fsck import ArchiveCheck, ArchiveProblem


@click.command(name="fsck", epilog="Example: fw fsck home --contents")
@click.argument("archive", required=False)
@click.option(
    "--contents", "--checksums", is_flag=True, help="Read every file and compare its checksum; else sizes only."
)
@click.option("--repair", "repairing", is_flag=True, help="Say what would be done about it; with --yes do it.")
@click.option("--yes", is_flag=True, help="Do it. Nothing is deleted: what is bad or unknown is set aside.")
@registry_option
@json_option("The findings as JSON.")
def command(
    archive: str | None, contents: bool, repairing: bool, yes: bool, registry: str | None, as_json: bool
) -> int:
    """Check ARCHIVE (the home archive by default); ends with 1 when a problem is left."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.archive import archives, named_archive
    from framework.archives.fsck import LEFT, check, repair
    from framework.archives.writers import lock_for_repair
    from framework.configuration.site_file import site_values
    from framework.registry.database.opening import open_registry

    if yes and not repairing:
        raise click.UsageError("--yes goes with --repair")
    values = site_values()
    chosen = named_archive(values, archive)
    db = open_registry(registry)
    done: dict[ArchiveProblem, str] = {}
    with lock_for_repair(chosen) if yes else nullcontext():
        checked = check(db, chosen, contents=contents)
        if yes:
            done = dict(repair(db, chosen, archives(values), checked.findings, home() / "lost+found"))
    if as_json:
        click.echo(tables.as_json(as_object(checked, done)))
    else:
        for line in lines(checked, done, repairing):
            click.echo(printable(line))
        for path in checked.passed_over:
            click.echo(f"{path}: a run has not ended, what it has not recorded yet is not looked at", err=True)
        for who in checked.writers:
            click.echo(printable(f"{who} works there: files without a record are not looked at"), err=True)
        if not checked.is_both_ways:
            click.echo(f"{chosen.name} cannot list its files: only those on record were looked at", err=True)
    return 1 if any(done.get(finding, LEFT) == LEFT for finding in checked.findings) else 0


def lines(checked: ArchiveCheck, done: dict[ArchiveProblem, str], repairing: bool) -> Iterator[str]:
    """Yield a line for each problem, and the number of problems of each kind."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.fsck import REMEDIES

    counts: dict[str, int] = {}
    for finding in checked.findings:
        counts[finding.kind] = counts.get(finding.kind, 0) + 1
        what = done.get(finding) or (f"would {REMEDIES[finding.kind]}" if repairing else "")
        about = "  ".join(part for part in (finding.detail, what and f"→ {what}") if part)
        yield f"{finding.kind:<10}  {finding.path}{f'  ({about})' if about else ''}"
    found = ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "all as it should be"
    yield f"{counted(checked.files, 'file')} on record: {found}"


def as_object(checked: ArchiveCheck, done: dict[ArchiveProblem, str]) -> dict[str, object]:
    return {
        "files": checked.files,
        "findings": [
            {"kind": each.kind, "path": each.path, "detail": each.detail, "done": done.get(each, "")}
            for each in checked.findings
        ],
        "passed_over": list(checked.passed_over),
        "writers": list(checked.writers),
    }
