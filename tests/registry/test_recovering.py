"""A registry that is lost: what runs did and made is recorded anew from their directories, the same in all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.engines.run_directory import RunDirectory
from framework.registry.admin.equality import differences
from framework.registry.database.opening import open_registry
from framework.registry.questions.runs import find_run
from framework.runs.recover import recover_run

ROOT = Path(__file__).parents[2]
RUN = "U_r1p01"


@pytest.fixture
def a_story(fw, a_pipeline, tmp_path):
    """A run that failed, went on with another configuration, and ended well; and another one of the same unit."""
    pipeline = a_pipeline('echo "$1" > "$2"; [ "$1" != 2 ] || exit 3')
    assert fw("submit", pipeline).status == 1
    assert fw("restart", RUN, "--set", "module.make.exec_1.cmdline._1=${number}0", "--reason", "twice 2").status == 0
    assert fw("submit", pipeline, "--set", "numbers=5,6").status == 0
    return ("U_r1p01", "U_r1p02")


@pytest.fixture
def lost(a_story, fw_home, tmp_path):
    """The registry of these runs, which is not where it was any more."""
    (tmp_path / "lost").mkdir()
    for path in fw_home.glob("registry.sqlite*"):
        path.rename(tmp_path / "lost" / path.name)
    db = open_registry(f"sqlite:///{tmp_path}/lost/registry.sqlite")
    yield db
    db.close()


def test_runs_are_recorded_anew_as_they_were(lost, a_story, any_db, fw_home, monkeypatch):
    monkeypatch.setenv("FW_HOME", str(fw_home))
    for run in a_story:
        found = recover_run(any_db, RunDirectory(fw_home / "runs" / run))
        assert (found.is_new, found.facts > 20) == (True, True)
        before, now = find_run(lost, run).attempt_id, find_run(any_db, run).attempt_id
        assert differences(lost, before, any_db, now, volatile=frozenset()) == []


@pytest.mark.slow
def test_times_and_the_submitter_are_those_of_then(lost, fw, rows, fw_home):
    assert fw("registry", "recover").status == 0
    db = open_registry(f"sqlite:///{fw_home}/registry.sqlite")
    for query in (
        "select run, operator, submit_host, submittime from pfw_attempt order by run",
        "select w.wrapnum, t.start_time, t.end_time, t.status from task t join pfw_wrapper w on w.task_id = t.id "
        "order by t.start_time, w.wrapnum",
        "select path, filesize, sha256, created_date from desfile order by path, path_version",
        "select reqnum, created_date from pfw_request",
    ):
        assert rows(db, query) == rows(lost, query) != []
    db.close()


def test_what_is_recovered_can_be_gone_on_with(lost, fw, fw_home):
    said = fw("restart", RUN)
    assert (said.status, f"if it is lost: fw registry recover {RUN}" in said.err) == (1, True)
    # Another run has the number in the new registry that this one had in the old one.
    said = fw("registry", "recover", "U_r1p02")
    assert said.status == 0, said.err
    said = fw("registry", "recover")
    assert said.status == 0, said.err
    assert [line.split(", ")[0] for line in said.out.splitlines()] == ["U_r1p01: recorded anew", "U_r1p02: was here"]
    assert fw("restart", RUN, "--set", "module.gather.exec_1.cmdline._3=more").status == 0
    assert fw("fsck", "--contents").status == 0
    assert fw("registry", "check").status == 0
    assert [row["state"] for row in fw("stat", "--json").json] == ["done", "done"]
    again = fw("registry", "recover")
    assert again.out == "U_r1p01: was here, 0 facts ingested\nU_r1p02: was here, 0 facts ingested\n"


@pytest.mark.slow
def test_an_older_copy_is_brought_up_to_date(fw, a_pipeline, fw_home, tmp_path, rows):
    pipeline = a_pipeline('echo "$1" > "$2"; [ ! -e "$2.no" ]')
    assert fw("submit", pipeline).status == 0
    assert fw("registry", "copy", "--to", f"sqlite:///{tmp_path}/older.sqlite").status == 0
    assert fw("submit", pipeline).status == 0
    assert fw("restart", RUN, "--set", "module.make.exec_1.cmdline._1=${number}0").status == 0
    for path in fw_home.glob("registry.sqlite*"):
        path.unlink()
    assert fw("registry", "copy", "--registry", f"sqlite:///{tmp_path}/older.sqlite", "--to",
              f"sqlite:///{fw_home}/registry.sqlite").status == 0  # fmt: skip
    said = fw("registry", "recover")
    assert said.status == 0, said.err
    assert said.out.startswith("U_r1p01: was here, ")
    assert "0 facts" not in said.out
    db = open_registry(f"sqlite:///{fw_home}/registry.sqlite")
    assert rows(db, "select wrapnum, count(*) from pfw_wrapper group by wrapnum order by 1") == [
        (number, 3) for number in range(1, 5)
    ]
    db.close()


def test_a_run_that_goes_on_is_left_alone(a_pipeline, environment, fw, fw_home, tmp_path):
    pipeline = a_pipeline("sleep 60")
    command = [sys.executable, "-m", "framework.cli", "submit", str(pipeline)]
    own = {**environment, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, env=own, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not list(fw_home.rglob("journal/worker*.jsonl")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        said = fw("registry", "recover", FW_REGISTRY=f"sqlite:///{tmp_path}/new.sqlite")
        assert (said.status, "U_r1p01: U_r1p01 goes on" in said.err) == (1, True)
    finally:
        os.kill(run.pid, signal.SIGINT)
        run.wait(30)


def test_a_run_that_does_not_tell_what_it_was_does_not_keep_the_others(lost, fw, fw_home):
    (fw_home / "runs" / "U_r1p01" / "plan" / "attempt.json").write_text('{"reqnum": "one"}')
    said = fw("registry", "recover")
    assert said.status == 1
    assert "attempt.json is damaged" in said.err
    assert said.out.startswith("U_r1p02: recorded anew")
    (fw_home / "runs" / "U_r1p01" / "plan" / "attempt.json").unlink()
    said = fw("registry", "recover", "U_r1p01")
    assert (said.status, "attempt.json is gone" in said.err) == (1, True)
