"""Provenance: the files of calls, and which execution read or made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from framework.model.facts import FileRecord
from framework.registry.database.json_text import json_text
from framework.registry.ingest.changes import PendingRows
from framework.registry.ingest.file_rows import read_files_by_path
from framework.registry.ingest.row_layout import RowLayout
from framework.worker.journal.file_records import EXTERNAL

#: Files whose ids are kept in memory.
_FILES_IN_MEMORY = 1_000_000

_DESFILE = RowLayout(
    "desfile",
    *("id", "path", "path_version", "pfw_attempt_id", "wgb_task_id", "filetype", "filename"),
    *("filesize", "sha256", "md5sum", "metadata", "created_date"),
)
_ARCHIVED = RowLayout(
    "file_archive_info", "desfile_id", "archive_name", "filename", "path", "compression", "filesize", "sha256"
)


@dataclass(slots=True)
class CallFiles:
    """Files of a call that has ended, with their paths in place of ids."""

    #: Values for a row of ``desfile`` without its id; the path is the first, its version the second.
    files: list[tuple[Any, ...]]
    #: Values for a row of ``file_archive_info``; the path is the first.
    archives: list[tuple[Any, ...]]
    made: list[tuple[int, str]]
    used: list[tuple[int, str]]
    derived: Iterable[tuple[str, str]]


def read_files(
    records: Iterable[FileRecord], made: Iterable[tuple[int, str]], attempt_id: int, call_task_id: int,
    tasks: Mapping[int, int], t: float, *, used: Iterable[tuple[int, str]] = (),
    derived: Iterable[tuple[str, str]] = (),
) -> CallFiles:  # fmt: skip
    """Return the files of a call; ``tasks`` are the task ids of its programs by number."""
    made_by = [(tasks[number], path) for number, path in made]
    makers = {path: task_id for task_id, path in made_by}
    files: list[tuple[Any, ...]] = []
    archives: list[tuple[Any, ...]] = []
    for file in records:
        path, archive = file.path, file.archive
        directory, _, name = path.rpartition("/")
        about = (file.size, file.sha256, file.md5, json_text(file.metadata) if file.metadata else None, t)
        if archive == EXTERNAL:
            files.append((path, file.sha256 or "", None, None, file.filetype, name, *about))
            continue
        files.append((path, "", attempt_id, makers.get(path, call_task_id), file.filetype, name, *about))
        if archive:
            # Of a file that is kept compressed: suffix, size and checksum of the archive's copy.
            archives.append((path, archive, name, directory, *(file.packed or (None, None, None))))
    return CallFiles(files, archives, made_by, [(tasks[number], path) for number, path in used], derived)


class ProvenanceWriter:
    """Turns paths into ids, and keeps links to files that no journal has named yet."""

    def __init__(self, rows: PendingRows, take_file_id: Callable[[], int]) -> None:
        self._rows = rows
        self._take_file_id = take_file_id
        self._paths: dict[str, int] = {}
        self._external: dict[tuple[str, str], int] = {}
        #: Start of the run that made the newest file of a path, for files of restarts.
        self._starts: dict[str, int] = {}
        self._unresolved: list[tuple[int, str, str]] = []

    def add(self, call_task_id: int, new: CallFiles) -> None:
        """Add the files of a call that has ended."""
        pairs = self._rows.changes.of_files
        own = self._add_files(new.files)
        pairs["file_archive_info"] += [_ARCHIVED.row(own[path], *rest) for path, *rest in new.archives]
        pairs["opm_was_generated_by"] += [(task_id, own[path]) for task_id, path in new.made if path in own]
        self._add_used(new.used, own)
        self._add_derived(call_task_id, new.derived, own)

    def _add_files(self, rows: Iterable[tuple[Any, ...]]) -> dict[str, int]:
        """Add the files that a call names, and return their ids by path."""
        own: dict[str, int] = {}
        for row in rows:
            path = row[0]
            if row[1]:
                own[path] = self._add_external(row)
            else:
                own[path] = self._paths[path] = new_id = self._take_file_id()
                self._rows.changes.files.append(_DESFILE.row(new_id, *row))
                if self._rows.start_number and self._is_of_later_start(path):
                    self._rows.changes.files_of_later_starts.add(new_id)
        return own

    def _is_of_later_start(self, path: str) -> bool:
        """Return whether a file is of a later start than the one of its path that is on record, or was added before."""
        number = self._rows.start_number
        if number <= self._starts.get(path, self._rows.known.newest_start):
            return False
        self._starts[path] = number
        return True

    def _add_used(self, used: Iterable[tuple[int, str]], own: Mapping[str, int]) -> None:
        """Link tasks to the files that they read."""
        pairs, paths = self._rows.changes.of_files["opm_used"], self._paths
        for task_id, path in used:
            id_ = own.get(path) or paths.get(path)
            if id_:
                pairs.append((task_id, id_))
            else:
                self._unresolved.append((task_id, path, ""))

    def _add_derived(self, call_task_id: int, derived: Iterable[tuple[str, str]], own: Mapping[str, int]) -> None:
        """Link files to those that they derive from."""
        pairs, paths = self._rows.changes.of_files["opm_was_derived_from"], self._paths
        for child, parent in derived:
            parent_id = own.get(parent) or paths.get(parent)
            if parent_id and child in own:
                pairs.append((own[child], parent_id))
            else:
                self._unresolved.append((call_task_id, parent, child))
                # The call that made the child may name the same parent.
                self._rows.changes.pairs_may_repeat |= child not in own

    def _add_external(self, row: tuple[Any, ...]) -> int:
        """Add an external file, which many calls and runs may name."""
        key = (row[0], row[1])
        id_ = self._external.get(key)
        if id_ is None:
            id_ = self._external[key] = self._take_file_id()
            self._rows.changes.files.append(_DESFILE.row(id_, *row))
        return id_

    def resolve_paths(self, connection: Connection) -> None:
        """Look up the files that are named by path alone; what is not found is kept for later."""
        links = dict.fromkeys([*self._unresolved, *sorted(self._rows.known.pending)])
        self._unresolved = []
        unknown = {path for _, path, _ in links} | {child for _, _, child in links if child}
        found = sorted(
            read_files_by_path(connection, sorted(unknown - self._paths.keys())), key=lambda file: file.written
        )
        self._paths.update({file.path: file.id for file in found})
        for key in links:
            self._resolve_link(key)

    def _resolve_link(self, key: tuple[int, str, str]) -> None:
        task_id, path, child = key
        pending = self._rows.known.pending
        parent_id, child_id = self._paths.get(path), self._paths.get(child)
        if parent_id is None or (child and child_id is None):
            if key not in pending:
                pending.add(key)
                self._rows.changes.pending.append((*key, self._rows.known.attempt_id))
            return
        if child:
            self._rows.changes.of_files["opm_was_derived_from"].append((child_id, parent_id))
        else:
            self._rows.changes.of_files["opm_used"].append((task_id, parent_id))
        if key in pending:
            self._rows.changes.pairs_may_repeat |= bool(child)
            pending.remove(key)
            self._rows.changes.no_longer_pending.append(key)

    def confirm(self, same: dict[int, int]) -> None:
        """Use the ids of files that were in the registry already."""
        if same:
            self._paths = {path: same.get(id_, id_) for path, id_ in self._paths.items()}
            self._external = {key: same.get(id_, id_) for key, id_ in self._external.items()}
        if len(self._paths) > _FILES_IN_MEMORY:
            # The newer half stays: the registry may not have the newest yet.
            self._paths = dict(islice(self._paths.items(), len(self._paths) // 2, None))
