"""Checking an archive against the registry, both ways, and putting right what can be."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives import Archive, copy_verified
from framework.errors import InfrastructureError
from framework.job.transfer import READ_ONLY, make_directory, measure

if TYPE_CHECKING:
    from framework.registry.database import Registry

#: What can be wrong with a file, and what ``repair`` does about it.
REMEDIES = {
    "missing": "copy it from another archive, or strike it from this one",
    "size": "set it aside, then as a missing one",
    "content": "set it aside, then as a missing one",
    "unreadable": "nothing: see to the disk or the rights",
    "orphan": "set it aside",
}


@dataclass(frozen=True)
class Finding:
    """What is wrong with a file of an archive."""

    kind: str
    path: str
    detail: str = ""
    #: Of a file on record.
    file_id: int | None = None


@dataclass
class Checked:
    """What a check has looked at."""

    files: int = 0
    findings: list[Finding] = field(default_factory=list)
    #: Directories of runs that have not ended: what lies there may not be on record yet.
    passed_over: tuple[str, ...] = ()


def check(db: Registry, archive: Archive, *, contents: bool) -> Checked:
    """Every file on record against the disk (its content too, if asked for), and every file of the disk on record."""
    from framework.registry.archived import archived_files, open_run_paths

    if not archive.root.is_dir():
        raise InfrastructureError(f"archive {archive.name}: there is no directory {archive.root}")
    checked = Checked(passed_over=tuple(open_run_paths(db)))
    known = set()
    for file in archived_files(db, archive.name):
        checked.files += 1
        known.add(file.path)
        kind, detail = _compared(archive.at(file.path), file.size, file.sha256 if contents else None)
        if kind:
            checked.findings.append(Finding(kind, file.path, detail, file.id))
    for path in _files_below(archive.root):
        if path not in known and not any(path.startswith(f"{run}/") for run in checked.passed_over):
            checked.findings.append(Finding("orphan", path))
    return checked


def repair(
    db: Registry, archive: Archive, others: Mapping[str, Archive], findings: Sequence[Finding], aside: Path
) -> Iterator[tuple[Finding, str]]:
    """Put findings right, nothing deleted: what is bad or unknown goes below ``aside``; each with what was done."""
    from framework.registry.archived import strike
    from framework.registry.files import archives_of

    ids = [finding.file_id for finding in findings if finding.file_id is not None]
    places = archives_of(db, ids)
    for finding in findings:
        if finding.kind == "unreadable":
            yield finding, "left"
            continue
        done = []
        if finding.kind != "missing":
            done.append(f"set aside as {_set_aside(archive, finding.path, aside)}")
        if finding.file_id is not None:
            names = [name for name in places.get(finding.file_id, ()) if name != archive.name and name in others]
            source = _copy_again(db, archive, [others[name] for name in names], finding.file_id)
            if source:
                done.append(f"copied from {source}")
            else:
                strike(db, archive.name, finding.file_id)
                done.append(f"struck from {archive.name}: no archive has it as it was")
        yield finding, ", ".join(done)


def _compared(path: Path, size: int | None, sha256: str | None) -> tuple[str, str]:
    """What is wrong with a file on record, and how."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return "content", "it is not a plain file"
        if size is not None and status.st_size != size:
            return "size", f"{status.st_size} bytes, not {size}"
        if sha256 is not None and (found := measure(str(path)).sha256) != sha256:
            return "content", f"sha256 {found}, not {sha256}"
    except FileNotFoundError:
        return "missing", ""
    except OSError as error:
        return "unreadable", error.strerror or ""
    return "", ""


def _files_below(root: Path) -> Iterator[str]:
    for directory, _, names in os.walk(root):
        below = os.path.relpath(directory, root)
        for name in sorted(names):
            yield name if below == "." else f"{below}/{name}"


def _set_aside(archive: Archive, path: str, aside: Path) -> Path:
    target = aside / archive.name / path
    number = 0
    while target.exists():
        number += 1
        target = aside / archive.name / f"{path}.{number}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(archive.at(path), target)
    except OSError as error:
        raise InfrastructureError(f"{archive.at(path)} cannot be set aside: {error.strerror}") from error
    return target


def _copy_again(db: Registry, archive: Archive, others: Sequence[Archive], file_id: int) -> str:
    """The archive that a good copy was taken from; empty where none has one."""
    from framework.registry.files import files_with_ids

    with db.read() as connection:
        (file,) = files_with_ids(connection, [file_id])
    for other in others:
        target = archive.at(file.path)
        make_directory(str(target))
        if not copy_verified(file, other.at(file.path), target):
            target.chmod(READ_ONLY)
            return other.name
    return ""
