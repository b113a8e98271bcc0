"""The lease: at most one process at a time ingests the journals of a run."""

from __future__ import annotations

import os
import socket
import time
import uuid
import weakref
from pathlib import Path

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from framework.registry.schema.tables import ingest_lease

#: Seconds until a lease ends that is not renewed. The lease of a process that is seen to be dead ends at once.
LEASE_SECONDS = 60.0

_alive: weakref.WeakValueDictionary[str, Lease] = weakref.WeakValueDictionary()


class Lease:
    """A claim to a run. Every transaction that writes begins with :meth:`renew`, and so finds out if it was lost."""

    def __init__(self, attempt_id: int) -> None:
        self._attempt_id = attempt_id
        pid = os.getpid()
        self.holder = f"{_machine()} {pid} {_start_of(pid)} {uuid.uuid4().hex[:8]}"
        _alive[self.holder] = self

    def take(self, connection: Connection) -> bool:
        """Claim the run unless another process has it; return True if it is claimed."""
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        row = ingest_lease.c
        now = time.time()
        values = {"pfw_attempt_id": self._attempt_id, "holder": self.holder, "expiry": now + LEASE_SECONDS}
        connection.execute(dialect.insert(ingest_lease).values(**values).on_conflict_do_nothing())
        this_run = row.pfw_attempt_id == self._attempt_id
        held = connection.execute(select(row.holder, row.expiry).where(this_run)).one()
        if held.holder == self.holder:
            return True
        if held.expiry >= now and not _is_dead(held.holder):
            return False
        unchanged = (row.holder == held.holder) & (row.expiry == held.expiry)
        return connection.execute(ingest_lease.update().where(this_run, unchanged).values(**values)).rowcount == 1

    def renew(self, connection: Connection) -> bool:
        """Extend the lease; return False if another process has it."""
        return self._expire(connection, time.time() + LEASE_SECONDS)

    def release(self, connection: Connection) -> None:
        """End the lease at once."""
        self._expire(connection, 0.0)

    def _expire(self, connection: Connection, expiry: float) -> bool:
        mine = (ingest_lease.c.pfw_attempt_id == self._attempt_id) & (ingest_lease.c.holder == self.holder)
        return connection.execute(ingest_lease.update().where(mine).values(expiry=expiry)).rowcount == 1


def _is_dead(holder: str) -> bool:
    """Return True if the holder was a process of this machine that has ended."""
    machine, pid, start, _ = holder.rsplit(" ", 3)
    if machine != _machine():
        return False
    if int(pid) == os.getpid() and start == _start_of(os.getpid()):
        return holder not in _alive
    return _start_of(int(pid)) != start


def _machine() -> str:
    try:
        # Process numbers mean something only within one boot and one namespace.
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {uuid.uuid4().hex}"


def _start_of(pid: int) -> str:
    """Return the start of a process in ticks of the system; empty if there is none, or a zombie."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" else rest[18]
