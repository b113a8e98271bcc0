"""The ingester: reads a run's journals into the registry, as they grow or long afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, exc
from sqlalchemy.dialects import postgresql, sqlite

from framework.errors import RegistryError
from framework.model.facts import JournalOpen
from framework.model.gc_pause import no_garbage_collection
from framework.registry.database import bulk
from framework.registry.database.connection import Registry
from framework.registry.database.ids import IdSource
from framework.registry.ingest.changes import Changes
from framework.registry.ingest.file_rows import SameFiles
from framework.registry.ingest.journal_reader import JournalPart, batches, first_fact, new_parts, split_part
from framework.registry.ingest.known_rows import read_known_rows
from framework.registry.ingest.lease import LEASE_SECONDS, Lease
from framework.registry.ingest.run_record import RunRecord
from framework.registry.schema.tables import journal_position

#: Errors that a value leads to which the database refuses.
_REFUSALS = (exc.DataError, exc.IntegrityError, exc.ProgrammingError, OverflowError, TypeError, ValueError)
#: SQLSTATE of PostgreSQL for a value whose type does not fit its column.
_WRONG_TYPE = ("42804", "42846", "42883")

#: Writes a batch, or waits until it is written.
_Writing = Callable[[], SameFiles]


class LeaseTaken(RegistryError):  # noqa: N818  (the other one does the work: no fault)
    """Another process ingests the run's journals."""


class Ingester:
    """Reads the journals of one run into the registry; after a crash, another ingester continues where it stopped."""

    def __init__(self, db: Registry, attempt_id: int, journal_directory: Path | str) -> None:
        self._db = db
        self._attempt_id = attempt_id
        self._directory = Path(journal_directory)
        self._renewed = 0.0
        self._record: RunRecord | None = None
        self._openings: dict[str, JournalOpen | None] = {}

    def step(self) -> int:
        """Ingest new facts and return their number; raise :class:`LeaseTaken` while another process does so."""
        with no_garbage_collection():
            positions = self._current_record().known.positions
            try:
                count = self._ingest_all(batches(new_parts(self._directory, positions)))
            except BaseException:
                # The known rows may be ahead of the registry now, and have to be read again.
                self._record = None
                raise
        if not count and time.time() - self._renewed > LEASE_SECONDS / 3:
            self._renew_lease()
        return count

    def resolve_pending(self) -> None:
        """Look again for files that journals have named and that were not in the registry."""
        if self._current_record().known.pending:
            self._ingest([])

    def follow(self, stop: Callable[[], bool], pause_seconds: float = 0.5) -> None:
        """Ingest new facts until ``stop()`` is true, and those that are there then; wait for an unreachable registry.

        May be called in a forked child.
        """
        while True:
            last = stop()
            try:
                self.step()
            except RegistryError:
                if last:
                    raise
                self._record = None
            if last:
                return self.close()
            time.sleep(pause_seconds)

    def close(self) -> None:
        """Give up the lease, so that another process can ingest the run at once."""
        if self._record is not None:
            self._record = None
            with self._db.write() as connection:
                self._lease.release(connection)

    def __enter__(self) -> Ingester:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except RegistryError:
            # The first error says more; the lease ends by itself.
            if error is None:
                raise

    # ------------------------------------------------------------ known rows and lease

    def _current_record(self) -> RunRecord:
        if self._record is None:
            self._take_lease()
            with self._db.read() as connection:
                known = read_known_rows(connection, self._attempt_id)
            self._record = RunRecord(known, IdSource(self._db, "task"), IdSource(self._db, "desfile"))
        return self._record

    def _take_lease(self) -> None:
        # A new one each time, so that it is this process's, forked or not.
        self._lease = Lease(self._attempt_id)
        with self._db.write() as connection:
            if not self._lease.take(connection):
                raise LeaseTaken(f"{self._directory}: another process writes these journals into the registry")
        self._renewed = time.time()

    def _renew_lease(self) -> None:
        with self._db.write() as connection:
            self._renew(connection)

    def _renew(self, connection: Connection) -> None:
        if not self._lease.renew(connection):
            raise LeaseTaken(f"{self._directory}: another process has taken over these journals")
        self._renewed = time.time()

    # ------------------------------------------------------------ ingest

    def _ingest_all(self, batches: Iterable[list[JournalPart]]) -> int:
        """Write batch after batch, each while the next is prepared; return the number of facts."""
        count, under_way, are_several = 0, None, False
        with ThreadPoolExecutor(1) as background:
            for parts in batches:
                count += sum(len(part.facts) for part in parts)
                ready = self._prepare_changes(parts)
                same: SameFiles | None = {}
                if under_way is not None:
                    are_several = True
                    same = self._finish(*under_way)
                if ready is None or same is None:
                    self._record, under_way = None, None
                    self._ingest(parts)
                    continue
                ready.same.update(same)
                under_way = parts, self._begin(background, ready, parts)
            if under_way is not None:
                self._finish(*under_way)
        if are_several and self._current_record().known.pending:
            # A batch may name files of an earlier one that was not written yet.
            self._ingest([])
        return count

    def _begin(self, background: Executor, ready: Changes, parts: list[JournalPart]) -> _Writing:
        if self._db.dialect == "sqlite":
            # Before each row it would wait for the other thread.
            return partial(self._write, ready, parts)
        return background.submit(self._write, ready, parts).result

    def _prepare_changes(self, parts: list[JournalPart]) -> Changes | None:
        """Return the changes of parts of journals; None if they hold a value that is refused."""
        try:
            return self._changes(parts)
        except _REFUSALS as error:
            _raise_unless_for_a_value(error)
            return None

    def _finish(self, parts: list[JournalPart], writing: _Writing) -> SameFiles | None:
        """Wait until parts are written; None if a value was refused, so that later changes have to be made again."""
        try:
            same = writing()
        except _REFUSALS as error:
            _raise_unless_for_a_value(error)
            self._record = None
            self._ingest(parts)
            return None
        self._note(parts, same)
        return same

    def _ingest(self, parts: list[JournalPart], instead: str | None = None) -> None:
        """Write parts of journals; a line that the database refuses is reported, and the others are written."""
        try:
            return self._note(parts, self._write(self._changes(parts, instead), parts))
        except _REFUSALS as error:
            _raise_unless_for_a_value(error)
            self._record = None
            if instead is not None or not parts:
                raise
            smaller = parts if len(parts) > 1 else list(split_part(parts[0], self._directory))
            if len(smaller) == 1:
                reason = str(getattr(error, "orig", error))
                position = f"{parts[0].journal}: byte {parts[0].start}"
                return self._ingest(parts, instead=f"{position}: the registry refuses it: {reason}")
        middle = len(smaller) // 2
        self._ingest(smaller[:middle])
        self._ingest(smaller[middle:])

    def _changes(self, parts: list[JournalPart], instead: str | None = None) -> Changes:
        """Return the changes of parts of journals, or of an error message instead of them."""
        record = self._current_record()
        for part in parts if instead is None else ():
            self._apply(record, part)
        if instead is not None:
            record.report_error(instead)
        with self._db.read() as connection:
            return record.take_changes(connection)

    def _write(self, changes: Changes, parts: list[JournalPart]) -> SameFiles:
        """Write changes, and the positions of the journals, in one transaction; if it fails, nothing has changed."""
        with self._db.write() as connection:
            bulk.allow_late_flush(connection)
            self._renew(connection)
            same = changes.write(connection)
            for part in parts:
                _set_position(connection, self._attempt_id, part)
            return same

    def _note(self, parts: list[JournalPart], same: SameFiles) -> None:
        record = self._current_record()
        record.confirm(same)
        record.known.positions.update({part.journal: part.end for part in parts})

    def _apply(self, record: RunRecord, part: JournalPart) -> None:
        opening = self._opening(part)
        if opening is not None and opening.run != record.known.run:
            if part.start == 0:
                record.report_error(f"{part.journal}: a journal of {opening.run}, passed over")
            return
        if part.cut_from:
            read = f"up to byte {part.cut_from} it is on record"
            record.report_error(f"{part.journal} was cut off at byte {part.end}: {read}")
        for bad in part.bad_lines:
            if bad.reason:
                record.report_bad_fact(part.journal, bad.reason, bad.text)
            else:
                record.report_error(f"{part.journal}: byte {bad.position}: not a fact, passed over: {bad.text[:1000]}")
        record.apply(part.facts, part.journal, opening)

    def _opening(self, part: JournalPart) -> JournalOpen | None:
        """Return the first fact of the journal; None if it does not name the run."""
        if part.journal not in self._openings:
            first = first_fact(self._directory / part.journal)
            self._openings[part.journal] = first if isinstance(first, JournalOpen) and first.run else None
        return self._openings[part.journal]


def _raise_unless_for_a_value(error: Exception) -> None:
    """Raise an error that no value explains: a statement that the server does not understand."""
    sqlstate = getattr(getattr(error, "orig", None), "sqlstate", None)
    if isinstance(error, exc.ProgrammingError) and sqlstate not in (None, *_WRONG_TYPE):
        raise error


def _set_position(connection: Connection, attempt_id: int, part: JournalPart) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"pfw_attempt_id": attempt_id, "journal": part.journal, "position": part.end}
    insert = dialect.insert(journal_position).values(**row)
    moved = insert.on_conflict_do_update(
        index_elements=["pfw_attempt_id", "journal"], set_={"position": insert.excluded.position}
    )
    connection.execute(moved)


def ingest(db: Registry, attempt_id: int, journal_directory: Path | str) -> int:
    """Ingest a run's journals once; return the number of facts."""
    with Ingester(db, attempt_id, journal_directory) as ingester:
        if not (count := ingester.step()):
            ingester.resolve_pending()
        return count
