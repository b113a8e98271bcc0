"""Blocks whose width only running tells are planned on a pool as they are on one machine."""

from __future__ import annotations

import pytest

from tests.engines.test_late import PLANNED, SUM
from tests.htcondor.conftest import FAR, ROOT, SHARED, kill, sets, until
from tests.htcondor.test_same import compare

CANDIDATES = ROOT / "pipelines/candidates.wcl"
RUN = "S_r1p01"


@pytest.mark.parametrize("site", [SHARED, FAR], ids=["shared", "transfer"])
def test_late_blocks_come_to_the_same_as_on_the_local_engine(fw, pool, tmp_path, site):
    here, there = tmp_path / "here", tmp_path / "there"
    assert fw("submit", CANDIDATES, FW_HOME=str(here)).status == 0
    done = fw("submit", CANDIDATES, "--wait", *sets(site), FW_HOME=str(there))
    assert done.status == 0, done.err
    assert compare(here, there, "night00001_r1p01") == []


def test_a_late_block_that_cannot_be_planned_fails_with_its_reason_and_a_restart_plans_it_again(
    fw, pool, a_scatter, a_program, ask, fw_home, tmp_path
):
    pieces = fw_home / SUM.replace("sum/sum.txt", "pieces")
    lines = f"""[ -e {tmp_path}/go ] || {{ echo "no sky" >&2; exit 3; }}
printf 'fullname,piece\\n{pieces}/piece01.txt,01\\n' > $1"""
    program = a_program("query", lines)
    pipeline = a_scatter(f"exec = {program}\nargs = ${{qoutfile}}\nqouttype = csv")
    done = fw("submit", pipeline, "--wait", *sets(SHARED))
    assert done.status == 1, done.err
    assert "not planned: use, sum" in done.err
    why = fw("why", RUN).out
    assert "block use could not be planned" in why
    assert "no sky" in why
    assert ask("select label, status from task where name = 'block' order by id") == [
        ("cut", 0), ("use", 1), ("sum", None),
    ]  # fmt: skip
    (tmp_path / "go").touch()
    done = fw("restart", RUN, "--wait")
    assert done.status == 0, done.err
    assert (fw_home / SUM).read_text() == "used 1\n"
    assert ask(PLANNED) == [(1, 1, "cut", 1), (2, 1, "use", 1), (3, 1, "sum", 1)]


def test_a_late_block_may_have_nothing_to_do(fw, pool, a_scatter, count, ask, fw_home):
    count.write_text("0\n")
    source = "depends = cut.file.piece\nallow_empty = True"
    pipeline = a_scatter(source, piece="optional = True", all="allow_empty = True")
    done = fw("submit", pipeline, "--wait", *sets(SHARED))
    assert done.status == 0, done.err
    assert (fw_home / SUM).read_text() == ""
    assert ask(PLANNED) == [(1, 1, "cut", 1), (2, 0, "use", 0), (3, 1, "sum", 1)]


def test_a_run_that_is_cancelled_in_a_late_block_goes_on_there(fw, pool, a_scatter, tmp_path, fw_home, ask):
    slow = f'[ -e {tmp_path}/go ] || sleep 600; echo "used $(cat "$1")" > "$2"'
    assert fw("submit", a_scatter(use=slow), *sets(SHARED)).status == 0
    until(lambda: len(pool.queue(constraint="JobUniverse == 5 && JobStatus == 2")) == 3)
    until(lambda: [row["calls_expected"] for row in fw("stat", RUN, "--json").json["modules"]] == [1, 3, None])
    assert fw("cancel", RUN, "--reason", "it sleeps").status == 0
    assert not pool.queue()
    (tmp_path / "go").touch()
    done = fw("restart", RUN, "--wait")
    assert done.status == 0, done.err
    assert (fw_home / SUM).read_text() == "used 1\nused 2\nused 3\n"
    assert ask("select count(*) from pfw_wrapper w, task t where t.id = w.task_id and modname = 'cut'") == [(1,)]


@pytest.mark.parametrize("victim", [("attending", "plan"), ("condor_dagman", "late2.dag")], ids=["planner", "sub-DAG"])
def test_what_is_killed_in_a_late_block_is_made_up_for(fw, pool, a_scatter, fw_home, ask, tmp_path, victim):
    use = 'sleep 3; echo "used $(cat "$1")" > "$2"'
    assert fw("submit", a_scatter(use=use), *sets(SHARED)).status == 0
    words = ("service.py", "plan") if victim[1] == "plan" else victim
    until(lambda: kill(*words))
    until(lambda: not pool.queue())
    done = fw("restart", RUN, "--wait")
    assert done.status == 0, done.err
    assert (fw_home / SUM).read_text() == "used 1\nused 2\nused 3\n"
    finished = "select w.wrapnum, count(*) from pfw_wrapper w, task t where t.id = w.task_id and t.status = 0"
    assert ask(finished + " group by 1 order by 1") == [(number, 1) for number in range(1, 6)]
