"""Archives: those that the site has, and bringing files out of them, verified."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from framework.copying import fetch, is_as_recorded, side_by_side
from framework.errors import FrameworkError, InfrastructureError
from framework.home import home
from framework.job.late import Secrets, resolve
from framework.job.transfer import GZIP
from framework.stores import Store, open_store
from framework.submission import archive_root, site_values
from wcl import Scope, Section, expand
from wcl.spelling import did_you_mean

if TYPE_CHECKING:
    from framework.registry.database import Registry
    from framework.registry.files import Copy, FileRow

#: Files that are copied from or to an archive at a time, where it does not say.
CONNECTIONS = 4


@dataclass(frozen=True)
class Archive:
    """A place that keeps files."""

    name: str
    store: Store
    #: How many files may be read or written at a time.
    connections: int = CONNECTIONS
    #: The command that brings files within reach before they are read; empty where they always are.
    stage: tuple[str, ...] = ()


@dataclass(frozen=True)
class Got:
    """A file that was brought out of an archive, or the reason why it was not."""

    path: str
    target: Path
    trouble: str = ""


def archives(values: Section) -> Mapping[str, Archive]:
    """The archives that are configured, by their names."""
    return {name: _archive(values, name) for name, _ in values.section("archive").sections()}


def named_archive(values: Section, name: str | None) -> Archive:
    """One of them; without a name, the home archive."""
    name = (name or values.text("home_archive")).lower()
    known = [each for each, _ in values.section("archive").sections()]
    if name not in known:
        hint = did_you_mean(name, known) or f"this site knows {', '.join(known)}"
        raise FrameworkError(f"no archive is called {name!r}: {hint}")
    return _archive(values, name)


def get(db: Registry, files: Sequence[FileRow], into: Path) -> Iterator[Got]:
    """Copy files into a directory, each checked against its record; one that is there already and right is left.

    The next archive is tried where a copy is missing or not what the registry says.
    """
    from framework.registry.archived import removals_of
    from framework.registry.files import copies_of

    _refuse_twins(files)
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"{into}: {error.strerror}") from error
    known = archives(site_values())
    ids = [file.id for file in files]
    copies, removals = copies_of(db, ids), removals_of(db, ids)

    def bring(file: FileRow) -> Got:
        found = copies.get(file.id, [])
        target = into / _target_name(file, [copy for copy in found if copy.archive in known])
        trouble = _brought(file, target, found, known)
        if trouble and not found and file.id in removals:
            trouble = removals[file.id].words(file.path)
        return Got(file.path, target, trouble)

    yield from side_by_side(bring, files, CONNECTIONS)


def _archive(values: Section, name: str) -> Archive:
    section = values.section("archive").section(name)
    text = partial(_text, section, Scope(section, root=values))
    root = archive_root(values, name)
    if not root.startswith("/") and "://" not in root:
        raise FrameworkError(
            f"{section.place('root')}: the root of archive '{name}' is neither absolute nor an address"
        )
    secrets = Secrets({"FW_SECRETS": str(home() / "secrets"), **os.environ})
    options = {key: resolve(str(value), "", secrets) for key, value in section.section("storage_options").items()}
    try:
        connections = int(text("connections") or CONNECTIONS)
    except ValueError as error:
        raise FrameworkError(f"{section.place('connections')}: connections is a number of files at a time") from error
    return Archive(name, open_store(root, options), max(1, connections), tuple(shlex.split(text("stage"))))


def _text(section: Section, scope: Scope, key: str) -> str:
    return expand(section.text(key), scope, section.place(key)) if key in section else ""


def _refuse_twins(files: Sequence[FileRow]) -> None:
    targets: dict[str, str] = {}
    for file in files:
        other = targets.setdefault(file.path.rpartition("/")[2], file.path)
        if other != file.path:
            raise FrameworkError(f"{file.path} and {other} have one name: get them into directories of their own")


def _target_name(file: FileRow, copies: Sequence[Copy]) -> str:
    """A file keeps the ending of a compression that not everybody can undo."""
    kept = {copy.ending for copy in copies}
    own = file.path.rpartition("/")[2]
    return own if kept & {"", GZIP} or not kept else own + min(kept)


def _brought(file: FileRow, target: Path, copies: Sequence[Copy], known: Mapping[str, Archive]) -> str:
    """Copy from the first place that has it as recorded; why not, if none has."""
    if target.exists():
        return "" if is_as_recorded(file, target) else f"{target} is there already, and is another file"
    troubles = []
    for copy in copies:
        if copy.archive in known:
            trouble = fetch(file, copy, known[copy.archive].store, target)
            if not trouble:
                return ""
            troubles.append(f"{copy.archive}: {trouble}")
    if troubles:
        return "; ".join(troubles)
    places = ", ".join(copy.archive for copy in copies)
    return f"it is in {places}, which this site does not know" if places else "no archive keeps it"
