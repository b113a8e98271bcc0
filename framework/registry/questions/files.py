"""Files: which are there, which have this metadata, and where one comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, starmap
from typing import Any

from msgspec import Struct
from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, Text, and_, column, func, literal, select

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

#: How many paths one statement asks for, within what every SQLite takes.
_CHUNK = 500


class FileRow(Struct, frozen=True, kw_only=True, gc=False):
    """A file as the registry knows it."""

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
    """A file as an archive keeps it."""

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


def existing(db: Registry, archive: str, paths: Sequence[str]) -> dict[str, FileRow]:
    """Those of the paths that the archive has."""
    wanted = iter(paths)
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        if len(paths) > _CHUNK and db.dialect == "sqlite" and _none_beside(connection, paths):
            return {}
        while chunk := list(islice(wanted, _CHUNK)):
            here = and_(file_archive_info.c.desfile_id == desfile.c.id, file_archive_info.c.archive_name == archive)
            query = select_files().add_columns(*packed_columns()).join(file_archive_info, here)
            query = query.where(desfile.c.path.in_(chunk))
            found |= {file.path: file for file in file_rows(connection, query)}
    return found


def files_of_attempt(db: Registry, attempt_id: int) -> dict[str, FileRow]:
    """Everything that a run made, by path."""
    query = select_files().where(desfile.c.pfw_attempt_id == attempt_id).order_by(desfile.c.path)
    with db.read() as connection:
        return {file.path: file for file in file_rows(connection, query)}


def copies_of(db: Registry, ids: Sequence[int]) -> dict[int, list[Copy]]:
    """The copies that archives have of each of some files."""
    found: dict[int, list[Copy]] = {}
    with db.read() as connection:
        for at in range(0, len(ids), _CHUNK):
            here = file_archive_info.c.desfile_id.in_(ids[at : at + _CHUNK])
            query = select_copies().where(here).order_by(file_archive_info.c.archive_name)
            for row in connection.execute(query):
                found.setdefault(row.id, []).append(copy_in(row))
    return found


def select_copies() -> Select[Any]:
    """The copies in archives, for ``copy_in``."""
    place, file = file_archive_info.c, desfile.c
    of_copy = (
        place.archive_name,
        place.compression,
        place.filesize.label("own_size"),
        place.sha256.label("own_sha256"),
    )
    columns = select(file.id, file.path, file.filetype, file.filesize, file.sha256, *of_copy)
    return columns.join(file_archive_info, place.desfile_id == file.id)


def copy_in(row: Row[Any]) -> Copy:
    """What one of their rows says."""
    if row.compression is None:
        return Copy(archive=row.archive_name, path=row.path, size=row.filesize, sha256=row.sha256)
    path = row.path + row.compression
    return Copy(archive=row.archive_name, path=path, size=row.own_size, sha256=row.own_sha256, ending=row.compression)


def _none_beside(connection: Connection, paths: Sequence[str]) -> bool:
    """Whether nothing at all lies where these paths have their directory in common, as in that of a new run.

    Only where texts are ordered by their bytes, so that one look into the index can tell.
    """
    directory = os.path.commonpath([os.path.dirname(min(paths)), os.path.dirname(max(paths))])
    below = and_(desfile.c.path > f"{directory}/", desfile.c.path < f"{directory}0")  # "0" follows "/"
    return bool(directory) and connection.execute(select(desfile.c.id).where(below).limit(1)).first() is None


def files_with_ids(connection: Connection, ids: Iterable[int]) -> list[FileRow]:
    """The files of these ids, in no order."""
    wanted = wanted_ids(connection.dialect.name, ids)
    return list(file_rows(connection, select_files().where(desfile.c.id.in_(wanted))))


def wanted_ids(dialect: str, ids: Iterable[int]) -> Select[Any]:
    """Any number of ids as one parameter."""
    return select(wanted_id(dialect, ids))


def wanted_id(dialect: str, ids: Iterable[int]) -> ColumnElement[int]:
    """The column of a table of these ids; joining it costs a server less than looking among them, if none is twice."""
    if dialect == "postgresql":
        numbers = func.unnest(literal(list(ids), Numbers())).table_valued(column("id", BigInteger), name="wanted")
        return numbers.render_derived().c.id
    texts = func.json_each(literal(json.dumps(list(ids)), Text))
    return texts.table_valued(column("value", BigInteger), name="wanted").c.value


def at_paths(db: Registry, paths: Iterable[str]) -> dict[str, FileRow]:
    """Those of the paths that runs have made, kept or not."""
    wanted = iter(paths)
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        while chunk := list(islice(wanted, _CHUNK)):
            query = select_files().where(desfile.c.path.in_(chunk), desfile.c.path_version == "")
            found |= {file.path: file for file in file_rows(connection, query)}
    return found


def with_contents(db: Registry, sha256: str, size: int) -> list[FileRow]:
    """The files that have these contents, or of which an archive has such a copy, in order of their paths."""
    file, place = desfile.c, file_archive_info.c
    copies = select(place.desfile_id).where(place.sha256 == sha256, place.filesize == size)
    same = (select(file.id).where(file.sha256 == sha256, file.filesize == size)).union(copies)
    with db.read() as connection:
        return list(file_rows(connection, select_files().where(file.id.in_(same)).order_by(file.path)))


def made_by(db: Registry, archive: str, run: str, calls: Iterable[int]) -> Iterator[tuple[int, FileRow]]:
    """The files that an archive has of some calls of a run: of the newest execution of each that ended well."""
    wanted = iter(calls)
    with db.read() as connection:
        while chunk := list(islice(wanted, _CHUNK)):
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
    """The types of which there are files."""
    with db.read() as connection:
        return list(connection.execute(select(desfile.c.filetype).distinct().order_by(desfile.c.filetype)).scalars())


def produced_by(db: Registry, file_id: int) -> Origin | None:
    """The execution that made a file; none if no run did."""
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


def inputs_of(db: Registry, file_id: int) -> list[FileRow]:
    """What the execution that made a file has read."""
    maker = select(desfile.c.wgb_task_id).where(desfile.c.id == file_id).scalar_subquery()
    used = and_(opm_used.c.desfile_id == desfile.c.id, opm_used.c.task_id == maker)
    with db.read() as connection:
        return list(file_rows(connection, select_files().join(opm_used, used).order_by(desfile.c.path)))


def select_files() -> Select[Any]:
    """A query for files, as rows of which :func:`file_rows` makes files."""
    file = desfile.c
    columns = select(file.id, file.path, file.filetype, file.filesize, file.sha256, file.metadata, pfw_attempt.c.run)
    return columns.select_from(desfile).outerjoin(pfw_attempt, pfw_attempt.c.id == file.pfw_attempt_id)


def file_rows(connection: Connection, query: Select[Any]) -> Iterator[FileRow]:
    """The files that a query gives."""
    return starmap(file_row, connection.execute(query).all())


def file_row(
    id_: int, path: str, filetype: str, size: int, sha256: str, metadata: Any, run: str | None, *packed: Any
) -> FileRow:
    """The file of one such row, or of as many values in this order."""
    return FileRow(
        id=id_, path=path, filetype=filetype, size=size, sha256=sha256, metadata=metadata or {}, run=run,
        packed=packed_in(packed) if packed else None,
    )  # fmt: skip


def packed_columns() -> tuple[ColumnElement[Any], ...]:
    """What tells in which form an archive keeps a file."""
    return file_archive_info.c.compression, file_archive_info.c.filesize, file_archive_info.c.sha256


def packed_in(values: Sequence[Any]) -> tuple[str, int, str] | None:
    """What their values say, where they were asked for."""
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
