"""Bundles: runs of one registry for another, in a zip file.

::

    manifest.json           {"format": "skyfw-run", "version": 1, "schema", "made", "by", "runs": [name, ...],
                             "members": {name: {"size", "sha256"}, ...}}: everything else that is in the file
    runs/<n>/<table>.jsonl  a run's rows: the names of the columns, then a row a line, by names in the place of ids
    files/<path>            a file of an archive, if files were asked for

Runs come after those that made their inputs. The rows are the same whichever registry and database wrote them.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from sqlalchemy import Connection, select

from framework.errors import InfrastructureError, RunError
from framework.exchange.run_rows import RunRows, columns_of
from framework.registry.schema.tables import REVISION, desfile, opm_used, pfw_attempt, task

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

FORMAT, VERSION = "skyfw-run", 1
MANIFEST = "manifest.json"
CHUNK = 1 << 20
#: Date of every member, so that equal runs give equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class BundleMember:
    """Size and checksum of a member of a bundle."""

    size: int
    sha256: str


@dataclass(frozen=True)
class BundledFile:
    """A file of an archive that is written to a bundle."""

    path: str
    #: Opens the file for reading.
    opened: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int | None
    sha256: str | None


def write_bundle(db: Registry, attempts: Sequence[int], contents: Iterable[BundledFile], target: Path, by: str) -> None:
    """Write a bundle of runs, with files of theirs, completely or not at all."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
            _fill(bundle, db, attempts, contents, by)
        part.replace(target)
    except OSError as error:
        raise InfrastructureError(f"{target}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _fill(
    bundle: zipfile.ZipFile, db: Registry, attempts: Sequence[int], contents: Iterable[BundledFile], by: str
) -> None:
    members: dict[str, BundleMember] = {}
    runs = []
    for number, attempt_id in enumerate(attempts, start=1):
        with db.read() as connection:
            rows = RunRows(connection, attempt_id)
            runs.append(rows.attempt.run)
            for table, part in rows.parts():
                name = f"runs/{number}/{table}.jsonl"
                members[name] = _put(bundle, name, _lines(columns_of(table), part))
    for content in contents:
        name = f"files/{content.path}"
        members[name] = _put(bundle, name, _chunks(content), zipfile.ZIP_STORED)
        if (content.size, content.sha256) != (members[name].size, members[name].sha256):
            raise RunError(f"{content.path} is not what is recorded of it: see fw fsck")
    member_objects = {name: asdict(member) for name, member in members.items()}
    about = {"format": FORMAT, "version": VERSION, "schema": REVISION, "made": time.time(), "by": by}
    text = json.dumps({**about, "runs": runs, "members": member_objects}, ensure_ascii=False, indent=1)
    _put(bundle, MANIFEST, [text.encode("utf-8", "surrogatepass")])


def _put(
    bundle: zipfile.ZipFile, name: str, chunks: Iterable[bytes], compression: int = zipfile.ZIP_DEFLATED
) -> BundleMember:
    about = zipfile.ZipInfo(name, _DATE)
    about.compress_type = compression
    about.external_attr = 0o100644 << 16
    digest, size = hashlib.sha256(), 0
    with bundle.open(about, "w", force_zip64=True) as file:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    return BundleMember(size, digest.hexdigest())


def _lines(columns: list[str], rows: Iterable[list[object]]) -> Iterator[bytes]:
    for line in (columns, *rows):
        yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def _chunks(content: BundledFile) -> Iterator[bytes]:
    with content.opened() as file:
        while chunk := file.read(CHUNK):
            yield chunk


# ---------------------------------------------------------------- runs to write


def with_ancestors(db: Registry, attempt_id: int) -> list[int]:
    """Return a run and all runs that made its inputs, each after those that it needs."""
    chosen: dict[int, None] = {}
    with db.read() as connection:
        _visit(connection, attempt_id, chosen, set())
    return list(chosen)


def _visit(connection: Connection, first: int, chosen: dict[int, None], seen: set[int]) -> None:
    waiting = [(first, False)]
    while waiting:
        attempt_id, is_ready = waiting.pop()
        if is_ready:
            chosen[attempt_id] = None
        elif attempt_id not in seen:
            seen.add(attempt_id)
            waiting.append((attempt_id, True))
            waiting += [(maker, False) for maker in _makers(connection, attempt_id)]


def _makers(connection: Connection, attempt_id: int) -> list[int]:
    """Return the other runs that made the inputs of a run."""
    root = select(pfw_attempt.c.task_id).where(pfw_attempt.c.id == attempt_id).scalar_subquery()
    makers = (
        select(desfile.c.pfw_attempt_id)
        .distinct()
        .join(opm_used, opm_used.c.desfile_id == desfile.c.id)
        .join(task, task.c.id == opm_used.c.task_id)
        .where(task.c.root_task_id == root, desfile.c.pfw_attempt_id != attempt_id)
        .order_by(desfile.c.pfw_attempt_id.desc())
    )
    return list(connection.execute(makers).scalars())
