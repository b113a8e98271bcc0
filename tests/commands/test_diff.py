"""``fw diff`` tells what two runs did and came to otherwise."""

from __future__ import annotations

from pathlib import Path

HELLO = Path(__file__).parents[2] / "pipelines" / "hello.wcl"


def test_two_attempts_of_one_pipeline_are_the_same(fw):
    for _ in range(2):
        assert fw("submit", HELLO).status == 0
    said = fw("diff", "hello_r1p01", "hello_r1p02")
    assert said.status == 0, said.out
    lines = said.out.splitlines()
    assert "the same: 7 calls in 4 jobs" in lines
    assert "files (0 added, 0 changed, 0 removed, 7 the same, 10 not compared)" in lines
    assert "state: done" in lines


def test_another_value_shows_in_configuration_calls_and_files(fw):
    assert fw("submit", HELLO).status == 0
    assert fw("submit", HELLO, "--set", "names=world,moon,venus").status == 0
    said = fw("diff", "hello_r1p01", "hello_r1p02", "--json")
    assert said.status == 1
    (value,) = said.json["configuration"]
    assert (value["key"], value["new"]) == ("names", "world,moon,venus")
    files = {(one["kind"], one["path"].rpartition("/")[2]) for one in said.json["outcome"]["files"]}
    assert files == {
        ("removed", "mars.txt"),
        ("removed", "mars_loud.txt"),
        ("changed", "together.txt"),
        ("added", "venus.txt"),
        ("added", "venus_loud.txt"),
    }
    assert [module["new"]["done"] for module in said.json["outcome"]["modules"]] == [3, 3, 1]


def test_an_unknown_run_is_a_plain_error(fw):
    assert fw("submit", HELLO).status == 0
    said = fw("diff", "hello_r1p01", "hello_r1p09")
    assert (said.status, "no run is called 'hello_r1p09'" in said.err) == (2, True)
