"""Archives of the site, as its configuration describes them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from framework.archives.store import Store
from framework.configuration.home import home
from framework.configuration.site_file import archive_root
from framework.errors import FrameworkError
from framework.worker.job.deferred_values import DeferredValueError, Secrets, resolve
from wcl import Scope, Section, expand
from wcl.spelling import did_you_mean

#: Files that are copied from or to an archive at a time, where it does not say.
CONNECTIONS = 4


@dataclass(frozen=True)
class Archive:
    """An archive: a named root below which files are kept."""

    name: str
    root: str
    #: Options for the library of its protocol; secrets only by reference.
    options: Mapping[str, str]
    #: How many files may be read or written at a time.
    connections: int = CONNECTIONS
    #: Command that stages files, as from tape, before they are read; empty if they are always readable.
    stage: tuple[str, ...] = ()

    @cached_property
    def store(self) -> Store:
        """Store of its files; opened on first use, since it may need secrets and a library."""
        secrets = Secrets({"FW_SECRETS": str(home() / "secrets"), **os.environ})
        try:
            options = {key: resolve(value, "", secrets) for key, value in self.options.items()}
        except DeferredValueError as error:
            raise FrameworkError(f"archive {self.name}: {error}") from error
        return open_store(self.root, options)


def archives(values: Section) -> Mapping[str, Archive]:
    """Return the configured archives by name."""
    return {name: _archive(values, name) for name, _ in values.section("archive").sections()}


def named_archive(values: Section, name: str | None) -> Archive:
    """Return the archive of a name; without a name, the home archive."""
    name = (name or values.text("home_archive")).lower()
    known = [each for each, _ in values.section("archive").sections()]
    if name not in known:
        hint = did_you_mean(name, known) or f"this site knows {', '.join(known)}"
        raise FrameworkError(f"no archive is called {name!r}: {hint}")
    return _archive(values, name)


def _archive(values: Section, name: str) -> Archive:
    section = values.section("archive").section(name)
    text = partial(_text, section, Scope(section, root=values))
    root = archive_root(values, name)
    if not root.startswith("/") and "://" not in root:
        raise FrameworkError(
            f"{section.position('root')}: the root of archive '{name}' is neither absolute nor an address"
        )
    options = {key: str(value) for key, value in section.section("storage_options").items()}
    try:
        connections = int(text("connections") or CONNECTIONS)
    except ValueError as error:
        raise FrameworkError(
            f"{section.position('connections')}: connections is a number of files at a time"
        ) from error
    return Archive(name, root, options, max(1, connections), tuple(shlex.split(text("stage"))))


def _text(section: Section, scope: Scope, key: str) -> str:
    return expand(section.text(key), scope, section.position(key)) if key in section else ""


def open_store(root: str, options: Mapping[str, str]) -> Store:
    """Return the store of a root: an absolute path, or an address with options for its protocol's library."""
    if "://" in root:
        from framework.archives.remote_store import RemoteStore  # start-up: most sites need one kind only

        return RemoteStore(root, options)
    from framework.archives.directory_store import DirectoryStore  # start-up: most sites need one kind only

    return DirectoryStore(root)
