"""Exporting: a run is written down as a bundle, as PROV-JSON or as an RO-Crate, its files by reference or inside."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from framework.archives import Archive, copy_verified
from framework.errors import InfrastructureError, RunError
from framework.exchange.bundle import Content, with_ancestors, write_bundle
from framework.exchange.prov import prov_text
from framework.exchange.rocrate import METADATA, PIPELINE, crate_text
from framework.job.transfer import CHUNK

if TYPE_CHECKING:
    from framework.registry.database import Registry
    from framework.registry.provenance import Artefact, Provenance
    from framework.registry.runs import RunRow


def export_bundle(
    db: Registry, run: RunRow, target: Path, known: Mapping[str, Archive], by: str, *, files: bool, ancestors: bool
) -> int:
    """Write a run for another registry; how many runs are in it."""
    from framework.registry.provenance import provenance

    if run.ended is None:
        raise RunError(f"{run.run} has not ended, and its record still grows: wait, restart or cancel it")
    attempts = with_ancestors(db, run.attempt_id) if ancestors else [run.attempt_id]
    contents: dict[str, Content] = {}
    for attempt_id in attempts if files else ():
        for file in provenance(db, attempt_id).files.values():
            if not file.version and file.archives:
                contents[file.path] = Content(file.path, _found(file, known), file.size, file.sha256)
    write_bundle(db, attempts, contents.values(), target, by)
    return len(attempts)


def export_prov(told: Provenance, target: IO[str]) -> None:
    """Write a run as W3C PROV-JSON."""
    for piece in prov_text(told):
        target.write(piece)


def export_crate(told: Provenance, target: Path, known: Mapping[str, Archive], licence: str, *, files: bool) -> None:
    """Write a run as an RO-Crate: a directory, or a zip file where its name ends so."""
    if target.exists():
        raise RunError(f"{target} is there already: remove it, or name another one")
    inside = {id_: f"files/{_quoted(file.path)}" for id_, file in told.files.items() if files and file.archives}
    places = {id_: place for id_, file in told.files.items() if (place := _address(file, known))} | inside
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        with _zipped(part) if target.suffix == ".zip" else _folder(part) as put:
            put.text(METADATA, crate_text(told, places, licence))
            put.text(PIPELINE, [told.attempt.submitwcl or ""])
            for id_ in inside:
                put.file(told.files[id_], known)
        part.replace(target)
    except OSError as error:
        raise InfrastructureError(f"{error.filename or target}: {error.strerror or error}") from error
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)


class _Folder:
    """A crate as a directory."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def text(self, name: str, pieces: Iterator[str] | list[str]) -> None:
        with (self._root / name).open("w", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(pieces)

    def file(self, file: Artefact, known: Mapping[str, Archive]) -> None:
        target = self._root / "files" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if trouble := copy_verified(file, _found(file, known), target):
            raise RunError(f"{file.path} {trouble}")


class _Zip:
    """A crate as a zip file."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    def text(self, name: str, pieces: Iterator[str] | list[str]) -> None:
        with self._file.open(name, "w", force_zip64=True) as file:
            for piece in pieces:
                file.write(piece.encode("utf-8", "backslashreplace"))

    def file(self, file: Artefact, known: Mapping[str, Archive]) -> None:
        with (
            _found(file, known).open("rb") as reading,
            self._file.open(f"files/{file.path}", "w", force_zip64=True) as writing,
        ):
            shutil.copyfileobj(reading, writing, CHUNK)


@contextmanager
def _folder(part: Path) -> Iterator[_Folder | _Zip]:
    part.mkdir(parents=True)
    yield _Folder(part)


@contextmanager
def _zipped(part: Path) -> Iterator[_Folder | _Zip]:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as file:
        yield _Zip(file)


def _found(file: Artefact, known: Mapping[str, Archive]) -> Path:
    """Where a file lies; RunError where none of this site's archives has it."""
    for name in file.archives:
        if name in known and known[name].at(file.path).is_file():
            return known[name].at(file.path)
    raise RunError(
        f"{file.path}: no archive of this site has it ({', '.join(file.archives)} should): export by reference"
    )


def _address(file: Artefact, known: Mapping[str, Archive]) -> str:
    """An absolute address for a file that stays where it is; none for one that nobody keeps."""
    if "://" in file.path:
        return file.path
    if file.version:
        return f"file://{_quoted(file.path)}"
    place = next((known[name] for name in file.archives if name in known), None)
    return f"file://{_quoted(str(place.at(file.path)))}" if place else ""


def _quoted(text: str) -> str:
    return quote(text, safe="/-._~", errors="backslashreplace")
