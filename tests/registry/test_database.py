"""A registry is found, made, brought up to date and opened, or it is said why not."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import inspect, text

from framework.errors import RegistryError
from framework.registry.database import connection as database
from framework.registry.database.filesystems import filesystem_type
from framework.registry.database.opening import open_registry
from framework.registry.schema.tables import REVISION, metadata


def test_without_a_url_the_registry_lies_in_the_home(tmp_path, monkeypatch):
    monkeypatch.delenv("FW_REGISTRY", raising=False)
    monkeypatch.setenv("FW_HOME", str(tmp_path / "new" / "home"))
    open_registry().close()
    assert (tmp_path / "new" / "home" / "registry.sqlite").exists()


@pytest.mark.parametrize("name", ["my home", "100%25?x=1#y", "ünï:çödé"])
def test_a_home_may_have_any_name(tmp_path, monkeypatch, name):
    monkeypatch.delenv("FW_REGISTRY", raising=False)
    monkeypatch.setenv("FW_HOME", str(tmp_path / name))
    open_registry().close()
    reader = open_registry(read_only=True)
    assert ((tmp_path / name / "registry.sqlite").exists(), reader.revision()) == (True, REVISION)
    reader.close()


def test_the_environment_names_the_registry(tmp_path, monkeypatch):
    monkeypatch.setenv("FW_REGISTRY", f"sqlite:///{tmp_path}/other.sqlite")
    registry = open_registry()
    assert registry.place == f"{tmp_path}/other.sqlite"
    registry.close()


def test_the_migrations_make_what_the_schema_says(any_db):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with any_db.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": any_db.dialect == "sqlite"})
        assert compare_metadata(context, metadata) == []


def test_a_current_registry_opens_without_alembic(db):
    code = (
        "import sys; from framework.registry.database.opening import open_registry; "
        "open_registry(sys.argv[1]); print('alembic' in sys.modules)"
    )
    url = f"sqlite:///{db.place}"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_newer_registry_is_refused(db):
    with db.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(RegistryError, match=r"made by a newer skyfw \(schema 9999; .*: update skyfw"):
        open_registry(f"sqlite:///{db.place}")


def test_a_registry_is_made_once_by_those_who_open_it_together(tmp_path):
    code = "import sys, framework.registry.database.opening as o; o.open_registry(sys.argv[1])"
    command = [sys.executable, "-c", code, f"sqlite:///{tmp_path}/registry.sqlite"]
    started = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in started] == [0, 0, 0, 0]


def test_a_file_that_is_no_database_is_told_so(tmp_path):
    (tmp_path / "notes.txt").write_text("not a database " * 100)
    with pytest.raises(RegistryError, match=r"notes.txt: file is not a database: the file is something else"):
        open_registry(f"sqlite:///{tmp_path}/notes.txt")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="its folder cannot be made"):
        open_registry(f"sqlite:///{tmp_path}/file/registry.sqlite")


def test_a_server_that_is_not_there_is_named_without_its_password():
    with pytest.raises(RegistryError, match="refused") as caught:
        open_registry("postgresql://olga:hidden@127.0.0.1:1/registry")
    assert "olga:***@127.0.0.1:1" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name"])
def test_a_url_of_another_kind_is_refused(url):
    with pytest.raises(RegistryError, match="sqlite"):
        open_registry(url)


def test_reading_only_neither_makes_nor_writes(tmp_path, db):
    with pytest.raises(RegistryError, match="unable to open"):
        open_registry(f"sqlite:///{tmp_path}/none.sqlite", read_only=True)
    reader = open_registry(f"sqlite:///{db.place}", read_only=True)
    with pytest.raises(RegistryError, match="readonly"), reader.read() as connection:
        connection.execute(text("delete from id_block"))
    reader.close()


def test_sqlite_is_refused_on_a_network_file_system(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "filesystem_type", lambda path: "nfs4")
    with pytest.raises(RegistryError, match=r"network file system \(nfs4\)"):
        open_registry(f"sqlite:///{tmp_path}/registry.sqlite")


def test_the_file_system_is_that_of_the_nearest_mount(tmp_path):
    mounts = f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path}/my\\040home nfs4 rw 0 0\n"
    assert filesystem_type(tmp_path / "my home" / "fw", mounts) == "nfs4"
    assert filesystem_type(tmp_path / "my", mounts) == "ext4"


def test_a_registry_can_be_carried_across_a_fork(any_db, new_attempt, rows):
    assert rows(any_db, "select count(*) from task") == [(0,)]
    child = os.fork()
    if child == 0:
        with any_db.write() as connection:
            connection.execute(text("update id_block set next_id = 5"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert rows(any_db, "select next_id from id_block where name = 'task'") == [(5,)]


def test_a_failed_transaction_leaves_nothing(any_db, rows):
    def fail_half_way() -> None:
        with any_db.write() as connection:
            connection.execute(text("update id_block set next_id = 5"))
            raise KeyError

    with pytest.raises(KeyError):
        fail_half_way()
    assert rows(any_db, "select next_id from id_block where name = 'task'") == [(1,)]


def test_elapsed_time_is_a_difference_on_both_databases(any_db):
    with any_db.write() as connection:
        table = metadata.tables["task"]
        values = {"id": 1, "name": "x", "info_table": "x", "root_task_id": 1, "start_time": 10.5, "end_time": 12.75}
        connection.execute(table.insert(), [values])
        elapsed = connection.execute(text("select end_time - start_time from task")).scalar_one()
        stored = connection.execute(table.select()).one().start_time
    assert (getattr(elapsed, "total_seconds", lambda: elapsed)(), stored) == (2.25, 10.5)


def test_sqlite_writes_ahead_and_holds_foreign_keys(db):
    with db.read() as connection:
        pragmas = [connection.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "foreign_keys")]
    assert (pragmas, inspect(db.engine).has_table("task")) == (["wal", 1], True)
    assert sqlite3.sqlite_version_info >= (3, 38)


def test_the_registry_is_imported_quickly_and_drags_in_little():
    code = "import sys, framework.registry.database.connection, framework.registry.ingest.ingester; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"alembic", "psycopg", "rich", "jinja2", "numpy", "yaml"}
    assert heavy & set(done.stdout.split()) == set()
