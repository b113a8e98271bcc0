"""No question that a command asks looks through a whole table."""

from __future__ import annotations

import re
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select, text

from framework.pipeline.questions import FieldsQuestion
from framework.registry.ingest.ingester import ingest
from framework.registry.ingest.known_rows import read_known_rows
from framework.registry.questions.ancestry import ancestors, descendants, find_file
from framework.registry.questions.archive_copies import open_run_paths, removals_at, removals_of
from framework.registry.questions.attempts import create_attempt, next_attnum
from framework.registry.questions.calls import calls, finished_calls
from framework.registry.questions.file_selection import find_copies
from framework.registry.questions.files import (
    copies_of,
    files_of_attempt,
    find_by_content,
    find_by_path,
    find_call_outputs,
    find_in_archive,
    find_producer,
    find_producer_inputs,
)
from framework.registry.questions.filetypes import declare
from framework.registry.questions.key_values import key_value_conditions
from framework.registry.questions.messages import failures, messages
from framework.registry.questions.program_versions import versions
from framework.registry.questions.query_fields import find_by_fields, find_newest_by_name
from framework.registry.questions.run_messages import run_messages
from framework.registry.questions.runs import (
    attempt_values,
    block_errors,
    find_run,
    modules,
    progress,
    run_progress,
    runs,
)
from framework.registry.questions.selection import Selection
from framework.registry.questions.software import stacks
from framework.registry.questions.tags import add_tag, tagged_runs
from framework.registry.schema.filetype_views import Declaration, Key
from framework.registry.schema.tables import metadata
from framework.worker.journal.message_level import MessageLevel
from tests.registry.selections import find

#: Small tables, or those that a command shows whole.
SMALL = {
    "pfw_attempt", "pfw_block", "pfw_module", "id_block", "ingest_lease", "journal_position", "alembic_version",
    "ops_filetype", "ops_filetype_metadata", "ops_file_group", "proctag",
}  # fmt: skip

RED = Declaration("red", None, (Key("n", "integer", True, True), Key("band", "text", True, False)))
RED_2 = Selection(filetypes=("red",), conditions=key_value_conditions({"n": ("2",)}))
RAW = Declaration("raw", None, (Key("n", "integer", True, True),))


def load_known(db):
    with db.read() as connection:
        return read_known_rows(connection, 1)


def plain(sql):
    """A statement as an operator types it."""

    def ask(db):
        with db.read() as connection:
            return connection.exec_driver_sql(sql).all()

    return ask


def by_fields(**conditions):
    question = FieldsQuestion(table="file", conditions={key: (value,) for key, value in conditions.items()})
    return lambda db: list(find_by_fields(db, "home", question))


#: The questions of the note, as they stand.
NOTE = {
    "note: files of a tag": "select f.path ||'/'||f.filename from file_archive_info f, desfile d, proctag t where "
    "d.filetype='red' and t.tag='PROTO-0.1' and t.pfw_attempt_id=d.pfw_attempt_id and f.desfile_id=d.id "
    "order by f.filename;",
    "note: calls of a module": "select modname, count(*) from pfw_wrapper w, pfw_attempt a where "
    "w.pfw_attempt_id=a.id and a.reqnum=1 and a.attnum=1 group by modname order by min(w.wrapnum);",
    "note: time of a run": "select end_time - start_time from task t, pfw_attempt a where t.id=a.task_id and "
    "a.reqnum=1 and a.attnum=1;",
}
#: What README and comments tell people to ask.
DOCUMENTED = {
    "a filetype by a number": "select filename, n, band from red where n = 2",
    "a filetype by a text": "select filename, n from red where band = 'r' and n between 2 and 3",
    "a group": "select filetype, count(*) from n where n = 2 group by filetype",
    "a file by its name": "select path, filesize, sha256 from desfile where filename = '1.fits'",
    "a file by its contents": "select path from desfile where sha256 = 'sha of r/out/1.fits'",
    "failed calls of a run": "select w.modname, w.wrapnum, m.message from pfw_wrapper w join task t "
    "on t.id = w.task_id left join task_message m on m.task_id = w.task_id "
    "where w.pfw_attempt_id = 1 and t.status <> 0",
    "who read a file": "select t.name from opm_used u join task t on t.id = u.task_id where u.desfile_id = 3",
    "who made a file": "select e.name, e.cmdargs from desfile d join pfw_exec e on e.task_id = d.wgb_task_id "
    "where d.id = 3",
    "what a file came from": "with recursive up (id) as (select id from desfile where id = 5 union "
    "select d.parent_desfile_id from up join opm_was_derived_from d on d.child_desfile_id = up.id) "
    "select path from up join desfile f on f.id = up.id",
}

QUESTIONS = {
    "next_attnum": lambda db: next_attnum(db, 1, "HST1"),
    "find_run": lambda db: find_run(db, "HST1_r1p01"),
    "find_run by unit": lambda db: find_run(db, "HST1"),
    "find_run by beginning": lambda db: find_run(db, "HST1_r"),
    "runs": lambda db: runs(db, newest=20, campaign="cal"),
    "modules": lambda db: modules(db, 1),
    "how_far": lambda db: run_progress(db, find_run(db, "HST1_r1p01")),
    "progress": lambda db: progress(db, find_run(db, "HST1_r1p01")),
    "attempt_values": lambda db: attempt_values(db, 1),
    "calls": lambda db: calls(db, 1),
    "a call": lambda db: calls(db, 1, wrapnum=2),
    "software stacks": lambda db: stacks(db, 1),
    "finished_calls": lambda db: finished_calls(db, 1),
    "messages": lambda db: messages(db, 1),
    "failures": lambda db: failures(db, 1),
    "at_paths": lambda db: find_by_path(db, ["r/out/1.fits", "none"]),
    "existing": lambda db: find_in_archive(db, "home", ["r/out/1.fits", "none"]),
    "find": lambda db: find(db, "red", {"n": ["1"], "band": ["%r"]}),
    "produced_by": lambda db: find_producer(db, 5),
    "inputs_of": lambda db: find_producer_inputs(db, 5),
    "find_file": lambda db: find_file(db, "r/out/1.fits"),
    "ancestors": lambda db: ancestors(db, 5),
    "descendants": lambda db: descendants(db, 5),
    "versions": lambda db: versions(db, 1),
    "block_troubles": lambda db: block_errors(db, 1),
    "load": load_known,
    "find by a declared key": lambda db: find(db, "red", {"n": ["2"], "band": ["r"]}),
    "find by a condition": lambda db: find(db, "red", where="n between 1 and 2 and band like 'r%'"),
    "find in all types": lambda db: find(db, None, where="n = 2"),
    "find by name": lambda db: find(db, None, {"filename": ["1.fits"]}),
    "find by contents": lambda db: find(db, None, where="sha256 = 'x'"),
    "find by run": lambda db: find(db, "red", {"run": ["HST1_r1p01"]}),
    "with_contents": lambda db: find_by_content(db, "sha of r/out/1.fits", 7),
    "find_file by name": lambda db: find_file(db, "1.fits"),
    "copies_of": lambda db: copies_of(db, [1, 2, 3]),
    "removals_of": lambda db: removals_of(db, [1, 2, 3]),
    "removals_at": lambda db: removals_at(db, ["r/out/1.fits", "none"]),
    "find_copies by run": lambda db: list(find_copies(db, "home", Selection(runs=("HST1_r1p01",)))),
    "find_copies by tag": lambda db: list(find_copies(db, "home", Selection(tag="PROTO-0.1"))),
    "find_copies by type": lambda db: list(find_copies(db, "home", Selection(filetypes=("red",)))),
    "find_copies by a key": lambda db: list(find_copies(db, "home", RED_2)),
    "files_of_attempt": lambda db: files_of_attempt(db, 1),
    "made_by": lambda db: list(find_call_outputs(db, "home", "HST1_r1p01", [1, 2])),
    "find_newest_by_name": lambda db: find_newest_by_name(db, "home", ["1.fits"]),
    "find_by_fields": by_fields(filetype="red", n="2"),
    "course": lambda db: run_messages(db, 1, (MessageLevel.ERROR, MessageLevel.WARNING)),
    "tagged_runs": lambda db: tagged_runs(db, "PROTO-0.1"),
    "open_run_paths": open_run_paths,
    **{name: plain(sql) for name, sql in {**NOTE, **DOCUMENTED}.items()},
}


@pytest.fixture
def db(any_db, new_attempt, whole_run, tmp_path):
    """One run among very many, as the database believes."""
    declare(any_db, [RED, RAW], ["n"])
    ingest(any_db, create_attempt(any_db, new_attempt()), whole_run.write(tmp_path))
    add_tag(any_db, "PROTO-0.1", 1, "olga")
    with scans_forbidden(any_db):
        yield any_db


@contextmanager
def scans_forbidden(db):
    """PostgreSQL reads so few rows whole, indexes or not, unless that is forbidden; then it does where none serves."""

    def alter(words):
        if db.dialect == "postgresql":
            with db.write() as connection:
                connection.execute(text(f"alter role skyfw {words}"))
            db.close()

    alter("set enable_seqscan = off")
    try:
        yield
    finally:
        alter("reset enable_seqscan")


def plans_of(db, question):
    """How the database carries out each statement of a question."""
    statements = []

    def keep(connection, cursor, statement, parameters, context, many):
        statements.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", keep)
    question(db)
    event.remove(db.engine, "before_cursor_execute", keep)
    explain = "explain query plan " if db.dialect == "sqlite" else "explain "
    with db.read() as connection:
        for statement, parameters in statements:
            if statement.lower().startswith(("select", "with")):
                yield [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]


def scanned_tables(db, question):
    """The tables that are looked through whole."""
    pattern = r"^SCAN (\w+)(?!.* USING )" if db.dialect == "sqlite" else r"Seq Scan on (\w+)"
    found = (re.search(pattern, line) for plan in plans_of(db, question) for line in plan)
    return {match[1] for match in found if match} & metadata.tables.keys()


def test_no_question_looks_through_a_whole_table(db):
    scanned = {name: scanned_tables(db, question) - SMALL for name, question in QUESTIONS.items()}
    assert scanned == {name: set() for name in QUESTIONS}


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("find", "ix_desfile_metadata_n_integer"),
        ("find by a condition", "ix_desfile_metadata_"),
        ("find in all types", "ix_desfile_metadata_n_integer"),
        ("find by name", "ix_desfile_filename"),
        ("find by contents", "ix_desfile_sha256"),
        ("with_contents", "ix_desfile_sha256"),
        ("with_contents", "ix_file_archive_info_sha256"),
        ("find_copies by a key", "ix_desfile_metadata_n_integer"),
        ("a filetype by a number", "ix_desfile_metadata_n_integer"),
        ("a group", "ix_desfile_metadata_n_integer"),
    ],
)
def test_files_are_found_by_the_index_that_is_there_for_it(db, question, index):
    assert any(index in line for plan in plans_of(db, QUESTIONS[question]) for line in plan)


def test_a_scan_would_be_noticed(db):
    def careless(db):
        with db.read() as connection:
            return connection.execute(text("SELECT path FROM desfile WHERE filesize = 3")).all()

    assert scanned_tables(db, careless) == {"desfile"}


@pytest.mark.slow
def test_no_question_looks_through_a_large_table_of_a_large_registry(any_db, new_attempt, a_story, whole_run, tmp_path):
    declare(any_db, [RED, RAW], ["n"])
    ingest(any_db, create_attempt(any_db, new_attempt()), whole_run.write(tmp_path / "first"))
    for attnum in range(2, 302):
        name = f"HST1_r1p{attnum:02}"
        story = a_story(name)
        for number in range(1, 21):
            file = f"r/{attnum}/{attnum}_{number}.fits"
            story.call(1, number, writes=(file,), reads=(f"r/{attnum}/{attnum}_{number - 1}.fits",))
            story.journals["worker"][-1]["files"][0]["path"] += f".{attnum}"
        ingest(any_db, create_attempt(any_db, new_attempt(attnum=attnum, run=name)), story.write(tmp_path / name))
    add_tag(any_db, "PROTO-0.1", 1, "olga")
    with any_db.write() as connection:
        connection.execute(text("analyze"))
        rows = {
            name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
        }
    large = {name for name, count in rows.items() if count > 5000}
    # Three hundred runs begin so.
    questions = {name: question for name, question in QUESTIONS.items() if name != "find_run by beginning"}
    with scans_forbidden(any_db):
        scanned = {name: scanned_tables(any_db, question) & large for name, question in questions.items()}
    assert scanned == {name: set() for name in questions}
    assert large >= {"task", "desfile", "pfw_wrapper", "pfw_exec", "opm_used", "file_archive_info"}
