"""File records: how the facts of a journal describe a file, and the form in which an archive holds it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Stands for the archive of a file that lies outside every archive.
EXTERNAL = "external"


def is_archived(file: Mapping[str, Any]) -> bool:
    """Return whether an archive holds the file of a record."""
    return file.get("archive") not in (None, EXTERNAL)


def archived_form(file: Mapping[str, Any]) -> tuple[str, int, str]:
    """Return path, size and sha256 of what the archive holds: the compressed file, where it is kept compressed."""
    if packed := file.get("packed"):
        ending, size, sha256 = packed
        return file["path"] + ending, size, sha256
    return file["path"], file["size"], file["sha256"]
