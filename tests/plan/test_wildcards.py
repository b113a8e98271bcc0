"""Wildcards: outputs whose number only their program knows."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.model.job import File
from framework.pipeline.wildcards import fill_wildcard_name, find_overlaps, name_pattern
from wcl import SourcePosition, WclError

PLACE = SourcePosition("pipeline.wcl", 1)

WILD = """
pipeline = test
unitname = T1
bands = g, r
blocklist = one
<block>
    <one>
        modulelist = cut
    </one>
</block>
<filetype_metadata>
    <piece>
    </piece>
</filetype_metadata>
<module>
    <cut>
        wrapperloop = band
        band = ${bands}
        <exec_1>
            execname = cut
            was_generated_by = file.piece
            <cmdline>
                _1 = ${file.piece.directory}
                _2 = ${file.piece.fullname}
            </cmdline>
        </exec_1>
        <file>
            <piece>
                filetype = piece
                filename = ${band}_${piece:3}.txt
                wildcards = piece
                ops_enddir = pieces
            </piece>
        </file>
    </cut>
</module>
"""


@given(st.integers(0, 10**9), st.integers(1, 9), st.from_regex(r"[a-z_]{1,5}", fullmatch=True))
def test_what_went_into_a_name_is_read_from_it(number, width, word):
    name = f"a.b_{number:0{width}}-{word}.txt"
    found = name_pattern(f"a.b_${{number:{width}}}-${{word}}.txt").fullmatch(name)
    assert found is not None
    assert found.groupdict() == {"number": str(number), "word": word}


def test_what_is_no_wildcard_is_filled_in_and_is_text():
    name = fill_wildcard_name("x.${band}_${n}_${n}.txt", ["n"], {"${band}": "g+"}.__getitem__, PLACE)
    assert name.glob == "x.g+_*_*.txt"
    assert re.fullmatch(name.pattern, "x.g+_7_7.txt")
    assert not re.fullmatch(name.pattern, "x.g+_7_8.txt")


def a_file(path: str) -> File:
    return File(label="file.x", filetype="x", path=path, job_path=path, pattern="x" if "*" in path else "")


@pytest.mark.parametrize(
    ("one", "two", "meet"),
    [
        ("d/g_*.txt", "d/r_*.txt", False),
        ("d/g_*.txt", "d/g_r_*.txt", True),
        ("d/*_a.txt", "d/x_*.txt", True),
        ("d/*_a.txt", "d/*_b.txt", False),
        ("d/*.txt", "d/x.txt", True),
        ("d/*.txt", "d/.txt", False),
        ("d/*.txt", "e/x.txt", False),
        ("d/*", "d/x/y", False),
        ("d/x.txt", "d/x.txtx", False),
        ("d/a*b*c", "d/abbbc", True),
        ("d/a*b*c", "d/abc", False),
    ],
)
def test_names_that_may_come_to_be_the_same_are_found(one, two, meet):
    files = [a_file(one), a_file(two)]
    assert bool(list(find_overlaps(files, lambda file: file.path))) is meet
    assert bool(list(find_overlaps(files[::-1], lambda file: file.path))) is meet


def test_a_plan_says_where_the_files_will_be_and_not_which(plan):
    calls = list(plan(WILD).calls)
    assert [call.outputs[0].path for call in calls] == [
        "SKY/test/none/r7/T1/p02/pieces/g_*.txt",
        "SKY/test/none/r7/T1/p02/pieces/r_*.txt",
    ]
    assert calls[0].execs[0].argv == ("cut", "pieces", "pieces/g_*.txt")
    assert calls[0].outputs[0].metadata == {"band": "g"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("${band}_${piece:3}", "${piece:3}", "would both make SKY/test/none/r7/T1/p02/pieces/*.txt"),
        ("bands = g, r", "bands = g, g_1", "g_*.txt and SKY/test/none/r7/T1/p02/pieces/g_1_*.txt"),
        ("wildcards = piece", "wildcards = pice", "the file's name has no wildcard 'pice'"),
        ("wildcards = piece", "wildcards = piece, band", "'band' is a loop key of the module"),
        ("${band}_${piece:3}", "${band}_../${piece:3}", "a name with wildcards holds no directory"),
        (
            "filename = ${band}_${piece:3}.txt",
            "fullname = /data/${piece}",
            "outside the archives has a name of its own",
        ),
        ("filename = ${band}_", "filename = ${bnad}_", "unknown variable 'bnad'"),
        ("ops_enddir = pieces", "dirpat = shared", "lies outside the run's own directory"),
    ],
)
def test_what_could_not_be_told_apart_later_is_refused(plan, old, new, message):
    shared = "<shared>\nops = SHARED/${band}\nruntime = shared/${band}\n</shared>"
    text = f"<directory_pattern>\n{shared}\n</directory_pattern>\n" + WILD.replace(old, new)
    with pytest.raises(WclError, match=re.escape(message)):
        plan(text)


def test_a_module_of_the_same_plan_cannot_know_the_files(plan):
    more = """
    <use>
        <exec_1>
            execname = use
            used = list.all.piece
            <cmdline>
                _1 = ${list.all.fullname}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = cut.file.piece
                filename = all.list
            </all>
        </list>
    </use>
</module>
"""
    text = WILD.replace("modulelist = cut", "modulelist = cut, use").replace("</module>\n", more)
    with pytest.raises(WclError, match="will be known when its module has run") as caught:
        plan(text)
    assert "plan = late" in str(caught.value)
