"""A quoted value is never split or expanded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcl import Quoted, Scope, WclError, expand, expand_all, parse, split_command, split_list, write
from wcl.deferred import resolve_deferred

ANY_TEXT = st.text() | st.text(st.sampled_from("\"\\'#$,{}() \t\nabHEAD:1"))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"8,7"', "8,7"),
        ('"a # b"  # a comment', "a # b"),
        ('"${x} $$"', "${x} $$"),
        ('" blank "', " blank "),
        (r'"a \"b\" \\ \n\t\u00e9"', 'a "b" \\ \n\té'),
        ('""', ""),
    ],
)
def test_what_stands_in_double_quotes_is_text(written: str, value: str) -> None:
    read = parse(f"a = {written}\n")["a"]
    assert read == value
    assert isinstance(read, Quoted)


def test_quotes_work_without_an_equal_sign_too() -> None:
    assert parse('match "a b"\nid="x y"\n') == {"match": "a b", "id": "x y"}


@pytest.mark.parametrize("written", ["'x y'", '"a" "b"', 'x "y"', "it's"])
def test_other_quotes_stay_in_the_value_for_the_command_line(written: str) -> None:
    read = parse(f"a = {written}\n")["a"]
    assert read == written
    assert not isinstance(read, Quoted)


def test_a_key_may_hold_quotes_itself() -> None:
    tree = parse('a"b = "x, y"\n')
    assert (tree, write(tree)) == ({'a"b': "x, y"}, 'a"b = "x, y"\n')


def test_a_quote_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(WclError, match="this quote is not closed"):
        parse('c = "x # y\n')


def test_an_escape_that_is_none_is_an_error_with_what_would_be_right() -> None:
    with pytest.raises(WclError, match=r"unknown escape \\d\n.*\n.*\^\^ known are"):
        parse(r'a = "\d+"')


def test_a_quoted_value_is_not_split_or_expanded() -> None:
    patch = Quoted("8,7 ${x}")
    assert (split_list(patch), expand(patch, Scope()), expand_all(patch, Scope())) == ([patch], patch, [patch])


def test_a_list_can_hold_quoted_elements() -> None:
    tree = parse('patch = "8,7", "8,8", 9:10\n')
    assert expand_all("P${patch}", Scope(root=tree)) == ["P8,7", "P8,8", "P9", "P10"]


def test_a_text_that_a_quoted_value_went_into_is_quoted() -> None:
    tree = parse('patch = "8,7"\ntract = 9\n')
    name = expand("T${tract}_P${patch}.fits", Scope(root=tree))
    assert split_list(name) == ["T9_P8,7.fits"]
    assert [split_list(each) for each in expand_all("${tract}_${patch}", Scope(root=tree))] == [["9_8,7"]]


@given(ANY_TEXT)
def test_any_text_comes_through_a_quoted_value(text: str) -> None:
    tree = Scope(root=parse(write(parse("").with_value("a", Quoted(text)))))
    assert expand("${a}", tree) == text


@given(ANY_TEXT)
def test_any_text_reaches_the_command_line_as_one_word(text: str) -> None:
    tree = parse(write(parse("").with_value("a", Quoted(text))))
    argv = split_command("--patch ${a} -x'${a}'", Scope(root=tree))
    assert [resolve_deferred(word, {}) for word in argv] == ["--patch", text, "-x" + text]


@given(ANY_TEXT)
def test_a_quoted_text_is_itself_one_word(text: str) -> None:
    assert [resolve_deferred(word, {}) for word in split_command(Quoted(text), Scope())] == [text]
