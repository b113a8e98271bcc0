"""Export of a run as a bundle, as PROV-JSON or as an RO-Crate, with its files by reference or included."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from framework.archives.archive import Archive
from framework.archives.copy import fetch, reading
from framework.errors import InfrastructureError, RunError
from framework.exchange.bundle import BundledFile, with_ancestors, write_bundle
from framework.exchange.names import quoted
from framework.exchange.prov import prov_text
from framework.exchange.rocrate import METADATA, PIPELINE, crate_text
from framework.registry.questions.files import copies_of
from framework.registry.questions.provenance import provenance
from framework.worker.files.transfer import copy_measured

if TYPE_CHECKING:
    from framework.archives.store import Store
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy
    from framework.registry.questions.provenance import Artefact, Provenance
    from framework.registry.questions.runs import Run


def export_bundle(
    db: Registry, run: Run, target: Path, known: Mapping[str, Archive], by: str, *, files: bool, ancestors: bool
) -> int:
    """Write a bundle for another registry; return the number of its runs."""
    if run.ended is None:
        raise RunError(f"{run.run} has not ended, and its record still grows: wait, restart or cancel it")
    attempts = with_ancestors(db, run.attempt_id) if ancestors else [run.attempt_id]
    contents: dict[str, BundledFile] = {}
    for attempt_id in attempts if files else ():
        record = provenance(db, attempt_id)
        places = FileLocations(db, record, known)
        for file in record.files.values():
            if not file.version and file.archives:
                opened = partial(reading, *places.of(file))
                contents[file.path] = BundledFile(file.path, opened, file.size, file.sha256)
    write_bundle(db, attempts, contents.values(), target, by)
    return len(attempts)


def export_prov(record: Provenance, target: IO[str]) -> None:
    """Write a run as W3C PROV-JSON."""
    for piece in prov_text(record):
        target.write(piece)


def export_crate(record: Provenance, target: Path, places: FileLocations, licence: str, *, files: bool) -> None:
    """Write a run as an RO-Crate: a directory, or a zip file where its name ends so."""
    if target.exists():
        raise RunError(f"{target} is there already: remove it, or name another one")
    included = {id_: file for id_, file in record.files.items() if files and file.archives}
    with _new_crate(target) as put:
        put.text(METADATA, crate_text(record, _addresses(record, places, included), licence))
        put.text(PIPELINE, [record.attempt.submitwcl or ""])
        for file in included.values():
            put.file(file, places)


@contextmanager
def _new_crate(target: Path) -> Iterator[_Folder | _Zip]:
    """Give what writes a crate; it has its name when it is complete, and nothing is left of one that is not."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        with _zipped(part) if target.suffix == ".zip" else _folder(part) as put:
            yield put
        part.replace(target)
    except OSError as error:
        raise InfrastructureError(f"{error.filename or target}: {error.strerror or error}") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)


def _addresses(record: Provenance, places: FileLocations, included: Mapping[int, Artefact]) -> dict[int, str]:
    """Return the addresses of files by id: within the crate of those that it includes, else where an archive has it."""
    outside = {id_: address for id_, file in record.files.items() if (address := places.address(file))}
    return outside | {id_: f"files/{quoted(file.path)}" for id_, file in included.items()}


class _Folder:
    """A crate as a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def text(self, name: str, pieces: Iterator[str] | list[str]) -> None:
        with (self._root / name).open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(pieces)

    def file(self, file: Artefact, places: FileLocations) -> None:
        target = self._root / "files" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if error := fetch(file, *places.of(file), target):
            raise RunError(f"{file.path} {error}")


class _Zip:
    """A crate as a zip file."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def text(self, name: str, pieces: Iterator[str] | list[str]) -> None:
        with self._file.open(name, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece.encode("utf-8", "backslashreplace"))

    def file(self, file: Artefact, places: FileLocations) -> None:
        with (
            reading(*places.of(file)) as kept,
            self._file.open(f"files/{file.path}", "w", force_zip64=True) as writing,
        ):
            found = copy_measured(kept.read, writing.write)
        if (found.size, found.sha256) != (file.size, file.sha256):
            raise RunError(f"{file.path} has other content than is recorded of it: fw fsck says more")


@contextmanager
def _folder(part: Path) -> Iterator[_Folder | _Zip]:
    part.mkdir(parents=True)
    yield _Folder(part)


@contextmanager
def _zipped(part: Path) -> Iterator[_Folder | _Zip]:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        yield _Zip(file)


class FileLocations:
    """Locations of the files of a run in the archives of this site."""

    def __init__(self, db: Registry, record: Provenance, known: Mapping[str, Archive]) -> None:

        self._known = known
        self._copies = copies_of(db, [id_ for id_, file in record.files.items() if file.archives])

    def of(self, file: Artefact) -> tuple[Copy, Store]:
        """Return the first copy that exists, and its store; RunError where there is none."""
        for copy, archive in self._here(file):
            try:
                archive.store.size(copy.path)
            except OSError:
                continue
            return copy, archive.store
        raise RunError(
            f"{file.path}: no archive of this site has it ({', '.join(file.archives)} should): export by reference"
        )

    def address(self, file: Artefact) -> str:
        """Return the absolute address of a file that is not included; empty for one that no archive keeps."""
        if "://" in file.path:
            return file.path
        if file.version:
            return f"file://{quoted(file.path)}"
        for copy, archive in self._here(file):
            root = archive.root if "://" in archive.root else f"file://{quoted(archive.root)}"
            return f"{root.rstrip('/')}/{quoted(copy.path)}"
        return ""

    def _here(self, file: Artefact) -> Iterator[tuple[Copy, Archive]]:
        for copy in self._copies.get(file.id, ()):
            if copy.archive in self._known:
                yield copy, self._known[copy.archive]
