"""Remove files from an archive by rule; their records, and who removed them and why, stay in the registry."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from framework.commands.shared.file_choices import check_names, check_selection
from framework.commands.shared.options import conditions, json_option, registry_option
from framework.errors import FrameworkError
from framework.output import tables
from framework.output.text import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from framework.archives.remove import RemovalCandidate


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
    from framework.registry.questions.key_values import key_value_conditions
    from framework.registry.questions.selection import Selection

    before = None if older_than is None else time.time() - 86400 * older_than
    selection = Selection(
        runs=runs, tag=tag or "", filetypes=types, before=before, conditions=key_value_conditions(wanted)
    )
    check_selection(selection, everything=False)
    if yes and not reason.strip():
        raise click.UsageError("say why with --reason: whoever wants a file later is told")
    db, values = open_registry(registry), site_values()
    chosen = named_archive(values, archive)
    if chosen.store.is_read_only:
        raise FrameworkError(f"nothing can be removed from {chosen.name}: {chosen.store.address} is read-only")
    check_names(db, selection)
    removal = RemovalReport(list(candidates(db, chosen, archives(values), selection)), force=force, is_done=yes)
    if yes:
        copies = [(one.file, one.copy) for one in removal.to_remove]
        done = remove(db, chosen, copies, by=operator(), reason=reason.strip())
        removal.errors.update({file.id: error for file, error in done if error})
    show(removal, chosen.name, as_json)
    return 1 if removal.errors else 0


def show(removal: RemovalReport, archive: str, as_json: bool) -> None:
    """Print the files of a removal, their number, and how one that is only proposed is done."""
    if as_json:
        click.echo(tables.as_json(removal.as_objects()))
    else:
        for line in removal.lines():
            click.echo(printable(line))
    click.echo(removal.summary(archive), err=True)
    if removal.to_remove and not removal.is_done:
        click.echo("nothing was done yet: repeat it with --reason and --yes", err=True)


@dataclass(frozen=True)
class RemovalReport:
    """A removal of files, proposed or done, and what to report of it."""

    candidates: list[RemovalCandidate]
    #: Whether files are removed in spite of objections.
    force: bool
    is_done: bool
    #: Id of a file to the error for which it could not be removed.
    errors: dict[int, str] = field(default_factory=dict)

    @property
    def to_remove(self) -> list[RemovalCandidate]:
        """Candidates without an objection, or all of them by force."""
        return [one for one in self.candidates if self.force or not one.objection]

    def reason_kept(self, one: RemovalCandidate) -> str:
        """Return why a candidate is kept; empty where it is removed."""
        return self.errors.get(one.file.id) or ("" if self.force else one.objection)

    def lines(self) -> Iterator[str]:
        """Yield the paths of files that are proposed, or are kept with the reason."""
        for one in self.candidates:
            kept = self.reason_kept(one)
            if kept and one.file.id not in self.errors:
                kept = f"kept: {kept}"
            if kept or not self.is_done:
                yield f"{one.copy.path}{f'  ({kept})' if kept else ''}"

    def summary(self, archive: str) -> str:
        """Return the number and size of the files that are removed, and the number of those kept."""
        removed = [one for one in self.to_remove if one.file.id not in self.errors]
        size = tables.size(sum(one.copy.size or 0 for one in removed))
        verb = "removed from" if self.is_done else "would be removed from"
        kept = len(self.candidates) - len(self.to_remove)
        return f"{counted(len(removed), 'file')}, {size}, {verb} {archive}; {kept} kept"

    def as_objects(self) -> list[dict[str, object]]:
        """Return the candidates as plain data."""
        return [
            {
                "path": one.copy.path,
                "size": one.copy.size,
                "removed": self.is_done and not self.reason_kept(one),
                "trouble": self.reason_kept(one),
            }
            for one in self.candidates
        ]
