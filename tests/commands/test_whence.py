"""``fw whence`` says where a file on disk comes from."""

from __future__ import annotations

import json
import sqlite3

import pytest


@pytest.fixture
def run(fw, a_pipeline, fw_home, tmp_path):
    """A run that has made files, and a copy of one under another name."""
    assert fw("submit", a_pipeline()).status == 0
    (made,) = (fw_home / "archive").rglob("made/2.txt")
    (tmp_path / "found.bin").write_bytes(made.read_bytes())
    return made.relative_to(fw_home / "archive")


def test_a_file_is_known_by_its_contents_whatever_it_is_called(fw, run):
    said = fw("whence", "found.bin")
    assert said.out.splitlines()[1].split() == [str(run), "made", "make", "(call", "2", "of", "U_r1p01)", "home"]
    (row,) = fw("whence", "found.bin", "--json").json
    assert (row["path"], row["archives"], row["made_by"]["module"]) == (str(run), ["home"], "make")
    assert row["made_by"]["args"].endswith(f"2 made/{run.name}")


def test_every_file_of_the_same_contents_is_told(fw, run, a_pipeline):
    fw("submit", a_pipeline(numbers="2, 4"))
    assert [row["run"] for row in fw("whence", "found.bin", "--json").json] == ["U_r1p01", "U_r1p02"]


def test_contents_that_nobody_has_recorded_are_told_so(fw, run, tmp_path):
    (tmp_path / "found.bin").write_text("something else")
    said = fw("whence", "found.bin")
    assert (said.status, said.out) == (1, "")
    assert "no file on record has the contents of found.bin (sha256 " in said.err
    assert fw("whence", "nowhere").status == 2


def test_the_sql_of_a_question_can_be_carried_out_by_hand(fw, run, fw_home):
    questions = [
        ["whence", "found.bin"],
        ["query", "made", "number=2"],
        ["query", "files", "--filetype", "made", "--where", "number in ('2', '3') and filename like '%.txt'"],
        ["lineage", "together.txt"],
        ["taint", str(run)],
    ]
    connection = sqlite3.connect(fw_home / "registry.sqlite")
    for question in questions:
        statements = fw(*question, "--sql").out.split(";\n")[:-1]
        answers = [connection.execute(statement).fetchall() for statement in statements]
        assert any(str(run) in json.dumps(answer) for answer in answers), question
    connection.close()
