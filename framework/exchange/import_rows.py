"""Import of the rows of a run from another registry: all or none, and never twice."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, Connection, Double, Integer, exc, select

from framework.errors import RunError
from framework.exchange.kept_records import Tables, find_kept_records, without_makers
from framework.exchange.run_rows import RunRows, columns_of, comparable, is_file, is_task
from framework.registry.database import bulk
from framework.registry.database.connection import Registry
from framework.registry.database.ids import reserve
from framework.registry.database.json_text import keys_text
from framework.registry.ingest.file_rows import read_files_by_path
from framework.registry.questions.task_names import task_names
from framework.registry.schema import tables as schema
from framework.registry.schema.column_types import YEAR_10000, Json, Time

#: Tables that each registry extends after a run; rows that are missing here are added.
_ADDED = ("software_stack", "file_archive_info", "file_tombstone", "proctag", "verification", "verification_file")
_ASIDE = frozenset({*_ADDED, "pfw_request", "attempt_state", "attempt_state_history", "desfile"})
#: NUL as JSON writes it; after an even number of backslashes it is one.
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
#: Tables whose rows may be there already, from another run.
_SHARED = frozenset({"pfw_request", "pfw_unit", "software_stack", "file_archive_info", "file_tombstone", "proctag"})


class ImportRefusedError(RunError):
    """The run cannot be imported; the message says why."""


@dataclass(frozen=True)
class RowsImport:
    """Result of the import of the rows of a run."""

    run: str
    #: Whether the registry did not have the run.
    is_new: bool
    #: Number of rows added to a run that was here.
    added: int = 0
    #: Paths of files whose records here stay, though the run says that it made them.
    kept: tuple[str, ...] = ()


@dataclass
class _Ids:
    """Ids of this registry by the names in the rows."""

    attempt: int
    run: str
    tasks: dict[str, int] = field(default_factory=dict)
    files: dict[tuple[str, str], int] = field(default_factory=dict)
    verifications: dict[int, int] = field(default_factory=dict)


def import_rows(db: Registry, tables: Tables) -> RowsImport:
    """Insert the rows of a run, or add missing ones; :class:`ImportRefusedError` leaves the registry unchanged."""
    try:
        with db.write() as connection:
            return _import_rows(connection, tables)
    except (exc.DataError, exc.IntegrityError, exc.ProgrammingError, OverflowError) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise ImportRefusedError(f"the registry refuses what the run's record says: {reason}") from error


def _import_rows(connection: Connection, tables: Tables) -> RowsImport:
    (attempt,) = _dicts("pfw_attempt", tables["pfw_attempt"])
    run = attempt["run"]
    known = _known_attempt(connection, attempt)
    kept = tuple(find_kept_records(connection, tables, run, is_known=known is not None))
    tables = without_makers(tables, kept)
    if known is not None:
        rows = RunRows(connection, known)
        here = {name: list(part) for name, part in rows.parts()}
        _refuse_other(run, tables, here)
        ids = _Ids(known, run, _by_name(connection, known))
        ids.files = _known_files(connection, tables["desfile"])
        return RowsImport(run, False, _add_missing(connection, tables, here, ids), kept)
    ids = _Ids(reserve(connection, "pfw_attempt", 1), run)
    names = [row["id"] for row in _dicts("task", tables["task"])]
    if not all(isinstance(name, str) for name in names):
        raise ImportRefusedError(f"{run}: its record has a task without a name")
    first = reserve(connection, "task", len(names))
    ids.tasks = {name: first + at for at, name in enumerate(names)}
    if len(ids.tasks) != len(names):
        raise ImportRefusedError(f"{run}: its record names a task twice")
    for name, rows_of in tables.items():
        if name == "desfile":
            _write_files(connection, rows_of, ids)
        else:
            _write(connection, name, rows_of, ids)
    return RowsImport(run, True, kept=kept)


def _known_attempt(connection: Connection, new: Mapping[str, Any]) -> int | None:
    """Return the id of the attempt, None if it is not here; refuse another with its name or its number."""
    attempt = schema.pfw_attempt.c
    number = tuple(new[key] for key in ("reqnum", "unitname", "attnum"))
    same_number = (attempt.reqnum == number[0]) & (attempt.unitname == number[1]) & (attempt.attnum == number[2])
    query = select(attempt.id, attempt.run, attempt.reqnum, attempt.unitname, attempt.attnum)
    found = connection.execute(query.where(same_number | (attempt.run == new["run"]))).all()
    for row in found:
        if (row.run, row.reqnum, row.unitname, row.attnum) != (new["run"], *number):
            raise ImportRefusedError(
                f"{new['run']}, attempt {number[2]} of request {number[0]}, unit {number[1]}, cannot be imported: here "
                f"is {row.run}, attempt {row.attnum} of request {row.reqnum}, unit {row.unitname}"
            )
    return found[0].id if found else None


def _by_name(connection: Connection, attempt_id: int) -> dict[str, int]:

    return {name: id_ for id_, name in task_names(connection, attempt_id).items()}


def _refuse_other(run: str, tables: Tables, here: Tables) -> None:
    """Refuse a run of this name with other contents, and name the first row that differs."""
    for name, rows in tables.items():
        if name in _ASIDE:
            continue
        theirs, ours = (_comparable(name, part) for part in (rows, here[name]))
        for row in theirs ^ ours:
            where = "is not in this registry" if row in theirs else "is only in this registry"
            raise ImportRefusedError(f"{run} is in this registry with other contents: {name} {row[:300]} {where}")


def _comparable(name: str, rows: list[list[Any]]) -> set[str]:
    root = columns_of("pfw_attempt_val").index("key")
    return {comparable(row) for row in rows if name != "pfw_attempt_val" or row[root] != "archive_root"}


def _add_missing(connection: Connection, tables: Tables, here: Tables, ids: _Ids) -> int:
    """Insert tags, copies and verifications that this registry does not have; return their number."""
    before = {name: set(map(comparable, here[name])) for name in _ADDED}
    missing = {
        name: [row for row in tables[name] if comparable(row) not in before[name]]
        for name in ("software_stack", "file_archive_info", "file_tombstone", "proctag")
    }
    missing |= _missing_verifications(tables, here)
    for name, rows in missing.items():
        _write(connection, name, rows, ids)
    return sum(map(len, missing.values()))


def _missing_verifications(tables: Tables, here: Tables) -> dict[str, list[list[Any]]]:
    """Return the verifications that this registry does not have, under whatever number, and their files."""
    known = {comparable(row[1:]) for row in here["verification"]}
    verifications = [row for row in tables["verification"] if comparable(row[1:]) not in known]
    numbers = {row[0] for row in verifications}
    files = [row for row in tables["verification_file"] if row[0] in numbers]
    return {"verification": verifications, "verification_file": files}


# ---------------------------------------------------------------- rows


def _write(connection: Connection, name: str, rows: list[list[Any]], ids: _Ids) -> None:
    if name == "verification":
        if any(type(row[0]) is not int for row in rows):
            raise ImportRefusedError(f"{ids.run}: a verification has no number")
        first = reserve(connection, "verification", len(rows))
        ids.verifications = {row[0]: first + at for at, row in enumerate(rows)}
    table = schema.metadata.tables[name]
    made = list(_converted_rows(name, _dicts(name, rows), ids))
    if name in _SHARED:
        bulk.insert_missing(connection, table, made)
    else:
        bulk.insert(connection, table, made)


def _converted_rows(name: str, rows: Iterable[Mapping[str, Any]], ids: _Ids) -> Iterator[tuple[Any, ...]]:
    """Yield rows in the order of the table's columns, with ids of this registry."""
    readers = [(column.name, _reader(name, column, ids)) for column in schema.metadata.tables[name].columns]
    for row in rows:
        yield tuple(read(row.get(column)) for column, read in readers)


def _reader(name: str, column: Column[Any], ids: _Ids) -> Callable[[Any], Any]:
    """Return a function that converts the values of a column, and refuses invalid ones."""
    read = _reader_of_value(name, column, ids)

    def checked(value: Any) -> Any:
        try:
            found = read(value)
        except (KeyError, TypeError, ValueError):
            raise ImportRefusedError(f"{ids.run}: {name}.{column.name} cannot be {json.dumps(value)[:100]}") from None
        if found is None and not column.nullable:
            raise ImportRefusedError(f"{ids.run}: {name}.{column.name} has no value in a row")
        return found

    return checked


def _reader_of_value(name: str, column: Column[Any], ids: _Ids) -> Callable[[Any], Any]:
    return _reader_of_id(name, column.name, ids) or _reader_of_type(column)


def _reader_of_id(name: str, column: str, ids: _Ids) -> Callable[[Any], Any] | None:
    """Return what gives an id of this registry for one of the bundle; None for a column that is no id."""
    if (name, column) == ("desfile", "pfw_attempt_id"):
        return lambda value: ids.attempt if value == ids.run else None
    if column == "pfw_attempt_id" or (name, column) == ("pfw_attempt", "id"):
        return lambda value: ids.attempt
    if (name, column) in (("verification", "id"), ("verification_file", "verification_id")):
        return lambda value: ids.verifications[value]
    if is_task(name, column):
        return lambda value: None if value is None else ids.tasks[value]
    if is_file(name, column):
        return lambda value: None if value is None else ids.files[tuple(value)]
    return None


def _reader_of_type(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, Time):
        return _time
    if isinstance(column.type, Double):
        return _number
    if column.type is Json:
        return _object
    if column.name == "wrapkeys":
        return lambda value: keys_text(_text(value))
    # Any integer is one of up to 64 bits here.
    return _integer if column.type.python_type is int or isinstance(column.type, Integer) else _text


def _time(value: Any) -> float | None:
    number = _number(value)
    if number is not None and not 0.0 <= number < YEAR_10000:
        raise ValueError
    return number


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _integer(value: Any) -> int | None:
    if value is not None and (type(value) is not int or abs(value) >= 1 << 63):
        raise ValueError
    return value


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value and _check_text(value)


def _object(value: Any) -> str | None:
    if value is not None and not isinstance(value, dict):
        raise TypeError
    text = None if value is None else json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text and _NUL.search(text):
        raise ValueError
    return text and _check_text(text)


def _check_text(text: str) -> str:
    """Return a text if every database can store it; ValueError if not."""
    if "\0" in text:
        raise ValueError
    text.encode()
    return text


def _dicts(name: str, rows: Iterable[list[Any]]) -> Iterator[dict[str, Any]]:
    columns = columns_of(name)
    for row in rows:
        yield dict(zip(columns, row, strict=True))


# ---------------------------------------------------------------- files


def _known_files(connection: Connection, rows: list[list[Any]]) -> dict[tuple[str, str], int]:
    keys = {tuple(row["id"]) for row in _dicts("desfile", rows)}
    found = read_files_by_path(connection, sorted({path for path, _ in keys}))
    return {(file.path, file.version): file.id for file in found if (file.path, file.version) in keys}


def _write_files(connection: Connection, rows: list[list[Any]], ids: _Ids) -> None:
    """Insert files; those that are here keep their ids, and must be equal and of no other run."""
    known = _known_files(connection, rows)
    fresh: list[dict[str, Any]] = []
    present: list[dict[str, Any]] = []
    for row in _dicts("desfile", rows):
        (present if tuple(row["id"]) in known else fresh).append(row)
    first = reserve(connection, "desfile", len(fresh))
    ids.files = known | {tuple(row["id"]): first + at for at, row in enumerate(fresh)}
    _refuse_other_files(connection, present, ids)
    for row in (*fresh, *present):
        if row["pfw_attempt_id"] != ids.run:
            row["wgb_task_id"] = None  # a task of another run, which may be imported by itself
    bulk.insert(connection, schema.desfile, list(_converted_rows("desfile", fresh, ids)))
    _adopt_files(connection, [row for row in present if row["pfw_attempt_id"] == ids.run], ids)


def _adopt_files(connection: Connection, adopted: list[dict[str, Any]], ids: _Ids) -> None:
    """Update files that are here, and that the run has made."""
    columns = tuple(column.name for column in schema.desfile.columns if column.name != "id")
    made = [(*row[1:], row[0]) for row in _converted_rows("desfile", adopted, ids)]
    bulk.update(connection, schema.desfile, columns, made)


def _refuse_other_files(connection: Connection, rows: list[dict[str, Any]], ids: _Ids) -> None:
    new_rows = {ids.files[tuple(row["id"])]: row for row in rows}
    file, attempt = schema.desfile.c, schema.pfw_attempt.c
    file_ids = list(new_rows)
    for at in range(0, len(file_ids), 500):
        query = select(file.id, file.path, file.filesize, file.sha256, attempt.run).outerjoin_from(
            schema.desfile, schema.pfw_attempt, attempt.id == file.pfw_attempt_id
        )
        for id_, path, size, sha256, run in connection.execute(query.where(file.id.in_(file_ids[at : at + 500]))):
            new = new_rows[id_]
            if (size, sha256) != (new["filesize"], new["sha256"]):
                raise ImportRefusedError(f"{ids.run}: {path} is in this registry with other contents (sha256 {sha256})")
            if new["pfw_attempt_id"] == ids.run and run is not None:
                raise ImportRefusedError(f"{ids.run}: {path} is in this registry as a file of {run}")
