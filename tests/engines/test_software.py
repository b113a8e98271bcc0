"""Runs whose programs have an environment or a container, whole, also when it cannot be made ready or is killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.engines.fence import find_marked_processes

ROOT = Path(__file__).parents[2]
CALLS = "select w.wrapnum, w.trynum, t.status from pfw_wrapper w, task t where t.id = w.task_id order by t.id"


@pytest.fixture(scope="module")
def venv(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("venv") / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    return str(prefix)


@pytest.fixture
def setup(tmp_path):
    """A set-up script, written anew by whoever calls this."""

    def write(lines):
        path = tmp_path / "set up.sh"
        path.write_text(lines + "\n")
        return path

    return write


def defined(*lines, kind="environment", name="astro"):
    return "\n".join([f"<{kind}_def>", f"<{name}>", *lines, f"</{name}>", f"</{kind}_def>"])


def made(fw_home, name="1.txt", attempt=1):
    return (fw_home / f"archive/SKY/small/none/r1/U/p{attempt:02}/made" / name).read_text()


WITHIN = 'echo "$STACK $VIRTUAL_ENV $(python -c "import sys; print(sys.prefix)")" > "$2"'


def test_programs_find_what_their_environment_holds_and_it_is_on_record(fw, a_pipeline, fw_home, ask, setup, venv):
    top = defined(f"setup = '{setup('export STACK=$1')}' 4.2", f"venv = {venv}")
    pipeline = a_pipeline(WITHIN, top=top, module="environment = astro")
    said = fw("submit", pipeline)
    assert said.status == 0, said.err
    assert made(fw_home) == f"4.2 {venv} {venv}\n"
    version = ".".join(map(str, sys.version_info[:3]))
    ((sha256, python, found),) = ask("select sha256, python, found from software_stack where name = 'astro'")
    assert (python, json.loads(found)["prefix"]) == (version, venv)
    used = ask("select name, software_sha256 from pfw_exec order by pfw_wrapper_task_id, execnum")
    assert sorted(used) == [("gather", None), *[("program", sha256)] * 3]
    shown = fw("job", "U_r1p01").out
    assert shown.count(f"in environment astro {sha256[:8]}") == 3
    assert f"environment astro {sha256[:8]}: python {version}, in {venv}" in shown
    calls = fw("job", "U_r1p01", "--json").json
    assert [call["software"] and call["software"]["name"] for call in calls] == ["astro", "astro", "astro", None]


def test_a_call_is_repeated_in_its_environment(fw, a_pipeline, setup, venv):
    top = defined(f"setup = '{setup('export STACK=4.2')}'", f"venv = {venv}")
    assert fw("submit", a_pipeline(WITHIN, top=top, module="environment = astro")).status == 0
    again = fw("rerun", "U_r1p01", 1, "--json")
    assert (again.status, again.json["software"]) == (0, "same")
    setup("export STACK=4.3")
    changed = fw("rerun", "U_r1p01", 1, "--into", "other")
    assert changed.status == 1
    assert "its software is not what is recorded" in changed.err


def test_the_plan_shows_software_and_whether_it_is_here(fw, a_pipeline, venv):
    pipeline = a_pipeline(top=defined(f"venv = {venv}"), module="environment = astro")
    said = fw("plan", pipeline, "--calls")
    assert f"environment astro: venv {venv}\n" in said.out
    assert "make    3 calls, 3 files, in environment astro" in said.out
    assert "call 1  make (number=1)  in environment astro" in said.out
    pipeline = a_pipeline(top=defined("venv = /none"), module="environment = astro")
    missing = "/none is no venv environment: it has no pyvenv.cfg"
    assert f"(not on this machine: {missing})" in fw("plan", pipeline).out
    said = fw("submit", pipeline)
    assert (said.status, f"environment astro: {missing}" in said.err) == (2, True)
    said = fw("submit", a_pipeline(top=defined("image = x", kind="container"), module="container = astro"))
    assert (said.status, "container astro: program 'apptainer' was not found" in said.err) == (2, True)


def test_a_program_that_the_environment_should_hold_is_missed_before_anything_runs(fw, a_pipeline, venv):
    pipeline = a_pipeline(top=defined(f"venv = {venv}"), module="environment = astro")
    pipeline.write_text(pipeline.read_text().replace("execname = ", "execname = nosuch # ", 1))
    said = fw("submit", pipeline)
    assert said.status == 2
    assert f"environment astro: program 'nosuch' was not found on PATH ({venv}/bin:" in said.err


def test_what_cannot_be_made_ready_is_said_once_and_eats_no_jobs(fw, a_pipeline, ask, fw_home, setup, tmp_path):
    script = setup(f"echo x >> {tmp_path}/tries; echo the server is away >&2; return 3")
    pipeline = a_pipeline(numbers="1:12", top=defined(f"setup = '{script}'"), module="environment = astro")
    pipeline.write_text(pipeline.read_text() + GREET)
    said = fw("submit", pipeline, "--slots", 2)
    assert said.status == 1
    reason = f"environment astro cannot be made ready: {script} ended with status 3: the server is away"
    assert said.err.count(f"{reason}; no job that needs it is begun any more") == 1
    assert len((tmp_path / "tries").read_text().split()) <= 2
    assert {status for *_, status in ask(CALLS)} == {0, 75}
    assert made(fw_home, "hello.txt") == "hello\n"
    assert ask("select distinct message from task_message where message_lvl = 1") == [(reason,)]

    setup("export STACK=1")
    assert fw("restart", "U_r1p01").status == 0
    assert made(fw_home, "together.txt") == "".join(f"{number}\n" for number in range(1, 13))


#: A module that needs no software.
GREET = """
block_order = dataflow
blocklist = only, more
<block>
    <more>
        modulelist = greet
    </more>
</block>
<module>
    <greet>
        <exec_1>
            execname = sh
            was_generated_by = file.hello
            <cmdline>
                _1 = -c
                _2 = 'echo hello > "$0"'
                _3 = ${file.hello.fullname}
            </cmdline>
        </exec_1>
        <file>
            <hello>
                filetype = made
                filename = hello.txt
                ops_enddir = made
            </hello>
        </file>
    </greet>
</module>
"""


def killed(environment, pipeline, pulse):
    """Submit, and kill the engine when the pulse beats; that nothing goes on beating is seen to."""
    submit = subprocess.Popen(
        [sys.executable, "-m", "framework.cli", "submit", str(pipeline), "--slots", "1"],
        env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not pulse.exists() and time.monotonic() < deadline and submit.poll() is None:
        time.sleep(0.02)
    assert pulse.exists(), submit.communicate()
    submit.kill()
    submit.communicate()
    size = -1
    while pulse.stat().st_size != size and time.monotonic() < deadline:
        size = pulse.stat().st_size
        time.sleep(0.5)
    assert pulse.stat().st_size == size


def test_killed_while_it_is_made_ready_a_run_goes_on(fw, environment, a_pipeline, fw_home, setup, tmp_path):
    slow = f"if [ ! -e {tmp_path}/again ]; then touch {tmp_path}/again; while :; do date >> {tmp_path}/pulse; "
    script = setup(slow + "sleep 0.02; done; fi; export STACK=1")
    pipeline = a_pipeline('echo "$1" > "$2"', top=defined(f"setup = '{script}'"), module="environment = astro")
    killed(environment, pipeline, tmp_path / "pulse")
    assert find_marked_processes(str(fw_home / "runs/U_r1p01")) == []
    said = fw("restart", "U_r1p01")
    assert said.status == 0, said.err
    assert made(fw_home, "together.txt") == "1\n2\n3\n"


def test_jobs_share_the_graphics_processors_that_the_site_has(fw, a_pipeline, fw_home, ask):
    top = "<site>\n<local>\ngpus = 2\n</local>\n</site>"
    lines = 'sleep 0.3; echo "$CUDA_VISIBLE_DEVICES" > "$2"'
    pipeline = a_pipeline(lines, numbers="1:4", top=top, module="request_gpus = 1\npartition = gpu")
    said = fw("submit", pipeline, "--slots", 4)
    assert said.status == 0, said.err
    assert "partition = gpu of module 'make' means nothing at site 'local'" in said.err
    assert sorted(made(fw_home, f"{number}.txt") for number in range(1, 5)) == ["0\n", "0\n", "1\n", "1\n"]
    times = ask("select start_time, end_time from task where name = 'wrapper' and label = 'make'")
    assert all(sum(b <= moment < e for b, e in times) <= 2 for moment, _ in times)


CONTAINED = """
pipeline = small
unitname = U
numbers = 1, 2
blocklist = only
container = tiny
{container}
<block>
    <only>
        modulelist = make, louder
        divide_jobs_by = number
    </only>
</block>
<filetype_metadata>
    <made>
    </made>
</filetype_metadata>
<module>
    <make>
        wrapperloop = number
        number = ${{numbers}}
        <exec_1>
            execname = sh
            was_generated_by = file.made
            <cmdline>
                _1 = -c
                _2 = '{line}'
                _3 = ${{number}}
                _4 = ${{file.made.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <made>
                filetype = made
                filename = ${{number}}.txt
                ops_enddir = made
            </made>
        </file>
    </make>
    <louder>
        wrapperloop = number
        loopobj = file.made
        <exec_1>
            execname = sh
            used = file.made
            was_generated_by = file.loud
            <cmdline>
                _1 = -c
                _2 = 'cat $$0 $$0 > $$1'
                _3 = ${{file.made.fullname}}
                _4 = ${{file.loud.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <made>
                depends = make.file.made
                match = number
            </made>
            <loud>
                filetype = made
                filename = ${{number}}_loud.txt
                ops_enddir = made
            </loud>
        </file>
    </louder>
</module>
"""


@pytest.mark.slow
def test_a_whole_run_in_a_container(fw, fw_home, ask, podman, tmp_path):
    container = defined("image = localhost/tiny:1", "runtime = podman", kind="container", name="tiny")
    (tmp_path / "small.wcl").write_text(CONTAINED.format(container=container, line="echo $$0 > $$1"))
    said = fw("submit", tmp_path / "small.wcl", **podman)
    assert said.status == 0, said.err
    assert made(fw_home, "2_loud.txt") == "2\n2\n"
    ((kind, digest),) = ask("select kind, image_digest from software_stack where image_digest is not null")
    assert (kind, digest[:7], len(digest)) == ("container", "sha256:", 71)
    assert ask("select count(*), count(software_sha256), count(maxrss), count(wallclock) from pfw_exec") == [
        (4, 4, 0, 4)
    ]
    assert f"localhost/tiny:1, {digest}, run by podman" in fw("job", "U_r1p01").out
    assert fw("rerun", "U_r1p01", 3, **podman).status == 0


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_in_its_containers(fw, environment, fw_home, podman, tmp_path):
    bind = f"bind = {tmp_path}/shared:/shared:rw"
    container = defined("image = localhost/tiny:1", "runtime = podman", bind, kind="container", name="tiny")
    line = "if [ $$0 = 1 ] && [ ! -e /shared/again ]; then : > /shared/again; "
    line += "while :; do echo x >> /shared/pulse; sleep 0.05; done; fi; echo $$0 > $$1"
    (tmp_path / "shared").mkdir()
    (tmp_path / "small.wcl").write_text(CONTAINED.format(container=container, line=line))
    killed({**environment, **podman}, tmp_path / "small.wcl", tmp_path / "shared/pulse")
    said = fw("restart", "U_r1p01", **podman)
    assert said.status == 0, said.err
    assert made(fw_home, "1_loud.txt") == "1\n1\n"
