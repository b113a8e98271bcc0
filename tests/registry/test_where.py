"""Conditions on files are written as in SQL, and nothing of them becomes SQL by itself."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from framework.errors import FrameworkError
from framework.registry.questions.filetypes import declare
from framework.registry.questions.where_clause import WhereClauseError, parse_where_clause
from framework.registry.schema.filetype_views import Declaration, Key
from framework.registry.schema.tables import desfile
from tests.registry.selections import find

METADATA = {
    "a": {"visit": 1, "filter": "HSC-R", "exptime": 30.0, "good": True, "note": "it's", "seen": 3},
    "b": {"visit": "5", "filter": "HSC-I", "exptime": 2, "good": False, "seen": "x"},
    "c": {"visit": 9, "filter": "HSC-I", "note": None},
    "d": {"visit": 10, "filter": "10", "exptime": "1e3"},
}
CONDITIONS = {
    "visit between 1 and 9": "abc",
    "visit not between 2 and 9": "ad",
    "visit between 1 and 9 and filter = 'HSC-I'": "bc",
    "visit in (1, 10, 11)": "ad",
    "not visit in (1, 10)": "bc",
    "visit < 2 or visit >= 10": "ad",
    "visit > 4.5 and visit <> 9": "bd",
    "visit > 5 and visit < 10": "c",
    "visit <= 5": "ab",
    "visit >= 9 and exptime <= 1000": "d",
    "filter like 'HSC%'": "abc",
    "filter not like '%-I' and visit != 10": "a",
    "filter = 10": "d",
    "exptime = 30": "a",
    "exptime > 1.5e1": "ad",
    "good = true": "a",
    "good is null": "cd",
    "NOT (good IS NOT NULL)": "cd",
    "note = 'it''s'": "a",
    "note is null": "bcd",
    "seen = 3": "a",
    "seen = 'x'": "b",
    "(visit = 1 or visit = 5) and (filter = 'HSC-R' or good = false)": "ab",
    "visit = 1 or visit = 5 and filter = 'HSC-R'": "a",
    "filename = 'c' or path like 'd/d' or filetype = 'none'": "cd",
    "filesize = 3 and created_date > '2001-01-01' and created_date < '2033-05-18 12:00:00'": "abcd",
    "run is null and reqnum is null": "abcd",
    "filter = ''' or 1=1 --'": "",
}


@pytest.fixture
def db(any_db):
    keys = [
        Key("visit", "integer", True, True),
        Key("filter", "text", True, True),
        Key("exptime", "real", False, False),
    ]
    declare(any_db, [Declaration("calexp", None, (*keys, Key("good", "boolean", False, False)))])
    declare(any_db, [Declaration("src", None, (keys[0],)), Declaration("other", None, (keys[1],))])
    about = {"path_version": "", "filesize": 3, "created_date": 1.5e9}
    files = [("calexp", name, metadata) for name, metadata in METADATA.items()]
    files += [("src", "s", {"visit": 5}), ("other", "o", {"visit": 5, "filter": "HSC-I"})]
    with any_db.write() as connection:
        rows = [
            {"id": number, "filetype": kind, "filename": name, "path": f"d/{name}", "metadata": metadata, **about}
            for number, (kind, name, metadata) in enumerate(files, start=1)
        ]
        connection.execute(insert(desfile), rows)
    return any_db


def test_conditions_find_what_they_say(db):
    found = {where: "".join(row.path[2] for row in find(db, "calexp", where=where)) for where in CONDITIONS}
    assert found == CONDITIONS


def test_files_of_all_types_that_have_the_key_are_found(db):
    assert [row.path for row in find(db, None, where="visit = 5")] == ["d/b", "d/s"]
    assert [row.path for row in find(db, None, where="visit = 5 and filter = 'HSC-I'")] == ["d/b"]
    assert [row.path for row in find(db, None, {"filename": ["s", "o"]})] == ["d/o", "d/s"]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("vist = 1", "^ 'vist' is not on record of a calexp: did you mean 'visit'?"),
        ("visit == 1", "^ a number or a text in 'quotes' should follow"),
        ("visit = 1 and", "             ^ a key should follow"),
        ("visit = 'one'", "^ 'visit' is a number"),
        ("filter = HSC-R", "^ a number or a text in 'quotes' should follow"),
        ("filter = true", "^ 'filter' is a text: put it in 'quotes'"),
        ("good = 1", "^ 'good' is true or false"),
        ("created_date > 'today'", "is a time: '2025-03-01'"),
        ("visit 5", "^ =, <, between, in, like or is should follow"),
        ("visit in ()", "should follow"),
        ("(visit = 1", "^ ')' should follow"),
        ("visit = 1) or (1 = 1", "^ the condition should end here"),
        ('filter = "HSC-R"', "^ a text stands in 'quotes'"),
        ("filter = 'HSC-R", "^ a text stands in 'quotes'"),
        ("visit = 1; drop table desfile", "^ this cannot be understood"),
        ("visit = 99999999999999999999999", "so large"),
        ("not " * 60 + "visit = 1", "too many parentheses"),
        ("", "^ a key should follow"),
        ("like = 1", "^ a key should follow"),
    ],
)
def test_what_cannot_be_understood_is_shown(db, where, words):
    with pytest.raises(WhereClauseError) as caught:
        find(db, "calexp", where=where)
    assert words in str(caught.value)


def test_a_key_that_no_type_has_needs_a_type(db):
    with pytest.raises(FrameworkError, match="'seen' is not on record of a file"):
        find(db, None, where="seen = 3")


@given(st.text(st.sampled_from("visit filter=<>!'()and or not between in like null 1.5e9 \0\n\\%;-\"é"), max_size=40))
def test_any_text_is_a_condition_or_is_refused(text):
    with suppress(WhereClauseError):
        parse_where_clause(text)


def test_an_unknown_key_is_told_with_all_that_there_are(db):
    with pytest.raises(FrameworkError) as caught:
        find(db, "calexp", where="zzzzzz = 1")
    known = (
        "attnum, campaign, created_date, exptime, filename, filesize, filetype, filter, good, note, operator, path, "
        "pipeline, reqnum, run, seen, sha256, unitname, visit"
    )
    assert f"'zzzzzz' is not on record of a calexp: there is {known}" in str(caught.value)
