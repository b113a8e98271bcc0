"""A format gives what expanding the text gives, or leaves it to that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcl import Quoted, Scope, expand, expand_all, split_command
from wcl.format import compile_format

PIECES = st.sampled_from(["x", "%", "%s", "-", "/", "${a}", "${b}", "${a:3}", "${b:2}"])
TEXTS = st.lists(PIECES, max_size=6).map("".join)
PLAIN = st.sampled_from(["", "7", "007", "0", "r", "a b", "a,b", "(x)", "$x", "$$", "${b}", "x'y", "٣"])
VALUES = PLAIN | PLAIN.map(Quoted)


@given(TEXTS, VALUES, VALUES)
def test_a_format_gives_what_expanding_gives(text, a, b):
    values = {"a": a, "b": b}
    form = compile_format(text)
    assert form is not None
    for _ in range(2):  # the second time it remembers
        found = form.fill(values.get)
        if found is not None:
            assert expand(text, Scope(values)) == found
            assert expand_all(text, Scope(values)) == [found]


@given(TEXTS, VALUES, VALUES)
def test_a_format_gives_the_word_that_a_command_line_would_have(text, a, b):
    form = compile_format(text)
    assert form is not None
    paths, values = {"a": a}, {"b": b}
    found = form.fill_word(paths.get, values.get)
    if found is not None and found:
        assert split_command(text, Scope({"a": Quoted(a), "b": b})) == [found]


@given(st.permutations(["1,2", Quoted("1,2"), "$x", Quoted("$x"), "7"]))
def test_what_was_remembered_of_a_value_is_not_taken_for_another_kind_of_value(order):
    form = compile_format("${a}")
    assert form is not None
    for value in order:
        found = form.fill({"a": value}.get)
        assert found == (value if isinstance(value, Quoted) or value == "7" else None)


@pytest.mark.parametrize("text", ["$HEAD{x,Y}", "$opt{a:x}", "${${a}}", Quoted("${a}")])
def test_what_is_not_plain_is_left_to_expanding(text):
    form = compile_format(text)
    assert form is None or form.fill(lambda _: None) is None


def test_a_missing_value_is_left_to_expanding():
    form = compile_format("${a}_${missing}")
    assert form is not None
    assert form.fill({"a": "1"}.get) is None
