"""Files: which are there, which have this metadata, and where one comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, Text, and_, cast, false, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from framework.errors import FrameworkError
from framework.registry.database import Registry
from framework.registry.schema import (
    desfile,
    file_archive_info,
    opm_used,
    pfw_attempt,
    pfw_exec,
    pfw_wrapper,
    proctag,
    task,
)

#: How many paths one statement asks for, within what every SQLite takes.
_CHUNK = 500

#: What can be asked for beside the metadata.
_COLUMNS: dict[str, ColumnElement[Any]] = {
    "filename": desfile.c.filename,
    "path": desfile.c.path,
    "run": pfw_attempt.c.run,
    "sha256": desfile.c.sha256,
}


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
            query = _files().add_columns(*packed_columns()).join(file_archive_info, here)
            query = query.where(desfile.c.path.in_(chunk))
            found |= {file.path: file for file in _rows(connection, query)}
    return found


def files_of_attempt(db: Registry, attempt_id: int) -> dict[str, FileRow]:
    """Everything that a run made, by path."""
    query = _files().where(desfile.c.pfw_attempt_id == attempt_id).order_by(desfile.c.path)
    with db.read() as connection:
        return {file.path: file for file in _rows(connection, query)}


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


def files_with_ids(connection: Connection, ids: Sequence[int]) -> list[FileRow]:
    """The files of these ids, in no order."""
    found: list[FileRow] = []
    for at in range(0, len(ids), _CHUNK):
        found += _rows(connection, _files().where(desfile.c.id.in_(ids[at : at + _CHUNK])))
    return found


def at_paths(db: Registry, paths: Iterable[str]) -> dict[str, FileRow]:
    """Those of the paths that runs have made, kept or not."""
    wanted = iter(paths)
    found: dict[str, FileRow] = {}
    with db.read() as connection:
        while chunk := list(islice(wanted, _CHUNK)):
            query = _files().where(desfile.c.path.in_(chunk), desfile.c.path_version == "")
            found |= {file.path: file for file in _rows(connection, query)}
    return found


def find(db: Registry, filetype: str, conditions: Mapping[str, Sequence[str]] | None = None) -> list[FileRow]:
    """Files of a type, in order of their paths, of which each key has one of its values; ``%`` stands for anything.

    Keys are those of the metadata, and ``filename``, ``path``, ``run``, ``sha256``.
    """
    query = _files().where(desfile.c.filetype == filetype).order_by(desfile.c.path, desfile.c.path_version)
    for key, values in (conditions or {}).items():
        query = query.where(or_(false(), *(_condition(db.dialect, key, value) for value in values)))
    with db.read() as connection:
        return list(_rows(connection, query))


class Choice(Struct, frozen=True, kw_only=True):
    """Which files are meant: those that fit all that is said."""

    runs: tuple[str, ...] = ()
    tag: str = ""
    filetypes: tuple[str, ...] = ()
    #: Keys as for ``find``.
    where: Mapping[str, Sequence[str]] = {}
    #: Made, or brought in, before this time (seconds since 1970).
    before: float | None = None


def kept_in(db: Registry, archive: str, choice: Choice) -> Iterator[tuple[FileRow, Copy]]:
    """The chosen files of an archive, in order of their ids, each with the archive's copy."""
    place = file_archive_info.c
    query = (
        select_copies()
        .add_columns(desfile.c.metadata, pfw_attempt.c.run)
        .outerjoin(pfw_attempt, pfw_attempt.c.id == desfile.c.pfw_attempt_id)
        .where(place.archive_name == archive)
        .order_by(desfile.c.id)
    )
    if choice.runs:
        query = query.where(pfw_attempt.c.run.in_(choice.runs))
    if choice.tag:
        query = query.where(
            desfile.c.pfw_attempt_id.in_(select(proctag.c.pfw_attempt_id).where(proctag.c.tag == choice.tag))
        )
    if choice.filetypes:
        query = query.where(desfile.c.filetype.in_(choice.filetypes))
    if choice.before is not None:
        query = query.where(desfile.c.created_date < choice.before)
    for key, values in choice.where.items():
        query = query.where(or_(false(), *(_condition(db.dialect, key, value) for value in values)))
    with db.read() as connection:
        for row in connection.execute(query):
            about = (row.id, row.path, row.filetype, row.filesize, row.sha256, row.metadata, row.run)
            yield next(_rows_of([about])), copy_in(row)


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
                _files()
                .add_columns(*packed_columns(), good.c.wrapnum)
                .join(pfw_exec, pfw_exec.c.task_id == desfile.c.wgb_task_id)
                .join(good, good.c.task_id == pfw_exec.c.pfw_wrapper_task_id)
                .join(file_archive_info, here)
                .order_by(desfile.c.path)
            )
            for row in connection.execute(query):
                yield row.wrapnum, next(_rows_of([row[:-1]]))


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
        return list(_rows(connection, _files().join(opm_used, used).order_by(desfile.c.path)))


def _files() -> Select[Any]:
    file = desfile.c
    columns = select(file.id, file.path, file.filetype, file.filesize, file.sha256, file.metadata, pfw_attempt.c.run)
    return columns.select_from(desfile).outerjoin(pfw_attempt, pfw_attempt.c.id == file.pfw_attempt_id)


def _rows(connection: Connection, query: Select[Any]) -> Iterator[FileRow]:
    return _rows_of(connection.execute(query))


def _rows_of(rows: Iterable[Any]) -> Iterator[FileRow]:
    for id_, path, filetype, size, sha256, metadata, run, *packed in rows:
        yield FileRow(
            id=id_, path=path, filetype=filetype, size=size, sha256=sha256, metadata=metadata or {}, run=run,
            packed=packed_in(packed),
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


# ---------------------------------------------------------------- conditions on metadata


def _condition(dialect: str, key: str, value: str) -> ColumnElement[bool]:
    if key in _COLUMNS:
        column = _COLUMNS[key]
        return column.like(value) if "%" in value else column == value
    if '"' in key or not key:
        raise FrameworkError(f"{key!r} is not a metadata key")
    return _of_jsonb(key, value) if dialect == "postgresql" else _of_json_text(key, value)


def _of_jsonb(key: str, value: str) -> ColumnElement[bool]:
    field = desfile.c.metadata.op("->")(literal(key, Text))
    if "%" in value:
        return func.jsonb_extract_path_text(desfile.c.metadata, literal(key, Text)).like(value)
    return or_(*(field == cast(literal(json.dumps(meant), Text), JSONB) for meant in _meanings(value)))


def _of_json_text(key: str, value: str) -> ColumnElement[bool]:
    place = literal(f'$."{key}"', Text)
    field, kind = func.json_extract(desfile.c.metadata, place), func.json_type(desfile.c.metadata, place)
    if "%" in value:
        return cast(field, Text).like(value)
    return or_(*(and_(kind.in_(_json_types(meant)), field == meant) for meant in _meanings(value)))


def _meanings(value: str) -> list[str | float | bool]:
    """A word that somebody typed can stand for text, and for a number or a truth value too."""
    try:
        meant = json.loads(value, parse_constant=str)
    except ValueError:
        return [value]
    return [value, meant] if isinstance(meant, (int, float)) else [value]


def _json_types(meant: str | float | bool) -> tuple[str, ...]:
    if isinstance(meant, bool):
        return ("true",) if meant else ("false",)
    return ("text",) if isinstance(meant, str) else ("integer", "real")
