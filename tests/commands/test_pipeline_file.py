"""A pipeline that ships is called by its name, from any directory."""

from __future__ import annotations

import pytest


def test_a_pipeline_that_ships_is_found_by_its_name(fw_here):
    planned = fw_here("plan", "hello", "--json")
    assert planned.status == 0
    assert planned.json["run"] == "hello_r1p01"


def test_a_file_of_that_name_comes_first(fw_here, tmp_path):
    (tmp_path / "hello").write_text("pipeline = mine\nnosuchkey =\n<block\n")
    said = fw_here("check", "hello")
    assert said.status == 1
    assert "hello:3" in said.out + said.err


@pytest.mark.parametrize("verb", ["submit", "plan", "check", "explain"])
def test_another_word_is_refused_with_what_is_meant(fw_here, verb):
    said = fw_here(verb, "helo", *(["names"] if verb == "explain" else []))
    assert said.status == 2
    assert "'helo' is no file; did you mean 'hello'?" in said.err


def test_the_path_within_the_repository_names_the_way_elsewhere(fw_here):
    said = fw_here("plan", "pipelines/hello.wcl")
    assert said.status == 2
    assert "the pipeline that ships is called hello, without folder and suffix" in said.err


def test_a_file_that_exists_nowhere_is_refused(fw_here):
    assert "'night/reduce.wcl' is no file" in fw_here("submit", "night/reduce.wcl").err
