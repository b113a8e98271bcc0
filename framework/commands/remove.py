"""Remove files from an archive by rule; their records, and who removed them and why, stay in the registry."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from framework.commands.shared.file_choices import check_choice, check_names
from framework.commands.shared.options import conditions, json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from framework.archives.remove import Candidate


@click.command(name="remove", epilog="Example: fw remove --filetype red --older-than 90 --reason 'coadded' --yes")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--from", "archive", metavar="ARCHIVE", help="Which archive; default: the home archive.")
@click.option("--filetype", "types", multiple=True, help="Only files of this type; may be given again.")
@click.option("--tag", help="Only files of the runs with this tag.")
@click.option("--where", "wanted", multiple=True, callback=conditions, metavar="KEY=VALUE",
              help="Only files with this value, or one of several (a,b); as for fw query.")  # fmt: skip
@click.option("--older-than", type=click.FloatRange(0, 18_000), metavar="DAYS", help="Only files made before that.")
@click.option("--reason", default="", help="Why; kept with each file.")
@click.option("--force", is_flag=True, help="Even the last copy of what came from outside, or of a run's plan.")
@click.option("--yes", is_flag=True, help="Do it; else it is only told.")
@registry_option
@json_option("The files as JSON.")
def command(
    runs: tuple[str, ...],
    archive: str | None,
    types: tuple[str, ...],
    tag: str | None,
    wanted: dict[str, tuple[str, ...]],
    older_than: float | None,
    reason: str,
    force: bool,
    yes: bool,
    registry: str | None,
    as_json: bool,
) -> int:
    """Remove an archive's copies of the files of RUNs, or of those chosen by the options; with --yes.

    The registry keeps the records and the lineage of each file, and when, by whom and why it was removed.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.archive import archives, named_archive
    from framework.archives.remove import candidates, remove
    from framework.configuration.site_file import operator, site_values
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.file_selection import Choice

    before = None if older_than is None else time.time() - 86400 * older_than
    choice = Choice(runs=runs, tag=tag or "", filetypes=types, where=wanted, before=before)
    check_choice(choice, everything=False)
    if yes and not reason.strip():
        raise click.UsageError("say why with --reason: whoever wants a file later is told")
    db, values = open_registry(registry), site_values()
    chosen = named_archive(values, archive)
    if chosen.store.is_read_only:
        raise FrameworkError(f"nothing can be removed from {chosen.name}: {chosen.store.place} only gives")
    check_names(db, choice)
    found = list(candidates(db, chosen, archives(values), choice))
    going = [one for one in found if force or not one.objection]
    failed: dict[int, str] = {}
    if yes:
        done = remove(db, chosen, [(one.file, one.copy) for one in going], by=operator(), reason=reason.strip())
        failed = {file.id: trouble for file, trouble in done if trouble}
    if as_json:
        click.echo(tables.as_json([as_object(one, force, yes, failed) for one in found]))
    for one in () if as_json else found:
        said = failed.get(one.file.id) or ("" if force else one.objection and f"kept: {one.objection}")
        if said or not yes:
            click.echo(printable(f"{one.copy.path}{f'  ({said})' if said else ''}"))
    size = tables.size(sum(one.copy.size or 0 for one in going if one.file.id not in failed))
    words = "removed from" if yes else "would be removed from"
    kept = len(found) - len(going)
    click.echo(f"{counted(len(going) - len(failed), 'file')}, {size}, {words} {chosen.name}; {kept} kept", err=True)
    if going and not yes:
        click.echo("nothing was done yet: repeat it with --reason and --yes", err=True)
    return 1 if failed else 0


def as_object(one: Candidate, force: bool, yes: bool, failed: dict[int, str]) -> dict[str, object]:
    kept = bool(one.objection) and not force
    trouble = failed.get(one.file.id, one.objection if kept else "")
    return {"path": one.copy.path, "size": one.copy.size, "removed": yes and not trouble, "trouble": trouble}
