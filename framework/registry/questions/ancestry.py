"""Ancestors and descendants of a file, and the calls between them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from operator import attrgetter
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Connection, Select, and_, literal, select

from framework.errors import FrameworkError
from framework.model.gc_pause import no_garbage_collection
from framework.registry.database.connection import Registry
from framework.registry.questions.files import FileRow, file_row, files_with_ids, select_files, wanted_id
from framework.registry.schema.tables import (
    desfile,
    opm_used,
    opm_was_derived_from,
    opm_was_generated_by,
    pfw_attempt,
    pfw_exec,
    pfw_wrapper,
)


class UnknownFile(FrameworkError):  # noqa: N818
    """No file has this name, or several have it."""


class FileLink(Struct, frozen=True, gc=False):
    """A derivation: the child file came from the parent file."""

    child: int
    parent: int
    #: The execution that read the parent and wrote the child; none where only the pipeline says so.
    task: int | None


@dataclass(frozen=True, kw_only=True)
class Maker:
    """The call that an execution belongs to."""

    run: str
    wrapnum: int
    module: str
    keys: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.module} ({', '.join(self.words)})"

    @property
    def words(self) -> tuple[str, ...]:
        """Return the keys of the call, which tell it from others of its module."""
        return (f"call {self.wrapnum} of {self.run}", *(f"{key}={value}" for key, value in self.keys.items()))


@dataclass(frozen=True, kw_only=True)
class Ancestry:
    """A file with all its ancestors, or with all its descendants."""

    first: int
    files: Mapping[int, FileRow]
    #: Fewest steps from the first file.
    depth: Mapping[int, int]
    links: tuple[FileLink, ...]
    #: Calls by the ids of their executions.
    makers: Mapping[int, Maker]
    #: Execution that made each file; files from outside have none.
    made_by: Mapping[int, int]

    def maker(self, link: FileLink) -> Maker | None:
        return None if link.task is None else self.makers.get(link.task)

    def maker_of(self, file_id: int) -> Maker | None:
        return self.makers.get(self.made_by.get(file_id, 0))


def ancestors(db: Registry, file_id: int, depth: int | None = None) -> Ancestry:
    """Return the ancestors of a file, up to a number of steps.

    A step goes to what the file's maker read, and to what the pipeline says the file is derived from.
    """
    return _walk(db, file_id, depth, _parents, attrgetter("parent"))


def descendants(db: Registry, file_id: int, depth: int | None = None) -> Ancestry:
    """Return the descendants of a file, up to a number of steps."""
    return _walk(db, file_id, depth, _children, attrgetter("child"))


def find_file(db: Registry, name: str) -> FileRow:
    """Return the file with a path, in an archive or outside, or the only one with a base name."""
    with db.read() as connection:
        ids = [
            *connection.execute(
                select(desfile.c.id).where(desfile.c.path == name).order_by(desfile.c.created_date.desc())
            ).scalars()
        ]
        if ids:
            return files_with_ids(connection, ids[:1])[0]
        if "/" not in name:
            ids = [*connection.execute(select(desfile.c.id).where(desfile.c.filename == name).limit(6)).scalars()]
        if len(ids) == 1:
            return files_with_ids(connection, ids)[0]
        if not ids:
            raise UnknownFile(
                f"the registry knows no file {name!r}: give its path in the archive (fw query lists them)"
            )
        paths = ", ".join(sorted(file.path for file in files_with_ids(connection, ids[:5])))
        raise UnknownFile(
            f"several files are called {name!r}, name the path of one: {paths}{', ...' if len(ids) > 5 else ''}"
        )


def _walk(db: Registry, first: int, depth: int | None, linked: Any, far_end: Any) -> Ancestry:
    """Follow the links step by step; a step takes a few statements, however many files it has."""
    depths: dict[int, int] = {}
    files: dict[int, FileRow] = {}
    made_by: dict[int, int] = {}
    links: list[FileLink] = []
    edge, steps = [first], 0
    with no_garbage_collection(), db.read() as connection:
        while edge:
            depths.update(dict.fromkeys(edge, steps))
            for *row, task in connection.execute(_files(db.dialect, edge)).all():
                files[row[0]] = file_row(*row)
                if task is not None:
                    made_by[row[0]] = task
            if steps == depth:
                break
            steps += 1
            # No link is found twice: a file is at the edge once, and each question names a pair once.
            found = list(linked(connection, db.dialect, edge, made_by))
            links += found
            edge = [each for each in dict.fromkeys(map(far_end, found)) if each not in depths]
        tasks = {*made_by.values(), *(link.task for link in links if link.task is not None)}
        makers = dict(_makers(connection, db.dialect, tasks))
    return Ancestry(first=first, files=files, depth=depths, links=tuple(links), makers=makers, made_by=made_by)


def _files(dialect: str, ids: Collection[int]) -> Select[Any]:
    """Return a query for files, with the execution that made each in the last column."""
    return _among(select_files().add_columns(desfile.c.wgb_task_id), desfile.c.id, dialect, ids)


def _among(query: Select[Any], column: Column[Any], dialect: str, ids: Collection[int]) -> Select[Any]:
    """Return a query for the rows in which a column has one of some ids; no id may be given twice."""
    wanted = wanted_id(dialect, ids)
    here = wanted == column
    if dialect == "postgresql" and ids:
        # Nothing new, but what belongs together has ids in a row: to read on is faster than to look each up.
        here = and_(here, column.between(min(ids), max(ids)))
    return query.join(wanted.table, here)


def _parents(
    connection: Connection, dialect: str, ids: Collection[int], made_by: Mapping[int, int]
) -> Iterator[FileLink]:
    children = defaultdict(list)
    for id_ in ids:
        if id_ in made_by:
            children[made_by[id_]].append(id_)
    read = _among(select(opm_used.c.task_id, opm_used.c.desfile_id), opm_used.c.task_id, dialect, children)
    for task_id, parent in connection.execute(read).all():
        for child in children[task_id]:
            yield FileLink(child, parent, task_id)
    yield from _links(connection, _derived(opm_was_derived_from.c.child_desfile_id, dialect, ids))


def _children(connection: Connection, dialect: str, ids: Collection[int], _: Mapping[int, int]) -> Iterator[FileLink]:
    made = select(opm_was_generated_by.c.desfile_id, opm_used.c.desfile_id, opm_used.c.task_id)
    made = made.join(opm_used, opm_used.c.task_id == opm_was_generated_by.c.task_id)
    yield from _links(connection, _among(made, opm_used.c.desfile_id, dialect, ids))
    yield from _links(connection, _derived(opm_was_derived_from.c.parent_desfile_id, dialect, ids))


def _derived(near: Column[Any], dialect: str, ids: Collection[int]) -> Select[Any]:
    """Return a query for the derivations that the pipeline declares, from the children or from the parents."""
    pairs = opm_was_derived_from.c
    return _among(select(pairs.child_desfile_id, pairs.parent_desfile_id, literal(None)), near, dialect, ids)


def _links(connection: Connection, query: Select[Any]) -> Iterator[FileLink]:
    return starmap(FileLink, connection.execute(query).all())


def _makers(connection: Connection, dialect: str, tasks: Collection[int]) -> Iterator[tuple[int, Maker]]:
    call = pfw_wrapper.c
    about = (call.wrapnum, call.modname, call.wrapkeys, pfw_attempt.c.run)
    # A program's execution, or the call's own.
    of_programs = select(pfw_exec.c.task_id, *about).join(pfw_wrapper, call.task_id == pfw_exec.c.pfw_wrapper_task_id)
    of_calls = select(call.task_id, *about)
    for query, task_id in ((of_programs, pfw_exec.c.task_id), (of_calls, call.task_id)):
        whole = query.join(pfw_attempt, pfw_attempt.c.id == call.pfw_attempt_id)
        for id_, wrapnum, module, keys, run in connection.execute(_among(whole, task_id, dialect, tasks)):
            yield id_, Maker(run=run, wrapnum=wrapnum, module=module, keys=json.loads(keys or "{}"))
