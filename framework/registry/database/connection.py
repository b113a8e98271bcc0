"""Connections to the registry's database, and the messages and remedies for their errors."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text

from framework.errors import RegistryAway, RegistryError
from framework.registry.database.filesystems import NETWORK, filesystem_type

#: How long a writer waits for another one.
PATIENCE_SECONDS = 60
#: How SQLSTATEs begin by which a server says that it shuts down or starts up, or has no connection to spare.
_NO_SERVER = ("57P", "533")


def connect(url: str | None = None, *, read_only: bool = False) -> Registry:
    """Return the registry at a URL, or the default one, without a check of its tables."""
    named = url or os.environ.get("FW_REGISTRY")
    return Registry(_parse_url(named) if named else _default_url(), read_only=read_only)


class Registry:
    """A database with the registry's tables. It can be used after a fork."""

    def __init__(self, url: URL, *, read_only: bool = False) -> None:
        self.read_only = read_only
        #: For messages: where it is, without its password.
        self.place = url.database or "memory" if _is_sqlite(url) else url.render_as_string(hide_password=True)
        #: For other processes of this user, with its password; for nothing that is written or shown.
        self.url = url.render_as_string(hide_password=False)
        self.engine = _sqlite_engine(url, read_only) if _is_sqlite(url) else _server_engine(url, self.place)
        self._process = os.getpid()
        self._inherited: list[object] = []

    @property
    def dialect(self) -> str:
        """Name of the database's SQL dialect: ``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the registry and changes nothing."""
        with self._translate_errors(), self._engine().connect() as connection:
            connection.execution_options(postgresql_readonly=self.read_only)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that is committed at the end, and rolled back if an exception leaves it."""
        with self._translate_errors(), self._engine().connect() as connection:
            connection.execution_options(writes=True)
            with connection.begin():
                yield connection

    def revision(self) -> str | None:
        """Return the last migration of the database; None if it is empty."""
        try:
            with self._engine().connect() as connection:
                return connection.execute(text("select version_num from alembic_version")).scalar()
        except (exc.DatabaseError, exc.InterfaceError):
            with self.read() as connection:
                if inspect(connection).has_table("alembic_version"):
                    raise
            return None

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    def _engine(self) -> Engine:
        if os.getpid() != self._process:
            # A child must neither use nor close its parent's connections: it keeps them, untouched.
            self._inherited.append(self.engine.pool)
            self.engine.dispose(close=False)
            self._process = os.getpid()
        return self.engine

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (exc.IntegrityError, exc.ProgrammingError, exc.DataError, exc.NotSupportedError):
            raise
        except (exc.DatabaseError, exc.InterfaceError, exc.TimeoutError) as error:
            kind = RegistryAway if _is_away(error) else RegistryError
            raise kind(_explain(self.place, str(getattr(error, "orig", error)))) from error


def _is_away(error: exc.SQLAlchemyError) -> bool:
    """Return whether an error means that there is no connection to a server, or that it starts or shuts down."""
    state = getattr(getattr(error, "orig", None), "sqlstate", "")
    return isinstance(error, exc.OperationalError) and (state is None or state[:2] == "08" or state[:3] in _NO_SERVER)


def _explain(place: str, reason: str) -> str:
    reason = " ".join(reason.split())
    remedies = {
        "is full": "free some space on its disk and repeat",
        "No space left": "free some space on the server's disk and repeat",
        "locked": f"another program has held it for {PATIENCE_SECONDS} s: see who, and repeat",
        "readonly": "it may not be written by this user",
        "unable to open": "the folder must exist and be writable",
        "not a database": "the file is something else: name another one with FW_REGISTRY or --registry",
        "image is malformed": "the file is damaged: move it away, with its -wal and -shm, put the newest copy in its "
        "place if there is one, and call fw registry recover",
        "password": "check the user and the password",
        "timeout": "see whether its server can be reached",
        "refused": "start the server, or name another registry with FW_REGISTRY or --registry",
        "failed": "check that the server runs and that FW_REGISTRY or --registry names it",
    }
    remedy = next((remedy for sign, remedy in remedies.items() if sign in reason), "try again, or ask who keeps it")
    return f"registry {place}: {reason}: {remedy}"


def _default_url() -> URL:
    home = os.environ.get("FW_HOME") or os.path.expanduser("~/.local/share/skyfw")
    return URL.create("sqlite", database=str(Path(home).absolute() / "registry.sqlite"))


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise RegistryError(
            "the registry's URL cannot be read: it is sqlite:////a/file or postgresql://user@host/database"
        ) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise RegistryError(f"a registry lives in sqlite or postgresql, not in {parsed.get_backend_name()!r}")
    return parsed


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


# ---------------------------------------------------------------- SQLite


def _sqlite_engine(url: URL, read_only: bool) -> Engine:
    if url.database:
        _prepare_folder(Path(url.database), read_only)
    if read_only and url.database:
        quoted = Path(url.database).absolute().as_uri()
        url = url.set(database=quoted, query={"mode": "ro", "uri": "true"})
    arguments = {"timeout": PATIENCE_SECONDS, "isolation_level": None}
    engine = create_engine(url, connect_args=arguments, json_deserializer=_from_json)
    event.listen(engine, "connect", _set_read_pragmas if read_only else _set_pragmas)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_folder(path: Path, read_only: bool) -> None:
    try:
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RegistryError(f"registry {path}: its folder cannot be made: {error.strerror}") from error
    if (kind := filesystem_type(path.parent)) in NETWORK:
        raise RegistryError(
            f"registry {path}: SQLite loses data on a network file system ({kind}): put FW_HOME on a local disk, or "
            "name a PostgreSQL registry with FW_REGISTRY"
        )


def _set_pragmas(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    connection.execute("pragma foreign_keys = on")
    # Ten times the default: each time, the disk is waited for.
    connection.execute("pragma wal_autocheckpoint = 10000")
    connection.execute(_LIKE_AS_ELSEWHERE)


def _set_read_pragmas(connection: sqlite3.Connection, _: Any) -> None:
    connection.execute("pragma query_only = on")
    connection.execute(_LIKE_AS_ELSEWHERE)


def _from_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:  # what Python writes beyond the standard, such as NaN
        return json.loads(text)


#: SQLite's ``like`` would not tell capitals from small letters, as PostgreSQL's does.
_LIKE_AS_ELSEWHERE = "pragma case_sensitive_like = on"


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would find the lock taken and could not wait for it.
    writes = connection.get_execution_options().get("writes")
    if writes and not connection.info.get("writes"):
        # Kilobytes: bulk goes into indexes that are larger than any cache by default. Who only asks does without.
        connection.exec_driver_sql("pragma cache_size = -65536")
        connection.info["writes"] = True
    connection.exec_driver_sql("begin immediate" if writes else "begin")


# ---------------------------------------------------------------- PostgreSQL


#: A server that has vanished, network and all, is noticed within a minute; by default, hours may pass. libpq's options.
_DISCONNECT_OPTIONS = {
    "connect_timeout": 10,
    "tcp_user_timeout": 50_000,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def _server_engine(url: URL, place: str) -> Engine:
    options = {name: value for name, value in _DISCONNECT_OPTIONS.items() if name not in url.query}
    try:
        # No prepared statements: a pooler may give each transaction another connection.
        return create_engine(url, connect_args={"prepare_threshold": None, **options}, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise RegistryError(
            f"registry {place}: {error.name} is not installed: pip install 'skyfw[postgres]'"
        ) from error
