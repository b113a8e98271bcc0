"""A job without a shared file system: it needs nothing but Python, and what it sends home is checked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.engines.htcondor.shipped_code import write_archive
from framework.worker.job.htcondor_receive import receive
from framework.worker.journal.journal import read_facts

MADE = "SKY/small/none/r1/U/p01/made/1.txt"


@pytest.fixture
def scratch(fw, a_pipeline, fw_home: Path, tmp_path: Path) -> Path:
    """A directory as HTCondor makes it for a job of a run, with all that is sent along."""
    assert fw("submit", a_pipeline(numbers="1")).status == 0
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    shutil.copy(fw_home / "archive/SKY/small/none/r1/U/p01/submit/plan_0001.jsonl.gz", scratch)
    run = fw_home / "runs/U_r1p01"
    settings = {"run": "U_r1p01", "attempt": 1, "start": 7, "directory": str(run), "orders": "", "shared": False}
    (scratch / "settings.json").write_text(json.dumps(settings))
    write_archive(scratch / "job.pyz", sys.executable)
    return scratch


@pytest.fixture
def execute(scratch: Path, fw_home: Path) -> Callable[[int], None]:
    """Runs the job there, as the execution with this number."""
    first = (fw_home / "runs/U_r1p01/plan/plan_0001.jsonl").read_bytes().index(b"\n") + 1

    def run(starts: int) -> None:
        shutil.rmtree(scratch / "work", ignore_errors=True)  # it is not sent along
        (scratch / ".job.ad").write_text(f"NumJobStarts = {starts}\n")
        words = ["./job.pyz", "settings.json", "12", "plan_0001.jsonl.gz", str(first), "1", "0"]
        place = {"_CONDOR_SCRATCH_DIR": str(scratch), "_CONDOR_JOB_AD": str(scratch / ".job.ad")}
        done = subprocess.run(words, cwd=scratch, env=place, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")

    return run


@pytest.fixture
def sent_home(scratch: Path, execute: Callable[[int], None], fw_home: Path) -> Path:
    """A run's directory, to which one of its jobs has sent what it made in a directory of its own."""
    execute(0)
    run = fw_home / "runs/U_r1p01"
    (run / "home").mkdir()
    shutil.move(scratch / "j1", run / "home/j1")
    return run


def test_a_job_that_was_evicted_goes_on_from_what_was_sent_along(scratch, execute, tmp_path):
    execute(0)
    made = scratch / "j1/archive" / MADE
    first = made.stat()
    execute(1)
    journals = {path.name: list(read_facts(str(path))) for path in (scratch / "j1/journal").iterdir()}
    assert sorted(journals) == ["worker-7-j1-12.0.jsonl", "worker-7-j1-12.1.jsonl"]
    assert not [fact for fact in journals["worker-7-j1-12.1.jsonl"] if fact["e"] == "call.start"]
    assert made.stat() == first
    # HTCondor brings it home over what it has brought before.
    assert all(path.stat().st_mode & 0o200 for path in (scratch / "j1/archive").rglob("*") if path.is_file())


def test_the_words_of_a_lost_execution_keep_a_name_of_their_own(scratch, execute):
    execute(0)
    journal = scratch / "j1/journal/worker-7-j1-12.0.jsonl"
    kept = [
        line for line in journal.read_text().splitlines(True) if '"call.end"' not in line and '"job.end"' not in line
    ]
    journal.write_text("".join(kept))
    execute(1)
    logs = sorted(path.name for path in (scratch / "j1/archive").rglob("*.log"))
    assert logs == ["U_r1p01_w0001_1_make.log", "U_r1p01_w0001_1_make_lost12.0.log"]


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
