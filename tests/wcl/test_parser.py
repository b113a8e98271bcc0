"""The parser reads lines and sections, and reports those that it cannot read."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcl import Scope, Section, SourcePosition, WclError, expand, parse, write


def problems(text: str) -> list[tuple[int, str]]:
    """Return the lines and messages of all problems of a text."""
    with pytest.raises(WclError) as caught:
        parse(text)
    return [(problem.position.line, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("a = b = c", "a", "b = c"),
        ("id=tract=0 patch=1", "id=tract", "0 patch=1"),
        ("c = doApplyUberCal=False", "c", "doApplyUberCal=False"),
        ("join a.b = c.d", "join", "a.b = c.d"),
        ("my key = v", "my", "key = v"),
        ("a.b = 1", "a.b", "1"),
        ("x = <y>", "x", "<y>"),
        ("x = =y", "x", "=y"),
        ("FZALGOR=PLIO_1", "fzalgor", "PLIO_1"),
        ("a\t=\tb", "a", "b"),
        ("a =    b   # c", "a", "b"),
        ("a=b=", "a", "b="),
    ],
)
def test_a_line_gives_a_key_and_a_value(line: str, key: str, value: str) -> None:
    assert parse(line) == {key: value}


def test_windows_and_old_mac_line_ends_are_line_ends() -> None:
    assert parse("a = 1\r\nb = 2\rc = 3") == {"a": "1", "b": "2", "c": "3"}


def test_keys_keep_their_case_in_command_lines_only() -> None:
    text = "<Exec_1>\n<CMDLINE>\nCATALOG_NAME = a\n<Sub>\nK = v\n</Sub>\nX = y\n</CMDLINE>\nEXECNAME = p\n</Exec_1>\n"
    assert list(parse(text).section("exec_1").section("cmdline")) == ["CATALOG_NAME", "sub", "X"]
    assert parse(text).section("exec_1")["execname"] == "p"


def test_a_value_and_a_section_know_where_they_stand() -> None:
    tree = parse("a = 1\n\n<s>\n  b = one \\\n two\n</s>\nc = 3\n", "f.wcl")
    assert [tree.position("a"), tree.section("s").position("b"), tree.position("c")] == [
        SourcePosition("f.wcl", n) for n in (1, 4, 7)
    ]
    assert (str(tree.section("s").opened_position), tree.section("s").path) == ("f.wcl:3", "s")


def test_a_later_value_wins_and_the_earlier_one_is_remembered() -> None:
    tree = parse("a = 1\na = 2\n<s>\nx = 1\n</s>\n<s>\nx = 2\n</s>\n", "f")
    assert tree == {"a": "2", "s": {"x": "2"}}
    assert tree.section("s").replaced_values("x") == [(SourcePosition("f", 4), "1")]


def test_a_section_named_like_its_parent_is_legal_where_the_file_balances() -> None:
    assert parse("<a>\n<a>\nk = v\n</a>\n</a>\n") == {"a": {"a": {"k": "v"}}}


def test_a_forgotten_slash_is_found() -> None:
    with pytest.raises(WclError, match="<s> on line 3 opens it again inside itself: is </s> meant"):
        parse("<s>\nk = v\n<s>\n")


def test_a_forgotten_closing_names_the_open_sections_and_their_lines() -> None:
    with pytest.raises(WclError, match=r"open here: <a> \(line 1\), <b> \(line 2\)"):
        parse("<a>\n<b>\nk = v\n</a>\n")


@pytest.mark.parametrize(
    "line",
    [
        "justoneword",
        "a =",
        "==",
        "= x =",
        "<notclosed",
        "< s >",
        "</s> x",
        '</s="x"',
        "<a b c>",
        "<a <b>",
        "<a /b>",
        "<>",
    ],
)
def test_a_line_that_cannot_be_read_is_an_error(line: str) -> None:
    assert problems(f"ok = 1\n{line}\n")[0][0] == 2


def test_an_empty_value_wants_quotes() -> None:
    with pytest.raises(WclError, match='write a = "" for an empty one'):
        parse("a =\n")
    assert parse('a = ""') == {"a": ""}


def test_a_key_that_becomes_a_section_is_an_error_with_both_positions() -> None:
    with pytest.raises(WclError, match=r"T:2: 'a' is a section here and a key before\n.*\n.*since T:1"):
        parse("a = 1\n<a>\nb = 2\n</a>\n", "T")


def test_all_problems_are_reported_at_once() -> None:
    text = 'lone\n<s>\nb =\n</t>\nc = "open\n'
    assert [line for line, _ in problems(text)] == [1, 3, 4, 5, 2]


def test_a_report_shows_the_line_and_a_caret() -> None:
    with pytest.raises(WclError) as caught:
        parse("a = 1\n    </s>  # no\n", "f.wcl")
    assert str(caught.value) == (
        "f.wcl:2: </s> closes a section that is not open\n    </s>  # no\n      ^ no section is open here"
    )


def test_a_missing_key_is_reported_with_the_section_and_the_nearest_key() -> None:
    tree = parse("<module>\n<coadd>\nexecnum = 1\n</coadd>\n</module>\n", "f.wcl")
    with pytest.raises(WclError) as caught:
        tree.section("module").section("coadd")["expnum"]
    assert str(caught.value) == "f.wcl:2: section 'module.coadd' has no 'expnum'\n    did you mean 'execnum'?"


def test_an_absent_section_is_empty_and_a_plain_value_is_no_section() -> None:
    tree = parse("a = 1\n")
    assert tree.section("module") == {}
    with pytest.raises(WclError, match="'a' is a plain value"):
        tree.section("a")


def test_a_comment_that_swallows_a_line_is_legal() -> None:
    assert parse("# comment \\\na = 1\nb = 2\n") == {"b": "2"}


def test_sections_made_in_code_equal_those_that_are_read() -> None:
    made = Section.of({"Module": {"m": {"cmdline": {"A": 1}, "list": ["g", "8,7"]}}})
    assert made == parse('<module>\n<m>\n<cmdline>\nA = 1\n</cmdline>\nlist g,"8,7"\n</m>\n</module>\n')
    assert made.section("module").section("m").path == "module.m"


def test_a_file_that_only_opens_sections_is_stopped() -> None:
    with pytest.raises(WclError, match="more than 100 sections inside each other"):
        parse("<a>\n" * 200_000)


def test_a_file_of_another_kind_has_its_first_problems_reported() -> None:
    with pytest.raises(WclError, match="200 problems are enough") as caught:
        parse("garbage\n" * 10_000)
    assert len(caught.value.problems) == 200


@given(st.text(st.sampled_from("<>=#\"'\\/ \n\tab$")) | st.text())
def test_whatever_reads_can_be_written_and_read_again(text: str) -> None:
    try:
        tree = parse(text)
    except WclError:
        return
    assert parse(write(tree)) == tree


@pytest.mark.parametrize(
    "text", ["a = \\\n" * 200_000, "a = " + "}" * 500_000, "a = " + "${" * 300_000, "</a>\n" * 200_000]
)
def test_a_large_unusual_file_is_no_hang(text: str) -> None:
    began = time.perf_counter()
    try:
        expand(str(parse(text).get("a")), Scope())
    except WclError as error:
        assert error.problems  # noqa: PT017
    assert time.perf_counter() - began < 5
