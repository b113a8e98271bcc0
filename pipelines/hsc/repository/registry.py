"""The registry file of a repository: the raw images and calibration frames, without opening any."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from pipelines.hsc.errors import InputError
from pipelines.hsc.files.header import CalibrationMetadata, RawMetadata

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


class ButlerRegistry:
    """A registry file, opened for reading."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: Path) -> "ButlerRegistry":
        """Open a registry file.

        Raises
        ------
        InputError
            If the file is no registry.
        """
        registry = cls(path)
        registry._select("select count(*) from raw, calibration", {})
        return registry

    def find_raw(self, visit: int, ccd: int) -> RawMetadata:
        """Return the metadata of a raw image.

        Raises
        ------
        InputError
            If there is none of this visit and detector.
        """
        columns = [field.name for field in fields(RawMetadata)]
        rows = self._select(
            f"select {', '.join(columns)} from raw where visit = :visit and ccd = :ccd",  # noqa: S608 - our own names
            {"visit": visit, "ccd": ccd},
        )
        if not rows:
            raise InputError(f"{self.path} knows no raw image visit={visit} ccd={ccd}")
        return RawMetadata(**dict(zip(columns, rows[0], strict=True)))

    def find_calibration(self, kind: str, raw: RawMetadata) -> dict[str, str | int]:
        """Return the data id of the newest calibration frame that is valid on the day of a raw image.

        Parameters
        ----------
        kind : str
            bias, dark or flat.
        raw : RawMetadata
            Detector, filter and day of the image.

        Raises
        ------
        InputError
            If none is valid.
        """
        rows = self._select(
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

    def _select(self, sql: str, values: dict[str, str | int]) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path} is no registry: {error}") from error


def write_registry(path: Path, raws: Iterable[RawMetadata], calibrations: Iterable[CalibrationMetadata]) -> None:
    """Write a registry file; equal metadata give equal bytes.

    Raises
    ------
    InputError
        If an image or a frame is listed twice.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    with closing(sqlite3.connect(part)) as connection, connection:
        connection.executescript(TABLES)
        _insert_rows(connection, "raw", sorted(map(astuple, raws)))
        _insert_rows(connection, "calibration", sorted(map(astuple, calibrations)))
    part.replace(path)


def _insert_rows(connection: sqlite3.Connection, table: str, rows: list[tuple[object, ...]]) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        try:
            connection.execute(f"insert into {table} values ({marks})", row)  # noqa: S608 - our own names
        except sqlite3.IntegrityError as error:
            raise InputError(f"{table} is listed twice: {', '.join(map(str, row))}") from error
