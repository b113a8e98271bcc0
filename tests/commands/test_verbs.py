"""Every verb: help with an example, and the exit codes that are promised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from framework.cli import VERBS, first_sentence
from framework.cli import fw as group

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "pipelines/hello.wcl"
ALL = sorted(path.stem for path in VERBS.glob("[a-z]*.py"))


@pytest.mark.parametrize("verb", ALL)
def test_has_help_with_an_example(verb):
    said = CliRunner().invoke(group, [verb, "--help"])
    assert said.exit_code == 0
    assert "Example" in said.output
    assert f"fw {verb}" in said.output or f"fw{verb}" in said.output


@pytest.mark.parametrize("verb", ALL)
def test_says_what_it_is_for_in_one_line(verb):
    sentence = first_sentence(VERBS / f"{verb}.py")
    assert 10 < len(sentence) < 120
    assert sentence in " ".join(CliRunner().invoke(group, ["--help"], terminal_width=200).output.split())


def test_an_unknown_verb_is_answered_with_the_nearest(fw):
    said = fw("sumbit")
    assert said.status == 2
    assert "did you mean 'submit'?" in said.err


def test_the_smallest_pipeline_runs_and_says_what_to_ask_next(fw, fw_home):
    said = fw("submit", HELLO)
    assert said.status == 0, said.err
    assert f"results   {fw_home}/archive/SKY/hello/none/r1/hello/p01" in said.out
    assert "fw stat hello_r1p01" in said.out
    together = fw_home / "archive/SKY/hello/none/r1/hello/p01/greetings/together.txt"
    assert sorted(together.read_text().splitlines()) == ["HELLO, MARS", "HELLO, MOON", "HELLO, WORLD"]


def test_submit_can_end_with_json(fw):
    said = fw("submit", HELLO, "--json", "--set", "names=Vera,")
    assert said.status == 0
    assert {**said.json, "results": ""} == {
        "run": "hello_r1p01", "attempt": 1, "status": 0, "jobs": 2, "done": 2, "failed": 0, "skipped": 0,
        "not_planned": [], "reasons": [], "results": "",
    }  # fmt: skip


def test_a_plan_is_shown_and_nothing_is_recorded(fw, fw_home):
    said = fw("plan", HELLO, "--calls")
    assert said.status == 0
    assert "write   3 calls, 3 files" in said.out
    assert "$ python -m pipelines.hello.greet write world greetings/world.txt" in said.out
    assert "job 4: gather 7  after 1, 2, 3" in said.out
    assert "world_loud.txt  (list.all.loud, from call 6, depends = shout.file.loud)" in said.out
    assert not (fw_home / "runs").exists()
    assert fw("sql", "select count(*) as n from pfw_attempt", "--json").json == [{"n": 0}]


def test_a_plan_is_given_as_json(fw):
    plan = fw("plan", HELLO, "--json").json
    assert [job["parents"] for job in plan["blocks"][0]["jobs"]] == [[], [], [], [1, 2, 3]]


def test_a_misspelt_key_is_refused_with_its_place(fw, tmp_path):
    (tmp_path / "wrong.wcl").write_text(HELLO.read_text().replace("loopobj = file.greeting", "lopobj = file.greeting"))
    said = fw("submit", tmp_path / "wrong.wcl")
    assert said.status == 2
    assert "wrong.wcl:52: unknown key 'lopobj'" in said.err
    assert "did you mean 'loopobj'?" in said.err


def test_a_misspelt_override_is_refused(fw):
    said = fw("submit", HELLO, "--set", "nmes=a,b")
    assert said.status == 2
    assert "did you mean 'names'?" in said.err


def test_an_override_without_a_value_is_a_usage_error(fw):
    assert fw("submit", HELLO, "--set", "names").status == 2
    assert fw("submit", "no-such-file.wcl").status == 2


def test_jobs_are_shown_with_their_calls(fw):
    fw("submit", HELLO)
    rows = fw("job", "hello_r1p01", "--json").json
    assert {(row["wrapnum"], row["state"]) for row in rows} == {(number, "done") for number in range(1, 8)}
    assert "gather  done" in fw("job", "hello_r1p01", 4).out
    assert fw("job", "hello_r1p01", 9).status == 1


def test_a_call_is_run_again_and_compared(fw, fw_home, tmp_path):
    fw("submit", HELLO)
    said = fw("rerun", "hello_r1p01", 7)
    assert said.status == 0, said.err
    assert said.out == "same       SKY/hello/none/r1/hello/p01/greetings/together.txt\n"
    assert "$ python -m pipelines.hello.greet gather lists/all.list greetings/together.txt" in said.err
    taken = fw("rerun", "hello_r1p01", 7, "--into", "rerun_hello_r1p01_7")
    assert (taken.status, "is there already: remove it, or name another" in taken.err) == (1, True)
    again = fw("rerun", "hello_r1p01", 7)
    assert (again.status, again.err.splitlines()[-1]) == (0, "log and outputs: rerun_hello_r1p01_7_2")
    assert fw("rerun", "--verify", "hello_r1p01", 7).status == 0
    assert fw("rerun", "hello_r1p01", 8).status == 1
    assert fw("sql", "select count(*) as n from pfw_wrapper", "--json").json == [{"n": 7}]


def test_a_call_that_makes_something_else_now_is_shown(fw, a_pipeline, tmp_path):
    fw("submit", a_pipeline('date +%N > "$2"', numbers="1,"))
    said = fw("rerun", "U_r1p01", 1, "--into", tmp_path / "again", "--json")
    assert said.status == 1
    assert [part["verdict"] for part in said.json["outputs"]] == ["differs"]


def test_a_rerun_refuses_inputs_that_are_not_what_was_recorded(fw, fw_home):
    fw("submit", HELLO)
    made = fw_home / "archive/SKY/hello/none/r1/hello/p01/greetings/mars_loud.txt"
    made.chmod(0o644)
    made.write_text("HELLO, MARZ\n")
    said = fw("rerun", "hello_r1p01", 7)
    assert said.status == 1
    assert "is not what was recorded" in said.err


def test_a_run_that_is_not_there_is_said(fw):
    fw("submit", HELLO)
    for verb in (["restart"], ["job"], ["cancel"]):
        said = fw(*verb, "helo_r1p01")
        assert said.status in (1, 2)
        assert "hello_r1p01" in said.err


def test_the_doctor_finds_what_is_wrong(fw, tmp_path):
    good = fw("doctor", "--json")
    assert good.status == 0
    assert {finding["what"] for finding in good.json} >= {"python", "home", "disk", "registry", "machine"}
    (tmp_path / "file").write_text("")
    bad = fw("doctor", FW_HOME=str(tmp_path / "file"))
    assert bad.status == 3
    assert "set FW_HOME to a directory" in bad.out


def test_what_is_asked_in_sql_answers_how_a_file_came_to_be(fw):
    fw("submit", HELLO)
    rows = fw(
        "sql",
        "select d.filename, e.cmdargs, t.exec_host is not null as host, e.maxrss > 0 as memory, p.filename as input"
        " from desfile d join opm_was_generated_by g on g.desfile_id = d.id join pfw_exec e on e.task_id = g.task_id"
        " join task t on t.id = e.task_id join opm_used u on u.task_id = e.task_id join desfile p on p.id = u.desfile_id"  # noqa: E501
        " where d.filename = 'mars_loud.txt'",
        "--json",
    ).json
    assert rows == [
        {
            "filename": "mars_loud.txt",
            "cmdargs": "python -m pipelines.hello.greet shout greetings/mars.txt greetings/mars_loud.txt",
            "host": 1, "memory": 1, "input": "mars.txt",
        }
    ]  # fmt: skip


def test_json_is_json_everywhere(fw):
    fw("submit", HELLO)
    for arguments in (["stat"], ["stat", "hello_r1p01"], ["job", "hello_r1p01"], ["query", "greeting"], ["doctor"]):
        json.loads(fw(*arguments, "--json").out)


def test_a_plan_is_drawn_by_module_and_around_a_call(fw):
    said = fw("plan", HELLO, "--graph", "mermaid")
    assert said.out.splitlines() == [
        "flowchart TD",
        '    subgraph g1["greetings: 4 jobs, 7 calls"]',
        '        n0["write<br/>3 calls in 3 jobs"]',
        '        n1["shout<br/>3 calls in 3 jobs"]',
        '        n2["gather<br/>1 call in 1 job"]',
        "    end",
        '    n0 -->|"3 greeting"| n1',
        '    n1 -->|"3 greeting"| n2',
    ]
    around = fw("plan", HELLO, "--graph", "dot", "--around", 6).out
    assert '"call 6"' in around
    assert '"call 2"' not in around
    assert fw("plan", HELLO, "--graph", "dot", "--around", 99).status == 2
    assert fw("plan", HELLO, "--around", 6).status == 2


def test_a_plan_is_a_picture(fw, words_of):
    said = fw("plan", HELLO, "--graph", "svg")
    assert sorted(words_of(said.out)) == sorted(
        ["greetings: 4 jobs, 7 calls", "write", "shout", "gather", *["3 calls in 3 jobs"] * 2, "1 call in 1 job"]
        + ["3 greeting"] * 2
    )


def test_a_graph_is_json_too(fw):
    graph = fw("plan", HELLO, "--graph", "svg", "--json").json
    assert graph["groups"] == {"block 1": "greetings: 4 jobs, 7 calls"}
    assert graph["arrows"][0] == {
        "source": "block 1 write",
        "target": "block 1 shout",
        "flows": {"greeting": 3},
        "waits": False,
    }
