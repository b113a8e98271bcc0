"""Verifications: calls that were repeated apart from their runs, and how their files compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import func, select

from framework.registry.database.chunks import chunks
from framework.registry.database.connection import Registry
from framework.registry.database.ids import reserve
from framework.registry.questions.attempts import NewSoftware, insert_software
from framework.registry.schema.tables import verification, verification_file


@dataclass(frozen=True, kw_only=True)
class FileVerdict:
    """Comparison of a file that was made again with the recorded one."""

    path: str
    #: Verdict: identical, volatile, close, different, missing, new or not compared.
    verdict: str
    #: Description of the first difference, or of tolerated ones.
    difference: str | None = None
    filetype: str | None = None
    desfile_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A repeated call, and its files compared."""

    pfw_attempt_id: int
    wrapnum: int
    #: Verdict: identical, volatile, close, different, failed, or not compared where there are no files.
    verdict: str
    difference: str | None
    #: Exit code of the repeated call.
    status: int
    verify_time: float
    #: Seconds.
    wallclock: float
    operator: str
    exec_host: str
    #: Software of its programs: same as recorded, differs, or none without an environment.
    software: str | None
    framework_sha256: str | None
    files: tuple[FileVerdict, ...] = ()


@dataclass(frozen=True)
class LatestVerdict:
    """Verdict of the latest verification of a file."""

    verdict: str
    difference: str | None
    verify_time: float
    operator: str


def record_verification(db: Registry, done: Verification, framework: NewSoftware) -> None:
    """Record a repeated call, and the software that repeated it."""
    of_call = {key: value for key, value in asdict(done).items() if key != "files"}
    with db.write() as connection:
        insert_software(connection, framework)
        id_ = reserve(connection, "verification", 1)
        connection.execute(verification.insert(), [{"id": id_, **of_call}])
        if done.files:
            rows = [{"verification_id": id_, **asdict(file)} for file in done.files]
            connection.execute(verification_file.insert(), rows)


def verifications(db: Registry, attempt_id: int) -> dict[int, Verification]:
    """Return the latest verification of each repeated call of a run, by number."""
    newest = (
        select(func.max(verification.c.id))
        .where(verification.c.pfw_attempt_id == attempt_id)
        .group_by(verification.c.wrapnum)
    )
    query = verification.select().where(verification.c.id.in_(newest)).order_by(verification.c.wrapnum)
    with db.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    return {row["wrapnum"]: Verification(**{key: row[key] for key in row if key != "id"}) for row in rows}


def verified_files(db: Registry, ids: Sequence[int]) -> Mapping[int, LatestVerdict]:
    """Return the latest verdict on each file that was made again, by the ids of files."""
    found: dict[int, LatestVerdict] = {}
    file = verification_file.c
    about = (file.desfile_id, file.verdict, file.difference, verification.c.verify_time, verification.c.operator)
    with db.read() as connection:
        for chunk in chunks(ids):
            query = (
                select(*about)
                .join(verification, verification.c.id == file.verification_id)
                .where(file.desfile_id.in_(chunk))
                .order_by(verification.c.id)
            )
            for id_, *row in connection.execute(query):
                found[id_] = LatestVerdict(*row)
    return found
