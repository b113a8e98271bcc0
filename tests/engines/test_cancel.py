"""A run of this machine is cancelled by its lock's owner, and old processes are ended before a restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from framework.engines import fence
from framework.engines.engine import JobState
from framework.engines.local import engine as local
from framework.engines.local.engine import LocalEngine
from framework.engines.run_directory import RunDirectory
from framework.errors import InfrastructureError, RunError
from framework.output.progress import Quiet

#: A process that holds the lock of a run, and takes its time to end when it is asked to, or does not end at all.
OWNER = """
import os, signal, sys, time
from pathlib import Path
from framework.engines.run_lock import RunLock
descriptor = RunLock(Path(sys.argv[1])).acquire()
def end(number, frame):
    if sys.argv[2] == "ends":
        time.sleep(0.3)
        os._exit(0)
signal.signal(signal.SIGTERM, end)
print("locked", flush=True)
while True:
    time.sleep(10)
"""


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[Callable[[str], RunDirectory]]:
    """A function that makes a run's directory whose lock another process holds."""
    owners = []

    def make(behaviour: str) -> RunDirectory:
        directory = RunDirectory(tmp_path / "runs" / "U_r1p01")
        command = [sys.executable, "-c", OWNER, str(directory.path / "engine.lock"), behaviour]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        owners.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True))
        assert owners[-1].stdout
        assert owners[-1].stdout.readline() == "locked\n"
        return directory

    yield make
    for owner in owners:
        owner.kill()
        owner.communicate()


@pytest.fixture
def engine() -> LocalEngine:
    no_follower: object = None
    return LocalEngine(1, Quiet(), no_follower, "")  # type: ignore[arg-type]  # which a cancel does not need


def test_a_cancelled_run_has_ended_when_the_verb_ends(engine, owned):
    directory = owned("ends")
    assert engine.cancel(directory, "no stars") is True
    assert directory.find_owner() is None
    assert engine.cancel(directory, "no stars") is False


def test_a_run_that_does_not_end_is_said_to_go_on_with_its_process(engine, owned, monkeypatch):
    monkeypatch.setattr(local, "PATIENCE", 0.2)
    directory = owned("stays")
    owner = directory.find_owner()
    with pytest.raises(RunError, match=rf"U_r1p01 has not ended after 0 s: its process is {owner}"):
        engine.cancel(directory, "no stars")


def test_a_lock_that_another_process_holds_is_refused_with_its_owner_and_leaves_no_file_open(owned):
    directory = owned("stays")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(RunError, match=rf"is running \(process {directory.find_owner()}\)"), directory.lock():
            pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_run_that_has_ended_has_no_job_that_waits_or_runs(engine, fw, a_pipeline, fw_home):
    assert fw("submit", a_pipeline('[ "$1" != 2 ] || exit 3; echo "$1" > "$2"')).status == 1
    found = engine.read_status(RunDirectory(fw_home / "runs" / "U_r1p01"))
    assert found.job_counts == {JobState.DONE: 2}  # of four: one failed, one was never begun


@pytest.fixture
def marked(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"], env={**os.environ, fence.MARK: str(tmp_path)})
    yield process
    process.kill()
    process.wait()


def test_processes_of_an_earlier_execution_are_ended_and_named_once(marked, tmp_path):
    assert fence.end_marked_processes(str(tmp_path)) == [marked.pid]
    assert marked.wait() == -signal.SIGKILL


def test_a_process_that_cannot_be_ended_is_named(marked, tmp_path, monkeypatch):
    monkeypatch.setattr(fence, "PATIENCE", 0.05)
    monkeypatch.setattr("os.kill", lambda pid, number: None)
    with pytest.raises(InfrastructureError, match=rf"cannot be ended: \[{marked.pid}\]"):
        fence.end_marked_processes(str(tmp_path))
