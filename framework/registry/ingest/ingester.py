"""The ingester: brings a run's journals into the registry, as they grow or long afterwards."""

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
from framework.model.gc_pause import no_garbage_collection
from framework.registry.database import bulk
from framework.registry.database.connection import Registry
from framework.registry.database.ids import IdSource
from framework.registry.ingest.changes import Changes
from framework.registry.ingest.file_rows import SameFiles
from framework.registry.ingest.journal_reader import JournalPart, first_fact, in_batches, new_parts, one_by_one
from framework.registry.ingest.lease import LEASE_SECONDS, Lease
from framework.registry.ingest.run_record import Record
from framework.registry.ingest.run_state import load
from framework.registry.schema.tables import journal_position

#: What a value leads to that the database does not take.
_REFUSALS = (exc.DataError, exc.IntegrityError, exc.ProgrammingError, OverflowError, TypeError, ValueError)
#: What PostgreSQL says of a statement when a value's type does not fit: SQLSTATE.
_WRONG_TYPE = ("42804", "42846", "42883")

#: Writes, or waits until that is done.
_Writing = Callable[[], SameFiles]


class LeaseTaken(RegistryError):  # noqa: N818  (the other one does the work: no fault)
    """Another process writes the run's journals into the registry."""


class Ingester:
    """One run's way into the registry. Whatever happens to it, another one goes on where it stopped."""

    def __init__(self, db: Registry, attempt_id: int, journal_directory: Path | str) -> None:
        self._db = db
        self._attempt_id = attempt_id
        self._directory = Path(journal_directory)
        self._renewed = 0.0
        self._record: Record | None = None
        self._openings: dict[str, dict[str, str]] = {}

    def step(self) -> int:
        """Bring in what is new; the number of facts. Raises :class:`LeaseTaken` while another one does so."""
        with no_garbage_collection():
            positions = self._current_record().known.positions
            try:
                count = self._ingest_all(in_batches(new_parts(self._directory, positions)))
            except BaseException:
                # What is known may be ahead of the registry now, and has to be read again.
                self._record = None
                raise
        if not count and time.time() - self._renewed > LEASE_SECONDS / 3:
            self._keep_lease()
        return count

    def settle(self) -> None:
        """Look again for files that journals have named and nothing had told of."""
        if self._current_record().known.pending:
            self._ingest([])

    def follow(self, stop: Callable[[], bool], pause_seconds: float = 0.5) -> None:
        """Bring in what is new until ``stop()`` says so, and what is there then; a registry that is away is waited for.

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
        """Let another one have the run at once."""
        if self._record is not None:
            self._record = None
            with self._db.write() as connection:
                self._lease.give_up(connection)

    def __enter__(self) -> Ingester:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except RegistryError:
            # What led here says more; the lease ends by itself.
            if error is None:
                raise

    # ------------------------------------------------------------ what is known

    def _current_record(self) -> Record:
        if self._record is None:
            self._take_lease()
            with self._db.read() as connection:
                known = load(connection, self._attempt_id)
            self._record = Record(known, IdSource(self._db, "task"), IdSource(self._db, "desfile"))
        return self._record

    def _take_lease(self) -> None:
        # A new one each time, so that it is this process's, forked or not.
        self._lease = Lease(self._attempt_id)
        with self._db.write() as connection:
            if not self._lease.take(connection):
                raise LeaseTaken(f"{self._directory}: another process writes these journals into the registry")
        self._renewed = time.time()

    def _keep_lease(self) -> None:
        with self._db.write() as connection:
            self._hold(connection)

    def _hold(self, connection: Connection) -> None:
        if not self._lease.renew(connection):
            raise LeaseTaken(f"{self._directory}: another process has taken over these journals")
        self._renewed = time.time()

    # ------------------------------------------------------------ bringing in

    def _ingest_all(self, batches: Iterable[list[JournalPart]]) -> int:
        """Write batch after batch, each while the next is made ready; the number of facts."""
        count, under_way, are_several = 0, None, False
        with ThreadPoolExecutor(1) as background:
            for parts in batches:
                count += sum(len(part.facts) for part in parts)
                ready = self._made_ready(parts)
                same: SameFiles | None = {}
                if under_way is not None:
                    are_several = True
                    same = self._written(*under_way)
                if ready is None or same is None:
                    self._record, under_way = None, None
                    self._ingest(parts)
                    continue
                ready.same.update(same)
                under_way = parts, self._begun(background, ready, parts)
            if under_way is not None:
                self._written(*under_way)
        if are_several and self._current_record().known.pending:
            # What one batch names, those before it may have told while they were still on their way.
            self._ingest([])
        return count

    def _begun(self, background: Executor, ready: Changes, parts: list[JournalPart]) -> _Writing:
        if self._db.dialect == "sqlite":
            # Before each row it would wait for the other thread.
            return partial(self._write, ready, parts)
        return background.submit(self._write, ready, parts).result

    def _made_ready(self, parts: list[JournalPart]) -> Changes | None:
        """What parts of journals change; none if they hold a value that is refused."""
        try:
            return self._changes(parts)
        except _REFUSALS as error:
            _raise_unless_for_a_value(error)
            return None

    def _written(self, parts: list[JournalPart], writing: _Writing) -> SameFiles | None:
        """Wait until parts are written; none if a value was refused, so that what was told since has to be again."""
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
        """Write parts of journals; a line that the database refuses is reported instead, and the others written."""
        try:
            return self._note(parts, self._write(self._changes(parts, instead), parts))
        except _REFUSALS as error:
            _raise_unless_for_a_value(error)
            self._record = None
            if instead is not None or not parts:
                raise
            smaller = parts if len(parts) > 1 else list(one_by_one(parts[0], self._directory))
            if len(smaller) == 1:
                reason = str(getattr(error, "orig", error))
                place = f"{parts[0].journal}: byte {parts[0].start}"
                return self._ingest(parts, instead=f"{place}: the registry refuses it: {reason}")
        middle = len(smaller) // 2
        self._ingest(smaller[:middle])
        self._ingest(smaller[middle:])

    def _changes(self, parts: list[JournalPart], instead: str | None = None) -> Changes:
        """What parts of journals, or a complaint instead of them, change."""
        record = self._current_record()
        for part in parts if instead is None else ():
            self._tell(record, part)
        if instead is not None:
            record.complain(instead)
        with self._db.read() as connection:
            return record.hand_over(connection)

    def _write(self, changes: Changes, parts: list[JournalPart]) -> SameFiles:
        """Write changes, and how far they go, in one transaction; if it fails, nothing has happened."""
        with self._db.write() as connection:
            bulk.allow_late_flush(connection)
            self._hold(connection)
            same = changes.write(connection)
            for part in parts:
                _set_position(connection, self._attempt_id, part)
            return same

    def _note(self, parts: list[JournalPart], same: SameFiles) -> None:
        record = self._current_record()
        record.written(same)
        record.known.positions.update({part.journal: part.end for part in parts})

    def _tell(self, record: Record, part: JournalPart) -> None:
        opening = self._opening(part)
        if opening.get("run", record.known.run) != record.known.run:
            if part.start == 0:
                record.complain(f"{part.journal}: a journal of {opening['run']}, passed over")
            return
        if part.cut_from:
            read = f"up to byte {part.cut_from} it is on record"
            record.complain(f"{part.journal} was cut off at byte {part.end}: {read}")
        for bad in part.bad_lines:
            record.complain(f"{part.journal}: byte {bad.position}: not a fact, passed over: {bad.text[:1000]}")
        record.tell(part.facts, part.journal, opening.get("host"))

    def _opening(self, part: JournalPart) -> dict[str, str]:
        """How the journal began: run and host."""
        if part.journal not in self._openings:
            first = first_fact(self._directory / part.journal)
            self._openings[part.journal] = first if first.get("e") == "open" and type(first.get("run")) is str else {}
        return self._openings[part.journal]


def _raise_unless_for_a_value(error: Exception) -> None:
    """A statement that the server does not understand is our mistake, and no value's."""
    server_says = getattr(getattr(error, "orig", None), "sqlstate", None)
    if isinstance(error, exc.ProgrammingError) and server_says not in (None, *_WRONG_TYPE):
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
    """Bring in a run's journals once; the number of facts."""
    with Ingester(db, attempt_id, journal_directory) as ingester:
        if not (count := ingester.step()):
            ingester.settle()
        return count
