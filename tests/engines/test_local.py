"""Runs on this machine: what is done, recorded and kept, also when things go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from framework.engines.fence import find_marked_processes
from framework.worker.journal.journal import read_facts

ROOT = Path(__file__).parents[2]
CALLS = "select w.wrapnum, w.trynum, t.status from pfw_wrapper w, task t where t.id = w.task_id order by t.id"


def test_a_run_makes_its_files_and_records_them(fw, a_pipeline, fw_home, ask):
    said = fw("submit", a_pipeline())
    assert said.status == 0, said.err
    together = fw_home / "archive/SKY/small/none/r1/U/p01/made/together.txt"
    assert together.read_text() == "1\n2\n3\n"
    made = ask("select filename, filesize, length(sha256) from desfile where filetype in ('made', 'all') order by 1")
    assert made == [("1.txt", 2, 64), ("2.txt", 2, 64), ("3.txt", 2, 64), ("together.txt", 6, 64)]
    assert ask("select processing_state from attempt_state") == [("PASS",)]


def test_what_was_archived_cannot_be_written_any_more(fw, a_pipeline, fw_home):
    fw("submit", a_pipeline())
    for path in (fw_home / "archive").rglob("*.*"):
        assert path.stat().st_mode & 0o222 == 0


def test_nothing_of_a_good_run_is_left_behind(fw, a_pipeline, fw_home):
    fw("submit", a_pipeline())
    run = fw_home / "runs/U_r1p01"
    assert [path for path in (run / "work").rglob("*") if path.is_file()] == []
    assert not (run / "failed").exists()


def test_each_attempt_at_a_unit_has_its_number(fw, a_pipeline, ask):
    for _ in range(3):
        fw("submit", a_pipeline())
    assert ask("select run from pfw_attempt order by attnum") == [("U_r1p01",), ("U_r1p02",), ("U_r1p03",)]


def test_a_program_that_exits_3_fails_its_call_and_what_needs_it(fw, a_pipeline, fw_home, ask):
    said = fw("submit", a_pipeline('echo "$1" > "$2"; test "$1" != 2 || { echo oh no; exit 3; }'))
    assert said.status == 1
    assert "job 2 (make): program ended with status 3: oh no" in said.err
    assert "2 of 4 jobs done, 1 failed, 1 not begun" in said.err
    assert sorted(status for _, _, status in ask(CALLS)) == [0, 0, 3]
    assert ask("select filename from desfile where filetype = 'made' order by 1") == [("1.txt",), ("3.txt",)]
    kept = list((fw_home / "runs/U_r1p01/failed").rglob("2.txt"))
    assert [path.read_text() for path in kept] == ["2\n"]
    log = next((fw_home / "archive").rglob("*_2_make.log")).read_text()
    assert "oh no" in log
    assert log.endswith("== program ended with status 3: oh no\n")


def test_a_program_that_makes_no_output_fails(fw, a_pipeline, ask):
    said = fw("submit", a_pipeline("true", numbers="7,"))
    assert said.status == 1
    assert "did not make file.made: made/7.txt" in said.err
    assert ask(CALLS) == [(1, 1, 1)]


def test_an_output_that_may_be_missing_may_be_missing(fw, a_pipeline, ask, fw_home):
    said = fw("submit", a_pipeline('test "$1" = 2 || echo "$1" > "$2"', file="optional = True"))
    assert said.status == 0, said.err
    assert (fw_home / "archive/SKY/small/none/r1/U/p01/made/together.txt").read_text() == "1\n3\n"
    assert ask("select count(*) from opm_used") == [(2,)]
    assert ask("select count(*) from desfile where filetype = 'made'") == [(2,)]


def test_a_missing_program_is_said_before_anything_runs(fw, a_pipeline, ask, tmp_path):
    pipeline = a_pipeline()
    (tmp_path / "bin/gather").unlink()
    said = fw("submit", pipeline)
    assert said.status == 2
    assert "bin/gather' was not found" in said.err


def test_a_failed_call_is_tried_again_as_often_as_allowed(fw, a_pipeline, ask, tmp_path):
    lines = f'echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -ge 3 && echo "$1" > "$2"'
    said = fw("submit", a_pipeline(lines, numbers="5,", module="max_retries = 2"))
    assert said.status == 0, said.err
    assert ask(CALLS) == [(1, 1, 1), (1, 2, 1), (1, 3, 0), (2, 1, 0)]
    logs = ask("select filename from desfile where filetype = 'log' and filename like '%make%' order by 1")
    assert logs == [
        ("U_r1p01_w0001_5_make.log",),
        ("U_r1p01_w0001_5_make_try2.log",),
        ("U_r1p01_w0001_5_make_try3.log",),
    ]


def test_a_program_whose_time_is_up_is_ended_with_its_children(fw, a_pipeline, ask, tmp_path):
    lines = f"sleep 1000 & echo $! > {tmp_path}/child; wait"
    began = time.monotonic()
    said = fw("submit", a_pipeline(lines, numbers="1,", module="max_walltime = 0.01"))
    assert said.status == 1
    assert "its time was up" in said.err
    assert ask("select status from task where name = 'exec'") == [(124,)]
    assert time.monotonic() - began < 30
    child = int((tmp_path / "child").read_text())
    while lives(child) and time.monotonic() - began < 30:
        time.sleep(0.01)
    assert not lives(child)


def lives(pid: int) -> bool:
    """Whether there is such a process, and not only its entry that nobody has asked for yet."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_calls_of_one_job_run_at_the_same_time_when_allowed(fw, a_pipeline, ask):
    pipeline = a_pipeline('sleep 0.5; echo "$1" > "$2"', module="max_fwthreads = 3")
    pipeline.write_text(pipeline.read_text().replace("divide_jobs_by = number", ""))
    assert fw("submit", pipeline).status == 0
    times = ask("select t.start_time, t.end_time from task t, pfw_exec e where e.task_id = t.id and e.name = 'program'")
    assert max(start for start, _ in times) < min(end for _, end in times)


def test_no_more_jobs_of_a_module_run_at_a_time_than_allowed(fw, a_pipeline, ask):
    fw("submit", a_pipeline('sleep 0.1; echo "$1" > "$2"', module="max_running = 1"), "--slots", 3)
    times = ask("select start_time, end_time from task where name = 'wrapper' and label = 'make' order by 1")
    assert all(later[0] >= earlier[1] for earlier, later in pairwise(times))


def test_blocks_wait_for_each_other_unless_files_decide(fw, a_pipeline, ask):
    pipeline = a_pipeline()
    text = pipeline.read_text().replace("modulelist = make, gather", "modulelist = make")
    text = text.replace("blocklist = only", "blocklist = only, then")
    text = text.replace("</block>", "<then>\nmodulelist = gather\n</then>\n</block>")
    pipeline.write_text(text)
    assert fw("submit", pipeline).status == 0
    (first, second) = ask("select start_time, end_time from task where name = 'block' order by id")
    assert second[0] >= first[1]


def test_environment_and_settings_reach_the_program(fw, a_pipeline, fw_home):
    top = "<job_environment>\ncolour = red\n</job_environment>"
    pipeline = a_pipeline('echo "$COLOUR $FW_RUN" > "$2"', numbers="1,", top=top)
    assert fw("submit", pipeline).status == 0
    made = fw_home / "archive/SKY/small/none/r1/U/p01/made/1.txt"
    assert made.read_text() == "red U_r1p01\n"


def begun(environment: dict[str, str], pipeline: Path, ready: Path, *more: str) -> subprocess.Popen[bytes]:
    """``fw submit`` in the background, running its first programs."""
    submit = subprocess.Popen(
        [sys.executable, "-m", "framework.cli", "submit", str(pipeline), *more],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < deadline and submit.poll() is None:
        time.sleep(0.02)
    assert ready.exists(), submit.stderr and submit.stderr.read()
    return submit


@pytest.fixture
def slow_second(a_pipeline: Callable[..., Path], tmp_path: Path) -> Path:
    """Its second call goes on and on, until it is started a second time."""
    again = tmp_path / "again"
    return a_pipeline(
        f'if [ "$1" = 2 ] && [ ! -e {again} ]; then touch {again}; '
        f'while :; do date >> {tmp_path}/pulse; sleep 0.02; done; fi; echo "$1" > "$2"'
    )


def test_killed_at_its_worst_a_run_goes_on_where_it_was(fw, environment, slow_second, tmp_path, fw_home, ask):
    submit = begun(environment, slow_second, tmp_path / "pulse")
    submit.kill()
    submit.communicate()
    time.sleep(0.5)
    pulse = (tmp_path / "pulse").stat().st_size
    time.sleep(0.2)
    assert (tmp_path / "pulse").stat().st_size == pulse
    assert find_marked_processes(str(fw_home / "runs/U_r1p01")) == []
    assert "stopped: nothing runs it any more" in fw("why", "U_r1p01").out
    assert "nothing runs it any more" in fw("stat", "U_r1p01").out
    assert [run["state"] for run in fw("stat", "--json").json] == ["stopped"]

    said = fw("restart", "U_r1p01")
    assert said.status == 0, said.err
    together = fw_home / "archive/SKY/small/none/r1/U/p01/made/together.txt"
    assert together.read_text() == "1\n2\n3\n"
    runs = ask("select w.wrapnum, t.status from pfw_wrapper w, task t where t.id = w.task_id order by 1, t.id")
    assert [run for run in runs if run[1] == 0] == [(1, 0), (2, 0), (3, 0), (4, 0)]
    assert (2, -9) in runs
    assert ask("select count(*) from desfile where filename like '%_2_make_lost%'") == [(1,)]


def test_a_restarted_run_is_recorded_like_an_undisturbed_one(fw, environment, slow_second, tmp_path, fw_home):
    from framework.registry.admin.equality import differences
    from framework.registry.database.opening import open_registry

    submit = begun(environment, slow_second, tmp_path / "pulse")
    submit.kill()
    submit.communicate()
    assert fw("restart", "U_r1p01").status == 0
    first = fw_home.rename(tmp_path / "first")
    assert fw("submit", slow_second).status == 0
    disturbed = open_registry(f"sqlite:///{first}/registry.sqlite")
    undisturbed = open_registry(f"sqlite:///{fw_home}/registry.sqlite")
    volatile = frozenset({"log", "plan"})
    assert differences(disturbed, 1, undisturbed, 1, volatile=volatile, ignore_lost=True) == []


@pytest.mark.parametrize("victim", ["worker", "program"])
def test_a_killed_worker_or_program_is_not_the_end_of_the_run(fw, environment, slow_second, tmp_path, fw_home, victim):
    submit = begun(environment, slow_second, tmp_path / "pulse")
    mark = str(fw_home / "runs/U_r1p01")
    wanted = b"framework.worker.job.worker" if victim == "worker" else b"bin/program"
    for pid in find_marked_processes(mark):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            continue
        if wanted in line and (victim == "program" or _is_busy(pid)):
            os.kill(pid, signal.SIGKILL)
    _, err = submit.communicate(timeout=60)
    if victim == "worker":
        assert submit.returncode == 0, err
        assert b"its worker died: signal SIGKILL; it is tried again" in err
    else:
        assert submit.returncode == 1
        assert b"ended with status 137" in err


def _is_busy(pid: int) -> bool:
    """A worker with a program below it, besides its warden."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return any(b"bin/program" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_ends_in_good_order(fw, environment, slow_second, tmp_path, fw_home, ask, number):
    submit = begun(environment, slow_second, tmp_path / "pulse")
    submit.send_signal(number)
    _, err = submit.communicate(timeout=60)
    assert submit.returncode == 1, err
    assert b"was interrupted" in err
    assert find_marked_processes(str(fw_home / "runs/U_r1p01")) == []
    assert ask("select end_time is not null from task where name = 'attempt'") == [(1,)]
    assert fw("restart", "U_r1p01").status == 0
    assert ask("select processing_state from attempt_state") == [("PASS",)]


def test_a_run_can_be_cancelled_and_taken_up_again(fw, environment, slow_second, tmp_path):
    submit = begun(environment, slow_second, tmp_path / "pulse")
    assert fw("cancel", "U_r1p01").status == 0
    submit.communicate(timeout=60)
    assert fw("cancel", "U_r1p01").status == 1
    assert fw("restart", "U_r1p01").status == 0


def test_a_run_that_runs_cannot_be_restarted(fw, environment, slow_second, tmp_path):
    submit = begun(environment, slow_second, tmp_path / "pulse")
    said = fw("restart", "U_r1p01")
    assert said.status == 1
    assert "is running (process" in said.err
    submit.kill()
    submit.communicate()


def test_a_restart_repeats_calls_whose_files_are_gone(fw, a_pipeline, fw_home, ask):
    fw("submit", a_pipeline())
    made = fw_home / "archive/SKY/small/none/r1/U/p01/made/2.txt"
    made.unlink()
    assert fw("restart", "U_r1p01").status == 0
    assert made.read_text() == "2\n"


def test_a_failed_run_goes_on_once_its_cause_is_gone(fw, a_pipeline, tmp_path, ask):
    pipeline = a_pipeline(f'test -e {tmp_path}/ready || test "$1" = 1 || exit 4; echo "$1" > "$2"')
    assert fw("submit", pipeline).status == 1
    (tmp_path / "ready").touch()
    assert fw("restart", "U_r1p01").status == 0
    assert ask("select count(*) from pfw_wrapper where wrapnum = 1") == [(1,)]


def test_a_run_that_was_killed_before_its_last_words_says_them_when_restarted(fw, a_pipeline, fw_home):
    fw("submit", a_pipeline())
    journal = fw_home / "runs/U_r1p01/journal/engine-0.jsonl"
    told = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in told if '"block.end"' not in line and '"attempt.end"' not in line))
    assert fw("restart", "U_r1p01").status == 0
    said = [fact["e"] for fact in read_facts(str(journal.with_name("engine-1.jsonl")))]
    assert said == ["open", "attempt.start", "block.end", "attempt.end"]
    assert fw("restart", "U_r1p01").status == 0
    assert not journal.with_name("engine-2.jsonl").exists()


def test_a_detached_run_goes_on_by_itself(fw, a_pipeline, ask, fw_home):
    said = fw("submit", a_pipeline('sleep 0.3; echo "$1" > "$2"'), "--detach")
    assert said.status == 0
    assert "runs on by itself" in said.err
    deadline = time.monotonic() + 30
    while ask("select processing_state from attempt_state") != [("PASS",)] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ask("select processing_state from attempt_state") == [("PASS",)]
    log = fw_home / "runs/U_r1p01/engine.log"
    while "is done" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "is done" in log.read_text()


def test_the_journal_alone_tells_the_run(fw, a_pipeline, fw_home, ask):
    from framework.registry.database.opening import open_registry
    from framework.registry.ingest.ingester import ingest

    fw("submit", a_pipeline())
    before = ask("select count(*) from task"), ask("select count(*) from desfile")
    registry = open_registry(f"sqlite:///{fw_home}/registry.sqlite")
    journals = fw_home / "runs/U_r1p01/journal"
    (journals / "copy.jsonl").write_bytes((journals / "worker-0-0-1.jsonl").read_bytes())
    ingest(registry, 1, journals)
    assert (ask("select count(*) from task"), ask("select count(*) from desfile")) == before
    assert [fact["e"] for fact in read_facts(str(journals / "engine-0.jsonl"))][-1] == "attempt.end"


GATHER = """
pipeline = merge
unitname = M
blocklist = only
<block>
    <only>
        modulelist = merge
    </only>
</block>
<filetype_metadata>
    <made>
    </made>
    <merged>
    </merged>
</filetype_metadata>
<module>
    <merge>
        <exec_1>
            execname = {program}
            used = list.all.made
            was_generated_by = file.merged
            ancestry = list.all.made:file.merged
            <cmdline>
                _1 = ${{list.all.fullname}}
                _2 = ${{file.merged.fullname}}
            </cmdline>
        </exec_1>
        <list>
            <all>
                query_fields = filetype, number
                filetype = made
                number = 1, 3
                filename = all.list
                ops_enddir = list
                sortkey = filename
            </all>
        </list>
        <file>
            <merged>
                filetype = merged
                filename = merged.txt
                ops_enddir = merged
            </merged>
        </file>
    </merge>
</module>
"""


def test_a_job_reads_files_of_one_type_from_two_attempts(fw, a_pipeline, a_program, tmp_path, fw_home, ask):
    pipeline = a_pipeline('echo "$1 of $2" > "$2"')
    name = "${number}-r${reqnum}p${attnum:2}.txt"
    pipeline.write_text(pipeline.read_text().replace("filename = ${number}.txt", f"filename = {name}"))
    for attnum in (95, 96):
        said = fw("submit", pipeline, "--set", "reqnum=11", "--set", f"attnum={attnum}")
        assert said.status == 0, said.err
    merge = tmp_path / "merge.wcl"
    merge.write_text(GATHER.format(program=a_program("merge", 'cat $(cat "$1") > "$2"')))
    assert "(list.all.made, from archive, filetype = made and number = 1, 3)" in fw("plan", merge, "--calls").out
    said = fw("submit", merge)
    assert said.status == 0, said.err
    path = ask("select path from desfile where filetype = 'merged'")[0][0]
    read = [line.split()[0] for line in (fw_home / "archive" / path).read_text().splitlines()]
    assert read == ["1", "1", "3", "3"]
    parents = "select a.run, p.filename from opm_was_derived_from o, desfile c, desfile p, pfw_attempt a"
    parents += " where c.id = o.child_desfile_id and p.id = o.parent_desfile_id and c.filetype = 'merged'"
    parents += " and a.id = p.pfw_attempt_id order by 1, 2"
    assert ask(parents) == [
        ("U_r11p95", "1-r11p95.txt"),
        ("U_r11p95", "3-r11p95.txt"),
        ("U_r11p96", "1-r11p96.txt"),
        ("U_r11p96", "3-r11p96.txt"),
    ]


#: Uses 60 MB for each try that it has had, and takes as many tenths of a second.
GROWING = """
echo x >> {place}/tries-$1; n=$(wc -l < {place}/tries-$1)
python -S -c "x = bytearray(b'x') * {mb}_000_000; import time; time.sleep({seconds})" && echo "$1" > "$2"
"""


def test_memory_that_was_too_little_grows_step_by_step_and_stays_a_counter_of_its_own(fw, a_pipeline, ask, tmp_path):
    lines = GROWING.format(place=tmp_path, mb=150, seconds=0.3)
    said = fw("submit", a_pipeline(lines, numbers="5,", module="request_memory = 40, 100, 400"))
    assert said.status == 0, said.err
    assert ask(CALLS) == [(1, 1, 137), (1, 2, 137), (1, 3, 0), (2, 1, 0)]
    words = [row[0] for row in ask("select message from task_message where message_lvl = 1 order by message_time")]
    assert ["had asked for 40" in words[0], "had asked for 100" in words[1], len(words)] == [True, True, 2]


def test_a_job_that_wants_more_memory_than_there_is_to_ask_for_ends_with_that_reason(fw, a_pipeline, ask, tmp_path):
    lines = GROWING.format(place=tmp_path, mb=150, seconds=0.3)
    said = fw("submit", a_pipeline(lines, numbers="5,", module="request_memory = 40, 100"))
    assert said.status == 1
    assert "MB of memory, and had asked for 100" in said.err
    assert ask(CALLS) == [(1, 1, 137), (1, 2, 137)]


def test_time_that_was_too_short_grows_apart_from_memory(fw, a_pipeline, ask, tmp_path):
    lines = GROWING.format(place=tmp_path, mb=150, seconds=1.5)
    keys = "request_memory = 40, 400\nmax_walltime = 0.01, 0.2"
    said = fw("submit", a_pipeline(lines, numbers="5,", module=keys))
    assert said.status == 0, said.err
    assert ask(CALLS) == [(1, 1, 137), (1, 2, 124), (1, 3, 0), (2, 1, 0)]


def test_a_status_can_say_that_memory_was_too_little(fw, a_pipeline, ask, tmp_path):
    lines = f'echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -ge 2 || exit 33; echo "$1" > "$2"'
    keys = "request_memory = 40, 100\nmemory_statuses = 31, 33"
    said = fw("submit", a_pipeline(lines, numbers="5,", module=keys))
    assert said.status == 0, said.err
    assert ask(CALLS) == [(1, 1, 33), (1, 2, 0), (2, 1, 0)]


def test_what_a_job_learned_to_ask_for_survives_a_restart(fw, a_pipeline, ask, tmp_path):
    lines = f"""
test -e {tmp_path}/second || test "$FW_JOB" != 1 || python -S -c "x = bytearray(b'x') * 60_000_000; input()" < /dev/zero
test -e {tmp_path}/second || exit 1
python -S -c "x = bytearray(b'x') * 60_000_000; import time; time.sleep(0.3)" && echo "$1" > "$2"
"""
    said = fw("submit", a_pipeline(lines, numbers="5,", module="request_memory = 40, 50"))
    assert said.status == 1
    (tmp_path / "second").touch()
    said = fw("restart", "U_r1p01")
    assert "and had asked for 50" in said.err
    assert ask(CALLS)[:3] == [(1, 1, 137), (1, 2, 137), (1, 3, 137)]
