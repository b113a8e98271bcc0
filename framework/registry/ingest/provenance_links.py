"""Where files come from: the files of calls, and which execution read or wrote them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from framework.registry.database.json_text import json_text
from framework.registry.ingest.file_rows import ids_of_paths
from framework.registry.ingest.journal_reader import Fact
from framework.registry.ingest.new_rows import Draft

#: For how many files the id is kept at hand.
_AT_HAND = 1_000_000

#: A text as it is; anything else is no path.
_text = str.__str__

#: The archive's name in the journal of a file that no archive has.
_OUTSIDE = "external"


@dataclass(slots=True)
class FilesOfCall:
    """What the end of a call tells of files, read but not yet taken in."""

    #: Rows of files and of the archives they are in, with the path as id.
    files: list[tuple[Any, ...]]
    archives: list[tuple[Any, ...]]
    made: list[tuple[int, str]]
    used: list[tuple[int, str]]
    derived: list[tuple[str, str]]


def read_files(fact: Fact, attempt_id: int, call_task_id: int, tasks: Mapping[int, int], t: float) -> FilesOfCall:
    """Understand a call's files, or raise what a malformed fact raises; ``tasks`` are those of its execs."""
    made = [(tasks[number], path) for number, path in fact.get("made") or ()]
    maker = {path: task_id for task_id, path in made}
    files: list[tuple[Any, ...]] = []
    archives: list[tuple[Any, ...]] = []
    for file in fact.get("files") or ():
        path, archive, sha256 = file["path"], file.get("archive"), file.get("sha256")
        directory, _, name = path.rpartition("/")
        meta = file.get("meta")
        about = (file.get("size"), sha256, file.get("md5"), json_text(meta) if meta else None, t)
        if archive == _OUTSIDE:
            files.append((None, None, file["type"], name, path, sha256 or "", None, *about))
            continue
        files.append((attempt_id, maker.get(path, call_task_id), file["type"], name, path, "", None, *about))
        if archive:
            # Of a file that is kept compressed: ending, size and checksum of what the archive has.
            archives.append((path, archive, name, directory, *(file.get("packed") or (None, None, None))))
    return FilesOfCall(
        files,
        archives,
        made,
        [(tasks[number], _text(path)) for number, path in fact.get("used") or ()],
        [(_text(child), _text(parent)) for child, parent in fact.get("derived") or ()],
    )


class Lineage:
    """Turns paths into ids, and keeps what names a file that no journal has told of yet."""

    def __init__(self, draft: Draft, take_file_id: Callable[[], int]) -> None:
        self._draft = draft
        self._take_file_id = take_file_id
        self._paths: dict[str, int] = {}
        self._outside: dict[tuple[str, str], int] = {}
        self._wanted: list[tuple[int, str, str]] = []

    def add(self, call_task_id: int, told: FilesOfCall) -> None:
        """Take in the files of a call that has ended."""
        pairs, paths, want = self._draft.changes.of_files, self._paths, self._wanted.append
        own: dict[str, int] = {}
        for row in told.files:
            path = row[4]
            if row[5]:
                own[path] = self._add_outside(row)
            else:
                own[path] = paths[path] = new_id = self._take_file_id()
                self._draft.changes.files.append((new_id, *row))
        pairs["file_archive_info"] += [(own[path], *rest) for path, *rest in told.archives]
        pairs["opm_was_generated_by"] += [(task_id, own[path]) for task_id, path in told.made if path in own]
        used = pairs["opm_used"]
        for task_id, path in told.used:
            id_ = own.get(path) or paths.get(path)
            if id_:
                used.append((task_id, id_))
            else:
                want((task_id, path, ""))
        for child, parent in told.derived:
            parent_id = own.get(parent) or paths.get(parent)
            if parent_id and child in own:
                pairs["opm_was_derived_from"].append((own[child], parent_id))
            else:
                want((call_task_id, parent, child))
                # Another call's file may be told to come from the same one by that call too.
                self._draft.changes.pairs_may_repeat |= child not in own

    def _add_outside(self, row: tuple[Any, ...]) -> int:
        """A file that no archive has: many calls and runs may tell of the same one."""
        key = (row[4], row[5])
        id_ = self._outside.get(key)
        if id_ is None:
            id_ = self._outside[key] = self._take_file_id()
            self._draft.changes.files.append((id_, *row))
        return id_

    def settle(self, connection: Connection) -> None:
        """Find the files that were told of by path alone; what is not known yet is kept for later."""
        wanted = dict.fromkeys([*self._wanted, *sorted(self._draft.known.pending)])
        self._wanted = []
        unknown = {path for _, path, _ in wanted} | {child for _, _, child in wanted if child}
        found = sorted(ids_of_paths(connection, sorted(unknown - self._paths.keys())), key=lambda file: file.written)
        self._paths.update({file.path: file.id for file in found})
        for key in wanted:
            self._settle_one(key)

    def _settle_one(self, key: tuple[int, str, str]) -> None:
        task_id, path, child = key
        pending = self._draft.known.pending
        parent_id, child_id = self._paths.get(path), self._paths.get(child)
        if parent_id is None or (child and child_id is None):
            if key not in pending:
                pending.add(key)
                self._draft.changes.pending.append((*key, self._draft.known.attempt_id))
            return
        if child:
            self._draft.changes.of_files["opm_was_derived_from"].append((child_id, parent_id))
        else:
            self._draft.changes.of_files["opm_used"].append((task_id, parent_id))
        if key in pending:
            self._draft.changes.pairs_may_repeat |= bool(child)
            pending.remove(key)
            self._draft.changes.no_longer_pending.append(key)

    def written(self, same: dict[int, int]) -> None:
        """Take over the ids of files that turned out to be in the registry already."""
        if same:
            self._paths = {path: same.get(id_, id_) for path, id_ in self._paths.items()}
            self._outside = {key: same.get(id_, id_) for key, id_ in self._outside.items()}
        if len(self._paths) > _AT_HAND:
            # The newer half stays: the registry may not have the newest yet.
            self._paths = dict(islice(self._paths.items(), len(self._paths) // 2, None))
