"""Programs and machines that do what nobody asked for; what is on record stays true."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from framework.engines.fence import find_marked_processes


def checksums_hold(fw_home: Path, ask) -> bool:
    import hashlib

    rows = ask("select path, sha256 from desfile where path_version = '' and filetype <> 'plan'")
    return all(hashlib.sha256((fw_home / "archive" / path).read_bytes()).hexdigest() == sha256 for path, sha256 in rows)


def test_what_a_program_leaves_in_a_session_of_its_own_is_ended(fw, a_pipeline, fw_home, ask, tmp_path):
    lines = (
        f'setsid sh -c "echo \\$\\$ > {tmp_path}/stray; sleep 1; echo late >> $PWD/$2" & echo "$1" > "$2"; sleep 0.2'
    )
    assert fw("submit", a_pipeline(lines, numbers="1,")).status == 0
    time.sleep(1.2)
    assert checksums_hold(fw_home, ask)
    stray = Path(f"/proc/{(tmp_path / 'stray').read_text().strip()}/stat")
    assert not stray.exists() or stray.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_file_from_outside_is_nobodys_to_spoil(fw, a_pipeline, tmp_path, ask):
    raw = tmp_path / "raw.txt"
    raw.write_text("raw\n")
    pipeline = a_pipeline('echo spoiled >> "$3"; cp "$3" "$2"; rm "$3"', numbers="1, 2")
    text = pipeline.read_text().replace("divide_jobs_by = number", "").replace(
        "was_generated_by = file.made\n", "was_generated_by = file.made\nused = file.raw\n", 1
    ).replace("_2 = ${file.made.fullname}", "_2 = ${file.made.fullname}\n_3 = ${file.raw.fullname}", 1).replace(
        "<file>\n            <made>", f"<file>\n<raw>\nfullname = {raw}\n</raw>\n            <made>", 1
    )  # fmt: skip
    pipeline.write_text(text)
    said = fw("submit", pipeline)
    assert said.status == 0, said.err
    assert raw.read_text() == "raw\n"
    assert ask("select count(distinct sha256) from desfile where filetype = 'made'") == [(1,)]


@pytest.mark.parametrize("how", ["chmod u+w {0}; echo x >> {0}", "sed -i s/1/x/ {0}", "rm {0}", "mv {0} elsewhere"])
def test_a_program_may_spoil_its_own_inputs_but_not_the_archive(fw, a_pipeline, fw_home, ask, how):
    pipeline = a_pipeline(numbers="1,")
    gather = pipeline.parent / "bin/gather"
    gather.write_text(gather.read_text() + how.format('$(cat "$1")') + "\n")
    said = fw("submit", pipeline)
    if "chmod" in how:
        assert said.status == 1
        assert "which the archive keeps" in said.err
    else:
        assert said.status == 0, said.err
        assert checksums_hold(fw_home, ask)


@pytest.mark.parametrize(
    "mess",
    ["mkdir -p mod/deep; echo x > mod/deep/f; chmod 500 mod/deep mod", "rm -rf made", "cd /; rm -rf $OLDPWD/list"],
)
def test_a_mess_in_the_directory_does_not_hurt_the_next_job(fw, a_pipeline, mess):
    program = 'echo "$1" > "$2"; ' + (mess if "rm -rf made" not in mess else "true")
    said = fw("submit", a_pipeline(program, numbers="(1:4)"), "--slots", 1)
    assert said.status == 0, said.err


def test_a_program_that_ends_with_9_has_failed_and_was_not_lost(fw, a_pipeline, ask, tmp_path):
    pipeline = a_pipeline(f'test -e {tmp_path}/ready || exit 9; echo "$1" > "$2"', numbers="1,")
    assert fw("submit", pipeline).status == 1
    (tmp_path / "ready").touch()
    assert fw("restart", "U_r1p01").status == 0
    tries = ask(
        "select w.trynum, t.status from pfw_wrapper w, task t where t.id = w.task_id and w.wrapnum = 1 order by 1"
    )
    assert tries == [(1, 9), (2, 0)]


def test_more_calls_at_a_time_than_a_worker_has_room_for_all_run(fw, a_pipeline, ask):
    pipeline = a_pipeline('sleep 0.1; echo "$1" > "$2"', numbers="(1:300)", module="max_fwthreads = 256")
    pipeline.write_text(pipeline.read_text().replace("divide_jobs_by = number", ""))
    assert fw("submit", pipeline).status == 0
    assert ask("select count(*) from pfw_wrapper w, task t where t.id = w.task_id and t.status = 0") == [(301,)]


def test_a_worker_that_dies_in_its_second_call_does_not_repeat_the_first(fw, a_pipeline, ask, tmp_path):
    once = f'[ "$1" = 2 ] && [ ! -e {tmp_path}/again ]'
    lines = f'if {once}; then touch {tmp_path}/again; kill -9 $PPID; sleep 5; fi; echo "$1" > "$2"'
    pipeline = a_pipeline(lines, numbers="1, 2")
    pipeline.write_text(pipeline.read_text().replace("divide_jobs_by = number", ""))
    said = fw("submit", pipeline)
    assert said.status == 0, said.err
    calls = ask("select w.wrapnum, t.status from pfw_wrapper w, task t where t.id = w.task_id")
    assert sorted(calls) == [(1, 0), (2, -9), (2, 0), (3, 0)]


def test_an_empty_journal_of_a_start_that_failed_is_no_hindrance(fw, a_pipeline, fw_home, tmp_path):
    pipeline = a_pipeline(f'test -e {tmp_path}/ready && echo "$1" > "$2"', numbers="1,")
    assert fw("submit", pipeline).status == 1
    (fw_home / "runs/U_r1p01/journal/engine-1.jsonl").touch()
    (tmp_path / "ready").touch()
    assert fw("restart", "U_r1p01").status == 0


def test_another_registry_does_not_take_over_a_runs_directory(fw, a_pipeline, fw_home):
    fw("submit", a_pipeline())
    for path in fw_home.glob("registry.sqlite*"):
        path.unlink()
    said = fw("submit", a_pipeline(numbers="7, 8"))
    assert said.status == 0, said.err
    assert "U_r1p02 is done" in said.err
    assert (fw_home / "archive/SKY/small/none/r1/U/p01/made/together.txt").read_text() == "1\n2\n3\n"


def test_what_was_made_from_a_lost_file_is_made_again_with_it(fw, a_pipeline, fw_home):
    fw("submit", a_pipeline('date +%N > "$2"', numbers="1,"))
    made = fw_home / "archive/SKY/small/none/r1/U/p01/made"
    (made / "1.txt").unlink()
    assert fw("restart", "U_r1p01").status == 0
    assert (made / "together.txt").read_text() == (made / "1.txt").read_text()


def test_a_run_that_is_done_is_not_touched_by_a_restart(fw, a_pipeline, ask):
    fw("submit", a_pipeline())
    before = ask("select * from task order by id")
    assert fw("restart", "U_r1p01").status == 0
    assert ask("select * from task order by id") == before


def test_two_runs_do_not_write_into_one_directory_at_once(fw, a_pipeline, environment, tmp_path):
    from tests.engines.test_local import begun

    slow = a_pipeline(f'touch {tmp_path}/runs; sleep 3; echo "$1" > "$2"', numbers="1,")
    submit = begun(environment, slow, tmp_path / "runs", "--set", "ops_run_dir=fixed")
    said = fw("submit", slow, "--set", "ops_run_dir=fixed", "--set", "unitname=V")
    submit.communicate()
    assert said.status == 1
    assert "U_r1p01 has not ended and keeps its files in fixed too" in said.err


def test_nothing_of_a_killed_run_goes_on_even_in_a_session_of_its_own(fw, a_pipeline, environment, tmp_path, fw_home):
    from tests.engines.test_local import begun

    lines = f'setsid sh -c "while :; do date >> {tmp_path}/pulse; sleep 0.02; done" & sleep 60'
    submit = begun(environment, a_pipeline(lines, numbers="1,"), tmp_path / "pulse")
    submit.kill()
    submit.communicate()
    deadline = time.monotonic() + 10
    while find_marked_processes(os.fspath(fw_home / "runs/U_r1p01")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert find_marked_processes(os.fspath(fw_home / "runs/U_r1p01")) == []


def test_a_wrappers_mistake_ends_its_call_and_not_the_worker(fw, a_pipeline, environment, tmp_path):
    said = fw("submit", a_pipeline(numbers="1,", module="wrappername = train"))
    assert said.status == 1
    assert "should make one file.record, not 0" in said.err


def test_a_name_that_tells_no_attempts_apart_is_used_once(fw, a_pipeline):
    pipeline = a_pipeline(numbers="1,")
    assert fw("submit", pipeline, "--set", "run=fixed").status == 0
    for verb in ("submit", "plan"):
        said = fw(verb, pipeline, "--set", "run=fixed")
        assert said.status == 1
        assert "holds a run of this name already, and the name has no ${attnum}" in said.err
