"""Steps in one process: the same record and the same files as of programs, and nothing written between them."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.engines.fence import find_marked_processes
from framework.registry.admin.equality import differences
from framework.registry.database.opening import open_registry

ROOT = Path(__file__).parents[2]
#: A program, and a step: a word in, the word with a letter more out; "wrong" words do what they say.
STEP = """
import atexit, os, signal, sys, time

atexit.register(print, "good bye")

def in_process(arguments, objects, memory):
    *sources, target = arguments
    if sources and sources[0].endswith(".list"):
        sources = open(sources[0]).read().split()
    text = "".join(objects[name] if name in objects else open(name).read() for name in sources)
    trouble = os.environ.get("TROUBLE_{name}", "")
    print(os.environ["FW_CALL"], os.environ.get("LEFT"), os.path.basename(os.getcwd()))
    if trouble == "fails":
        print("the word is bad", file=sys.stderr)
        return 3
    if trouble == "raises":
        raise ValueError("no such word")
    if trouble == "dies" or trouble.startswith("/") and not os.path.exists(trouble):
        if trouble != "dies":
            open(trouble, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "exits":
        os._exit(0)
    if trouble == "sleeps":
        time.sleep(60)
    if trouble == "eats":
        held = bytearray(b"x") * 150_000_000
        time.sleep(0.5)
    if trouble == "makes nothing":
        return 0
    if target in memory:
        objects[target] = text + "{name}"
    else:
        with open(target, "w") as file:
            file.write(text + "{name}")
    os.environ["LEFT"] = "something"
    os.chdir("/")
    return 0

if __name__ == "__main__":
    sys.exit(in_process(sys.argv[1:], dict(), ()))
"""
PIPELINE = """
pipeline = words
unitname = U
words = 1, 2
blocklist = only
{top}
<block>
    <only>
        modulelist = a, b, c
    </only>
</block>
<filetype_metadata>
    <word>
    </word>
</filetype_metadata>
<module>
    <a>
        wrapperloop = word
        word = ${{words}}
        <exec_1>
            execname = python -m toy.a
            was_generated_by = file.out
            <cmdline>
                _1 = ${{file.out.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <out>
                filetype = word
                filename = a_${{word}}.txt
                ops_enddir = words
            </out>
        </file>
    </a>
    <b>
        wrapperloop = word
        loopobj = file.in
        <exec_1>
            execname = python -m toy.b
            used = file.in
            was_generated_by = file.out
            ancestry = file.in:file.out
            <cmdline>
                _1 = ${{file.in.fullname}}
                _2 = ${{file.out.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <in>
                depends = a.file.out
                dirpat = elsewhere
            </in>
            <out>
                filetype = word
                filename = b_${{word}}.txt
                ops_enddir = words
            </out>
        </file>
    </b>
    <c>
        <exec_1>
            execname = python -m toy.c
            used = list.all.word
            was_generated_by = file.out
            ancestry = list.all.word:file.out
            <cmdline>
                _1 = ${{list.all.fullname}}
                _2 = ${{file.out.fullname}}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = b.file.out
                filetype = list
                filename = all.list
                ops_enddir = list
            </all>
        </list>
        <file>
            <out>
                filetype = word
                filename = c.txt
                ops_enddir = words
            </out>
        </file>
    </c>
</module>
<directory_pattern>
    <elsewhere>
        ops = ${{ops_run_dir}}/words
        runtime = elsewhere
    </elsewhere>
</directory_pattern>
"""
SITE = "<steps>\ntoy.a = toy.a:in_process\ntoy.b = toy.b:in_process\ntoy.c = toy.c:in_process\n</steps>\n"
UNKEPT = ("--set", "module.a.file.out.savefiles=False", "--set", "module.b.file.out.savefiles=False")
FUSED = (*UNKEPT, *(word for name in "abc" for word in ("--set", f"module.{name}.wrappername=inprocess")))
CALLS = "select w.modname, w.trynum, t.status from pfw_wrapper w, task t where t.id = w.task_id order by t.id"
WORDS = "select filename, filesize, length(sha256) from desfile where filetype = 'word' order by 1"


@pytest.fixture
def words(tmp_path: Path, fw_home: Path) -> Callable[..., Path]:
    """The pipeline, its programs, and a site that knows them as steps."""
    (tmp_path / "toy").mkdir()
    for name in "abc":
        (tmp_path / "toy" / f"{name}.py").write_text(STEP.replace("{name}", name))
    (tmp_path / "site.wcl").write_text(SITE)

    def write(top: str = "") -> Path:
        path = tmp_path / "words.wcl"
        path.write_text(PIPELINE.format(top=top))
        return path

    return write


@pytest.fixture
def run(fw, tmp_path: Path) -> Callable[..., object]:
    """``fw`` with the toy programs at hand and the site's file."""

    def run(*arguments: object, **more: str) -> object:
        where = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "FW_SITE": str(tmp_path / "site.wcl")}
        return fw(*arguments, **{**where, **more})

    return run


def logs(home: Path) -> list[str]:
    return [path.read_text() for path in sorted((home / "archive").rglob("*.log"))]


def test_what_steps_pass_to_each_other_is_never_a_file(run, words, fw_home, ask):
    said = run("submit", words(), *FUSED)
    assert said.status == 0, said.err
    assert (fw_home / "archive/SKY/words/none/r1/U/p01/words/c.txt").read_text() == "ababc"
    assert [path.name for path in fw_home.rglob("*.txt")] == ["c.txt"]
    unmeasured = [(name, None, None) for name in ("a_1.txt", "a_2.txt", "b_1.txt", "b_2.txt")]
    assert ask(WORDS) == [*unmeasured, ("c.txt", 5, 64)]
    assert ask("select filename from file_archive_info where filename like '%.txt'") == [("c.txt",)]


def test_the_steps_of_a_job_run_in_one_process(run, words, fw_home):
    run("submit", words(), *FUSED)
    assert len(logs(fw_home)) == 5
    assert len({number for log in logs(fw_home) for number in re.findall(r"== in process (\d+)", log)[:1]}) == 1


def test_a_log_holds_what_its_step_said_and_is_not_changed_afterwards(run, words, fw_home, ask):
    run("submit", words(), *FUSED)
    assert [log.count("good bye") for log in logs(fw_home)] == [0] * 5
    for path, checksum in ask("select path, sha256 from desfile where filetype = 'log'"):
        assert hashlib.sha256((fw_home / "archive" / path).read_bytes()).hexdigest() == checksum


def test_a_step_has_surroundings_of_its_own(run, words, fw_home):
    run("submit", words(), *FUSED)
    said = [re.findall(r"^(\d) (\w+) (worker\S+)$", log, re.MULTILINE)[0] for log in logs(fw_home)]
    assert [(number, left) for number, left, _ in said] == [(str(number), "None") for number in range(1, 6)]
    assert len({directory for _, _, directory in said}) == 1


def test_the_record_is_that_of_programs_but_for_the_bytes_that_never_were(run, words, fw_home, tmp_path):
    assert run("submit", words(), *UNKEPT).status == 0
    programs = fw_home.rename(tmp_path / "programs")
    assert run("submit", words(), *FUSED).status == 0
    both = [open_registry(f"sqlite:///{home}/registry.sqlite") for home in (programs, fw_home)]
    found = differences(both[0], 1, both[1], 1, volatile=frozenset({"log", "plan"}))
    # What was submitted differs, the wrapper of five calls, and size and checksum of four files.
    rows = [row for row in found if not row.startswith("pfw_attempt ")]
    assert Counter(row.split()[0] for row in rows) == {"pfw_wrapper": 10, "desfile": 8}
    ways = r" name=(generic|inprocess)| filesize=\S+| sha256=\S+|: in the (first|second) only"
    assert set(Counter(re.sub(ways, "", row) for row in rows).values()) == {2}


def test_each_step_is_measured(run, words, ask):
    run("submit", words(), *FUSED)
    rows = ask("select wallclock, utime + stime, maxrss from pfw_exec")
    assert len(rows) == 5
    assert all(0 <= cpu <= 2 * wall + 0.05 and peak > 5000 for wall, cpu, peak in rows)
    assert max(cpu for _, cpu, _ in rows) > 0


@pytest.mark.parametrize(
    ("trouble", "status", "reason"),
    [
        ("fails", 3, "step toy.b ended with status 3: the word is bad"),
        ("raises", 1, "step toy.b ended with status 1: ValueError: no such word"),
        ("dies", 137, "step toy.b ended with status 137: its process was killed by SIGKILL"),
        ("exits", 134, "step toy.b ended with status 134: it ended the process that it shares with other steps"),
        ("makes nothing", 1, "the programs ended well but did not make file.out: words/b_1.txt"),
    ],
)
def test_a_step_that_fails_is_named_and_ends_the_process(run, words, ask, fw_home, trouble, status, reason):
    said = run("submit", words(), *FUSED, TROUBLE_b=trouble)
    assert said.status == 1
    assert f"job 1 (a, b, c): {reason}" in said.err
    assert ask(CALLS) == [("a", 1, 0), ("a", 1, 0), ("b", 1, status)]
    messages = [text for (text,) in ask("select message from task_message where message_lvl < 3 order by 1")]
    assert messages == sorted(
        [reason, "b: call 4 not run, because call 3 failed", "c: call 5 not run, because call 3 failed"]
    )
    shown = [line.strip() for line in run("job", "U_r1p01").out.splitlines()]
    assert re.match(rf"3  b  failed \({status}\) .* word=1$", shown[3])
    assert shown[4:] == [reason, "b: call 4 not run, because call 3 failed", "c: call 5 not run, because call 3 failed"]
    assert f"call 3, b (word=1), failed: {reason}" in run("stat", "U_r1p01").out
    assert find_marked_processes(str(fw_home / "runs/U_r1p01")) == []


def test_a_step_whose_time_is_up_is_ended(run, words, ask):
    said = run("submit", words(), *FUSED, "--set", "module.b.max_walltime=0.01", TROUBLE_b="sleeps")
    assert "step toy.b ended with status 124: its time was up" in said.err
    assert ask(CALLS)[-1] == ("b", 1, 124)


def test_tried_again_a_job_makes_anew_what_was_only_in_memory(run, words, ask, tmp_path, fw_home):
    said = run("submit", words("max_retries = 1"), *FUSED, TROUBLE_c=str(tmp_path / "died"))
    assert said.status == 0, said.err
    first = [("a", 1, 0), ("a", 1, 0), ("b", 1, 0), ("b", 1, 0), ("c", 1, 137)]
    assert ask(CALLS) == [*first, *((name, 2, 0) for name, _, _ in first)]
    assert (fw_home / "archive/SKY/words/none/r1/U/p01/words/c.txt").read_text() == "ababc"


def test_a_step_that_wants_more_memory_gets_it_with_a_new_process(run, words, ask, fw_home):
    said = run("submit", words("request_memory = 100, 500"), *FUSED, TROUBLE_c="eats")
    assert said.status == 0, said.err
    first = [("a", 1, 0), ("a", 1, 0), ("b", 1, 0), ("b", 1, 0), ("c", 1, 137)]
    assert ask(CALLS) == [*first, *((name, 2, 0) for name, _, _ in first)]
    words = ask("select message from task_message where message_lvl = 1")
    assert [("and had asked for 100" in text) for (text,) in words] == [True]


def test_a_failed_run_is_restarted(run, words, ask, fw_home):
    assert run("submit", words(), *FUSED, TROUBLE_c="fails").status == 1
    said = run("restart", "U_r1p01")
    assert said.status == 0, said.err
    assert ask(WORDS)[-1] == ("c.txt", 5, 64)
    assert run("stat", "U_r1p01").out.count("failed:") == 0


def test_killed_at_its_worst_a_run_takes_its_process_along(environment, run, words, tmp_path, fw_home):
    where = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "FW_SITE": str(tmp_path / "site.wcl"), "TROUBLE_b": "sleeps"}
    command = [sys.executable, "-m", "framework.cli", "submit", str(words()), *FUSED]
    submit = subprocess.Popen(command, env={**environment, **where}, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any("_b.log" in path.name and "process" in path.read_text() for path in fw_home.rglob("*.log")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    submit.kill()
    submit.communicate()
    while left := find_marked_processes(str(fw_home / "runs/U_r1p01")):
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
    said = run("restart", "U_r1p01")
    assert said.status == 0, said.err
    assert (fw_home / "archive/SKY/words/none/r1/U/p01/words/c.txt").read_text() == "ababc"


def test_a_call_is_run_again_with_what_was_in_memory_before_it(run, words, tmp_path):
    run("submit", words(), *FUSED)
    said = run("rerun", "U_r1p01", 5, "--into", "again")
    assert (said.status, said.out) == (0, "same       SKY/words/none/r1/U/p01/words/c.txt\n")
    assert (tmp_path / "again/work/words/b_2.txt").read_text() == "ab"
    said = run("rerun", "U_r1p01", 3, "--into", "before")
    assert (said.status, said.out) == (0, "in memory  SKY/words/none/r1/U/p01/words/b_1.txt\n")


def test_what_a_program_reads_is_written_all_the_same(run, words, ask, fw_home):
    said = run("submit", words(), *FUSED, "--set", "module.c.wrappername=generic")
    assert said.status == 0, said.err
    assert ask(WORDS) == [
        *(("a_1.txt", None, None), ("a_2.txt", None, None)),
        *(("b_1.txt", 2, 64), ("b_2.txt", 2, 64), ("c.txt", 5, 64)),
    ]
    assert [path.name for path in fw_home.rglob("*.txt")] == ["c.txt"]


def test_what_is_kept_is_written_and_read_back(run, words, ask):
    said = run("submit", words(), *FUSED, "--set", "module.b.file.out.savefiles=True")
    assert said.status == 0, said.err
    assert [row for row in ask(WORDS) if row[1] is None] == [("a_1.txt", None, None), ("a_2.txt", None, None)]


def test_a_plan_shows_what_stays_in_memory(run, words):
    said = run("plan", words(), *FUSED, "--calls")
    assert "call 3  b (word=1), in one process with others of its job\n" in said.out
    assert "  makes SKY/words/none/r1/U/p01/words/b_1.txt in memory\n" in said.out
    assert "  makes SKY/words/none/r1/U/p01/words/c.txt\n" in said.out


def test_only_the_site_can_register_steps(run, words, tmp_path):
    (tmp_path / "site.wcl").write_text("")
    said = run("submit", words(SITE), *FUSED)
    assert said.status == 2
    assert "words.wcl:" in said.err
    assert "'toy.a' is not registered as a step that runs in one process with others" in said.err
    assert "named in the section <steps> of the site's file" in said.err


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["module.a.exec_1.execname=cat"], "'cat' cannot run in one process with others"),
        (["module.a.exec_1.execname=python -m pipelines.hsc.schemas"], "'pipelines.hsc.schemas' does not run in one"),
        (["module.a.exec_1.execname=python -m os.path"], "'os.path' is not registered"),
        (["module.b.job_environment.colour=red"], "b and a are to run in one process, and differ in their job_env"),
        (
            ["module.b.exec_1.execname=python3 -m toy.b"],
            "b and a are to run in one process, and differ in their Python",
        ),
        (["module.a.wrapper.wraps=inprocess"], "wraps = inprocess: this wrapper runs programs in one process itself"),
        (["module.a.wrapper.wraps=lst"], "wrapper 'inprocess': there is no wrapper 'lst'"),
    ],
)
def test_what_cannot_share_a_process_is_refused_with_its_line(run, words, more, problem):
    said = run("plan", words(), *FUSED, *(word for each in more for word in ("--set", each)))
    assert said.status == 2
    assert problem in said.err
