"""New attempts, recorded before anything of them has started."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, exc, func, select
from sqlalchemy.dialects import postgresql, sqlite

from framework.errors import RunError
from framework.registry.database.connection import Registry
from framework.registry.database.ids import reserve
from framework.registry.schema import tables as schema


class AttemptTaken(RunError):  # noqa: N818  (what happened, not what went wrong: the caller plans the next one)
    """The attempt is in the registry already: somebody else has begun it."""


@dataclass(frozen=True, kw_only=True)
class NewModule:
    """A module, as planned."""

    name: str
    number: int
    calls: int


@dataclass(frozen=True, kw_only=True)
class NewBlock:
    """A block, as planned."""

    number: int
    name: str
    target_site: str = ""
    modules: tuple[NewModule, ...] = ()
    #: Number of jobs; None while it is not known.
    jobs: int | None = None


@dataclass(frozen=True, kw_only=True)
class NewSoftware:
    """Software that a run is submitted with."""

    #: Role: ``framework`` or ``pipeline``.
    role: str
    sha256: str
    kind: str
    name: str
    found: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class NewAttempt:
    """A run that is about to be submitted."""

    reqnum: int
    unitname: str
    attnum: int
    project: str
    pipeline: str
    operator: str
    #: The run's name, ``Ht0_r11p95``.
    run: str
    campaign: str | None = None
    jira_id: str | None = None
    #: The pipeline as typed, as rendered where it is a template, and as it was after every expansion.
    submitwcl: str | None = None
    renderedwcl: str | None = None
    fullsubmitwcl: str | None = None
    submit_host: str | None = None
    archive_path: str | None = None
    #: Seconds since 1970; None for now.
    submit_time: float | None = None
    labels: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    software: tuple[NewSoftware, ...] = ()
    blocks: tuple[NewBlock, ...] = ()


def next_attnum(db: Registry, reqnum: int, unitname: str) -> int:
    """Return the number of the next attempt at a unit, from 1."""
    attempt = schema.pfw_attempt.c
    newest = select(func.max(attempt.attnum)).where(attempt.reqnum == reqnum, attempt.unitname == unitname)
    with db.read() as connection:
        return int(connection.execute(newest).scalar() or 0) + 1


def create_attempt(db: Registry, new: NewAttempt) -> int:
    """Record a run and its planned blocks, all or nothing; return its id. Raises :class:`AttemptTaken`."""
    try:
        with db.write() as connection:
            _refuse_taken(connection, new)
            return _insert(connection, new, time.time() if new.submit_time is None else new.submit_time)
    except exc.IntegrityError as error:
        raise _taken(new) from error


def _refuse_taken(connection: Connection, new: NewAttempt) -> None:
    attempt = schema.pfw_attempt.c
    same = (attempt.reqnum == new.reqnum) & (attempt.unitname == new.unitname) & (attempt.attnum == new.attnum)
    if connection.execute(select(attempt.id).where(same | (attempt.run == new.run))).first():
        raise _taken(new)
    if new.archive_path is None:
        return
    running = (
        select(attempt.run)
        .join(schema.task, schema.task.c.id == attempt.task_id)
        .where(attempt.archive_path == new.archive_path, schema.task.c.end_time.is_(None))
    )
    if other := connection.execute(running).scalar():
        raise RunError(
            f"{other} has not ended and keeps its files in {new.archive_path} too: wait for it, restart or cancel it, "
            "or put ${attnum} into ops_run_dir"
        )


def _taken(new: NewAttempt) -> AttemptTaken:
    return AttemptTaken(f"{new.run}: attempt {new.attnum} of request {new.reqnum}, unit {new.unitname}, exists already")


def _insert(connection: Connection, new: NewAttempt, now: float) -> int:
    attempt_id = reserve(connection, "pfw_attempt", 1)
    root = reserve(connection, "task", 1 + len(new.blocks))
    tasks = range(root + 1, root + 1 + len(new.blocks))
    _insert_request(connection, new, now)
    _insert_all(connection, schema.task, [_attempt_task(new, root), *_block_tasks(new, root)])
    _insert_all(connection, schema.pfw_attempt, [_attempt_row(new, attempt_id, root, now)])
    _insert_state(connection, new, attempt_id, now)
    _insert_all(
        connection,
        schema.pfw_attempt_label,
        [{"pfw_attempt_id": attempt_id, "label": x} for x in sorted({*new.labels})],
    )
    _insert_all(
        connection,
        schema.pfw_attempt_val,
        [{"pfw_attempt_id": attempt_id, "key": key, "val": str(value)} for key, value in new.values.items()],
    )
    for one in new.software:
        insert_software(connection, one)
        of_run = {"pfw_attempt_id": attempt_id, "role": one.role, "software_sha256": one.sha256}
        _insert_all(connection, schema.pfw_attempt_software, [of_run])
    for block, task_id in zip(new.blocks, tasks, strict=True):
        _insert_block(connection, block, task_id, attempt_id)
    return attempt_id


def insert_software(connection: Connection, new: NewSoftware) -> None:
    """Record software, unless it is recorded already."""
    row = {"sha256": new.sha256, "kind": new.kind, "name": new.name, "found": dict(new.found)}
    _insert_missing(connection, schema.software_stack, {**row, "python": new.found.get("python")})


def _insert_request(connection: Connection, new: NewAttempt, now: float) -> None:
    request = {
        "reqnum": new.reqnum,
        "project": new.project,
        "jira_id": new.jira_id,
        "pipeline": new.pipeline,
        "campaign": new.campaign,
        "user_created_by": new.operator,
        "module_created_by": "submit",
        "created_date": now,
    }
    _insert_missing(connection, schema.pfw_request, request)
    _insert_missing(connection, schema.pfw_unit, {"reqnum": new.reqnum, "unitname": new.unitname})


def _insert_missing(connection: Connection, table: Table, row: Mapping[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(**row).on_conflict_do_nothing())


def _insert_all(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _attempt_task(new: NewAttempt, root: int) -> dict[str, object]:
    return {
        "id": root,
        "name": "attempt",
        "label": new.run,
        "info_table": "pfw_attempt",
        "parent_task_id": None,
        "root_task_id": root,
    }


def _block_tasks(new: NewAttempt, root: int) -> list[dict[str, object]]:
    return [
        {
            "id": root + place,
            "name": "block",
            "label": block.name,
            "info_table": "pfw_block",
            "parent_task_id": root,
            "root_task_id": root,
        }
        for place, block in enumerate(new.blocks, 1)
    ]


def _attempt_row(new: NewAttempt, attempt_id: int, root: int, now: float) -> dict[str, object]:
    return {
        "id": attempt_id,
        "reqnum": new.reqnum,
        "unitname": new.unitname,
        "attnum": new.attnum,
        "run": new.run,
        "project": new.project,
        "campaign": new.campaign,
        "pipeline": new.pipeline,
        "operator": new.operator,
        "submitwcl": new.submitwcl,
        "submitwcl_sha256": _sha256(new.submitwcl),
        "renderedwcl": new.renderedwcl,
        "renderedwcl_sha256": _sha256(new.renderedwcl),
        "fullsubmitwcl": new.fullsubmitwcl,
        "fullsubmitwcl_sha256": _sha256(new.fullsubmitwcl),
        "submit_host": new.submit_host,
        "submittime": now,
        "numexpblk": len(new.blocks),
        "archive_path": new.archive_path,
        "task_id": root,
    }


def _sha256(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _insert_state(connection: Connection, new: NewAttempt, attempt_id: int, now: float) -> None:
    state = {
        "pfw_attempt_id": attempt_id,
        "processing_state": "NEW",
        "data_state": "NEW",
        "home_archive_state": "ORIG",
    }
    connection.execute(schema.attempt_state.insert(), [state])
    change = {**state, "change_date": now, "user_changed_by": new.operator}
    connection.execute(schema.attempt_state_history.insert(), [change])


def _insert_block(connection: Connection, block: NewBlock, task_id: int, attempt_id: int) -> None:
    row = {
        "task_id": task_id,
        "blknum": block.number,
        "name": block.name,
        "modulelist": ",".join(module.name for module in block.modules),
        "numexpjobs": block.jobs,
        "target_site": block.target_site,
        "pfw_attempt_id": attempt_id,
    }
    _insert_all(connection, schema.pfw_block, [row])
    modules = [
        {
            "pfw_block_task_id": task_id,
            "modname": module.name,
            "modnum": module.number,
            "numexpcalls": module.calls,
            "pfw_attempt_id": attempt_id,
        }
        for module in block.modules
    ]
    _insert_all(connection, schema.pfw_module, modules)
