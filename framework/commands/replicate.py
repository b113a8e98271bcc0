"""Copy files from one archive to another, with checksums verified; files that are there already are not copied."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from framework.commands.shared.file_choices import check_names, check_selection
from framework.commands.shared.options import conditions, json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables
from framework.output.progress import Tally
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from framework.archives.replicate import Replica
    from framework.registry.questions.files import Copy, FileRow


@click.command(name="replicate", epilog="Example: fw replicate --tag DR1 --filetype calexp --to cloud --dry-run")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--to", "target", required=True, metavar="ARCHIVE", help="Where they are to be as well.")
@click.option("--from", "source", metavar="ARCHIVE", help="Where they are; default: the home archive.")
@click.option("--filetype", "types", multiple=True, help="Only files of this type; may be given again.")
@click.option("--tag", help="Only files of the runs with this tag.")
@click.option("--where", "wanted", multiple=True, callback=conditions, metavar="KEY=VALUE",
              help="Only files with this value, or one of several (a,b); as for fw query.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="All that the archive has.")
@click.option("--dry-run", is_flag=True, help="Say what would be copied.")
@registry_option
@json_option("What became of each file, as JSON.")
def command(
    runs: tuple[str, ...],
    target: str,
    source: str | None,
    types: tuple[str, ...],
    tag: str | None,
    wanted: dict[str, tuple[str, ...]],
    everything: bool,
    dry_run: bool,
    registry: str | None,
    as_json: bool,
) -> int:
    """Copy the files of RUNs, or those chosen by the options, to another archive; ends with 1 when one is not copied.

    An interrupted copy continues when the command is repeated.
    """
    # Loaded when the verb runs: its help needs none of it.
    from framework.archives.archive import named_archive
    from framework.archives.replicate import find_missing, replicate
    from framework.configuration.site_file import site_values
    from framework.registry.database.opening import open_registry
    from framework.registry.questions.file_selection import find_copies
    from framework.registry.questions.key_values import key_value_conditions
    from framework.registry.questions.selection import Selection

    selection = Selection(runs=runs, tag=tag or "", filetypes=types, conditions=key_value_conditions(wanted))
    check_selection(selection, everything)
    db, values = open_registry(registry), site_values()
    giving, taking = named_archive(values, source), named_archive(values, target)
    if giving.name == taking.name:
        raise FrameworkError(f"files of {giving.name} are in {giving.name} already: name another archive with --from")
    check_names(db, selection)
    chosen = list(find_copies(db, giving.name, selection))
    files = find_missing(db, taking, chosen)
    size = sum(copy.size or 0 for _, copy in files)
    if dry_run:
        show_missing(files, as_json)
        click.echo(f"{counted(len(files), 'file')}, {tables.size(size)}, would be copied to {taking.name}", err=True)
        return 0
    with Tally(sys.stderr, f"to {taking.name}", quiet=as_json) as tally:
        tally.expect(len(files), size)
        done = list(counted_copies(replicate(db, giving, taking, files), tally))
    if as_json:
        click.echo(tables.as_json([{"path": one.path, "size": one.size, "trouble": one.error or ""} for one in done]))
    failed = sum(bool(each.error) for each in done)
    there = len(chosen) - len(files)
    click.echo(f"{len(done) - failed} copied to {taking.name}, {there} there already, {failed} failed", err=True)
    return 1 if failed else 0


def counted_copies(copies: Iterable[Replica], tally: Tally) -> Iterator[Replica]:
    """Yield copies as they are made, and show their progress and errors."""
    for each in copies:
        tally.add(each.size)
        if each.error:
            tally.says(printable(f"{each.path}: {each.error}"))
        yield each


def show_missing(files: list[tuple[FileRow, Copy]], as_json: bool) -> None:
    """Print the files that would be copied."""
    if as_json:
        click.echo(tables.as_json([{"path": copy.path, "size": copy.size, "trouble": ""} for _, copy in files]))
    else:
        click.echo("\n".join(printable(copy.path) for _, copy in files))
