"""Verifications: calls that were repeated apart from their runs, and how their files compare with the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select

from framework.registry.database.connection import Registry
from framework.registry.database.ids import reserve
from framework.registry.questions.attempts import NewSoftware, insert_software
from framework.registry.schema.tables import verification, verification_file

#: So many ids one statement asks for, within what every SQLite takes.
_CHUNK = 500


@dataclass(frozen=True, kw_only=True)
class FileVerdict:
    """A file that was made again."""

    path: str
    #: identical, volatile, close, different, missing, new or not compared.
    verdict: str
    #: The first difference in words, or what differs and may.
    difference: str | None = None
    filetype: str | None = None
    desfile_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A call that was repeated."""

    pfw_attempt_id: int
    wrapnum: int
    #: identical, volatile, close, different, failed, or not compared where there is nothing to compare.
    verdict: str
    difference: str | None
    #: What the repeated call ended with.
    status: int
    verify_time: float
    #: Seconds.
    wallclock: float
    operator: str
    exec_host: str
    #: What its programs ran in: same as recorded, differs, or none for the machine as it is.
    software: str | None
    framework_sha256: str | None
    files: tuple[FileVerdict, ...] = ()


@dataclass(frozen=True)
class Verified:
    """The newest word on a file."""

    verdict: str
    difference: str | None
    verify_time: float
    operator: str


def record_verification(db: Registry, done: Verification, framework: NewSoftware) -> None:
    """Put a repeated call on record, and with what it was repeated."""
    of_call = {key: value for key, value in asdict(done).items() if key != "files"}
    with db.write() as connection:
        insert_software(connection, framework)
        id_ = reserve(connection, "verification", 1)
        connection.execute(verification.insert(), [{"id": id_, **of_call}])
        if done.files:
            rows = [{"verification_id": id_, **asdict(file)} for file in done.files]
            connection.execute(verification_file.insert(), rows)


def verifications(db: Registry, attempt_id: int) -> dict[int, Verification]:
    """The newest verification of each call of a run that was repeated."""
    newest = (
        select(func.max(verification.c.id))
        .where(verification.c.pfw_attempt_id == attempt_id)
        .group_by(verification.c.wrapnum)
    )
    query = verification.select().where(verification.c.id.in_(newest)).order_by(verification.c.wrapnum)
    with db.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    return {row["wrapnum"]: Verification(**{key: row[key] for key in row if key != "id"}) for row in rows}


def verified_files(db: Registry, ids: Sequence[int]) -> Mapping[int, Verified]:
    """The newest word on each of some files that were made again."""
    found: dict[int, Verified] = {}
    file = verification_file.c
    about = (file.desfile_id, file.verdict, file.difference, verification.c.verify_time, verification.c.operator)
    with db.read() as connection:
        for at in range(0, len(ids), _CHUNK):
            query = (
                select(*about)
                .join(verification, verification.c.id == file.verification_id)
                .where(file.desfile_id.in_(ids[at : at + _CHUNK]))
                .order_by(verification.c.id)
            )
            for id_, *row in connection.execute(query):
                found[id_] = Verified(*row)
    return found
