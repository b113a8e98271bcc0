"""A job without a shared file system: it needs nothing but Python, and what it sends home is checked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from framework.engines.htcondor.code import write_archive
from framework.job.reception import receive

MADE = "SKY/small/none/r1/U/p01/made/1.txt"


@pytest.fixture
def sent_home(fw, a_pipeline, fw_home: Path, tmp_path: Path) -> Path:
    """A run's directory, to which one of its jobs has sent what it made in a directory of its own."""
    assert fw("submit", a_pipeline(numbers="1")).status == 0
    run, scratch = fw_home / "runs/U_r1p01", tmp_path / "scratch"
    scratch.mkdir()
    shutil.copy(fw_home / "archive/SKY/small/none/r1/U/p01/submit/plan_0001.jsonl.gz", scratch)
    settings = {"run": "U_r1p01", "attempt": 1, "start": 7, "directory": str(run), "orders": "", "shared": False}
    (scratch / "settings.json").write_text(json.dumps(settings))
    write_archive(scratch / "job.pyz", sys.executable)
    first = (run / "plan/plan_0001.jsonl").read_bytes().index(b"\n") + 1
    words = ["./job.pyz", "settings.json", "12", "plan_0001.jsonl.gz", str(first), "1", "0"]
    place = {"_CONDOR_SCRATCH_DIR": str(scratch)}
    done = subprocess.run(words, cwd=scratch, env=place, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    (run / "home").mkdir()
    shutil.move(scratch / "j1", run / "home/j1")
    return run


def test_what_a_job_sends_home_is_put_into_the_archive_and_its_journal_to_the_others(sent_home, tmp_path):
    assert receive(str(sent_home), str(tmp_path / "archive"), 1) == []
    assert (tmp_path / "archive" / MADE).read_text() == "1\n"
    assert len(list((sent_home / "journal").glob("worker-7-j1-12.*.jsonl"))) == 1
    assert not (sent_home / "home/j1").exists()


def test_to_receive_again_changes_nothing(sent_home, tmp_path):
    shutil.copytree(sent_home / "home/j1", tmp_path / "again")
    receive(str(sent_home), str(tmp_path / "archive"), 1)
    shutil.move(tmp_path / "again", sent_home / "home/j1")
    assert receive(str(sent_home), str(tmp_path / "archive"), 1) == []
    assert (tmp_path / "archive" / MADE).read_text() == "1\n"


def test_a_file_that_did_not_come_home_whole_is_told(sent_home, tmp_path):
    made = sent_home / "home/j1/archive" / MADE
    made.chmod(0o644)
    made.write_text("")
    (wrong,) = receive(str(sent_home), str(tmp_path / "archive"), 1)
    assert wrong == f"{MADE} is not what the job made: 0 bytes came of 2"
