"""A partially expanded text gives the same as the text itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcl import Quoted, Scope, WclError, expand, expand_all, split_command
from wcl.partial import expand_partially

NAMES = ["a", "b", "open", "missing"]
PIECES = st.sampled_from(
    ["x", "$$", "${a}", "${b}", "${b:3}", "${open}", "${open:2}", "$opt{missing}", "${${a}}", ", "]
)
VALUES = st.lists(PIECES, max_size=4).map("".join) | st.sampled_from(["7", "g,r", "open", "a b", '"'])


def outcome(act, *arguments):
    try:
        return act(*arguments)
    except WclError:
        return "an error"


@given(
    st.lists(PIECES, max_size=6).map("".join), VALUES, VALUES | VALUES.map(Quoted), st.sampled_from(["5", "x", "1,2"])
)
def test_a_partially_expanded_text_gives_what_the_text_gives(text, a, b, value):
    scope = Scope({"a": a, "b": b})
    given_open = scope.child({"open": value})
    short = expand_partially(text, scope, lambda name: name == "open")
    for act in (expand, expand_all, split_command):
        assert outcome(act, short, given_open) == outcome(act, text, given_open)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("${run}_${ccd:2}.fits", "T1_r7p02_${ccd:2}.fits"),
        ("${band}/${run}", "${band}/T1_r7p02"),
        ("costs $$5 in ${run}", "costs $$5 in T1_r7p02"),
        ("${lists}", "${lists}"),
        ("${missing}", "${missing}"),
    ],
)
def test_what_will_not_change_is_filled_in(text, short):
    scope = Scope({"run": "${unit}_r7p${att:2}", "unit": "T1", "att": "2", "lists": "a,b"})
    assert expand_partially(text, scope, lambda name: name in ("ccd", "band")) == short
