"""All front ends choose the same files: the planner's query_fields, key=value, and conditions in the manner of SQL."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from framework.pipeline.questions import FieldsQuestion
from framework.registry.questions.file_selection import find_copies
from framework.registry.questions.filetypes import declare
from framework.registry.questions.key_values import key_value_conditions
from framework.registry.questions.query_fields import find_by_fields
from framework.registry.questions.selection import Selection
from framework.registry.schema.filetype_views import Declaration, Key
from framework.registry.schema.tables import desfile, file_archive_info
from tests.registry.selections import find

METADATA = {
    "a": {"visit": 1, "filter": "HSC-R", "exptime": 30.0, "good": True, "seen": 3},
    "b": {"visit": "5", "filter": "HSC-I", "exptime": 2, "good": False, "seen": "3"},
    "c": {"visit": 9, "filter": "HSC-I", "seen": None},
    "d": {"visit": 10, "filter": "10%", "exptime": "30.0"},
}
#: Values of query_fields, values of key=value, a condition, and the files; None where a front end has no such form.
TABLE = [
    (("visit", "5"), ("visit", "5"), "visit = 5", "b"),
    (("visit", "1", "10"), ("visit", "1", "10"), "visit in (1, 10)", "ad"),
    (("visit", "!1", "!10"), None, "visit not in (1, 10)", "bc"),
    (("visit", "!5"), None, "visit != 5", "acd"),
    (None, None, "visit < 9", "ab"),
    (None, None, "visit <= 9", "abc"),
    (None, None, "visit > 9", "d"),
    (None, None, "visit >= 9", "cd"),
    (None, None, "visit between 5 and 9", "bc"),
    (None, None, "visit <= 9.5 and visit >= 1.5", "bc"),
    (("visit", "1%"), ("visit", "1%"), None, "ad"),
    (("filter", "HSC-I"), ("filter", "HSC-I"), "filter = 'HSC-I'", "bc"),
    (("filter", "HSC%"), ("filter", "HSC%"), "filter like 'HSC%'", "abc"),
    (("filter", "!HSC%"), None, "filter not like 'HSC%'", "d"),
    (("filter", "hsc%"), ("filter", "hsc%"), "filter like 'hsc%'", ""),
    (("filter", r"10\%"), ("filter", r"10\%"), r"filter like '10\%'", "d"),
    (("filter", "HSC-R", "10%"), ("filter", "HSC-R", "10%"), "filter = 'HSC-R' or filter like '10%'", "ad"),
    (("filter", "HSC%", "!HSC-I"), None, "filter like 'HSC%' and filter <> 'HSC-I'", "a"),
    (("good", "null"), None, "good is null", "cd"),
    (("good", "!null"), None, "good is not null", "ab"),
    (("good", "true"), ("good", "true"), "good = true", "a"),
    (("good", "false", "null"), None, "good = false or good is null", "bcd"),
    (None, None, "exptime = 30", "ad"),
    (None, None, "exptime <= 30 and exptime < 30.0", "b"),
    (("seen", "3"), ("seen", "3"), "seen = '3'", "ab"),
    (("filename", "a", "d"), ("filename", "a", "d"), "filename in ('a', 'd')", "ad"),
    (("filesize", "3"), ("filesize", "3"), "filesize = 3", "abcd"),
    (None, None, "filesize <= 3 and not filesize < 3", "abcd"),
    (("run", "null"), None, "run is null", "abcd"),
    (("path", "d/_"), None, None, ""),
    (("path", "d/_%"), ("path", "d/_%"), "path like 'd/_'", "abcd"),
]


@pytest.fixture
def db(any_db):
    keys = [
        Key("visit", "integer", True, True),
        Key("filter", "text", True, True),
        Key("exptime", "real", False, False),
        Key("good", "boolean", False, False),
    ]
    declare(any_db, [Declaration("calexp", None, tuple(keys))])
    with any_db.write() as connection:
        for number, (name, metadata) in enumerate(METADATA.items(), start=1):
            row = {"filetype": "calexp", "path": f"d/{name}", "path_version": "", "filesize": 3, "metadata": metadata}
            connection.execute(insert(desfile), {"id": number, "filename": name, **row})
            copy = {"desfile_id": number, "archive_name": "home", "filename": name, "path": "d"}
            connection.execute(insert(file_archive_info), copy)
    return any_db


def names(files):
    return "".join(sorted(file.path.removeprefix("d/") for file in files))


def answers(db, fields, key_value, where):
    """The files by each front end that has the form."""
    if fields is not None:
        conditions = {"filetype": ("calexp",), fields[0]: fields[1:]}
        yield names(find_by_fields(db, "home", FieldsQuestion(conditions=conditions, table="image")))
    if key_value is not None:
        values = {key_value[0]: key_value[1:]}
        yield names(find(db, "calexp", values))
        chosen = Selection(filetypes=("calexp",), conditions=key_value_conditions(values))
        yield names(file for file, _ in find_copies(db, "home", chosen))
    if where is not None:
        yield names(find(db, "calexp", where=where))


def test_every_front_end_chooses_the_same_files(db):
    found = [(row[:3], set(answers(db, *row[:3]))) for row in TABLE]
    assert found == [(row[:3], {row[3]}) for row in TABLE]
