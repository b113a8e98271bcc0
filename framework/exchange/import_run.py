"""Import of the runs of a bundle into this registry, and of its files into an archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.archives.archive import Archive
from framework.archives.copy import has_file
from framework.archives.vanished_root import check_root
from framework.archives.writers import lock_for_writing
from framework.exchange.bundle_check import BadBundleError, Bundle
from framework.exchange.import_rows import import_rows
from framework.exchange.kept_records import Tables
from framework.exchange.run_rows import columns_of

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry


@dataclass(frozen=True)
class RunImport:
    """Result of the import of a run."""

    run: str
    #: Whether the registry did not have it.
    is_new: bool
    #: Number of rows added to a run that was here: tags, copies, verifications.
    added: int
    #: Number of files written to the archive.
    files: int
    #: Number of files that are recorded in an archive of this site but missing there.
    absent: int
    #: Tags of the bundle that were not asked for.
    tags_left: tuple[str, ...] = ()
    #: Paths of files from outside whose records here stay, though the run says that it made them.
    kept: tuple[str, ...] = ()


def import_bundle(
    db: Registry, path: Path, archive: Archive, known: Mapping[str, Archive], *, with_tags: bool = False
) -> Iterator[RunImport]:
    """Import the runs one by one; files go to ``archive``, and those not in the bundle are looked for in ``known``.

    A run whose record is refused leaves nothing behind. Importing again changes nothing. Tags come on request only,
    since they choose what later runs read here.
    """
    check_root(db, archive)
    with Bundle(path) as bundle:
        bundle.check_room(archive.root)
        inside = set(bundle.files())
        runs = [bundle.tables(number) for number in range(len(bundle.runs))]
        recorded = {file["path"] for tables in runs for file in _dicts(tables, "desfile") if not file["path_version"]}
        for name in sorted(inside - recorded):
            raise BadBundleError(f"{path}: files/{name} is a file that no run in it knows")
        for tables in runs:
            bundle.check_records(tables)
        with lock_for_writing(archive, "fw import"):
            for tables in runs:
                tags = () if with_tags else tuple(str(row["tag"]) for row in _dicts(tables, "proctag"))
                chosen = tables if with_tags else {**tables, "proctag": []}
                yield replace(_import(db, bundle, chosen, archive, known, inside), tags_left=tags)


def _import(
    db: Registry, bundle: Bundle, tables: Tables, archive: Archive, known: Mapping[str, Archive], inside: set[str]
) -> RunImport:
    own = sorted({file["path"] for file in _dicts(tables, "desfile") if not file["path_version"]} & inside)
    placed = []
    try:
        for path in own:
            if bundle.unpack(path, archive.store):
                placed.append(path)
        places, absent = _places(tables, archive, known, set(own))
        taken = import_rows(db, {**tables, "pfw_attempt_val": _moved(tables, archive), "file_archive_info": places})
    except BaseException:
        for path in placed:
            # What led here says more than that it could not be undone.
            with suppress(OSError):
                archive.store.remove(path)
        raise
    return RunImport(taken.run, taken.is_new, taken.added, len(placed), absent, kept=taken.kept)


def _moved(tables: Tables, archive: Archive) -> list[list[Any]]:
    """Return the recorded configuration of the run, with this site's archive as the root of its files."""
    key, value = (columns_of("pfw_attempt_val").index(name) for name in ("key", "val"))
    rows = [list(row) for row in tables["pfw_attempt_val"]]
    for row in rows:
        if row[key] == "archive_root":
            row[value] = archive.root
    return rows


def _places(
    tables: Tables, archive: Archive, known: Mapping[str, Archive], own: set[str]
) -> tuple[list[list[Any]], int]:
    """Return the rows of copies: unpacked files, files in archives of this site, and those of other archives."""
    columns = columns_of("file_archive_info")
    sizes = {tuple(file["id"]): file["filesize"] for file in _dicts(tables, "desfile")}
    found, absent = [], 0
    for row in _dicts(tables, "file_archive_info"):
        path = row["desfile_id"][0]
        if path in own:
            row |= {"archive_name": archive.name, "compression": None, "filesize": None, "sha256": None}
        elif row["archive_name"] in known:
            size = row["filesize"] if row["compression"] else sizes[tuple(row["desfile_id"])]
            if not has_file(known[row["archive_name"]].store, path + (row["compression"] or ""), size):
                absent += 1
                continue
        found.append([row[column] for column in columns])
    distinct = {(tuple(row[columns.index("desfile_id")]), row[columns.index("archive_name")]): row for row in found}
    return list(distinct.values()), absent


def _dicts(tables: Tables, name: str) -> Iterator[dict[str, Any]]:
    columns = columns_of(name)
    return (dict(zip(columns, row, strict=True)) for row in tables[name])
