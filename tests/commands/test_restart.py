"""A run goes on with another configuration: what it changes is done again, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

RUN = "U_r1p01"
TOGETHER = "archive/SKY/small/none/r1/U/p01/made/together.txt"
#: How often each call was done, and which of those were good.
DONE = "select w.wrapnum, count(*), sum(t.status = 0) from pfw_wrapper w, task t where t.id = w.task_id group by 1"
TENFOLD = "module.make.exec_1.cmdline._1=${number}0"
OTHERWISE = "module.gather.exec_1.cmdline._3=more"

#: Changes that would make another run, and what is said of them.
OTHER_RUNS = {
    "unitname=other": "unitname of U_r1p01 is U and cannot become other",
    "target_site=htcondor": "target_site of U_r1p01 is local and cannot become htcondor",
    "numbers=1, 2": "submit that as a new run",
    "module.make.file.made.filename=${number}.dat": "the names of what they make are others",
    "module.make.wrapperlop=number": "did you mean",
}


@pytest.fixture
def submitted(fw, a_pipeline) -> Path:
    """The pipeline of a run that has ended well."""
    pipeline = a_pipeline()
    assert fw("submit", pipeline).status == 0
    return pipeline


def test_only_what_differs_is_done_again(fw, submitted, ask):
    said = fw("restart", RUN, "--set", OTHERWISE)
    assert said.status == 0, said.err
    assert f"{RUN}: done before, and done again now: 1 call" in said.err
    assert ask(DONE) == [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 2, 2)]


def test_everything_that_is_made_from_what_differs_is_done_again(fw, submitted, fw_home, ask):
    said = fw("restart", RUN, "--set", TENFOLD)
    assert said.status == 0, said.err
    assert ask(DONE) == [(number, 2, 2) for number in range(1, 5)]
    made = fw_home / TOGETHER
    assert made.read_text() == "10\n20\n30\n"
    recorded = ask("select filesize, sha256 from desfile where filename = 'together.txt'")
    assert recorded == [(made.stat().st_size, hashlib.sha256(made.read_bytes()).hexdigest())]
    assert fw("fsck").status == 0


def test_resources_change_and_what_is_done_stays_done(fw, a_pipeline, ask, tmp_path):
    pipeline = a_pipeline(f'[ "$1" != 2 ] || [ -e {tmp_path}/go ] || exit 4; echo "$1" > "$2"')
    assert fw("submit", pipeline).status == 1
    (tmp_path / "go").touch()
    said = fw("restart", RUN, "--set", "module.make.request_memory=300")
    assert said.status == 0, said.err
    assert ask(DONE) == [(1, 1, 1), (2, 2, 1), (3, 1, 1), (4, 1, 1)]


def test_a_change_that_fails_is_gone_on_with_by_a_plain_restart(fw, a_pipeline, fw_home, ask, tmp_path):
    pipeline = a_pipeline(f'[ "$1" != 20 ] || [ -e {tmp_path}/go ] || exit 4; echo "$1" > "$2"')
    assert fw("submit", pipeline).status == 0
    assert fw("restart", RUN, "--set", TENFOLD).status == 1
    (tmp_path / "go").touch()
    assert fw("restart", RUN).status == 0
    assert (fw_home / TOGETHER).read_text() == "10\n20\n30\n"
    assert ask(DONE) == [(1, 2, 2), (2, 3, 2), (3, 2, 2), (4, 2, 2)]


def test_it_is_put_on_record_with_who_and_why(fw, submitted, fw_home, ask):
    fw("restart", RUN, "--set", OTHERWISE, "--reason", "more is asked for")
    ((path, sha256),) = ask(
        "select a.path || '/' || f.filename, f.sha256 from desfile f, file_archive_info a"
        " where a.desfile_id = f.id and f.filename = 'full_2.wcl.gz'"
    )
    assert hashlib.sha256((fw_home / "archive" / path).read_bytes()).hexdigest() == sha256
    full = hashlib.sha256((fw_home / "runs" / RUN / "submit/full_2.wcl").read_bytes()).hexdigest()
    assert f": more is asked for; with {OTHERWISE} (full_2.wcl, sha256 {full})" in fw("why", RUN).out


def test_an_edited_file_may_be_what_changes(fw, submitted, fw_home):
    submitted.write_text(submitted.read_text().replace("_1 = ${number}", "_1 = ${number}${number}"))
    said = fw("restart", RUN, "--pipeline", submitted)
    assert said.status == 0, said.err
    assert (fw_home / TOGETHER).read_text() == "11\n22\n33\n"


def test_a_changed_run_can_be_compared_and_its_calls_done_again(fw, submitted):
    assert fw("restart", RUN, "--set", TENFOLD).status == 0
    assert fw("plan", submitted, "--set", TENFOLD, "--diff", RUN, "--json").json["calls"] == []
    assert fw("rerun", RUN, 1).status == 0


def test_what_would_be_another_run_is_refused(fw, submitted: Path, ask: Callable[..., object]):
    for change, words in OTHER_RUNS.items():
        said = fw("restart", RUN, "--set", change)
        assert (said.status, words in said.err, "Traceback" in said.err) == (2, True, False), (change, said.err)
        assert fw("restart", RUN).status == 0
        assert ask(DONE) == [(number, 1, 1) for number in range(1, 5)]
