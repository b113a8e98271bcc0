"""A registry of one's own for each test, on SQLite or on PostgreSQL, and the makings of a run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from framework.registry.attempts import NewAttempt, NewBlock, NewModule, create_attempt
from framework.registry.database import Registry, open_registry


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry without rows, to copy: making one takes half a second."""
    path = tmp_path_factory.mktemp("registry") / "empty.sqlite"
    open_registry(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def a_registry(tmp_path: Path, empty_sqlite: Path) -> Iterator[Callable[..., Registry]]:
    """Makes registries on SQLite, by name."""
    made: list[Registry] = []

    def make(name: str = "registry") -> Registry:
        path = tmp_path / f"{name}.sqlite"
        shutil.copy(empty_sqlite, path)
        made.append(open_registry(f"sqlite:///{path}"))
        return made[-1]

    yield make
    for registry in made:
        registry.close()


@pytest.fixture
def db(a_registry: Callable[..., Registry]) -> Registry:
    return a_registry()


@pytest.fixture
def new_attempt() -> Callable[..., NewAttempt]:
    """Makes runs to submit."""
    return _new_attempt


def _new_attempt(**changes: object) -> NewAttempt:
    """A run of two modules in one block, as it is submitted."""
    values: dict[str, object] = {
        "reqnum": 1,
        "unitname": "HST1",
        "attnum": 1,
        "project": "hst",
        "campaign": "cal",
        "pipeline": "train",
        "operator": "olga",
        "run": "HST1_r1p01",
        "submit_time": 1000.0,
        "blocks": (
            NewBlock(
                number=1,
                name="main",
                target_site="local",
                modules=(
                    NewModule(name="scrape", number=1, calls=1),
                    NewModule(name="train", number=2, calls=3),
                ),
                jobs=2,
            ),
        ),
    }
    return NewAttempt(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def attempt(db: Registry) -> int:
    return create_attempt(db, _new_attempt())


# ---------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A private server on a socket of its own; its URL without a database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        refuse_or_skip("PostgreSQL's server programs are not installed (apt-get install postgresql)")
    binaries = programs[-1].parent
    folder = Path("/tmp") / f"skyfw-pg-{uuid.uuid4().hex[:8]}"
    user = unprivileged_user()
    as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    as_user = as_user if os.getuid() == 0 else []
    folder.mkdir(mode=0o700)
    if as_user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    data = folder / "data"
    initdb = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "skyfw",
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
    ]
    subprocess.run([*as_user, *map(str, initdb)], check=True, cwd="/tmp", capture_output=True)
    settings = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=50"
    start = [binaries / "pg_ctl", "-D", data, "-o", settings, "-l", folder / "log", "-w", "start"]
    subprocess.run([*as_user, *map(str, start)], check=True, cwd="/tmp", stdout=subprocess.DEVNULL)
    yield f"postgresql+psycopg://skyfw@/{{}}?host={folder}"
    stop = [binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"]
    subprocess.run([*as_user, *map(str, stop)], check=True, cwd="/tmp", stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)


def unprivileged_user() -> pwd.struct_passwd:
    """Who may run a PostgreSQL server: its own account where there is one, never root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def refuse_or_skip(reason: str) -> None:
    """Skip, unless FW_NO_SKIP says that nothing may be skipped."""
    if os.environ.get("FW_NO_SKIP"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def empty_postgres(postgres_server: str) -> str:
    """The name of a database with a registry without rows, to be used as a template."""
    _execute(postgres_server, "create database empty")
    open_registry(postgres_server.format("empty")).close()
    return "empty"


@pytest.fixture
def a_postgres_registry(postgres_server: str, empty_postgres: str) -> Iterator[Callable[..., Registry]]:
    """Makes registries on PostgreSQL."""
    made: list[tuple[str, Registry]] = []

    def make(name: str = "registry") -> Registry:
        unique = f"{name}_{uuid.uuid4().hex[:8]}"
        _execute(postgres_server, f"create database {unique} template {empty_postgres}")
        made.append((unique, open_registry(postgres_server.format(unique))))
        return made[-1][1]

    yield make
    for name, registry in made:
        registry.close()
        _execute(postgres_server, f"drop database {name} with (force)")


@pytest.fixture
def rows() -> Callable[..., list[tuple[object, ...]]]:
    """Answers of a registry to plain SQL."""

    def ask(db: Registry, statement: str) -> list[tuple[object, ...]]:
        with db.read() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    return ask


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_registry(request: pytest.FixtureRequest) -> Callable[..., Registry]:
    """Makes registries on each database in turn."""
    name = "a_registry" if request.param == "sqlite" else "a_postgres_registry"
    make: Callable[..., Registry] = request.getfixturevalue(name)
    return make


@pytest.fixture
def any_db(any_registry: Callable[..., Registry]) -> Registry:
    return any_registry()


def _execute(server: str, statement: str) -> None:
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
