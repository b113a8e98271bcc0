"""Inputs that are found by asking: by fields, by a program, by a question of the folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SECOND = """
pipeline = second
unitname = S
blocklist = one
<block>
    <one>
        modulelist = use
    </one>
</block>
<filetype_metadata>
    <sum>
    </sum>
</filetype_metadata>
<module>
    <use>
        wrapperloop = number
        loopobj = file.made
        <exec_1>
            execname = cp
            used = file.made
            was_generated_by = file.sum
            <cmdline>
                _1 = ${{file.made.fullname}}
                _2 = ${{file.sum.fullname}}
            </cmdline>
        </exec_1>
        <file>
            <made>
                {query}
                divide_by = number
            </made>
            <sum>
                filetype = sum
                filename = ${{number}}.sum
                ops_enddir = sum
            </sum>
        </file>
    </use>
</module>
"""


@pytest.fixture
def second(fw: Callable[..., object], a_pipeline: Callable[..., Path], tmp_path: Path) -> Callable[[str], Path]:
    """A pipeline that finds what an earlier run has made."""
    fw("submit", a_pipeline())

    def write(query: str) -> Path:
        path = tmp_path / "second.wcl"
        path.write_text(SECOND.format(query=query))
        return path

    return write


def test_inputs_are_found_by_the_values_of_their_metadata(fw, second, fw_home, ask):
    said = fw("submit", second("query_fields = filetype, number\nfiletype = made\nnumber = 2, 3"))
    assert said.status == 0, said.err
    made = {path.name: path.read_text() for path in (fw_home / "archive").rglob("*.sum")}
    assert made == {"2.sum": "2\n", "3.sum": "3\n"}
    assert ask("select count(*) from opm_used u, desfile d where d.id = u.desfile_id and d.filetype = 'made'") == [(5,)]


def test_a_query_that_finds_nothing_is_refused_with_its_place(fw, second):
    said = fw("submit", second("query_fields = filetype, number\nfiletype = made\nnumber = 9,"))
    assert said.status == 2
    assert "second.wcl:29: the query finds no file" in said.err


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("wcl", "<list><line><line1><file><made>|filename = 1.txt|number = 1|</made></file></line1></line></list>"),
        ("json", '[{"made": {"filename": "1.txt", "number": 1}}]'),
        ("csv", "filename,number|1.txt,1|"),
    ],
)
def test_a_program_may_answer(fw, second, a_program, fw_home, form, answer):
    answer = answer.replace("><", ">|<") if form == "wcl" else answer
    program = a_program("asks", f"printf '%s' '{answer}' | tr '|' '\\n' > \"$2\"")
    query = f"exec = {program}\nargs = --out ${{qoutfile}}\nqouttype = {form}"
    said = fw("submit", second(query))
    assert said.status == 0, said.err
    assert [path.name for path in (fw_home / "archive").rglob("*.sum")] == ["1.sum"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("echo no database >&2; exit 4", "ended with status 4: no database"),
        ("true", "wrote no answer"),
        ("echo '{' > \"$2\"", "cannot be read"),
        ('echo \'[{"filename": "9.txt"}]\' > "$2"', "names 9.txt, which the archive does not have"),
    ],
)
def test_a_program_that_does_not_answer_is_said_with_its_place(fw, second, a_program, lines, words):
    program = a_program("asks", lines)
    said = fw("plan", second(f"exec = {program}\nargs = --out ${{qoutfile}}\nqouttype = json"))
    assert said.status == 2
    assert words in said.err
    assert "second.wcl:" in said.err


def test_an_unknown_question_is_answered_with_those_there_are(fw, second):
    said = fw("plan", second("query = no_such_question"))
    assert said.status == 2
    assert "there is no query 'no_such_question'" in said.err
