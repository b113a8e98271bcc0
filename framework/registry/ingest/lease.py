"""The lease: at any time one process at most writes what a run's journals tell."""

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

#: How long a holder may be silent before another takes over. One that is seen to be dead is not waited for.
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
        """Claim the run if nobody else does; whether it is ours now."""
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
        """Hold it for longer; false if somebody else has it."""
        return self._expire(connection, time.time() + LEASE_SECONDS)

    def release(self, connection: Connection) -> None:
        """Let the next one have it at once."""
        self._expire(connection, 0.0)

    def _expire(self, connection: Connection, expiry: float) -> bool:
        mine = (ingest_lease.c.pfw_attempt_id == self._attempt_id) & (ingest_lease.c.holder == self.holder)
        return connection.execute(ingest_lease.update().where(mine).values(expiry=expiry)).rowcount == 1


def _is_dead(holder: str) -> bool:
    """Whether the holder is surely gone: it was on this machine, and is not there any more."""
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
    """When a process started, in the system's ticks; empty if there is none, or one that has ended unmourned."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, ValueError):
        return ""
    return "" if state in "ZX" else rest[18]
