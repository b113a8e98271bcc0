"""Late blocks on this machine: planned when their inputs are there, once, whatever is killed in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.engines.fence import find_marked_processes
from framework.registry.admin.equality import differences
from framework.registry.database.opening import open_registry
from framework.worker.journal.journal import read_facts

ROOT = Path(__file__).parents[2]

SCATTER = """
pipeline = scatter
unitname = S
blocklist = cut, use, sum
{top}
<block>
    <cut>
        modulelist = cut
    </cut>
    <use>
        plan = late
        modulelist = use
        divide_jobs_by = piece
    </use>
    <sum>
        plan = late
        modulelist = sum
    </sum>
</block>
<filetype_metadata>
    <piece>
    </piece>
    <used>
    </used>
    <sum>
    </sum>
</filetype_metadata>
<module>
    <cut>
        {given}
        <exec_1>
            execname = {cut}
            was_generated_by = file.piece
            <cmdline>
                _1 = ${{file.piece.directory}}
            </cmdline>
        </exec_1>
        <file>
            <piece>
                filetype = piece
                filename = piece${{piece:2}}.txt
                wildcards = piece
                ops_enddir = pieces
                {piece}
            </piece>
        </file>
    </cut>
    <use>
        wrapperloop = piece
        loopobj = file.piece
        <exec_1>
            execname = {use}
            used = file.piece
            was_generated_by = file.used
            ancestry = file.piece:file.used
            <cmdline>
                _1 = ${{file.piece.fullname}}
                _2 = ${{file.used.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <piece>
                {source}
            </piece>
            <used>
                filetype = used
                filename = used${{piece:2}}.txt
                ops_enddir = used
            </used>
        </file>
    </use>
    <sum>
        <exec_1>
            execname = {gather}
            used = list.all.used
            was_generated_by = file.sum
            ancestry = list.all.used:file.sum
            <cmdline>
                _1 = ${{list.all.fullname}}
                _2 = ${{file.sum.fullname}}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = use.file.used
                {all}
                sortkey = (piece, True)
                filename = all.list
                ops_enddir = lists
            </all>
        </list>
        <file>
            <sum>
                filetype = sum
                filename = sum.txt
                ops_enddir = sum
            </sum>
        </file>
    </sum>
</module>
"""
DEPENDS = "depends = cut.file.piece"
#: As many pieces as the file says.
CUT = 'for n in $(seq 1 $(cat {count})); do echo "$n" > "$1/piece$(printf %02d "$n").txt"; done'
CALLS = "select w.wrapnum, w.modname, t.status from pfw_wrapper w, task t where t.id = w.task_id order by 1, t.id"
PLANNED = "select b.blknum, b.numexpjobs, m.modname, m.numexpcalls from pfw_block b, pfw_module m"
PLANNED += " where m.pfw_block_task_id = b.task_id order by 1"
SUM = "archive/SKY/scatter/none/r1/S/p01/sum/sum.txt"


@pytest.fixture
def count(tmp_path: Path) -> Path:
    """How many pieces there will be."""
    path = tmp_path / "count"
    path.write_text("3\n")
    return path


@pytest.fixture
def a_scatter(tmp_path: Path, a_program: Callable[[str, str], Path], count: Path) -> Callable[..., Path]:
    """A pipeline of three blocks: pieces whose number only running tells, each of them used, and the sum."""

    def write(
        source: str = DEPENDS, *, cut: str = CUT, use: str = 'echo "used $(cat "$1")" > "$2"', top: str = "",
        piece: str = "", all: str = "", given: str = "",
    ) -> Path:  # fmt: skip
        programs = {
            "cut": a_program("cut", cut.replace("{count}", str(count))),
            "use": a_program("use", use),
            "gather": a_program("gather", 'cat $(cat "$1") /dev/null > "$2"'),
        }
        path = tmp_path / "scatter.wcl"
        given = f"<list>\n<given>\n{given}\n</given>\n</list>" if given else ""
        path.write_text(SCATTER.format(source=source, top=top, piece=piece, all=all, given=given, **programs))
        return path

    return write


def test_a_scatter_is_as_wide_as_its_first_step_has_made_it(fw, a_scatter, fw_home, ask):
    said = fw("submit", a_scatter())
    assert said.status == 0, said.err
    assert (fw_home / SUM).read_text() == "used 1\nused 2\nused 3\n"
    assert ask(CALLS) == [(1, "cut", 0), (2, "use", 0), (3, "use", 0), (4, "use", 0), (5, "sum", 0)]
    assert ask("select jobnum from pfw_job order by 1") == [(1,), (2,), (3,), (4,), (5,)]
    assert ask(PLANNED) == [(1, 1, "cut", 1), (2, 3, "use", 3), (3, 1, "sum", 1)]


def test_what_a_program_made_is_recorded_like_everything_else(fw, a_scatter, ask):
    fw("submit", a_scatter())
    assert ask(
        "select filename, json_extract(metadata, '$.piece') from desfile where filetype = 'piece' order by 1"
    ) == [
        ("piece01.txt", "1"),
        ("piece02.txt", "2"),
        ("piece03.txt", "3"),
    ]
    derived = "select c.filename, p.filename from opm_was_derived_from d, desfile c, desfile p"
    derived += " where c.id = d.child_desfile_id and p.id = d.parent_desfile_id and p.filetype = 'piece' order by 1"
    assert ask(derived) == [(f"used0{n}.txt", f"piece0{n}.txt") for n in (1, 2, 3)]
    makers = "select distinct w.modname from desfile f, pfw_exec e, pfw_wrapper w where f.filetype = 'piece'"
    makers += " and e.task_id = f.wgb_task_id and w.task_id = e.pfw_wrapper_task_id"
    assert ask(makers) == [("cut",)]


def test_every_part_of_the_plan_is_kept_in_the_archive(fw, a_scatter, fw_home, ask):
    fw("submit", a_scatter())
    kept = ask("select filename from desfile where filetype = 'plan' and filename like 'plan_%' order by 1")
    assert kept == [("plan_0001.jsonl.gz",), ("plan_0002.jsonl.gz",), ("plan_0003.jsonl.gz",)]
    assert ask("select distinct planfile from pfw_wrapper order by wrapnum") == [
        ("plan_0001.jsonl",),
        ("plan_0002.jsonl",),
        ("plan_0003.jsonl",),
    ]


def test_a_call_of_a_late_block_can_be_rerun_and_so_can_the_first(fw, a_scatter):
    fw("submit", a_scatter())
    assert [fw("rerun", "S_r1p01", number).status for number in (1, 3, 5)] == [0, 0, 0]


def test_a_rerun_tells_pieces_that_are_missing_or_new(fw, a_scatter, count):
    fw("submit", a_scatter())
    count.write_text("2\n")
    said = fw("rerun", "S_r1p01", 1, "--json")
    verdicts = {part["path"].rpartition("/")[2]: part["verdict"] for part in said.json["outputs"]}
    assert verdicts == {"piece01.txt": "same", "piece02.txt": "same", "piece03.txt": "missing"}


def test_blocks_ordered_by_files_are_planned_late_too(fw, a_scatter, fw_home):
    assert fw("submit", a_scatter(top="block_order = dataflow")).status == 0
    assert (fw_home / SUM).read_text() == "used 1\nused 2\nused 3\n"


def test_a_late_query_finds_the_files_of_this_attempt_alone(fw, a_scatter, fw_home, count):
    query = "query_fields = filetype, run\nfiletype = piece"
    assert fw("submit", a_scatter(query)).status == 0
    count.write_text("2\n")
    said = fw("submit", a_scatter(query))
    assert said.status == 0, said.err
    assert (fw_home / SUM.replace("p01", "p02")).read_text() == "used 1\nused 2\n"


def test_what_an_earlier_block_has_read_is_not_asked_for_again(fw, a_scatter, a_program, fw_home, count, tmp_path):
    lines = f"echo asked >> {tmp_path}/asked; printf 'fullname,piece\\n{count},1\\n{count},2\\n' > $1"
    program = a_program("query", lines)
    given = f"exec = {program}\nargs = ${{qoutfile}}\nqouttype = csv\nfilename = given.list"
    said = fw("submit", a_scatter("depends = cut.list.given", given=given))
    assert said.status == 0, said.err
    assert (fw_home / SUM).read_text() == "used 3\nused 3\n"
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_a_late_query_may_be_a_program(fw, a_scatter, a_program, fw_home):
    root = fw_home / "archive"
    lines = f"""echo "path,piece" > "$1"
    for f in {root}/SKY/scatter/none/r1/S/p01/pieces/*[13].txt; do
        echo "${{f#{root}/}},$(cat "$f")" >> "$1"
    done"""
    program = a_program("query", lines)
    said = fw("submit", a_scatter(f"exec = {program}\nargs = ${{qoutfile}}\nqouttype = csv"))
    assert said.status == 0, said.err
    assert (fw_home / SUM).read_text() == "used 1\nused 3\n"


def test_nothing_found_fails_the_run_with_its_reason(fw, a_scatter, count, ask):
    count.write_text("0\n")
    said = fw("submit", a_scatter(piece="optional = True"))
    assert said.status == 1
    assert "block use could not be planned" in said.err
    assert "nothing was made of that" in said.err
    assert "set allow_empty = True" in said.err
    assert "not planned: use, sum" in said.err
    assert ask("select processing_state from attempt_state") == [("FAIL",)]
    assert ask("select label, status from task where name = 'block' order by id") == [
        ("cut", 0),
        ("use", 1),
        ("sum", None),
    ]


def test_nothing_found_is_no_failure_where_that_may_be(fw, a_scatter, count, fw_home, ask):
    count.write_text("0\n")
    empty = "allow_empty = True"
    said = fw("submit", a_scatter(f"{DEPENDS}\n{empty}", piece="optional = True", all=empty))
    assert said.status == 0, said.err
    assert (fw_home / SUM).read_text() == ""
    assert ask(PLANNED) == [(1, 1, "cut", 1), (2, 0, "use", 0), (3, 1, "sum", 1)]
    assert ask("select status from task where name = 'block'") == [(0,), (0,), (0,)]


def test_pieces_that_are_not_optional_have_to_be_made(fw, a_scatter, count):
    count.write_text("0\n")
    said = fw("submit", a_scatter())
    assert said.status == 1
    assert "did not make file.piece: pieces/piece*.txt" in said.err


def test_a_name_that_no_archive_takes_fails_its_call(fw, a_scatter):
    pipeline = a_scatter(cut='touch "$1/piece01"$(printf "\\377").txt', piece="")
    pipeline.write_text(pipeline.read_text().replace("piece${piece:2}.txt", "piece${piece}.txt"))
    said = fw("submit", pipeline)
    assert said.status == 1
    assert "'piece01\\udcff.txt' cannot be a name in an archive" in said.err


def test_a_directory_in_the_place_of_a_piece_fails_its_call(fw, a_scatter):
    said = fw("submit", a_scatter(cut='mkdir "$1/piece01.txt"'))
    assert said.status == 1
    assert "pieces/piece01.txt is not a regular file" in said.err


def test_a_late_block_is_shown_before_it_is_planned(fw, a_scatter, count):
    count.write_text("0\n")
    fw("submit", a_scatter(piece="optional = True"))
    shown = fw("stat", "S_r1p01", "--json").json
    assert shown["blocks_to_plan"] == 2
    assert [(row["module"], row["calls_expected"]) for row in shown["modules"]] == [
        ("cut", 1),
        ("use", None),
        ("sum", None),
    ]
    table = fw("stat", "S_r1p01").out
    assert "2 blocks, when those before them have ended" in table
    assert "late" in table
    assert "1/1+" in fw("stat").out


def test_the_log_of_a_run_says_why_a_block_has_no_plan_until_it_has_one(fw, a_scatter, count):
    count.write_text("0\n")
    fw("submit", a_scatter(f"{DEPENDS}", piece="optional = True"))
    assert "block use could not be planned" in fw("log", "S_r1p01").out


def test_a_plan_shows_late_blocks_as_such(fw, a_scatter):
    pipeline = a_scatter()
    shown = fw("plan", pipeline)
    assert "use: planned when block cut has ended" in shown.out
    assert "asks for file.piece: depends = cut.file.piece" in shown.out
    assert "cut  1 call, any number of files" in shown.out
    late = fw("plan", pipeline, "--json").json["late"]
    assert [(block["number"], block["name"], block["after"]) for block in late] == [
        (2, "use", "cut"),
        (3, "sum", "use"),
    ]
    graph = fw("plan", pipeline, "--graph", "mermaid").out
    assert '["use: planned when cut has ended"]' in graph
    assert 'n1["use<br/>as many calls as its inputs ask for"]' in graph
    assert "n0 --> n1" in graph
    assert "dashed" in fw("plan", pipeline, "--graph", "dot").out


@pytest.mark.slow
def test_a_plan_is_compared_with_what_was_planned_as_early_as_it(fw, a_scatter):
    pipeline = a_scatter()
    fw("submit", pipeline)
    said = fw("plan", pipeline, "--diff", "S_r1p01", "--json")
    assert said.err == "not compared, since planned late: use, sum\n"
    assert said.json["calls"] == []


@pytest.mark.slow
def test_a_repaired_world_is_planned_by_a_restart(fw, a_scatter, tmp_path, fw_home, ask):
    outside = tmp_path / "world"
    program = f"exec = sh\nargs = -c 'cat {outside} > \"$1\"' query ${{qoutfile}}\nqouttype = csv"
    said = fw("submit", a_scatter(program))
    assert said.status == 1
    assert "the query program sh ended with status 1" in said.err
    assert fw("restart", "S_r1p01").status == 1
    outside.write_text("path,piece\nSKY/scatter/none/r1/S/p01/pieces/piece02.txt,2\n")
    said = fw("restart", "S_r1p01")
    assert said.status == 0, said.err
    assert (fw_home / SUM).read_text() == "used 2\n"
    assert ask("select count(*) from pfw_wrapper where modname = 'cut'") == [(1,)]
    assert ask("select processing_state from attempt_state") == [("PASS",)]
    assert "could not be planned" not in fw("log", "S_r1p01").out


def test_a_missing_program_of_a_late_block_is_said_before_anything_runs(fw, a_scatter, tmp_path):
    pipeline = a_scatter()
    (tmp_path / "bin/gather").unlink()
    said = fw("submit", pipeline)
    assert said.status == 2
    assert "bin/gather' was not found" in said.err


def test_a_piece_that_is_gone_is_made_again_with_what_came_of_it(fw, a_scatter, fw_home, ask):
    fw("submit", a_scatter())
    piece = fw_home / "archive/SKY/scatter/none/r1/S/p01/pieces/piece02.txt"
    piece.unlink()
    said = fw("restart", "S_r1p01")
    assert said.status == 0, said.err
    assert piece.read_text() == "2\n"
    assert ask("select modname, count(*) from pfw_wrapper group by 1 order by 1") == [
        ("cut", 2),
        ("sum", 2),
        ("use", 6),
    ]
    assert fw("restart", "S_r1p01").status == 0
    assert ask("select count(*) from pfw_wrapper") == [(10,)]


# ---- planned once, whatever is killed


#: A query that hangs when it is asked first: the world is repaired by the file ``again``.
def hanging(tmp_path: Path) -> str:
    lines = f"test -e {tmp_path}/again || {{ touch {tmp_path}/asked; exec sleep 1000; }}; "
    lines += 'echo path,piece > "$1"; echo SKY/scatter/none/r1/S/p01/pieces/piece01.txt,1 >> "$1"'
    program = tmp_path / "bin" / "hang"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)
    return f"exec = {program}\nargs = ${{qoutfile}}\nqouttype = csv"


def begun(environment: dict[str, str], *words: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "framework.cli", *map(str, words)],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_killed_while_it_plans_nothing_goes_on_and_a_restart_plans_again(fw, environment, a_scatter, tmp_path, fw_home):
    submit = begun(environment, "submit", a_scatter(hanging(tmp_path)))
    until((tmp_path / "asked").exists)
    submit.kill()
    submit.communicate()
    until(lambda: not find_marked_processes(str(fw_home / "runs/S_r1p01")))
    (tmp_path / "again").touch()
    said = fw("restart", "S_r1p01")
    assert said.status == 0, said.err
    assert (fw_home / SUM).read_text() == "used 1\n"


def test_a_killed_planner_fails_the_run_which_can_be_restarted(fw, environment, a_scatter, tmp_path, fw_home):
    submit = begun(environment, "submit", a_scatter(hanging(tmp_path)))
    until((tmp_path / "asked").exists)
    mark = str(fw_home / "runs/S_r1p01")
    for pid in find_marked_processes(mark):
        if b"late" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGKILL)
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == 1
    assert b"block use could not be planned: its planner ended with status -9" in err
    until(lambda: not find_marked_processes(mark))
    (tmp_path / "again").touch()
    assert fw("restart", "S_r1p01").status == 0


@pytest.mark.parametrize("end", ["cancel", "interrupt"])
def test_a_run_is_ended_while_it_plans_and_goes_on_later(fw, environment, a_scatter, tmp_path, fw_home, end):
    submit = begun(environment, "submit", a_scatter(hanging(tmp_path)))
    until((tmp_path / "asked").exists)
    if end == "cancel":
        assert fw("cancel", "S_r1p01").status == 0
    else:
        submit.send_signal(signal.SIGINT)
    _, err = submit.communicate(timeout=30)
    assert submit.returncode == 1
    assert b"was interrupted" in err
    until(lambda: not find_marked_processes(str(fw_home / "runs/S_r1p01")))
    (tmp_path / "again").touch()
    assert fw("restart", "S_r1p01").status == 0


def test_a_plan_that_was_written_down_is_taken_as_it_is(fw, environment, a_scatter, tmp_path, fw_home, ask):
    submit = begun(environment, "submit", a_scatter(hanging(tmp_path)))
    until((tmp_path / "asked").exists)
    submit.kill()
    submit.communicate()
    (tmp_path / "again").touch()
    said = fw("late", "S_r1p01", 2)
    assert said.status == 0, said.err
    assert "1 use in 1 job" in said.out
    (tmp_path / "again").unlink()
    written = fw_home / "runs/S_r1p01/plan/block_0002.json"
    before = written.stat().st_mtime_ns
    assert fw("late", "S_r1p01", 2).status == 0
    assert fw("restart", "S_r1p01").status == 0
    assert written.stat().st_mtime_ns == before
    journals = sorted((fw_home / "runs/S_r1p01/journal").glob("engine*"))
    facts = [fact for path in journals for fact in read_facts(str(path))]
    assert [fact["block"] for fact in facts if fact["e"] == "block.plan"] == [2, 3]
    assert ask(PLANNED) == [(1, 1, "cut", 1), (2, 1, "use", 1), (3, 1, "sum", 1)]


def test_what_an_interrupted_planning_left_is_no_part_of_the_plan(fw, environment, a_scatter, tmp_path, fw_home, ask):
    submit = begun(environment, "submit", a_scatter(hanging(tmp_path)))
    until((tmp_path / "asked").exists)
    submit.kill()
    submit.communicate()
    plan = fw_home / "runs/S_r1p01/plan"
    for name in ("plan_0002.jsonl", "plan_0009.jsonl", "block_0002.json.part"):
        (plan / name).write_text('{"torn')
    (tmp_path / "again").touch()
    assert fw("restart", "S_r1p01").status == 0
    kept = ask("select filename from desfile where filetype = 'plan' and filename like 'plan_%' order by 1")
    assert kept == [("plan_0001.jsonl.gz",), ("plan_0002.jsonl.gz",), ("plan_0003.jsonl.gz",)]


@pytest.mark.parametrize(
    "seconds", [0.45, *(pytest.param(late, marks=pytest.mark.slow) for late in (0.0, 0.1, 0.2, 0.3, 0.6, 0.8, 1.0))]
)
def test_killed_at_any_moment_it_comes_to_the_same(fw, environment, a_scatter, tmp_path, fw_home, seconds):
    pipeline = a_scatter()
    submit = begun(environment, "submit", pipeline)
    until((fw_home / "runs/S_r1p01/plan/run.json").exists)
    time.sleep(seconds)
    submit.kill()
    submit.communicate()
    said = fw("restart", "S_r1p01")
    assert said.status == 0, said.err
    first = fw_home.rename(tmp_path / "first")
    assert fw("submit", pipeline).status == 0
    disturbed = open_registry(f"sqlite:///{first}/registry.sqlite")
    undisturbed = open_registry(f"sqlite:///{fw_home}/registry.sqlite")
    volatile = frozenset({"log", "plan"})
    assert differences(disturbed, 1, undisturbed, 1, volatile=volatile, ignore_lost=True) == []


def test_a_detached_run_plans_its_late_blocks_by_itself(fw, a_scatter, fw_home):
    assert fw("submit", a_scatter(), "--detach").status == 0
    log = fw_home / "runs/S_r1p01/engine.log"
    until(lambda: log.exists() and "is done" in log.read_text())
    assert (fw_home / SUM).read_text() == "used 1\nused 2\nused 3\n"


# ---- by hand


def test_a_block_is_not_planned_before_its_time(fw, a_scatter, count):
    count.write_text("oh\n")
    assert fw("submit", a_scatter()).status == 1
    said = fw("late", "S_r1p01", 2)
    assert said.status == 1
    assert "is planned when the blocks before it have ended well: 1 job not done, such as 1" in said.err
    said = fw("late", "S_r1p01", 3)
    assert "late blocks that wait, in order: 2 (use), 3 (sum)" in said.err


def test_what_went_wrong_can_be_seen_by_hand(fw, a_scatter, count):
    count.write_text("0\n")
    fw("submit", a_scatter(piece="optional = True"))
    said = fw("late", "S_r1p01", 2)
    assert said.status == 2
    assert "nothing was made of that" in said.err
