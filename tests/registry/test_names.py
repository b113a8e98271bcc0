"""Files may have any name: blanks, commas, quotes, line breaks, and what a shell, SQL or the language would act on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

#: A call of the scatter.
NUMBER_OF_A_COPY = 3

NAMES = [
    "plain",
    "two words",
    " lead and trail ",
    "a,b",
    "it's",
    'say "hi"',
    "line\nbreak",
    "tab\there",
    "日本 ünïcødé 😀",
    "e\u0301 and \u202e",
    "$HOME ${name} $$",
    "`id` $(id)",
    "; rm -rf x && y | z",
    "-n",
    "--help",
    ".hidden",
    "a'; drop table desfile; --",
    '"; drop table task; --',
    "%s%d :name ? {0}",
    "back\\slash\\n",
    "star*[x]?~",
    "#hash = 1",
    "<b>&amp;",
    "(1:3)",
]

PIPELINE = """
pipeline = odd
unitname = U
blocklist = early, afterwards
<block>
    <early>
        modulelist = copy, gather
        divide_jobs_by = name
        block_order = dataflow
    </early>
    <afterwards>
        plan = late
        modulelist = again
        divide_jobs_by = name
        max_wrappers_per_job = 6
    </afterwards>
</block>
<filetype_metadata>
    <note>
        filename = ${name}.txt
        ops = notes
        <hdus>
            <primary>
                <r>
                    <f>
                        name = name
                    </f>
                </r>
            </primary>
        </hdus>
    </note>
    <made>
        metadata = name
    </made>
    <all>
    </all>
</filetype_metadata>
<module>
    <copy>
        wrapperloop = name
        loopobj = file.note
        <exec_1>
            execname = cp
            used = file.note
            was_generated_by = file.made
            ancestry = file.note:file.made
            <cmdline>
                _1 = ${file.note.fullname}
                _2 = ${file.made.fullname}
            </cmdline>
        </exec_1>
        <file>
            <note>
                query_fields = filetype
                filetype = note
                divide_by = name
                ops_enddir = in ${name}
            </note>
            <made>
                filetype = made
                filename = of ${name}.txt
                ops_enddir = made of ${name}
            </made>
        </file>
    </copy>
    <gather>
        <exec_1>
            execname = GATHER
            used = list.all.made
            was_generated_by = file.together
            ancestry = list.all.made:file.together
            <cmdline>
                _1 = ${file.together.fullname}
                _2 = ${list.all.members}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = copy.file.made
                filetype = list
                format = wcl
                filename = all.list
                ops_enddir = list
            </all>
        </list>
        <file>
            <together>
                filetype = all
                filename = together.txt
                ops_enddir = all
            </together>
        </file>
    </gather>
    <again>
        wrapperloop = name
        loopobj = file.made
        <exec_1>
            execname = cp
            used = file.made
            was_generated_by = file.same
            ancestry = file.made:file.same
            <cmdline>
                _1 = ${file.made.fullname}
                _2 = ${file.same.fullname}
            </cmdline>
        </exec_1>
        <file>
            <made>
                depends = copy.file.made
            </made>
            <same>
                filetype = made
                filename = again ${name}
                ops_enddir = again
            </same>
        </file>
    </again>
</module>
"""


@pytest.fixture
def odd(tmp_path: Path, a_program: Callable[[str, str], Path]) -> Path:
    """A pipeline that copies notes of any name, gathers the copies, and copies them again in a block planned late."""
    gather = a_program("gather", 'out=$1; shift; for file; do printf "%s" "$(cat "$file")" >> "$out"; done')
    (tmp_path / "odd.wcl").write_text(PIPELINE.replace("GATHER", str(gather)))
    notes = tmp_path / "notes"
    notes.mkdir()
    for name in NAMES:
        (notes / f"{name}.txt").write_bytes(name.encode())
    return tmp_path / "odd.wcl"


def paths(said):
    return {row["metadata"]["name"]: row["path"] for row in said.json if "name" in row["metadata"]}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_files_of_any_name_live_through_everything(fw, odd, tmp_path, fw_home, database, request):
    registry = f"sqlite:///{tmp_path}/registry.sqlite"
    if database == "postgresql":
        registry = request.getfixturevalue("a_postgres_registry")("odd").engine.url.render_as_string(False)

    def said(*words: object):
        done = fw(*words, FW_REGISTRY=registry)
        assert done.status == 0, done.err
        return done

    said("ingest", "--types", odd, "notes")
    assert set(paths(said("query", "note", "--json"))) == set(NAMES)
    said("submit", odd)

    archive = fw_home / "archive"
    made = paths(said("query", "made", "filename=of %", "--json"))
    assert {name: (archive / path).read_bytes().decode() for name, path in made.items()} == {n: n for n in NAMES}
    again = paths(said("query", "made", "filename=again %", "--json"))
    assert {name: (archive / path).read_bytes().decode() for name, path in again.items()} == {n: n for n in NAMES}
    together = said("query", "all", "--paths").out.splitlines()
    assert sorted((archive / together[0]).read_text()) == sorted("".join(name.rstrip("\n") for name in NAMES))

    for name in ("line\nbreak", "a'; drop table desfile; --", "$HOME ${name} $$", "-n"):
        assert list(paths(said("query", "made", f"name={name}", "filename=again %", "--json"))) == [name]
        tree = json.dumps(said("lineage", again[name], "--up", "--json").json)
        assert json.dumps(f"notes/{name}.txt") in tree
    said("get", *again.values(), "--into", "mine")
    assert {path.read_bytes().decode() for path in (tmp_path / "mine").iterdir()} == set(NAMES)
    assert said("fsck").status == 0
    said("tag", "a'b", "U_r1p01")
    assert said("sql", "select count(*) as n from desfile where filetype = 'made'", "--json").json == [
        {"n": 2 * len(NAMES)}
    ]
    said("rerun", "U_r1p01", NUMBER_OF_A_COPY)

    said("export", "U_r1p01", "odd.skyfw", "--with-files")
    for form, target in (("prov", "odd.json"), ("rocrate", "odd.zip")):
        said("export", "U_r1p01", target, "--format", form)
    elsewhere = {"FW_HOME": str(tmp_path / "elsewhere"), "FW_REGISTRY": f"sqlite:///{tmp_path}/elsewhere.sqlite"}
    for words in (("import", "odd.skyfw"), ("fsck", "--contents"), ("rerun", "U_r1p01", NUMBER_OF_A_COPY)):
        done = fw(*words, *(("--into", "there") if words[0] == "rerun" else ()), **elsewhere)
        assert done.status == 0, done.err
    assert paths(fw("query", "made", "filename=again %", "--json", **elsewhere)) == again
    assert fw("lineage", again["-n"], "--up", **elsewhere).out == said("lineage", again["-n"], "--up").out


def test_a_line_break_is_refused_where_a_list_has_one_name_a_line(fw, odd):
    odd.write_text(odd.read_text().replace("format = wcl", "format = textsp"))
    assert fw("ingest", "--types", odd, "notes").status == 0
    said = fw("plan", odd)
    assert said.status == 2
    assert "cannot be a line of a list" in said.err
    assert "format = wcl" in said.err


@pytest.mark.parametrize("directory", ["../x", "/etc", "a/./b"])
def test_a_path_that_leaves_its_directory_is_refused(fw, a_pipeline, directory):
    said = fw(
        "plan",
        a_pipeline(
            file="dirpat = mine",
            top=f"<directory_pattern>\n<mine>\nops = {directory}\nruntime = x\n</mine>\n</directory_pattern>",
        ),
    )
    assert said.status == 2
    assert "cannot be a path in an archive" in said.err
