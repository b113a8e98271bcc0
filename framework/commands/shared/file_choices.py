"""Checks of a selection of files on a command line: its names exist, and everything is chosen only by --all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from framework.errors import FrameworkError

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.selection import Selection


def nothing_found(db: Registry, filetype: str | None) -> str:
    """Return the message for a selection that finds no files."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.registry.questions.files import filetypes
    from wcl.spelling import did_you_mean

    if filetype is None:
        return "no file has these values"
    known = filetypes(db)
    if filetype in known:
        return f"no file of type '{filetype}' has these values"
    hint = did_you_mean(filetype, known) or (f"there are {', '.join(known)}" if known else "there are no files yet")
    return f"no file of type '{filetype}': {hint}"


def check_selection(selection: Selection, everything: bool) -> None:
    """Raise UsageError unless files are chosen by an option, or all files by ``--all``."""
    if (selection == type(selection)()) != everything:
        raise click.UsageError("name runs, or choose by --filetype, --tag or --where; or all of it by --all")


def check_names(db: Registry, selection: Selection) -> None:
    """Raise FrameworkError for a run, tag or filetype that does not exist."""
    # Loaded when the verb runs: its help needs none of it.
    from framework.commands.shared.file_choices import nothing_found
    from framework.registry.questions.files import filetypes
    from framework.registry.questions.runs import find_run
    from framework.registry.questions.tags import tagged_runs
    from wcl.spelling import did_you_mean

    for run in selection.runs:
        find_run(db, run)
    known = {tag for tag, _ in tagged_runs(db)}
    if selection.tag and selection.tag not in known:
        hint = did_you_mean(selection.tag, known) or "see fw tag"
        raise FrameworkError(f"no run has the tag '{selection.tag}': {hint}")
    for name in selection.filetypes:
        if name not in filetypes(db):
            raise FrameworkError(nothing_found(db, name))
