"""``fw rerun --verify`` repeats calls apart from their run and puts a verdict on record."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: JSON with the number, a value that the file beside the programs says, and a time.
PROGRAM = """
. "$(dirname "$0")/value"
echo "{\\"number\\": $1, \\"flux\\": $VALUE, \\"when\\": \\"$(date +%N)\\"}" > "$2"
"""
RULES = """
<filetype_metadata>
    <made>
        volatile_keys = when
        {rule}
    </made>
</filetype_metadata>
"""


@pytest.fixture
def a_run(fw, a_pipeline, tmp_path):
    """Runs a pipeline whose files hold what ``set_value`` says."""

    def set_value(value):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin/value").write_text(f"VALUE={value}\n")

    def run(rule="tolerance = 1e-3", file=""):
        set_value(1.0)
        pipeline = a_pipeline(
            PROGRAM, top=RULES.format(rule=rule), file=f"filename = ${{number}}.json\n{file}", numbers="1, 2"
        )
        text = pipeline.read_text().replace("filename = ${number}.txt\n", "")
        pipeline.write_text(text)
        said = fw("submit", pipeline)
        assert said.status == 0, said.err
        return set_value

    return run


def state_of(fw_home):
    """Every byte of the archive."""
    archive = fw_home / "archive"
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in archive.rglob("*") if path.is_file()}


RECORDS = "select (select count(*) from task), (select count(*) from desfile), (select count(*) from pfw_wrapper)"
VERDICTS = "select wrapnum, verdict from verification order by id"


def test_a_verdict_goes_on_record_and_nothing_else_changes(fw, fw_home, ask, a_run, tmp_path):
    a_run()
    before = state_of(fw_home), ask(RECORDS)
    said = fw("rerun", "--verify", "U_r1p01", 1)
    assert said.status == 0, said.err
    first, second = said.out.splitlines()
    assert first.startswith("call 1: volatile (0 of 1 file identical, ")
    assert second.split() == ["volatile", "SKY/small/none/r1/U/p01/made/1.json:", "when", "differs"]
    assert (state_of(fw_home), ask(RECORDS)) == before
    assert not (tmp_path / "rerun_U_r1p01_1").exists()
    ((verdict, status, host, operator, kind),) = ask(
        "select v.verdict, v.status, v.exec_host, v.operator, s.kind from verification v, software_stack s"
        " where s.sha256 = v.framework_sha256"
    )
    assert (verdict, status, kind) == ("volatile", 0, "framework")
    assert host
    assert operator
    assert ask("select f.verdict, d.filename from verification_file f, desfile d where d.id = f.desfile_id") == [
        ("volatile", "1.json")
    ]


@pytest.mark.parametrize(
    ("value", "rule", "verdict", "words"),
    [
        (1.0001, "tolerance = 1e-3", "close", "flux is 1.0001, was 1.0, within its tolerance"),
        (1.1, "tolerance = 1e-3", "different", "flux is 1.1, was 1.0"),
        (1.1, "<tolerances>\nflux = 0, 0.2\n</tolerances>", "close", "flux is 1.1, was 1.0, within its tolerance"),
        ("not_a_number", "", "different", "line 1 is"),
    ],
)
def test_a_verdict_says_how_far_a_result_is_what_it_was(fw, a_run, tmp_path, value, rule, verdict, words):
    a_run(rule)(value)
    said = fw("rerun", "--verify", "U_r1p01", 2, "--json")
    (call,) = said.json
    assert (said.status, call["verdict"]) == (int(verdict == "different"), verdict)
    assert words in call["files"][0]["difference"]
    # What is not good is left to look at.
    assert (tmp_path / "rerun_U_r1p01_2").exists() == (verdict == "different")


def test_what_the_archive_keeps_compressed_is_compared_as_it_was_made(fw, fw_home, a_run):
    set_value = a_run(file="compress_files = True")
    assert len(list(fw_home.glob("archive/**/*.json.gz"))) == 2
    set_value(1.0001)
    (call,) = fw("rerun", "--verify", "U_r1p01", 2, "--json").json
    assert "flux is 1.0001, was 1.0, within its tolerance" in call["files"][0]["difference"]


def test_all_calls_or_those_of_a_module_are_verified(fw, ask, a_run):
    set_value = a_run()
    assert fw("rerun", "--verify", "U_r1p01", "--module", "make").status == 0
    assert ask(VERDICTS) == [(1, "volatile"), (2, "volatile")]
    said = fw("rerun", "--verify", "U_r1p01")
    assert said.status == 0, said.err
    assert ask(VERDICTS)[2:] == [(1, "volatile"), (2, "volatile"), (3, "identical")]
    set_value("7")
    said = fw("rerun", "--verify", "U_r1p01", 1)
    assert said.status == 1
    assert "different     SKY/small/none/r1/U/p01/made/1.json: flux is 7, was 1.0" in said.out
    job = fw("job", "U_r1p01").out
    assert job.count("verified by") == 3
    assert "different: SKY/small/none/r1/U/p01/made/1.json: flux is 7, was 1.0" in job
    lineage = fw("lineage", "together.txt").out.splitlines()
    assert [line.partition("verified: ")[2] for line in lineage] == ["identical", "different", "volatile"]
    made = fw("lineage", "together.txt", "--json").json["files"]
    assert [file["verified"]["verdict"] for file in made] == ["identical", "different", "volatile"]


def test_a_call_that_fails_this_time_is_a_verdict_too(fw, ask, a_run, tmp_path):
    a_run()
    (tmp_path / "bin/program").write_text("#!/bin/sh\necho no such table; exit 3\n")
    said = fw("rerun", "--verify", "U_r1p01", 1)
    assert said.status == 1
    assert "program ended with status 3: no such table" in said.out
    assert ask("select verdict, status from verification") == [("failed", 3)]


def test_a_program_that_spoils_its_inputs_cannot_reach_the_archive(fw, fw_home, ask, a_run, tmp_path):
    a_run()
    before = state_of(fw_home)
    gather = '#!/bin/sh\ncat $(cat "$1") > "$2"\nfor each in $(cat "$1"); do chmod u+w $each; echo x >> $each; done\n'
    (tmp_path / "bin/gather").write_text(gather)
    assert fw("rerun", "--verify", "U_r1p01", 3).status == 0
    assert state_of(fw_home) == before


def test_a_call_that_cannot_be_repeated_does_not_keep_the_others_from_it(fw, fw_home, ask, a_run):
    a_run()
    (fw_home / "archive/SKY/small/none/r1/U/p01/made/1.json").unlink()
    said = fw("rerun", "--verify", "U_r1p01")
    assert said.status == 1
    assert [row[:2] for row in ask(VERDICTS)] == [(1, "different"), (2, "volatile"), (3, "failed")]
    assert "the archive keeps no copy to compare with" in said.out


def test_a_tolerance_that_is_none_is_found_before_anything_runs(fw, a_pipeline):
    pipeline = a_pipeline(top=RULES.format(rule="tolerance = a little"))
    said = fw("submit", pipeline)
    assert said.status == 2
    assert "tolerance = a little is not a tolerance" in said.err


def test_what_is_asked_for_has_to_make_sense(fw, a_run):
    a_run()
    assert fw("rerun", "U_r1p01").status == 2
    assert fw("rerun", "U_r1p01", 1, 2).status == 2
    assert fw("rerun", "--verify", "U_r1p01", 1, "--module", "make").status == 2
    said = fw("rerun", "--verify", "U_r1p01", "--module", "mak")
    assert (said.status, "no call of module mak of U_r1p01 has ended well" in said.err) == (1, True)
