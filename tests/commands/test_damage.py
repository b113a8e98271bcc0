"""A damaged plan of one run is said, with its file, and hinders no other run."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

#: What a damage does to a file, by its name.
DAMAGES = {
    "emptied": lambda data: b"",
    "cut in half": lambda data: data[: len(data) // 2],
    "without its last line": lambda data: b"".join(data.splitlines(keepends=True)[:-1]),
    "a flipped bit": lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:],
    "zeros": lambda data: bytes(len(data)),
    "brackets": lambda data: b"[" * 100_000,
    "a list": lambda data: b"[1, 2]\n",
    "not text": lambda data: b"\xff\xfe" + data,
}


@pytest.fixture
def failed_run(fw, a_pipeline, fw_home) -> Path:
    """The plan of a run that failed in the middle, beside a run that is done."""
    assert fw("submit", a_pipeline('echo "$1" > "$2"', numbers="(1:2)"), "--set", "unitname=GOOD").status == 0
    assert fw("submit", a_pipeline('[ "$1" != 2 ] || exit 3; echo "$1" > "$2"', numbers="(1:4)")).status == 1
    plan: Path = fw_home / "runs/U_r1p01/plan"
    return plan


def test_a_damaged_file_of_a_plan_is_named_and_no_run_is_done_by_it(fw, failed_run, fw_home):
    for name in ("run.json", "jobs.index"):
        path = failed_run / name
        content = path.read_bytes()
        for damage, change in DAMAGES.items():
            path.write_bytes(change(content))
            said = fw("restart", "U_r1p01")
            assert said.status == 1, (name, damage, said.err)
            assert f"{path} is damaged" in said.err, (name, damage, said.err)
            assert "put it back from a copy, or submit the run again" in said.err
            assert "Traceback" not in said.err
        path.write_bytes(content)
    (failed_run / "jobs.index").rename(failed_run / "gone")
    assert "jobs.index is damaged: No such file or directory" in fw("restart", "U_r1p01").err
    (failed_run / "gone").rename(failed_run / "jobs.index")
    states = fw("sql", "select processing_state from attempt_state order by pfw_attempt_id", "--csv").out.split()[1:]
    assert states == ["PASS", "FAIL"]
    assert fw("restart", "U_r1p01").status == 1  # its program still fails


def test_other_runs_are_shown_and_recovered_beside_a_damaged_one(fw, failed_run, fw_home):
    (failed_run / "run.json").write_bytes(b"")
    fw("sql", "select 1")
    for file in fw_home.glob("registry.sqlite*"):
        file.unlink()
    said = fw("registry", "recover")
    assert said.status == 1
    assert "GOOD_r1p01: recorded anew" in said.out
    assert "U_r1p01: " in said.err
    assert "run.json is damaged" in said.err
    listed = fw("stat")
    assert listed.status == 0
    assert "GOOD_r1p01" in listed.out


def test_a_stopped_run_with_a_damaged_plan_is_listed_with_its_fault(fw, failed_run, fw_home):
    fw("sql", "select 1")
    with sqlite3.connect(fw_home / "registry.sqlite") as db:  # as a kill before the end leaves it
        db.execute(
            "update task set end_time = null, status = null where id in"
            " (select task_id from pfw_attempt where run = 'U_r1p01')"
        )
    (failed_run / "run.json").write_bytes(b"{")
    listed = fw("stat")
    assert (listed.status, "Traceback" in listed.err) == (0, False)
    assert "U_r1p01: " in listed.err
    assert "run.json is damaged" in listed.err
    assert {row["run"]: row["state"] for row in fw("stat", "--json").json} == {
        "GOOD_r1p01": "done", "U_r1p01": "stopped",
    }  # fmt: skip
    assert "run.json is damaged" in fw("stat", "U_r1p01").out
