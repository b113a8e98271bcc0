"""Recorded files by path, content or producer, and their copies in archives."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, Text, and_, column, func, literal, select

from framework.registry.database.chunks import CHUNK_SIZE, chunks
from framework.registry.database.connection import Registry
from framework.registry.schema.column_types import Numbers
from framework.registry.schema.tables import (
    desfile,
    file_archive_info,
    opm_used,
    pfw_attempt,
    pfw_exec,
    pfw_wrapper,
    task,
)


class FileRow(Struct, frozen=True, kw_only=True, gc=False):
    """A recorded file."""

    id: int
    #: Within its archive; absolute for a file outside of archives.
    path: str
    filetype: str
    size: int | None
    sha256: str | None
    metadata: Mapping[str, Any]
    #: The run that made it; none for a file from outside.
    run: str | None
    #: Ending, size and sha256 of the compressed copy in the archive that was asked about; none where it is as it is.
    packed: tuple[str, int, str] | None = None


class Copy(Struct, frozen=True, kw_only=True, gc=False):
    """A copy of a file in an archive."""

    archive: str
    #: Within the archive, with the ending of what is compressed.
    path: str
    size: int | None
    sha256: str | None
    #: What a compressed copy's name ends with beyond the file's own; empty for one that is as it was made.
    ending: str = ""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The execution that made a file."""

    task_id: int
    run: str
    wrapnum: int
    module: str
    #: None where the call itself made it, as for its log.
    program: str | None
    args: str | None
    host: str | None
    start_time: float | None
    end_time: float | None


def find_in_archive(db: Registry, archive: str, paths: Sequence[str]) -> dict[str, FileRow]:
    """Return the recorded files of an archive at these paths, by path."""
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        if len(paths) > CHUNK_SIZE and db.dialect == "sqlite" and _none_beside(connection, paths):
            return {}
        for chunk in chunks(paths):
            here = and_(file_archive_info.c.desfile_id == desfile.c.id, file_archive_info.c.archive_name == archive)
            query = select_files().add_columns(*packed_columns()).join(file_archive_info, here)
            query = query.where(desfile.c.path.in_(chunk))
            found |= {file.path: file for file in file_rows(connection, query)}
    return found


def files_of_attempt(db: Registry, attempt_id: int) -> dict[str, FileRow]:
    """Return all files that a run made, by path."""
    query = select_files().where(desfile.c.pfw_attempt_id == attempt_id).order_by(desfile.c.path)
    with db.read() as connection:
        return {file.path: file for file in file_rows(connection, query)}


def copies_of(db: Registry, ids: Sequence[int]) -> dict[int, list[Copy]]:
    """Return the copies of each file in archives, by the ids of files."""
    found: dict[int, list[Copy]] = {}
    with db.read() as connection:
        for chunk in chunks(ids):
            here = file_archive_info.c.desfile_id.in_(chunk)
            query = select_copies().where(here).order_by(file_archive_info.c.archive_name)
            for row in connection.execute(query):
                found.setdefault(row.id, []).append(copy_from_row(row))
    return found


def select_copies() -> Select[Any]:
    """Return a query for copies in archives, as rows for :func:`copy_from_row`."""
    place, file = file_archive_info.c, desfile.c
    of_copy = (
        place.archive_name,
        place.compression,
        place.filesize.label("own_size"),
        place.sha256.label("own_sha256"),
    )
    columns = select(file.id, file.path, file.filetype, file.filesize, file.sha256, *of_copy)
    return columns.join(file_archive_info, place.desfile_id == file.id)


def copy_from_row(row: Row[Any]) -> Copy:
    """Return the copy of a row."""
    if row.compression is None:
        return Copy(archive=row.archive_name, path=row.path, size=row.filesize, sha256=row.sha256)
    path = row.path + row.compression
    return Copy(archive=row.archive_name, path=path, size=row.own_size, sha256=row.own_sha256, ending=row.compression)


def _none_beside(connection: Connection, paths: Sequence[str]) -> bool:
    """Return whether no recorded file is below the paths' common directory, as with the outputs of a new run.

    Only where texts are ordered by their bytes, so that one look into the index can tell.
    """
    directory = os.path.commonpath([os.path.dirname(min(paths)), os.path.dirname(max(paths))])
    below = and_(desfile.c.path > f"{directory}/", desfile.c.path < f"{directory}0")  # "0" follows "/"
    return bool(directory) and connection.execute(select(desfile.c.id).where(below).limit(1)).first() is None


def files_with_ids(connection: Connection, ids: Iterable[int]) -> list[FileRow]:
    """Return the files with these ids, in no order."""
    wanted = wanted_ids(connection.dialect.name, ids)
    return list(file_rows(connection, select_files().where(desfile.c.id.in_(wanted))))


def wanted_ids(dialect: str, ids: Iterable[int]) -> Select[Any]:
    """Return a query for any number of ids, with one parameter."""
    return select(wanted_id(dialect, ids))


def wanted_id(dialect: str, ids: Iterable[int]) -> ColumnElement[int]:
    """Return the column of a table of ids. Joining it is faster than ``in``, if no id is there twice."""
    if dialect == "postgresql":
        numbers = func.unnest(literal(list(ids), Numbers())).table_valued(column("id", BigInteger), name="wanted")
        return numbers.render_derived().c.id
    texts = func.json_each(literal(json.dumps(list(ids)), Text))
    return texts.table_valued(column("value", BigInteger), name="wanted").c.value


def find_by_path(db: Registry, paths: Iterable[str]) -> dict[str, FileRow]:
    """Return the files that runs have made at these paths, kept or not, by path."""
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        for chunk in chunks(paths):
            query = select_files().where(desfile.c.path.in_(chunk), desfile.c.path_version == "")
            found |= {file.path: file for file in file_rows(connection, query)}
    return found


def find_by_content(db: Registry, sha256: str, size: int) -> list[FileRow]:
    """Return the files with this content, or with such a copy in an archive, by their paths."""
    file, place = desfile.c, file_archive_info.c
    copies = select(place.desfile_id).where(place.sha256 == sha256, place.filesize == size)
    same = (select(file.id).where(file.sha256 == sha256, file.filesize == size)).union(copies)
    with db.read() as connection:
        return list(file_rows(connection, select_files().where(file.id.in_(same)).order_by(file.path)))


def find_call_outputs(db: Registry, archive: str, run: str, calls: Iterable[int]) -> Iterator[tuple[int, FileRow]]:
    """Yield the files that an archive has of calls of a run, of the last successful execution of each call."""
    with db.read() as connection:
        for chunk in chunks(calls):
            good = (
                select(func.max(pfw_wrapper.c.task_id).label("task_id"), pfw_wrapper.c.wrapnum)
                .join(pfw_attempt, pfw_attempt.c.id == pfw_wrapper.c.pfw_attempt_id)
                .join(task, task.c.id == pfw_wrapper.c.task_id)
                .where(pfw_attempt.c.run == run, pfw_wrapper.c.wrapnum.in_(chunk), task.c.status == 0)
                .group_by(pfw_wrapper.c.wrapnum)
                .subquery()
            )
            here = and_(file_archive_info.c.desfile_id == desfile.c.id, file_archive_info.c.archive_name == archive)
            query = (
                select_files()
                .add_columns(*packed_columns(), good.c.wrapnum)
                .join(pfw_exec, pfw_exec.c.task_id == desfile.c.wgb_task_id)
                .join(good, good.c.task_id == pfw_exec.c.pfw_wrapper_task_id)
                .join(file_archive_info, here)
                .order_by(desfile.c.path)
            )
            for row in connection.execute(query):
                yield row.wrapnum, file_row(*row[:-1])


def filetypes(db: Registry) -> list[str]:
    """Return the filetypes that recorded files have."""
    with db.read() as connection:
        return list(connection.execute(select(desfile.c.filetype).distinct().order_by(desfile.c.filetype)).scalars())


def find_producer(db: Registry, file_id: int) -> Origin | None:
    """Return the execution that made a file; None if no run did."""
    maker = select(
        task.c.id, task.c.info_table, task.c.exec_host, task.c.start_time, task.c.end_time, pfw_exec, pfw_attempt.c.run
    )
    wrapper_id = func.coalesce(pfw_exec.c.pfw_wrapper_task_id, task.c.id)
    query = (
        maker.add_columns(pfw_wrapper.c.wrapnum, pfw_wrapper.c.modname)
        .select_from(desfile)
        .join(task, task.c.id == desfile.c.wgb_task_id)
        .outerjoin(pfw_exec, pfw_exec.c.task_id == task.c.id)
        .join(pfw_wrapper, pfw_wrapper.c.task_id == wrapper_id)
        .join(pfw_attempt, pfw_attempt.c.id == desfile.c.pfw_attempt_id)
        .where(desfile.c.id == file_id)
    )
    with db.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else _origin(row)


def find_producer_inputs(db: Registry, file_id: int) -> list[FileRow]:
    """Return the files that were read by the execution that made a file."""
    maker = select(desfile.c.wgb_task_id).where(desfile.c.id == file_id).scalar_subquery()
    used = and_(opm_used.c.desfile_id == desfile.c.id, opm_used.c.task_id == maker)
    with db.read() as connection:
        return list(file_rows(connection, select_files().join(opm_used, used).order_by(desfile.c.path)))


def select_files() -> Select[Any]:
    """Return a query for files, as rows for :func:`file_rows`."""
    file = desfile.c
    columns = select(file.id, file.path, file.filetype, file.filesize, file.sha256, file.metadata, pfw_attempt.c.run)
    return columns.select_from(desfile).outerjoin(pfw_attempt, pfw_attempt.c.id == file.pfw_attempt_id)


def file_rows(connection: Connection, query: Select[Any]) -> Iterator[FileRow]:
    """Return the files of a query."""
    return starmap(file_row, connection.execute(query).all())


def file_row(
    id_: int, path: str, filetype: str, size: int, sha256: str, metadata: Any, run: str | None, *packed: Any
) -> FileRow:
    """Return the file of a row, or of as many values in this order."""
    return FileRow(
        id=id_, path=path, filetype=filetype, size=size, sha256=sha256, metadata=metadata or {}, run=run,
        packed=packed_form(packed) if packed else None,
    )  # fmt: skip


def packed_columns() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that say in which form an archive keeps a file."""
    return file_archive_info.c.compression, file_archive_info.c.filesize, file_archive_info.c.sha256


def packed_form(values: Sequence[Any]) -> tuple[str, int, str] | None:
    """Return suffix, size and sha256 of a compressed copy from these columns; None for one that is not compressed."""
    return (values[0], values[1], values[2]) if values and values[0] else None


def _origin(row: Row[Any]) -> Origin:
    return Origin(
        task_id=row.id,
        run=row.run,
        wrapnum=row.wrapnum,
        module=row.modname,
        program=row.name,
        args=row.cmdargs,
        host=row.exec_host,
        start_time=row.start_time,
        end_time=row.end_time,
    )
