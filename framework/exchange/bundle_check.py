"""Reader of bundles from untrusted sources: everything is checked before it is used."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from framework.archives.store import Store
from framework.errors import InfrastructureError, RunError
from framework.exchange.bundle import CHUNK, FORMAT, MANIFEST, VERSION
from framework.exchange.kept_records import Tables
from framework.exchange.run_rows import ORDER, columns_of
from framework.worker.files.transfer import copy_measured

#: Most bytes of a manifest, and of all rows together, which are read into memory.
MOST_MANIFEST = 1 << 28
MOST_ROWS = 1 << 31
#: Columns with paths in an archive, at which the site looks for files.
_PATHS = {
    "pfw_wrapper": ("log", "planfile"),
    "pfw_attempt": ("archive_path",),
    "file_archive_info": ("path", "filename"),
    "task_message": ("log_file",),
}
#: The column of a table that names a file.
_FILE_COLUMN = {"desfile": "id", "file_archive_info": "desfile_id"}


class BadBundleError(RunError):
    """The file is not a bundle, or is damaged or malicious."""


class _Member(msgspec.Struct, frozen=True):
    size: int
    sha256: str


class _Manifest(msgspec.Struct, frozen=True):
    format: str
    version: int
    schema: str
    runs: list[str]
    members: dict[str, _Member]


class Bundle:
    """An open bundle; its methods raise BadBundleError for what is wrong in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise InfrastructureError(f"{path}: {error.strerror or error}") from error
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise self._bad(f"not a bundle that fw export has written: {error}") from error
        self._manifest = self._read_manifest()
        self.runs = self._manifest.runs

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def tables(self, number: int) -> Tables:
        """Return the rows of a run by table, in the order in which they are inserted."""
        folder = f"runs/{number + 1}/"
        names = [name for name in self._manifest.members if name.startswith(folder)]
        unknown = {name.removeprefix(folder).removesuffix(".jsonl") for name in names} - set(ORDER)
        if unknown:
            raise self._bad(f"unknown table {sorted(unknown)[0]!r}: was it written by a newer skyfw?")
        found = {}
        for table in ORDER:
            name = f"{folder}{table}.jsonl"
            found[table] = self._rows(table, name) if name in self._manifest.members else []
        self._check_run(found, self.runs[number])
        return found

    def files(self) -> list[str]:
        """Return the paths of the files in the bundle."""
        return [name.removeprefix("files/") for name in self._manifest.members if name.startswith("files/")]

    def check_records(self, tables: Tables) -> None:
        """Raise BadBundleError where a file in the bundle is not what a run's record says of it."""
        for row in tables["desfile"]:
            file = dict(zip(columns_of("desfile"), row, strict=True))
            about = self._manifest.members.get(f"files/{file['path']}")
            if about and not file["path_version"] and (about.size, about.sha256) != (file["filesize"], file["sha256"]):
                raise self._bad(f"files/{file['path']} is not what is recorded of it (sha256 {file['sha256']})")

    def unpack(self, path: str, store: Store) -> bool:
        """Write a file to an archive, completely or not at all; return whether it was new there."""
        about = self._manifest.members[f"files/{path}"]
        try:
            if _is_there(path, store):
                with store.read(path) as kept:
                    found = copy_measured(kept.read, len)
                if (found.size, found.sha256) != (about.size, about.sha256):
                    raise RunError(f"{store.address}/{path} is there already, and is another file")
                return False
            chunks = self._chunks(f"files/{path}")
            with store.write(path) as file:
                copy_measured(lambda _: next(chunks, b""), file.write)
        except OSError as error:
            raise InfrastructureError(f"{path} into {store.address}: {error.strerror or error}") from error
        return True

    def check_room(self, root: str) -> None:
        """Raise InfrastructureError where the files do not fit on this machine's disk."""
        if "://" in root:
            return
        needed = sum(about.size for name, about in self._manifest.members.items() if name.startswith("files/"))
        here = next(path for path in (Path(root), *Path(root).parents) if path.exists())
        if needed > (free := shutil.disk_usage(here).free):
            raise InfrastructureError(f"{root}: {needed} bytes are needed, {free} are free")

    # ------------------------------------------------------------ the zip file

    def _read_manifest(self) -> _Manifest:
        members = self._zip.infolist()
        names = [member.filename for member in members]
        if len(set(names)) != len(names):
            raise self._bad("a name stands in it twice")
        if MANIFEST not in names:
            raise self._bad(f"it has no {MANIFEST}: not a bundle that fw export has written")
        for member in members:
            self._check_member(member)
        if self._zip.getinfo(MANIFEST).file_size > MOST_MANIFEST:
            raise self._bad(f"its {MANIFEST} is larger than {MOST_MANIFEST} bytes")
        try:
            with self._zip.open(MANIFEST) as file:
                manifest = msgspec.json.decode(file.read(MOST_MANIFEST), type=_Manifest)
        except (msgspec.DecodeError, zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
            raise self._bad(f"its {MANIFEST} cannot be read: {error}") from error
        if manifest.format != FORMAT:
            raise self._bad(f"a bundle of format {manifest.format!r}, where {FORMAT!r} is read")
        if manifest.version > VERSION:
            raise self._bad(f"version {manifest.version} of the format, where this skyfw reads {VERSION}: update skyfw")
        self._check_list(manifest, set(names) - {MANIFEST})
        return manifest

    def _check_member(self, member: zipfile.ZipInfo) -> None:
        name = member.filename
        if not _stays_within(name) or not name.startswith(("runs/", "files/", MANIFEST)):
            raise self._bad(f"{name!r} is no name for a part of a bundle")
        mode = member.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise self._bad(f"{name!r} is not a regular file")
        if member.flag_bits & 0x1:
            raise self._bad(f"{name!r} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise self._bad(f"{name!r} is compressed in a way that bundles are not")

    def _check_list(self, manifest: _Manifest, names: set[str]) -> None:
        """Check that the members, and their sizes, are those of the manifest."""
        for name in sorted(names ^ set(manifest.members)):
            raise self._bad(f"{name!r} is {'not in its manifest' if name in names else 'missing'}")
        for name, about in manifest.members.items():
            if self._zip.getinfo(name).file_size != about.size:
                raise self._bad(f"{name!r} has not the {about.size} bytes that the manifest says")
        if sum(about.size for name, about in manifest.members.items() if name.startswith("runs/")) > MOST_ROWS:
            raise self._bad(f"its rows are more than {MOST_ROWS} bytes")

    def _chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member; BadBundleError at the end if they are not those of the manifest."""
        about = self._manifest.members[name]
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(name) as file:
                while chunk := file.read(CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    if size > about.size:
                        break
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise self._bad(f"{name!r} is damaged: {error}") from error
        if (size, digest.hexdigest()) != (about.size, about.sha256):
            raise self._bad(f"{name!r} is damaged: it has another checksum than the manifest says")

    # ------------------------------------------------------------ rows

    def _rows(self, table: str, name: str) -> list[list[Any]]:
        """Return the rows of a table, with the columns of this registry."""
        columns, rows = self._read_lines(name)
        known = columns_of(table)
        if set(columns) - set(known):
            raise self._bad(f"{name}: unknown columns: was it written by a newer skyfw?")
        places = [columns.index(column) if column in columns else None for column in known]
        found = [[None if place is None else row[place] for place in places] for row in rows]
        self._check_paths(table, found)
        return found

    def _read_lines(self, name: str) -> tuple[list[str], list[list[Any]]]:
        """Return the columns and the rows of a file, with a value of each column in each row."""
        lines = b"".join(self._chunks(name)).splitlines()
        try:
            columns, *rows = (json.loads(line) for line in lines)
        except (ValueError, RecursionError) as error:
            raise self._bad(f"{name}: not lines of JSON: {error}") from error
        if not _is_list_of_words(columns):
            raise self._bad(f"{name}: its first line does not name columns")
        if any(not isinstance(row, list) or len(row) != len(columns) for row in rows):
            raise self._bad(f"{name}: a row has not as many values as there are columns")
        return columns, rows

    def _check_paths(self, table: str, rows: list[list[Any]]) -> None:
        known = columns_of(table)
        for place in (known.index(column) for column in _PATHS.get(table, ())):
            for row in rows:
                if row[place] and not (isinstance(row[place], str) and _stays_within(row[place])):
                    raise self._bad(f"{table}: {row[place]!r} would leave its archive")
        if column := _FILE_COLUMN.get(table):
            for row in rows:
                self._check_file(row[known.index(column)])

    def _check_file(self, key: Any) -> None:
        if not (_is_list_of_words(key) and len(key) == 2):
            raise self._bad(f"{key!r} names no file")
        path, version = key
        if not version and not _stays_within(path):
            raise self._bad(f"{path!r} would leave its archive")

    def _check_run(self, tables: Tables, run: str) -> None:
        attempts = tables["pfw_attempt"]
        names = [row[columns_of("pfw_attempt").index("run")] for row in attempts]
        if names != [run] or not isinstance(run, str) or not run or "/" in run or run.startswith("."):
            raise self._bad(f"its runs are not those that its manifest names ({run!r})")
        self._check_names(tables)

    def _check_names(self, tables: Tables) -> None:
        """Refuse files whose columns name another file than their ids, and archives without a name."""
        for row in tables["desfile"]:
            file = dict(zip(columns_of("desfile"), row, strict=True))
            path, version = file["id"]
            if (file["path"], file["path_version"], file["filename"]) != (path, version, path.rpartition("/")[2]):
                raise self._bad(f"{path!r} is recorded under another name")
        where = columns_of("file_archive_info").index("archive_name")
        for row in tables["file_archive_info"]:
            if not isinstance(row[where], str):
                raise self._bad(f"file_archive_info: {row[where]!r} is no archive's name")

    def _bad(self, what: str) -> BadBundleError:
        return BadBundleError(f"{self._path}: {what}")


def _stays_within(path: str) -> bool:
    parts = path.split("/")
    return bool(path) and not path.startswith("/") and ".." not in parts and "\0" not in path


def _is_list_of_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _is_there(path: str, store: Store) -> bool:
    try:
        store.size(path)
    except FileNotFoundError:
        return False
    return True
