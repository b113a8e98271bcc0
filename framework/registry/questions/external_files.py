"""Records of files from outside, which no run has made."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import insert

from framework.registry.database.connection import Registry
from framework.registry.database.ids import reserve
from framework.registry.schema.tables import desfile, file_archive_info


class NewFile(Protocol):
    """A file in an archive that is not recorded yet."""

    @property
    def filetype(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, object]: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...


def record_files(db: Registry, archive: str, files: Sequence[NewFile]) -> None:
    """Record files in an archive, all or none."""
    if not files:
        return
    now = time.time()
    with db.write() as connection:
        first = reserve(connection, "desfile", len(files))
        rows: list[dict[str, object]] = []
        places: list[dict[str, object]] = []
        for id_, file in enumerate(files, start=first):
            directory, _, name = file.path.rpartition("/")
            rows.append(
                {"id": id_, "filetype": file.filetype, "filename": name, "path": file.path, "path_version": "",
                 "filesize": file.size, "sha256": file.sha256, "metadata": dict(file.metadata), "created_date": now}
            )  # fmt: skip
            places.append({"desfile_id": id_, "archive_name": archive, "filename": name, "path": directory})
        connection.execute(insert(desfile), rows)
        connection.execute(insert(file_archive_info), places)
