"""What goes wrong on a pool is told apart, set right where that can be, and said in plain words where it cannot."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from framework.worker.journal.journal import read_facts
from tests.htcondor.conftest import FAR, SHARED, sets, until

RUN = "U_r1p01"
#: Takes about 1,300 MB for some seconds, unless it has been told that this is too much.
HUNGRY = 'python3 -c "import time; x = bytes([1]) * (1300 << 20); time.sleep(20)"; echo "$1" > "$2"'


def test_memory_that_is_not_enough_is_raised_and_stays_so(a_pipeline, fw, pool, tmp_path):
    pipeline = a_pipeline(HUNGRY, numbers="1", module="request_memory = 100, 200, 4000")
    done = fw("submit", pipeline, "--wait", *sets(SHARED))
    assert done.status == 0, done.err
    why = fw("why", RUN).out
    assert "held: it took more memory than it had asked for" in why
    raised = json.loads((tmp_path / "home/runs" / RUN / "raised.json").read_text())
    assert raised["memory_mb"]["make"] == 4000
    # Another attempt begins there; it is enough to see what it asks for.
    assert fw("submit", pipeline, *sets(SHARED)).status == 0
    dag = (tmp_path / "home/runs/U_r1p02/condor/0/run.dag").read_text()
    assert "request_memory = ifThenElse(LastJobStatus =?= 5 && (LastHold" in dag
    assert ", 4000, 4000)" in dag
    assert fw("cancel", "U_r1p02", "--reason", "it was only looked at").status == 0


def test_more_than_the_most_memory_fails_with_the_reason(a_pipeline, fw, pool):
    pipeline = a_pipeline(HUNGRY, numbers="1", module="request_memory = 100, 110")
    assert fw("submit", pipeline, "--wait", *sets(SHARED)).status == 1
    why = fw("why", RUN).out
    assert "it takes more memory than the most that it may ask for" in why


def test_surroundings_that_fail_are_tried_elsewhere_and_use_up_no_retries(a_pipeline, fw, pool, ask, tmp_path):
    # The worker is killed on the first machine that it comes to.
    lines = f"""
if mkdir {tmp_path}/first 2>/dev/null; then kill -9 $PPID; sleep 60; fi
echo "$1" > "$2"
"""
    done = fw("submit", a_pipeline(lines, numbers="1"), "--wait", *sets(SHARED))
    assert done.status == 0, done.err
    machines = machines_of(tmp_path / "home/runs" / RUN, "j1")
    assert len(machines) == 2
    assert machines[0] != machines[1]


def test_a_science_failure_is_retried_as_often_as_configured(a_pipeline, fw, pool, ask, tmp_path):
    lines = f'echo x >> {tmp_path}/tries; [ $(wc -l < {tmp_path}/tries) -ge 3 ] || exit 4; echo "$1" > "$2"'
    done = fw("submit", a_pipeline(lines, numbers="1", module="max_retries = 2"), "--wait", *sets(SHARED))
    assert done.status == 0, done.err
    tries = ask(
        "select w.trynum, t.status from pfw_wrapper w, task t where t.id = w.task_id and w.modname = 'make' order by 1"
    )
    assert tries == [(1, 4), (2, 4), (3, 0)]
    assert len(machines_of(tmp_path / "home/runs" / RUN, "j1")) == 1


def test_a_node_that_always_fails_is_explained_and_a_restart_goes_on(a_pipeline, fw, pool, tmp_path):
    lines = (
        f'if [ "$1" = 2 ] && [ ! -e {tmp_path}/mended ]; then echo "no light in field 2"; exit 3; fi; echo "$1" > "$2"'
    )
    assert fw("submit", a_pipeline(lines), "--wait", *sets(SHARED)).status == 1
    why = fw("why", RUN).out
    assert "call 2 of make" in why
    assert "no light in field 2" in why
    assert f"fw restart {RUN}" in why
    (tmp_path / "mended").touch()
    again = fw("restart", RUN, "--wait")
    assert again.status == 0, again.err
    assert "restarted by astronomer" in fw("why", RUN).out
    assert executions(tmp_path / "home/runs" / RUN) == {1: 1, 2: 2, 3: 1, 4: 1}


def test_a_run_is_held_released_and_cancelled_with_who_and_why(a_pipeline, fw, pool, ask, tmp_path):
    lines = f'until [ -e {tmp_path}/go ]; do sleep 0.1; done; echo "$1" > "$2"'
    assert fw("submit", a_pipeline(lines), *sets(SHARED)).status == 0
    assert fw("hold", RUN, "--reason", "the archive moves").status == 0
    until(lambda: "held" in fw("why", RUN).out)
    assert fw("release", RUN).status == 0
    until(lambda: json.loads(fw("why", RUN, "--json").out)["queue"].get("running") == 3)
    assert "3 running" in fw("stat", RUN).out
    subprocess.run(
        ["condor_hold", "-constraint", "JobUniverse == 5", "-reason", "who knows"], check=True, capture_output=True
    )
    until(lambda: "somebody holds it" in fw("why", RUN).out)
    assert "fw release" in fw("stat", RUN).out or "fw why" in fw("stat", RUN).out
    assert fw("cancel", RUN, "--reason", "wrong night").status == 0
    course = fw("why", RUN).out
    assert "held by astronomer: the archive moves" in course
    assert course.count("held: somebody holds it") == 1
    assert "cancelled by astronomer: wrong night" in course
    assert ask("select status from task where name = 'attempt'") == [(5,)]
    assert not pool.queue()


def test_a_missing_input_is_named(a_pipeline, fw, pool, tmp_path):
    pipeline = with_sky(a_pipeline(), tmp_path)
    assert fw("submit", pipeline, *sets(FAR)).status == 0
    (tmp_path / "sky.txt").unlink()
    why = until(lambda: (said := fw("why", RUN).out) and "an input is missing" in said and said)
    assert "sky.txt" in why
    assert f"fw release {RUN}" in why
    (tmp_path / "sky.txt").write_text("stars")
    assert fw("release", RUN).status == 0
    until(lambda: not pool.queue())
    assert "done" in fw("stat", RUN).out


def test_jobs_that_are_evicted_held_and_removed_say_so_and_what_is_left_is_done_by_a_restart(
    a_pipeline, fw, pool, tmp_path
):
    lines = f'until [ -e {tmp_path}/go ]; do sleep 0.1; done; echo "$1" > "$2"'
    assert fw("submit", a_pipeline(lines), *sets(FAR)).status == 0
    until(lambda: "3 running" in fw("stat", RUN).out)
    first, second, third = clusters(tmp_path / "home/runs" / RUN)
    for command in (
        ["condor_vacate_job", first],
        ["condor_hold", second],
        ["condor_rm", third, "-reason", "a bad day"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    why = until(
        lambda: (said := fw("why", RUN).out) and all(word in said for word in ("removed", "held", "evict")) and said
    )
    assert "job 3: removed: somebody took it out of the queue (a bad day" in why
    assert "job 2: held: somebody holds it\n      fw release U_r1p01" in why
    assert "job 1  it was evicted" in why
    assert why.count("evicted") == 1
    assert "call" not in why  # none of them is at fault
    (tmp_path / "go").touch()
    assert fw("release", RUN).status == 0
    until(lambda: not pool.queue())
    assert f"fw restart {RUN}" in fw("why", RUN).out
    assert "the job was told to stop" in fw("job", RUN).out.replace("its job", "the job")
    again = fw("restart", RUN, "--wait")
    assert again.status == 0, again.err
    assert "nothing is wrong; it is over" in fw("why", RUN).out
    checked = fw("fsck", "--contents")
    assert checked.status == 0, checked.out


def test_jobs_that_nothing_can_run_are_told_from_those_that_wait(a_pipeline, fw, pool):
    pipeline = a_pipeline(module="request_memory = 90000", numbers="1, 2")
    assert fw("submit", pipeline, *sets(SHARED), "--set", "unitname=BIG").status == 0
    odd = ["site.htcondor.machine_requirements=TARGET.HasSkyDisk"]
    assert fw("submit", a_pipeline(), *sets([*SHARED, *odd]), "--set", "unitname=ODD").status == 0
    bare = ["site.htcondor.python=/no/such/python"]
    assert fw("submit", a_pipeline(), *sets([*SHARED, *bare]), "--set", "unitname=BARE").status == 0
    big = until(lambda: (said := fw("why", "BIG").out) and "idle" in said and said)
    assert (
        "jobs 1, 2: idle: no machine of the pool has so much memory: it asks for 90000 MB, and the most is 8192" in big
    )
    assert "fw cancel BIG_r1p01" in big
    odd_one = until(lambda: (said := fw("why", "ODD").out) and "idle" in said and said)
    assert "no machine of the pool is as machine_requirements asks (TARGET.HasSkyDisk)" in odd_one
    bare_one = until(lambda: (said := fw("why", "BARE").out) and "3 held" in said and said)
    held = "jobs 1, 2, 3: held: its Python could not be started ('/no/such/python': No such file or directory)"
    assert held in bare_one
    for unit in ("BIG", "ODD", "BARE"):
        assert fw("cancel", f"{unit}_r1p01").status == 0


def test_what_goes_missing_after_the_submission_is_named(a_pipeline, fw, pool, tmp_path):
    pipeline, sky, gather = with_sky(a_pipeline(numbers="1"), tmp_path), tmp_path / "sky.txt", tmp_path / "bin/gather"
    assert fw("submit", pipeline, *sets(SHARED)).status == 0
    sky.unlink()
    until(lambda: not pool.queue())
    why = fw("why", RUN).out
    assert f"call 1 of make: {sky}: No such file or directory" in why
    assert f"fw log {RUN} 1; when that is put right: fw restart {RUN}" in why
    sky.write_text("stars")
    lines = gather.read_text()
    gather.unlink()
    assert fw("restart", RUN, "--wait").status == 1
    assert f"call 2 of gather: gather ended with status 127: program '{gather}' was not found" in fw("why", RUN).out
    gather.write_text(lines)
    gather.chmod(0o755)
    again = fw("restart", RUN, "--wait")
    assert again.status == 0, again.err


def test_a_sandbox_that_is_full_is_tried_elsewhere(a_pipeline, fw, pool, tmp_path):
    pool.ask("shrink 16m")
    try:
        pipeline = a_pipeline('head -c 30000000 /dev/zero > "$2"', numbers="1", module="request_disk = 1")
        there = 'site.htcondor_transfer.condor_submit.rank=regexp("two", TARGET.Name)'
        done = fw("submit", pipeline, "--wait", *sets([*FAR, there]))
    finally:
        pool.ask("shrink 0")
    assert done.status == 0, done.err
    told = fw("job", RUN).out
    assert "No space left" in told


def test_what_cannot_be_brought_home_waits_until_it_can(a_pipeline, fw, pool, tmp_path):
    assert fw("submit", a_pipeline(), *sets(FAR)).status == 0
    home = tmp_path / "home/runs" / RUN / "home"
    home.chmod(0o500)
    try:
        why = until(lambda: (said := fw("why", RUN).out) and "3 held" in said and said)
    finally:
        home.chmod(0o755)
    assert "what it made could not be brought home (failed to create directory" in why
    assert "fw release U_r1p01" in why
    assert fw("release", RUN).status == 0
    until(lambda: not pool.queue())
    assert fw("why", RUN).out.startswith("U_r1p01 is done")


def test_memory_that_the_kernel_refuses_is_raised_like_any_other(a_pipeline, fw, pool, tmp_path):
    pool.ask("confine")
    try:
        pipeline = a_pipeline(HUNGRY, numbers="1", module="request_memory = 300, 4000")
        done = fw("submit", pipeline, "--wait", *sets([*SHARED, "site.htcondor.hold_over_memory=False"]))
    finally:
        pool.ask("free")
    assert done.status == 0, done.err
    assert "held: it took more memory than it had asked for" in fw("why", RUN).out
    log = (tmp_path / "home/runs" / RUN / "condor/0/run.dag.nodes.log").read_text()
    assert re.search(r"Code (34 Subcode 0|3 Subcode 34)", log)


def test_programs_run_in_the_environment_that_their_module_names(a_pipeline, fw, pool, ask, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    own = f"<environment_def>\n<own>\nvenv = {tmp_path}/venv\n</own>\n</environment_def>"
    lines = """python3 -c 'import sys; print(sys.prefix)' > "$2" """
    pipeline = a_pipeline(lines, numbers="1", top=own, module="environment = own")
    done = fw("submit", pipeline, "--wait", *sets(FAR))
    assert done.status == 0, done.err
    made = next((tmp_path / "home/archive").rglob("made/1.txt"))
    assert made.read_text() == f"{tmp_path}/venv\n"
    assert "own" in fw("job", RUN).out


def clusters(run: Path) -> list[str]:
    """What the pool calls jobs 1, 2, 3."""
    log = (run / "condor/0/run.dag.nodes.log").read_text().split("...\n")
    found = {event.split()[-1]: event.split()[1].strip("(").split(".")[0] for event in log if "DAG Node: j" in event}
    return [str(int(found[f"j{number}"])) for number in (1, 2, 3)]


def with_sky(pipeline: Path, place: Path) -> Path:
    """The pipeline, each of whose programs reads a file from outside the archive."""
    (place / "sky.txt").write_text("stars")
    made = "<made>\n                filetype = made"
    text = pipeline.read_text().replace(made, OUTSIDE.format(path=place) + made)
    pipeline.write_text(text.replace("was_generated_by = file.made", "was_generated_by = file.made\n used = file.sky"))
    return pipeline


OUTSIDE = """<sky>
                fullname = {path}/sky.txt
                filetype = made
            </sky>
            """


def machines_of(run: Path, job: str) -> list[str]:
    """The machines that a job ran on, in order."""
    log = (run / "condor/0/run.dag.nodes.log").read_text().split("...\n")
    cluster = next(event.split()[1].split(".")[0] for event in log if event.rstrip().endswith(f"DAG Node: {job}"))
    begun = [event for event in log if event.startswith(f"001 {cluster}.")]
    # Each machine of the pool has a directory of its own for jobs.
    return [re.findall(r'CondorScratchDir = "(.*)/', event)[0] for event in begun]


def executions(run: Path) -> dict[int, int]:
    """Call number to how often it was begun."""
    counts: dict[int, int] = {}
    for path in (run / "journal").glob("worker-*.jsonl"):
        for fact in read_facts(str(path)):
            if fact["e"] == "call.start":
                counts[fact["call"]] = counts.get(fact["call"], 0) + 1
    return counts
