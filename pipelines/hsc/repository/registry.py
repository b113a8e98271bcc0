"""The registry file of a repository: which raw images and calibrations there are, without opening any."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.header import CalibrationFacts, RawFacts

TABLES = """
create table raw (
    visit integer not null, ccd integer not null, filter text not null, field text not null,
    pointing integer not null, dateobs text not null,
    primary key (visit, ccd)
);
create table calibration (
    kind text not null, ccd integer not null, filter text not null, calibdate text not null,
    valid_from text not null, valid_to text not null,
    primary key (kind, ccd, filter, calibdate)
);
"""


class Registry:
    """What the registry file says."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> "Registry":
        """Refused at once if it is none."""
        registry = cls(path)
        registry._ask("select count(*) from raw, calibration", {})
        return registry

    def raw(self, visit: int, ccd: int) -> RawFacts:
        columns = ", ".join(field.name for field in fields(RawFacts))
        rows = self._ask(
            f"select {columns} from raw where visit = :visit and ccd = :ccd",  # noqa: S608 - our own names
            {"visit": visit, "ccd": ccd},
        )
        if not rows:
            raise InputError(f"{self.path} knows no raw image visit={visit} ccd={ccd}")
        return RawFacts(**dict(zip([field.name for field in fields(RawFacts)], rows[0], strict=True)))

    def calibration(self, kind: str, raw: RawFacts) -> dict[str, str | int]:
        """The data id of the newest that is valid on the day of the image."""
        rows = self._ask(
            """select filter, calibdate
                 from calibration
                where kind = :kind and ccd = :ccd and filter in ('', :filter)
                  and :dateobs between valid_from and valid_to
                order by calibdate desc limit 1""",
            {"kind": kind, "ccd": raw.ccd, "filter": raw.filter, "dateobs": raw.dateobs},
        )
        if not rows:
            raise InputError(f"no {kind} for ccd={raw.ccd} filter={raw.filter} is valid on {raw.dateobs}: {self.path}")
        return {"ccd": raw.ccd, "filter": rows[0][0] or "NONE", "calibdate": rows[0][1]}

    def _ask(self, sql: str, values: dict[str, str | int]) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path} is no registry: {error}") from error


def write_registry(path: Path, raws: Iterable[RawFacts], calibrations: Iterable[CalibrationFacts]) -> None:
    """The same facts give the same bytes."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as connection, connection:
        connection.executescript(TABLES)
        _insert(connection, "raw", sorted(map(astuple, raws)))
        _insert(connection, "calibration", sorted(map(astuple, calibrations)))
    part.replace(path)


def _insert(connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        try:
            connection.execute(f"insert into {table} values ({marks})", row)  # noqa: S608 - our own names
        except sqlite3.IntegrityError as error:
            raise InputError(f"{table} is listed twice: {', '.join(map(str, row))}") from error
