"""``fw diff`` tells what two runs did and came to otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

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


@pytest.fixture
def reader(a_pipeline, tmp_path) -> Path:
    """A pipeline whose calls read a file from outside, which is not in any archive."""
    pipeline: Path = a_pipeline()
    outside = f"<file>\n<outside>\nfullname = {tmp_path}/x.txt\n</outside>\n            <made>"
    text = pipeline.read_text()
    for old, new in (
        ("<file>\n            <made>", outside),
        ("was_generated_by = file.made", "used = file.outside\nwas_generated_by = file.made"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    pipeline.write_text(text)
    return pipeline


@pytest.mark.parametrize("now", ["as the first run read it", None])
def test_two_runs_are_compared_by_what_they_read_and_not_by_the_disk_of_today(fw, reader, tmp_path, now):
    contents = {"A": "v1", "B": "v1", "C": "version-2"}
    for unit, content in contents.items():
        (tmp_path / "x.txt").write_text(content)
        said = fw("submit", reader, "--set", f"unitname={unit}")
        assert said.status == 0, said.err
    (tmp_path / "x.txt").unlink()
    if now:
        (tmp_path / "x.txt").write_text("v1")
    assert fw("diff", "A_r1p01", "B_r1p01", "--json").json["calls"] == []
    found = fw("diff", "A_r1p01", "C_r1p01", "--json").json["calls"]
    changes = [change for call in found for change in call["changes"]]
    assert {(change["what"], change["name"]) for change in changes} == {("content", f"{tmp_path}/x.txt")}
    old, new = (hashlib.sha256(contents[unit].encode()).hexdigest() for unit in "AC")
    assert (changes[0]["old"], changes[0]["new"]) == ([f"sha256 {old}"], [f"sha256 {new}"])


def test_an_unknown_run_is_a_plain_error(fw):
    assert fw("submit", HELLO).status == 0
    said = fw("diff", "hello_r1p01", "hello_r1p09")
    assert (said.status, "no run is called 'hello_r1p09'" in said.err) == (2, True)
