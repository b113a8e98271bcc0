"""A registry of one's own for each test, on SQLite or on PostgreSQL, and the makings of a run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import create_engine, text

from framework.registry.database.connection import Registry
from framework.registry.database.opening import open_registry
from framework.registry.questions.attempts import NewAttempt, NewBlock, NewModule, create_attempt


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


def postgres_programs() -> list[Path]:
    """Directories of the server programs of each installed version."""
    return [path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))]


class PostgresServer:
    """A private server on a socket of its own."""

    def __init__(self) -> None:
        self._binaries = postgres_programs()[-1]
        self.folder = Path("/tmp") / f"skyfw-pg-{uuid.uuid4().hex[:8]}"
        user = unprivileged_user()
        self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self._as_user = self._as_user if os.getuid() == 0 else []
        self.folder.mkdir(mode=0o700)
        if self._as_user:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        options = ["-U", "skyfw", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        self._run("initdb", "-D", self.folder / "data", *options)

    @property
    def url(self) -> str:
        """To be formatted with a database's name."""
        return f"postgresql+psycopg://skyfw@/{{}}?host={self.folder}"

    def start(self) -> None:
        settings = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=50"
        self._run("pg_ctl", "-D", self.folder / "data", "-o", settings, "-l", self.folder / "log", "-w", "start")

    def stop(self) -> None:
        """As if it had crashed."""
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as_user, str(self._binaries / program), *map(str, arguments)]
        subprocess.run(command, check=True, cwd="/tmp", stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def _postgres_installed(unable: Callable[[str], NoReturn]) -> None:
    if not postgres_programs():
        unable("PostgreSQL's server programs are not installed (apt-get install postgresql)")


@pytest.fixture(scope="session")
def postgres_server(_postgres_installed: None) -> Iterator[str]:
    """A private server; its URL without a database."""
    server = PostgresServer()
    server.start()
    yield server.url
    server.stop()
    shutil.rmtree(server.folder)


@pytest.fixture
def a_postgres_server(_postgres_installed: None) -> Iterator[PostgresServer]:
    """One that may be stopped and started; with an empty database ``fw``."""
    server = PostgresServer()
    server.start()
    _execute(server.url, "create database fw")
    yield server
    with contextlib.suppress(subprocess.CalledProcessError):
        server.stop()  # unless it is stopped already
    shutil.rmtree(server.folder)


def unprivileged_user() -> pwd.struct_passwd:
    """Who may run a PostgreSQL server: its own account where there is one, never root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


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
def an_empty_database(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes databases without any tables; their URLs."""
    made: list[str] = []

    def make() -> str:
        made.append(f"empty_{uuid.uuid4().hex[:8]}")
        _execute(postgres_server, f"create database {made[-1]}")
        return postgres_server.format(made[-1])

    yield make
    for name in made:
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


@pytest.fixture(scope="module")
def two_databases(
    postgres_server: str, empty_postgres: str, empty_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Registry, Registry]]:
    """A registry on each database, for a module's tests together."""
    name = f"both_{uuid.uuid4().hex[:8]}"
    path = tmp_path_factory.mktemp("both") / "registry.sqlite"
    shutil.copy(empty_sqlite, path)
    _execute(postgres_server, f"create database {name} template {empty_postgres}")
    both = open_registry(f"sqlite:///{path}"), open_registry(postgres_server.format(name))
    yield both
    for registry in both:
        registry.close()
    _execute(postgres_server, f"drop database {name} with (force)")


def _execute(server: str, statement: str) -> None:
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


# ---------------------------------------------------------------- journals


class Story:
    """What an engine and its workers tell of a run, as facts by journal."""

    def __init__(self, run: str = "HST1_r1p01") -> None:
        self.run = run
        self.clock = 2000.0
        self.journals: dict[str, list[dict[str, Any]]] = {}

    def tell(self, journal: str, event: str, **keys: object) -> None:
        if journal not in self.journals:
            opening = {"format": 1, "run": self.run, "attempt": 1, "start": 0, "host": f"{journal}.host", "pid": 1}
            self.journals[journal] = [{"e": "open", "t": self.clock, **opening, "journal": journal}]
        self.clock += 1.0
        self.journals[journal].append({"e": event, "t": self.clock, **keys})

    def queue(self, job: int, queue: str = "q1") -> None:
        self.tell("engine", "job.queue", job=job, queue=queue, block=1)

    def start_job(self, job: int, queue: str = "q1", journal: str = "worker", calls: int = 1, block: int = 1) -> None:
        self.tell(journal, "job.start", job=job, queue=queue, block=block, keys=f"ccd{job}", calls=calls, root="/w")

    def end_job(self, job: int, queue: str = "q1", journal: str = "worker", status: int = 0) -> None:
        self.tell(journal, "job.end", job=job, queue=queue, status=status, disk=10)

    def find_software(self, journal: str = "worker", **found: object) -> str:
        """A worker makes an environment ready; its checksum."""
        sha256 = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
        self.tell(journal, "software", sha256=sha256, kind="environment", name="astro", found=found)
        return sha256

    def start_call(
        self, job: int, call: int, queue: str = "q1", journal: str = "worker", module: str = "train"
    ) -> None:
        at = {"job": job, "queue": queue, "call": call, "try": 1}
        about = {"module": module, "wrapper": "generic", "keys": {"n": call}, "log": f"r/log/{call}.log", "plan": "0"}
        self.tell(journal, "call.start", **at, **about)
        self.tell(journal, "call.run", **at)
        self.tell(journal, "exec.start", **at, exec=1, program="cp", args=f"cp 'a b' {call}", version="1")

    def end_call(
        self,
        job: int,
        call: int,
        queue: str = "q1",
        journal: str = "worker",
        status: int = 0,
        reads: tuple[str, ...] = ("raw/1.fits",),
        writes: tuple[str, ...] | None = None,
    ) -> None:
        at = {"job": job, "queue": queue, "call": call, "try": 1}
        writes = (f"r/out/{call}.fits",) if writes is None else writes
        usage = {"wall": 1.5, "utime": 1.0, "stime": 0.5, "maxrss": 1000 * call}
        self.tell(journal, "exec.end", **at, exec=1, status=status, usage=usage)
        self.tell(journal, "call.store", **at)
        log = a_file(f"r/log/{call}.log", type="log")
        outside = a_file("/data/raw.csv", type="raw", archive="external", sha256="c0ffee")
        made = [a_file(path, meta={"n": call, "band": "r"}) for path in writes] if status == 0 else []
        messages = [{"level": 1, "text": "broken", "exec": 1}] if status else []
        self.tell(
            journal,
            "call.end",
            **at,
            status=status,
            files=[log, outside, *made],
            used=[[1, "/data/raw.csv"], *([1, path] for path in reads if not status)],
            made=[[0, log["path"]], *([1, file["path"]] for file in made)],
            derived=[[file["path"], path] for file in made for path in reads],
            messages=messages,
            disk=5,
        )

    def call(self, job: int, call: int, **keys: Any) -> None:
        place = {name: keys[name] for name in ("queue", "journal") if name in keys}
        self.start_call(job, call, **place, **({"module": keys.pop("module")} if "module" in keys else {}))
        self.end_call(job, call, **keys)

    def write(self, directory: Path) -> Path:
        directory.mkdir(parents=True, exist_ok=True)
        for name, facts in self.journals.items():
            (directory / f"{name}.jsonl").write_text("".join(json.dumps(fact) + "\n" for fact in facts))
        return directory


def a_file(path: str, **changes: object) -> dict[str, Any]:
    file = {"path": path, "type": "red", "size": 7, "sha256": f"sha of {path}", "archive": "home", "meta": {}}
    return {**file, **changes}


def _a_whole_run() -> Story:
    """Two jobs by two workers; the second reads what the first makes, and is told of first."""
    story = Story()
    story.tell("engine", "attempt.start")
    story.tell("engine", "block.start", block=1)
    for job, worker in ((1, "worker1"), (2, "worker2")):
        story.queue(job)
        story.start_job(job, journal=worker, calls=2)
    story.call(1, 1, journal="worker1", module="scrape", reads=())
    story.call(1, 2, journal="worker1", reads=("r/out/1.fits",))
    story.call(2, 3, journal="worker2", reads=("r/out/1.fits", "r/out/2.fits"))
    story.call(2, 4, journal="worker2", reads=("r/out/3.fits",))
    story.end_job(1, journal="worker1")
    story.end_job(2, journal="worker2")
    story.tell("engine", "block.end", block=1, status=0)
    story.tell("engine", "attempt.end", status=0)
    return story


@pytest.fixture
def a_story() -> Callable[..., Story]:
    return Story


@pytest.fixture
def whole_run() -> Story:
    return _a_whole_run()


@pytest.fixture
def a_whole_run() -> Callable[[], Story]:
    return _a_whole_run
