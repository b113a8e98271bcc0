"""The verbs of the language: check, convert, explain, schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wcl import read

ROOT = Path(__file__).parents[2]
PIPELINES = sorted(path for path in (ROOT / "pipelines").glob("*.wcl"))


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_every_pipeline_that_ships_is_free_of_faults(fw, path):
    said = fw("check", path, "--strict")
    assert (said.status, said.out) == (0, "")


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_every_pipeline_says_the_same_in_yaml(fw, tmp_path, path):
    assert fw("convert", path, tmp_path / "it.yaml").status == 0
    assert fw("convert", tmp_path / "it.yaml", tmp_path / "back.wcl").status == 0
    assert read(tmp_path / "back.wcl") == read(path) == read(tmp_path / "it.yaml")


def test_all_that_is_wrong_is_said_with_its_place(fw, tmp_path):
    (tmp_path / "wrong.wcl").write_text(
        "blocklst = a\n<block>\n<a>\nmodulelist = b\nuse_qcf = perhaps\nalone\n</block>\n"
    )
    said = fw("check", "wrong.wcl", "--json")
    assert said.status == 1
    assert {(problem["line"], problem["severity"]) for problem in said.json} >= {(6, "error"), (7, "error")}
    assert all(problem["file"] == "wrong.wcl" for problem in said.json)


def test_an_unknown_key_is_an_error_when_it_is_nearly_a_known_one_and_else_a_warning(fw, tmp_path):
    (tmp_path / "keys.wcl").write_text("blocklst = a\nmoon_phase = full\n")
    problems = {problem["message"]: problem["severity"] for problem in fw("check", "keys.wcl", "--json").json}
    assert problems == {"unknown key 'blocklst'": "error", "unknown key 'moon_phase'": "warning"}
    assert all(problem["severity"] == "error" for problem in fw("check", "keys.wcl", "--json", "--strict").json)


def test_a_site_declares_its_own_keys_in_one_place(fw, fw_home, tmp_path):
    fw_home.mkdir()
    (fw_home / "site.wcl").write_text(
        "<known_keys>\nmoon_phase = top module | text | how bright it was\n</known_keys>\n"
    )
    (tmp_path / "keys.wcl").write_text("moon_phase = full\n")
    assert fw("check", "keys.wcl", "--strict").status == 0
    assert fw("schema").json["properties"]["moon_phase"]["description"] == "how bright it was"


def test_a_value_is_explained_from_where_it_was_set_to_what_it_became(fw, tmp_path):
    (tmp_path / "a.wcl").write_text("band = g\nname = x_${band}_${n:3}\nn = 7\n")
    said = fw("explain", "a.wcl", "name", "--set", "band=r")
    assert said.out.splitlines() == [
        "a.wcl:2: name = x_${band}_${n:3}",
        "  ${band} is r  --set",
        "    x_r_${n:3}",
        "  ${n} is 7  a.wcl:3",
        "    x_r_007",
        "= x_r_007",
    ]
    assert fw("explain", "a.wcl", "band", "--set", "band=r").out.splitlines() == [
        "a.wcl:1: g    (replaced)", "--set: band = r", "= r"
    ]  # fmt: skip


def test_a_value_inside_a_module_is_explained_with_its_surroundings(fw):
    said = fw(
        "explain", ROOT / "pipelines/hello.wcl", "module.write.file.greeting.filename", "--with", "name=Vera", "--json"
    )
    assert said.json["results"] == ["Vera.txt"]


def test_an_unknown_key_is_answered_with_the_nearest(fw):
    said = fw("explain", ROOT / "pipelines/hello.wcl", "nmes")
    assert said.status == 2
    assert "did you mean 'names'?" in said.err


def test_a_file_that_is_there_is_not_written_over(fw, tmp_path):
    (tmp_path / "a.wcl").write_text("a = 1\n")
    (tmp_path / "b.yaml").write_text("precious\n")
    assert fw("convert", "a.wcl", "b.yaml").status == 2
    assert (tmp_path / "b.yaml").read_text() == "precious\n"
    assert fw("convert", "a.wcl", "b.yaml", "--force").status == 0


def test_a_template_is_rendered_with_its_variables(fw, tmp_path):
    (tmp_path / "t.wcl").write_text("{% if night %}night = {{ night }}{% endif %}\n")
    assert fw("explain", "t.wcl", "night", "--var", "night=20130101").out.endswith("= 20130101\n")


def test_the_schema_is_json_and_knows_modules(fw):
    schema = json.loads(fw("schema").out)
    assert "wrapperloop" in schema["$defs"]["module"]["properties"]


def test_a_template_takes_its_variables_from_files_and_is_kept_as_rendered(fw, fw_home, tmp_path):
    hello = (ROOT / "pipelines/hello.wcl").read_text()
    (tmp_path / "t.wcl").write_text(hello.replace("names = world, moon, mars", "names = {{ args.who | join(', ') }}"))
    (tmp_path / "vars.yaml").write_text("who: [Vera, Annie]\n")
    assert fw("submit", "t.wcl", "--vars", "vars.yaml").status == 0
    submitted = fw_home / "runs/hello_r1p01/submit"
    assert "{{ args.who" in (submitted / "typed.wcl").read_text()
    assert "names = Vera, Annie" in (submitted / "rendered.wcl").read_text()
    assert "names = Vera, Annie" in (submitted / "full.wcl").read_text()


def test_only_functions_that_the_site_names_can_be_called(fw, fw_home, tmp_path):
    (tmp_path / "a.wcl").write_text("n = $FUNC{tester.double,4}\n")
    said = fw("explain", "a.wcl", "n")
    assert "unknown function 'tester.double'" in said.out
    fw_home.mkdir(exist_ok=True)
    (fw_home / "site.wcl").write_text("<functions>\ntester.double = sitecode:double\n</functions>\n")
    (tmp_path / "sitecode.py").write_text("def double(n):\n    return 2 * int(n)\n")
    assert fw("explain", "a.wcl", "n").out.endswith("= 8\n")
