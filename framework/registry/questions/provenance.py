"""Provenance of a whole run: its executions, its files, and the links between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from framework.registry.database.chunks import chunks
from framework.registry.database.connection import Registry
from framework.registry.questions.software import Stack, stacks_of, submitters_of
from framework.registry.questions.task_names import task_names
from framework.registry.schema.tables import (
    desfile,
    file_archive_info,
    opm_used,
    opm_was_derived_from,
    opm_was_generated_by,
    pfw_attempt,
    pfw_exec,
    pfw_module,
    pfw_wrapper,
    task,
)


@dataclass(frozen=True, slots=True)
class Activity:
    """An execution: the run, a call, or a program of a call."""

    id: int
    #: Name that is the same in every registry.
    name: str
    #: ``run``, ``call`` or ``program``.
    kind: str
    #: Activity that started it; None for the run.
    parent: int | None
    start: float | None
    end: float | None
    status: int | None
    host: str | None
    #: Module, number and keys of a call.
    module: str = ""
    number: int = 0
    keys: Mapping[str, str] | None = None
    #: Name, reported version, command line and software stack of a program.
    program: str = ""
    version: str | None = None
    args: str | None = None
    software: str | None = None


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file that the run made or read."""

    id: int
    path: str
    #: Checksum of a file outside of archives; empty within.
    version: str
    filename: str
    filetype: str
    size: int | None
    sha256: str | None
    metadata: Mapping[str, Any]
    created: float | None
    #: Whether the run made it.
    is_own: bool
    archives: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """A run with its executions, its files and the links between them."""

    #: The row of ``pfw_attempt``.
    attempt: Row[Any]
    modules: tuple[str, ...]
    activities: Mapping[int, Activity]
    files: Mapping[int, Artefact]
    #: Pairs of activity and file.
    used: Sequence[tuple[int, int]]
    made: Sequence[tuple[int, int]]
    #: Pairs of child and parent.
    derived: Sequence[tuple[int, int]]
    #: Software stacks of the programs, and of the submission, by checksum.
    software: Mapping[str, Stack]
    submitters: Mapping[str, Stack]


def provenance(db: Registry, attempt_id: int) -> Provenance:
    """Return the provenance of a run, read in one transaction."""
    with db.read() as connection:
        attempt = connection.execute(pfw_attempt.select().where(pfw_attempt.c.id == attempt_id)).one()
        activities = {each.id: each for each in _activities(connection, attempt)}
        used = _pairs(connection, opm_used.c.task_id, opm_used.c.desfile_id, list(activities))
        made = _pairs(connection, opm_was_generated_by.c.task_id, opm_was_generated_by.c.desfile_id, list(activities))
        own = [id_ for _, id_ in made]
        link = opm_was_derived_from.c
        derived = _pairs(connection, link.child_desfile_id, link.parent_desfile_id, own)
        wanted = dict.fromkeys([*own, *(file for _, file in used), *(parent for _, parent in derived)])
        modules = select(pfw_module.c.modname).where(pfw_module.c.pfw_attempt_id == attempt_id)
        return Provenance(
            attempt=attempt,
            modules=tuple(connection.execute(modules.order_by(pfw_module.c.modnum)).scalars()),
            activities=activities,
            files={file.id: file for file in _artefacts(connection, attempt_id, list(wanted))},
            used=used,
            made=made,
            derived=derived,
            software=stacks_of(connection, attempt_id),
            submitters=submitters_of(connection, attempt_id),
        )


def _activities(connection: Connection, attempt: Row[Any]) -> Iterator[Activity]:
    names = task_names(connection, attempt.id)
    about = task.c
    when = (about.start_time.label("start"), about.end_time.label("end"), about.status, about.exec_host.label("host"))
    call, one = pfw_wrapper.c, pfw_exec.c
    (root,) = connection.execute(select(about.id, *when).where(about.id == attempt.task_id)).mappings()
    yield Activity(name=names[attempt.task_id], kind="run", parent=None, **root)
    of_call = (call.modname.label("module"), call.wrapnum.label("number"), call.wrapkeys.label("keys"))
    calls = select(call.task_id.label("id"), *when, *of_call).join(task, about.id == call.task_id)
    calls = calls.where(call.pfw_attempt_id == attempt.id).order_by(call.wrapnum, call.task_id)
    for row in connection.execute(calls).mappings():
        known = {**row, "keys": json.loads(row["keys"] or "{}")}
        yield Activity(name=names[row["id"]], kind="call", parent=attempt.task_id, **known)
    of_program = (one.name.label("program"), one.version, one.cmdargs.label("args"))
    within = (one.pfw_wrapper_task_id.label("parent"), one.software_sha256.label("software"))
    programs = select(one.task_id.label("id"), *when, *of_program, *within).join(task, about.id == one.task_id)
    programs = programs.where(one.pfw_attempt_id == attempt.id).order_by(one.task_id)
    for row in connection.execute(programs).mappings():
        yield Activity(name=names[row["id"]], kind="program", **row)


def _pairs(connection: Connection, near: Any, far: Any, ids: Sequence[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for chunk in chunks(ids):
        query = select(near, far).where(near.in_(chunk)).order_by(near, far)
        found += [(a, b) for a, b in connection.execute(query)]
    return found


def _artefacts(connection: Connection, attempt_id: int, ids: Sequence[int]) -> Iterator[Artefact]:
    file, place = desfile.c, file_archive_info.c
    for chunk in chunks(ids):
        archives: dict[int, list[str]] = {}
        kept = select(place.desfile_id, place.archive_name).where(place.desfile_id.in_(chunk))
        for id_, name in connection.execute(kept.order_by(place.archive_name)):
            archives.setdefault(id_, []).append(name)
        columns = (file.id, file.path, file.path_version.label("version"), file.filename, file.filetype, file.sha256)
        others = (file.filesize.label("size"), file.created_date.label("created"), file.metadata)
        query = select(*columns, *others, file.pfw_attempt_id.label("made_by")).where(file.id.in_(chunk))
        for row in connection.execute(query.order_by(file.path, file.path_version)).mappings():
            known = {key: row[key] for key in row if key not in ("metadata", "made_by")}
            yield Artefact(
                metadata=row["metadata"] or {},
                is_own=row["made_by"] == attempt_id,
                archives=tuple(archives.get(row["id"], ())),
                **known,
            )
