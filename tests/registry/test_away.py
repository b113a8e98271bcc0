"""A registry's server that is away when a run is over: it is waited for, and whoever will not wait loses nothing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from framework.errors import RegistryAway, RegistryError
from framework.registry.database.connection import connect
from framework.registry.database.opening import open_registry

ROOT = Path(__file__).parents[2]
CALLS = "select count(*) from pfw_wrapper w, task t where t.id = w.task_id and t.status = 0"


@pytest.fixture
def a_run(a_postgres_server, a_pipeline, environment, tmp_path):
    """A submission that has begun, the file that lets its jobs end, and the environment of its commands."""
    flag = tmp_path / "go on"
    pipeline = a_pipeline(f'while [ ! -e "{flag}" ]; do sleep 0.05; done; echo "$1" > "$2"', numbers="(1:3)")
    own = {**environment, "FW_REGISTRY": a_postgres_server.url.format("fw"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "framework.cli", "submit", str(pipeline)]
    run = subprocess.Popen(command, env=own, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: list((tmp_path / "home").rglob("journal/worker*.jsonl")))
        yield run, flag, own
    finally:
        run.kill()
        assert run.stdout
        run.stdout.close()
        run.wait()


@pytest.fixture
def run_that_ends_without_its_server(a_run, a_postgres_server):
    """A submission whose jobs have ended, which waits for the registry; and the environment of its commands."""
    run, flag, own = a_run
    a_postgres_server.stop()
    flag.touch()
    assert "check that the server runs" in until_said(run, "waiting for it")
    return run, own


@pytest.mark.postgres
def test_a_run_that_is_over_waits_for_its_registry(run_that_ends_without_its_server, a_postgres_server, rows):
    run, _ = run_that_ends_without_its_server
    a_postgres_server.start()
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 0, said
    assert "U_r1p01 is done" in said
    db = open_registry(a_postgres_server.url.format("fw"))
    assert rows(db, CALLS) == [(4,)]
    assert rows(db, "select processing_state from attempt_state") == [("PASS",)]
    db.close()


@pytest.mark.slow
@pytest.mark.postgres
def test_who_will_not_wait_is_told_the_way_on(run_that_ends_without_its_server, a_postgres_server, rows, tmp_path):
    run, own = run_that_ends_without_its_server
    time.sleep(random.uniform(0, 1.5))  # wherever it is: in a pause, or at its next try
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[0]
    assert run.returncode == 3, said
    assert "what was done is kept; put that right, then: fw restart U_r1p01" in said
    assert "Traceback" not in said
    a_postgres_server.start()
    again = [sys.executable, "-m", "framework.cli", "restart", "U_r1p01"]
    subprocess.run(again, env=own, cwd=tmp_path, check=True, timeout=60)
    db = open_registry(a_postgres_server.url.format("fw"))
    assert rows(db, CALLS) == [(4,)]
    assert rows(db, "select count(*) from pfw_wrapper") == [(4,)]
    db.close()


@pytest.mark.slow
@pytest.mark.postgres
def test_a_registry_that_is_slow_is_named_and_need_not_be_waited_for(a_run, a_postgres_server, rows, tmp_path):
    run, flag, own = a_run
    db = open_registry(a_postgres_server.url.format("fw"))
    with db.write() as connection:
        connection.exec_driver_sql("lock table ingest_lease")
        flag.touch()
        until_said(run, "is slow to ingest the last facts of the run")
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[0]
    assert run.returncode == 3, said
    assert "has not ingested the last facts yet" in said
    assert "fw restart U_r1p01" in said
    again = [sys.executable, "-m", "framework.cli", "restart", "U_r1p01"]
    subprocess.run(again, env=own, cwd=tmp_path, check=True, timeout=60)
    assert rows(db, CALLS) == [(4,)]
    db.close()


@pytest.mark.postgres
def test_only_a_server_that_is_not_there_is_away(a_postgres_server):
    url = a_postgres_server.url.format("fw")
    db = open_registry(url)
    a_postgres_server.stop()
    with pytest.raises(RegistryAway), db.read():
        pass
    with pytest.raises(RegistryAway):
        open_registry(url)
    a_postgres_server.start()
    with db.read() as connection:  # the same registry, when the server is back
        connection.exec_driver_sql("select 1")
    db.close()


@pytest.mark.postgres
@pytest.mark.parametrize(("given", "used"), [("", "20"), ("&keepalives_idle=7", "7")])
def test_a_server_that_vanishes_is_noticed_in_seconds_unless_the_address_says_otherwise(postgres_server, given, used):
    db = connect(postgres_server.format("postgres") + given)
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        options = driver.info.get_parameters()
    assert (options["keepalives_idle"], options["tcp_user_timeout"]) == (used, "50000")
    db.close()


def test_a_file_that_is_no_registry_is_not_waited_for(tmp_path):
    (tmp_path / "registry.sqlite").write_text("something else, and rather longer than a header of SQLite would be" * 9)
    with pytest.raises(RegistryError) as caught:
        open_registry(f"sqlite:///{tmp_path}/registry.sqlite")
    assert not isinstance(caught.value, RegistryAway)


def until(condition, seconds: float = 30.0):
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_said(process: subprocess.Popen[str], words: str) -> str:
    """What a process says up to these words."""
    timer = threading.Timer(60, process.kill)
    timer.start()
    said = ""
    assert process.stdout
    for line in process.stdout:
        said += line
        if words in line:
            timer.cancel()
            return said
    raise AssertionError(said)
