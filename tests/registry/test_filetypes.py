"""Filetypes are views with typed columns and indexes, the same on every database."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, inspect, text

from framework.errors import FrameworkError, RegistryError
from framework.registry.questions.filetypes import declare
from framework.registry.schema.filetype_views import Declaration, Key, declarations, index_name
from framework.registry.schema.metadata_sql import TYPES, typed
from framework.registry.schema.tables import desfile

VISIT = Key("visit", "integer", True, True)
FILTER = Key("filter", "text", True, True)
EXPTIME = Key("exptime", "real", False, False)
RAW = Declaration("hsc_raw", "a raw image", (VISIT, FILTER, EXPTIME))
CALEXP = Declaration("calexp", None, (VISIT,))


@pytest.fixture
def files(any_db):
    """Puts files on record, by type, each with its metadata."""

    def put(filetype, *metadata):
        with any_db.write() as connection:
            last = connection.execute(text("select coalesce(max(id), 0) from desfile")).scalar_one()
            names = [f"{filetype}_{number}" for number in range(len(metadata))]
            about = {"path_version": "", "filetype": filetype}
            connection.execute(
                insert(desfile),
                [
                    {"id": last + n, "filename": name, "path": f"d/{name}", "metadata": one, **about}
                    for n, (name, one) in enumerate(zip(names, metadata, strict=True), start=1)
                ],
            )

    return put


def test_a_filetype_is_a_view_with_typed_columns(any_db, files, rows):
    declare(any_db, [RAW])
    files(
        "hsc_raw", {"visit": 7, "filter": "HSC-R", "exptime": 30}, {"visit": "12", "filter": "HSC-I", "exptime": "no"}
    )
    files("other", {"visit": 7, "filter": "HSC-R"})
    assert rows(any_db, "select filename, visit, filter, exptime from hsc_raw where visit > 8 or filter = 'HSC-R'") == [
        ("hsc_raw_0", 7, "HSC-R", 30.0),
        ("hsc_raw_1", 12, "HSC-I", None),
    ]


def test_a_group_is_a_view_of_all_types_that_have_the_key(any_db, files, rows):
    declare(any_db, [RAW, CALEXP, Declaration("log", None, ())], ["visit", "tile"])
    files("hsc_raw", {"visit": 7}, {"visit": 8})
    files("calexp", {"visit": "7"})
    files("log", {"visit": 7})
    assert rows(any_db, "select visit, filetype, filename from visit where visit = 7 order by filetype") == [
        (7, "calexp", "calexp_0"),
        (7, "hsc_raw", "hsc_raw_0"),
    ]
    declare(any_db, [Declaration("dark", None, (Key("tile", "text", False, True),))])
    assert rows(any_db, "select count(*) from tile") == [(0,)]


def test_a_changed_definition_changes_the_view(any_db, files, rows):
    declare(any_db, [CALEXP], ["visit"])
    files("calexp", {"visit": "007", "good": "True"})
    words = Declaration("calexp", None, (Key("visit", "text", True, True), Key("good", "boolean", False, False)))
    declare(any_db, [words])
    assert rows(any_db, "select visit from calexp where good") == [("007",)]
    assert rows(any_db, "select filename from visit where visit = '007'") == [("calexp_0",)]


def test_what_is_declared_already_is_only_asked_for(any_db):
    declare(any_db, [RAW, CALEXP], ["visit"])
    with any_db.read() as connection:
        first = connection.execute(text("select filetype, changed_date from ops_filetype")).all()
    declare(any_db, [CALEXP, RAW], ["visit"])
    with any_db.read() as connection:
        assert connection.execute(text("select filetype, changed_date from ops_filetype")).all() == first
        assert declarations(connection) == {"hsc_raw": RAW, "calexp": CALEXP}


def test_many_may_declare_at_once(any_db):
    def declare_some(number):
        try:
            for each in range(6):
                declare(any_db, [RAW, Declaration(f"type_{(each + number) % 6}", None, (VISIT,))], ["visit"])
        except Exception as error:  # noqa: BLE001  (told below)
            failed.append(error)

    failed: list[Exception] = []
    threads = [threading.Thread(target=declare_some, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with any_db.read() as connection:
        seen = set(inspect(connection).get_view_names())
    assert (failed, {f"type_{n}" for n in range(6)} <= seen) == ([], True)


@pytest.mark.parametrize("name", ['x" as select 1; --', "a b", "", "x'y", "1st", "é", "x" * 64])
def test_a_name_that_could_be_sql_is_refused(any_db, name):
    with pytest.raises(FrameworkError, match="cannot be a filetype's name"):
        declare(any_db, [Declaration(name, None, ())])
    with pytest.raises(FrameworkError, match="not a metadata key"):
        declare(any_db, [Declaration("good", None, (Key(name, "text", True, True),))])


@pytest.mark.parametrize("name", ["task", "desfile", "task_state", "alembic_version"])
def test_a_filetype_cannot_take_a_tables_name(any_db, name):
    with pytest.raises(FrameworkError, match="is a table of the registry"):
        declare(any_db, [Declaration(name, None, ())])


def test_words_of_sql_may_be_names(any_db, files, rows):
    keys = (Key("order", "text", True, True), Key("id", "text", False, True), Key("a-b.c", "integer", True, True))
    declare(any_db, [Declaration("table", None, keys)], ["order"])
    files("table", {"order": "x", "id": "mine", "a-b.c": 5})
    assert rows(any_db, 'select "order", metadata_id, "a-b.c" from "table"') == [("x", "mine", 5)]


def test_what_somebody_else_has_called_so_is_left_alone_and_named(any_db):
    with any_db.write() as connection:
        connection.execute(text("create table calexp (x integer)"))
    with pytest.raises(RegistryError, match=r"the view calexp cannot be made: .*: drop what is called so"):
        declare(any_db, [CALEXP])


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("select filename, visit from hsc_raw where filter = 'HSC-R'", FILTER),
        ("select filename from hsc_raw where visit between 3 and 5", VISIT),
        ("select filename from hsc_raw where visit in (3, 5) and exptime > 3", VISIT),
        ("select filetype from visit where visit = 3", VISIT),
    ],
)
def test_a_searchable_key_is_answered_by_its_index(any_db, question, key):
    declare(any_db, [RAW, CALEXP], ["visit"])
    with any_db.write() as connection:
        if any_db.dialect == "postgresql":
            # So few rows are read whole, indexes or not, unless that is forbidden.
            connection.execute(text("set local enable_seqscan = off"))
        explain = "explain query plan " if any_db.dialect == "sqlite" else "explain "
        plan = [str(row[-1]) for row in connection.execute(text(explain + question))]
    assert any(index_name(key) in line for line in plan), plan


@pytest.mark.postgres
def test_postgresql_takes_the_key_that_tells_most(a_postgres_registry):
    db = a_postgres_registry()
    declare(db, [RAW])
    with db.write() as connection:
        connection.execute(
            text(
                "insert into desfile (id, filetype, filename, path, path_version, metadata) "
                "select n, 'hsc_raw', 'f', n, '', jsonb_build_object('visit', n, 'filter', 'HSC-R') "
                "from generate_series(1, 5000) n"
            )
        )
        connection.execute(text("analyze desfile"))
        question = "explain select filename from hsc_raw where filter = 'HSC-R' and visit = 7"
        plan = [row[0] for row in connection.execute(text(question))]
    assert index_name(VISIT) in plan[0], plan


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(min_value=-1e15, max_value=1e15).filter(lambda value: value == 0 or abs(value) > 1e-199),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    st.from_regex(r"[-+ ]{0,2}0{0,2}[0-9]{0,20}\.?[0-9]{0,3}([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(["true", "True", "FALSE", "null", '"7"', "--5", "1e5", ".5", "5.", "1e999", "[1]", "nan", "inf"]),
)


@pytest.mark.postgres
@settings(max_examples=60)
@given(values=st.lists(VALUES, min_size=1, max_size=20))
def test_values_are_the_same_on_both_databases(two_databases, values):
    documents = [json.dumps({"k": value}) for value in values]
    answers = []
    for db in two_databases:
        kind = "jsonb" if db.dialect == "postgresql" else "text"
        columns = ", ".join(typed(db.dialect, "k", name, f"cast(:m as {kind})") for name in TYPES if name != "text")
        word = typed(db.dialect, "k", "text", f"cast(:m as {kind})")
        with db.read() as connection:
            read = [tuple(connection.execute(text(f"select {columns}"), {"m": each}).one()) for each in documents]
            words = [connection.execute(text(f"select {word}"), {"m": each}).scalar() for each in documents]
        plain = [word for word, value in zip(words, values, strict=True) if not isinstance(value, float)]
        answers.append((plain, read))
    (words, numbers), (other_words, other_numbers) = answers
    assert words == other_words
    assert [*map(shown, numbers)] == [*map(shown, other_numbers)]


def shown(row):
    """Values to twelve digits: how databases read the last ones is their own business."""
    return [f"{value:.12g}" if isinstance(value, float) else value for value in row]
