"""A registry goes from one database to another and back, and is the same; and it is known whether one is whole."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from framework.errors import RegistryError
from framework.registry.admin.check import check
from framework.registry.admin.copy import copy
from framework.registry.database import bulk
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.filetypes import declare
from framework.registry.questions.tags import add_tag
from framework.registry.schema.filetype_views import Declaration, Key
from framework.registry.schema.tables import metadata

STRANGE = {"a": "tab\there", "b": "back\\slash \\N", "c": "quote \" and ' é", "d": [1, 2.5, None], "e": {"f": True}}


@pytest.fixture
def fill(new_attempt, whole_run, tmp_path):
    """Puts a run, a tag, a filetype and odd words into a registry."""

    def put(db):
        declare(db, [Declaration("red", "reduced", (Key("n", "integer", True, True),))], ["n"])
        whole_run.journals["worker1"][-2]["files"][2]["meta"] = STRANGE
        attempt = create_attempt(db, new_attempt(submitwcl="a = 1\n# tab\t\\N\n"))
        ingest(db, attempt, whole_run.write(tmp_path / "journal"))
        add_tag(db, "DR1", attempt, "olga")
        return db

    return put


def contents(db):
    """Every row: what is no real number, and what is."""
    with db.read() as connection:
        return {
            table.name: sorted(map(apart, connection.execute(select(table))), key=str)
            for table in metadata.sorted_tables
            if table.name not in ("id_block", "ingest_lease")
        }


def apart(row):
    numbers = [value for value in row if isinstance(value, float)]
    return str([None if isinstance(value, float) else value for value in row]), numbers


def assert_same(one, other):
    """A server keeps times to the microsecond."""
    assert one.keys() == other.keys()
    for name, rows in one.items():
        assert [words for words, _ in rows] == [words for words, _ in other[name]]
        for (_, ours), (_, theirs) in zip(rows, other[name], strict=True):
            assert ours == pytest.approx(theirs, rel=0, abs=2e-6)


@pytest.mark.postgres
def test_a_registry_goes_to_a_server_and_back(a_registry, a_postgres_registry, fill, new_attempt, rows):
    first, server, last = fill(a_registry()), a_postgres_registry(), a_registry("last")
    counts = copy(first, server, lambda text: None)
    assert copy(server, last, lambda text: None) == counts
    assert counts["desfile"] == len(contents(first)["desfile"]) > 5
    assert_same(contents(first), contents(server))
    assert_same(contents(first), contents(last))
    for db in (server, last):
        assert rows(db, "select filename from n where n = 2") == rows(first, "select filename from n where n = 2")
        assert create_attempt(db, new_attempt(attnum=2, run="HST1_r1p02")) > 1
        assert [finding.error for finding in check(db) if finding.error] == []


def test_what_is_not_the_same_afterwards_was_not_copied(a_registry, any_registry, fill, monkeypatch, rows):
    source, target = fill(a_registry("source")), any_registry("target")
    insert = bulk.insert

    def careless(connection, table, rows):
        insert(connection, table, rows[1:] if table.name == "opm_used" else rows)

    monkeypatch.setattr(bulk, "insert", careless)
    with pytest.raises(RegistryError, match=r"opm_used: .* became .*: nothing was copied"):
        copy(source, target, lambda text: None)
    monkeypatch.undo()
    assert rows(target, "select count(*) from task") == [(0,)]
    assert copy(source, target, lambda text: None)["task"] > 5


def test_a_registry_with_rows_is_not_written_over(a_registry, fill, new_attempt):
    source, target = fill(a_registry("source")), a_registry("target")
    create_attempt(target, new_attempt())
    with pytest.raises(RegistryError, match="it already has rows"):
        copy(source, target, lambda text: None)
    with pytest.raises(RegistryError, match="into itself"):
        copy(source, source, lambda text: None)


def test_a_registry_that_is_being_written_is_not_copied(a_registry, fill):
    source, target = fill(a_registry("source")), a_registry("target")
    with source.write() as connection:
        connection.execute(text("update ingest_lease set expiry = 9e9"))
    with pytest.raises(RegistryError, match="runs are being recorded in it"):
        copy(source, target, lambda text: None)


# ---------------------------------------------------------------- checking


def troubles(db):
    return [finding.error for finding in check(db) if finding.error]


def test_a_registry_that_is_whole_is_said_so(any_db, fill):
    assert troubles(fill(any_db)) == []


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("delete from desfile where filename = '1.fits'", "rows of opm_used have a desfile_id that desfile has not"),
        ("delete from pfw_exec where task_id = (select max(task_id) from pfw_exec)", None),
        ("update id_block set next_id = 1 where name = 'desfile'", "desfile has id"),
        ("drop view red", "red is missing: fw registry upgrade creates it again"),
        ("drop index ix_desfile_metadata_n_integer", "ix_desfile_metadata_n_integer is missing"),
        (
            "update ingest_lease set expiry = {t}; update task set end_time = null where name = 'attempt'",
            "nobody has written HST1_r1p01 since",
        ),
        ("insert into ingest_pending values (1, 'x', '', 1)", "1 files that it used have no record"),
    ],
)
def test_what_is_not_whole_is_told(any_db, fill, statement, words):
    fill(any_db)
    moment = "1000.0" if any_db.dialect == "sqlite" else "'1970-01-01 00:16:40+00'"
    with any_db.write() as connection:
        for each in statement.replace("{t}", moment).split("; "):
            connection.execute(text(each))
    found = troubles(any_db)
    assert (found == []) if words is None else any(words in one for one in found)


def test_damage_to_the_file_is_found(db, fill, tmp_path):
    fill(db)
    db.close()  # which empties the write-ahead log into the file
    path = tmp_path / "registry.sqlite"
    pages = path.read_bytes()
    place = pages.index(b"r/out/1.fits")
    path.write_bytes(pages[:place] + b"x" + pages[place + 1 :])
    assert any("call fw registry recover" in one for one in troubles(db))
