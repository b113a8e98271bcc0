"""SQL that somebody typed is carried out as it stands, and only reads unless told otherwise."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from framework.registry.admin.user_sql import InvalidStatementError, execute_change, execute_read_only
from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import create_attempt

NOTE = {
    "files": "select f.path ||'/'||f.filename from file_archive_info f, desfile d, proctag t where "
    "d.filetype='deepcoadd_calexp' and t.tag='PROTO-0.1' and t.pfw_attempt_id=d.pfw_attempt_id and f.desfile_id=d.id "
    "order by f.filename;",
    "calls": "select modname, count(*) from pfw_wrapper w, pfw_attempt a where w.pfw_attempt_id=a.id and a.reqnum=11 "
    "and a.attnum=95 group by modname order by min(w.wrapnum);",
    "elapsed": "select end_time - start_time from task t, pfw_attempt a where t.id=a.task_id and a.reqnum=11 and "
    "a.attnum=95;",
}


@pytest.fixture
def reader(any_db):
    """The same registry, for reading only."""
    url = any_db.engine.url.render_as_string(hide_password=False)
    registry = open_registry(url, read_only=True)
    yield registry
    registry.close()


@pytest.fixture
def tagged_run(any_db, new_attempt, a_story, tmp_path):
    """A run of eight coadds after two scrapes, recorded and tagged."""
    attempt = create_attempt(any_db, new_attempt(reqnum=11, attnum=95, unitname="Ht0", run="Ht0_r11p95"))
    story = a_story("Ht0_r11p95")
    story.tell("engine", "attempt.start")
    for call in range(1, 11):
        story.call(1, call, module="scrape" if call < 3 else "coadd", writes=(f"hsc/{11 - call:02}.fits",))
        story.journals["worker"][-1]["files"][2]["type"] = "deepcoadd_calexp" if call > 2 else "raw"
    story.tell("engine", "attempt.end", status=0)
    ingest(any_db, attempt, story.write(tmp_path))
    with any_db.write() as connection:
        connection.execute(text("insert into proctag (tag, pfw_attempt_id) values ('PROTO-0.1', :id)"), {"id": attempt})
    start, end = story.journals["engine"][1]["t"], story.journals["engine"][2]["t"]
    return end - start


def test_the_queries_of_the_note_run_as_they_stand(reader, tagged_run):
    assert execute_read_only(reader, NOTE["files"]).rows == [(f"hsc/{number:02}.fits",) for number in range(1, 9)]
    assert execute_read_only(reader, NOTE["calls"]).rows == [("scrape", 2), ("coadd", 8)]
    assert execute_read_only(reader, NOTE["elapsed"]).rows == [(tagged_run,)]


def test_the_first_query_of_the_note_prints_a_file_for_each_archive_that_has_it(any_db, reader, tagged_run):
    with any_db.write() as connection:
        same = "select desfile_id, 'tape', filename, path from file_archive_info"
        connection.execute(text(f"insert into file_archive_info (desfile_id, archive_name, filename, path) {same}"))
    twice = [(f"hsc/{number:02}.fits",) for number in range(1, 9) for _ in range(2)]
    assert execute_read_only(reader, NOTE["files"]).rows == twice
    one = NOTE["files"].replace(" order by", " and f.archive_name='home' order by")
    assert execute_read_only(reader, one).rows == twice[::2]
    assert execute_read_only(reader, NOTE["calls"]).rows == [("scrape", 2), ("coadd", 8)]


@pytest.mark.parametrize("statement", ["select nonsense from task", "selec 1", "select 1; delete from task"])
def test_a_bad_statement_is_told_in_the_databases_words(reader, statement):
    with pytest.raises(InvalidStatementError, match="does not take this statement: "):
        execute_read_only(reader, statement)


@pytest.mark.parametrize("statement", ["delete from id_block", "create table x (y integer)", "drop view task_state"])
def test_reading_changes_nothing(reader, rows, statement):
    with pytest.raises(InvalidStatementError, match="--write lets it"):
        execute_read_only(reader, statement)
    assert rows(reader, "select count(*) from id_block") == [(4,)]


def test_a_second_statement_does_not_slip_through(reader, rows):
    with pytest.raises(InvalidStatementError):
        execute_read_only(reader, "select 1; commit; delete from id_block")
    assert rows(reader, "select count(*) from id_block") == [(4,)]


def test_writing_changes_rows_and_says_how_many(any_db, rows):
    assert execute_change(any_db, "update id_block set next_id = 7").changed == 4
    assert rows(any_db, "select distinct next_id from id_block") == [(7,)]


def test_signs_of_parameters_are_plain_text(reader):
    assert execute_read_only(reader, "select 'a%s :b ? %(c)s' as said").rows == [("a%s :b ? %(c)s",)]


def test_times_are_read_alike(any_db, reader, tagged_run):
    answer = execute_read_only(reader, "select end_time from task where name = 'attempt'")
    assert answer.format_value(0, answer.rows[0][0]).startswith("1970-01-01 00:")
