"""Refusal to write where an archive's root has vanished, as when its disk is not mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.archives.archive import Archive
from framework.errors import InfrastructureError
from framework.registry.questions.archive_copies import has_archived_files

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry


def check_root(db: Registry, archive: Archive) -> None:
    """Raise InfrastructureError where an archive that has files on record has no root; a new one is made when used."""
    if "://" in archive.root:  # a server says by itself what it does not have
        return
    error = archive.store.access_error
    if error and has_archived_files(db, archive.name):
        raise InfrastructureError(
            f"archive {archive.name}: {error}, and files of it are on record: mount it, or put it back; where it is "
            f"lost, make the directory, and fw fsck {archive.name} --repair"
        )
