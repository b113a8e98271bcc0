"""What a plan does otherwise than a recorded run, and why, as a user is told."""

from __future__ import annotations

import sqlite3

import pytest


@pytest.fixture
def run(fw, a_pipeline):
    """A recorded run of three calls and one that gathers."""
    path = a_pipeline()
    assert fw("submit", path).status == 0
    return path


def changed(path, *replacements):
    text = path.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    return path


def changes_of(found):
    """Kind, module and keys of each call that differs, with what does."""
    return [
        (call["kind"], call["module"], *call["keys"].values(), *map(what_of, call["changes"]))
        for call in found["calls"]
    ]


def what_of(change):
    return change["what"], " ".join(change["old"]), " ".join(change["new"])


@pytest.mark.parametrize("names", [(), ("--set", "unitname=Other", "--set", "reqnum=12")])
def test_the_next_attempt_and_another_unit_do_the_same(fw, run, names):
    said = fw("plan", run, "--diff", "U_r1p01", *names)
    assert said.out.splitlines()[-1] == "the same: 4 calls in 4 jobs"
    found = fw("plan", run, "--diff", "U_r1p01", "--json", *names).json
    assert (found["calls"], found["jobs"], found["configuration"], found["same_calls"]) == ([], [], [], 4)


def test_calls_are_new_gone_and_changed_with_the_value_that_did_it(fw, run):
    changed(run, ("numbers = 1, 2, 3", "numbers = 1, 2, 4"), ("_1 = ${number}", "_1 = --n ${number}"))
    found = fw("plan", run, "--diff", "U_r1p01", "--json").json
    assert [(value["key"], value["old"], value["new"]) for value in found["configuration"]] == [
        ("numbers", "1, 2, 3", "1, 2, 4"),
        ("module.make.exec_1.cmdline._1", "${number}", "--n ${number}"),
    ]
    assert changes_of(found) == [
        ("changed", "make", "1", ("command line", "", "--n")),
        ("changed", "make", "2", ("command line", "", "--n")),
        ("added", "make", "4"),
        (
            *("changed", "gather"),
            ("reads", "SKY/small/none/r1/U/p01/made/3.txt", "SKY/small/none/r1/U/p02/made/4.txt"),
            ("list", "made/3.txt", "made/4.txt"),
        ),
        ("removed", "make", "3"),
    ]
    assert found["calls"][0]["causes"][1] == {"key": "module.make.exec_1.cmdline._1", "place": f"{run}:28"}
    assert found["calls"][3]["follows"] == [1, 2, 3]
    assert [(job["kind"], job["keys"], job["parents"]) for job in found["jobs"]] == [
        ("added", "4", None),
        ("changed", "", [[1, 2], [1, 2, 3]]),
        ("removed", "3", None),
    ]
    words = fw("plan", run, "--diff", "U_r1p01").out
    assert "  ~ only make 1 (1), 2 (2)\n      command line: nothing → --n\n      may come from numbers (" in words
    assert "calls (1 added, 3 changed, 1 removed, 0 the same)" in words


def test_resources_environment_and_outputs_are_told(fw, run):
    top = "pipeline = small\nrequest_memory = 2000\n<job_environment>\nthreads = 2\n</job_environment>"
    changed(run, ("pipeline = small", top), ("filename = together.txt", "filename = all.txt"))
    changed(run, ("wrapperloop = number\n", "wrapperloop = number\nmax_walltime = 5\nmax_retries = 1\n"))
    gather, make = (fw("plan", run, "--diff", "U_r1p01", "--json").json["calls"][at] for at in (3, 0))
    assert {(one["what"], one["name"], *one["old"], *one["new"]) for one in make["changes"]} == {
        ("environment", "THREADS", "2"),
        ("resource", "request_memory", "2000"),
        ("resource", "max_walltime", "5"),
        ("resource", "max_retries", "1"),
    }
    before, after = (f"SKY/small/none/r1/U/{name}" for name in ("p01/made/together.txt", "p02/made/all.txt"))
    assert {"what": "makes", "name": "file.together", "old": [before], "new": [after]} in gather["changes"]
    assert {cause["key"] for cause in make["causes"]} == {
        *("request_memory", "job_environment.threads", "module.make.max_walltime", "module.make.max_retries"),
    }


def test_software_and_what_is_asked_of_the_site_are_told(fw, run):
    top = "pipeline = small\n<environment_def>\n<astro>\nvenv = /opt/astro\n</astro>\n</environment_def>"
    changed(run, ("pipeline = small", top))
    changed(run, ("wrapperloop = number\n", "wrapperloop = number\nenvironment = astro\npartition = long\n"))
    make = fw("plan", run, "--diff", "U_r1p01", "--json").json["calls"][0]
    assert {(one["what"], one["name"], *one["old"], *one["new"]) for one in make["changes"]} == {
        ("resource", "software", "environment astro"),
        ("resource", "partition", "long"),
    }


READS = """
    <file>
        <outside>
            fullname = {table}
        </outside>
        <given>
            query_fields = filetype
            filetype = given
        </given>
        <made>"""


def test_a_file_of_the_same_name_with_other_content_is_told(fw, fw_home, a_pipeline, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/given.txt").write_text("given")
    declared = "<filetype_metadata>\n<given>\nfilename = given.txt\nops = given\n</given>\n</filetype_metadata>"
    (tmp_path / "types.wcl").write_text(declared)
    ingested = fw("ingest", "--types", tmp_path / "types.wcl", tmp_path / "in")
    assert ingested.status == 0, ingested.err
    table = tmp_path / "table.csv"
    table.write_text("1")
    path = changed(
        a_pipeline(),
        ("<file>\n            <made>", READS.format(table=table)),
        ("was_generated_by = file.made", "used = file.outside, file.given\nwas_generated_by = file.made"),
    )
    said = fw("submit", path)
    assert said.status == 0, said.err
    assert fw("plan", path, "--diff", "U_r1p01", "--json").json["calls"] == []

    table.write_text("2")
    with sqlite3.connect(fw_home / "registry.sqlite") as registry:
        registry.execute("update desfile set sha256 = 'ff' where filename = 'given.txt'")
    found = fw("plan", path, "--diff", "U_r1p01", "--json").json
    assert [call["module"] for call in found["calls"]] == ["make"] * 3
    contents = {one["name"].rpartition("/")[2]: one["new"][0][:14] for one in found["calls"][0]["changes"]}
    assert contents == {"table.csv": "sha256 d4735e3", "given.txt": "sha256 ff"}


def test_another_version_of_a_program_is_told(fw, a_pipeline, a_program):
    path = a_pipeline('[ "$1" = --version ] && echo "1.0" || echo "$1" > "$2"')
    changed(
        path,
        (
            "blocklist = only",
            "<exec_def>\n<program>\nversion_flag = --version\n</program>\n</exec_def>\nblocklist = only",
        ),
    )
    assert fw("submit", path).status == 0
    assert fw("plan", path, "--diff", "U").out.splitlines()[-1] == "the same: 4 calls in 4 jobs"
    a_program("program", '[ "$1" = --version ] && echo "program 2.1.3" || echo "$1" > "$2"')
    assert "programs\n  program: 1.0 → 2.1.3\n" in fw("plan", path, "--diff", "U").out


def test_a_module_of_two_blocks_is_compared_in_each(fw, a_pipeline):
    path = a_pipeline(numbers="1")
    again = "<again>\nmodulelist = make\n</again>\n</block>"
    changed(path, ("blocklist = only", "blocklist = only, again"), ("</block>", again))
    changed(path, ("filename = ${number}.txt", "filename = ${blockname}_${number}.txt"))
    assert fw("submit", path).status == 0
    changed(path, ("modulelist = make\n", "modulelist = make\nnumber = 2\n"), ("number = ${numbers}\n", ""))
    changed(path, ("modulelist = make, gather", "modulelist = make, gather\nnumber = 1"))
    found = fw("plan", path, "--diff", "U_r1p01", "--json").json
    assert [(call["kind"], call["block"], call["keys"]) for call in found["calls"]] == [
        ("added", "again", {"number": "2"}),
        ("removed", "again", {"number": "1"}),
    ]


def test_neither_a_file_nor_a_run_is_told(fw, run):
    said = fw("plan", run, "--diff", "U_r1p02")
    assert said.status == 2
    assert "there is no file U_r1p02, and no run is called 'U_r1p02': did you mean U_r1p01?" in said.err


def test_two_files_are_compared_though_their_units_differ(fw, run, tmp_path):
    other = tmp_path / "other.wcl"
    other.write_text(run.read_text().replace("unitname = U", "unitname = V"))
    assert fw("plan", other, "--diff", run).out.splitlines()[-1] == "the same: 4 calls in 4 jobs"
