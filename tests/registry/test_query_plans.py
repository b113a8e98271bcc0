"""No question that a command asks looks through a whole table."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event, text

from framework.registry.ancestry import ancestors, descendants, find_file
from framework.registry.attempts import create_attempt, next_attnum
from framework.registry.calls import calls, finished_calls
from framework.registry.files import at_paths, existing, inputs_of, produced_by
from framework.registry.ingest import ingest
from framework.registry.known import load
from framework.registry.messages import failures, messages
from framework.registry.programs import versions
from framework.registry.runs import attempt_values, block_troubles, find_run, modules, runs
from framework.registry.search import find
from framework.registry.software import stacks

#: Small tables, or those that a command shows whole.
SMALL = {"pfw_attempt", "pfw_block", "pfw_module", "id_block", "ingest_lease", "journal_position", "alembic_version"}


def load_known(db):
    with db.read() as connection:
        return load(connection, 1)


QUESTIONS = {
    "next_attnum": lambda db: next_attnum(db, 1, "HST1"),
    "find_run": lambda db: find_run(db, "HST1_r1p01"),
    "find_run by unit": lambda db: find_run(db, "HST1"),
    "find_run by beginning": lambda db: find_run(db, "HST1_r"),
    "runs": lambda db: runs(db, newest=20, campaign="cal"),
    "modules": lambda db: modules(db, 1),
    "attempt_values": lambda db: attempt_values(db, 1),
    "calls": lambda db: calls(db, 1),
    "a call": lambda db: calls(db, 1, wrapnum=2),
    "software stacks": lambda db: stacks(db, 1),
    "finished_calls": lambda db: finished_calls(db, 1),
    "messages": lambda db: messages(db, 1),
    "failures": lambda db: failures(db, 1),
    "at_paths": lambda db: at_paths(db, ["r/out/1.fits", "none"]),
    "existing": lambda db: existing(db, "home", ["r/out/1.fits", "none"]),
    "find": lambda db: find(db, "red", {"n": ["1"], "band": ["%r"]}),
    "produced_by": lambda db: produced_by(db, 5),
    "inputs_of": lambda db: inputs_of(db, 5),
    "find_file": lambda db: find_file(db, "r/out/1.fits"),
    "ancestors": lambda db: ancestors(db, 5),
    "descendants": lambda db: descendants(db, 5),
    "versions": lambda db: versions(db, 1),
    "block_troubles": lambda db: block_troubles(db, 1),
    "load": load_known,
}


@pytest.fixture
def db(any_db, new_attempt, whole_run, tmp_path):
    """One run among very many, as the database believes."""
    ingest(any_db, create_attempt(any_db, new_attempt()), whole_run.write(tmp_path))
    with any_db.write() as connection:
        if any_db.dialect == "postgresql":
            # So few rows are read whole, indexes or not, unless that is forbidden.
            connection.execute(text("alter role skyfw set enable_seqscan = off"))
    any_db.close()
    yield any_db
    if any_db.dialect == "postgresql":
        with any_db.write() as connection:
            connection.execute(text("alter role skyfw reset enable_seqscan"))


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
            if statement.startswith("SELECT"):
                yield [str(row[-1]) for row in connection.exec_driver_sql(explain + statement, parameters)]


def scanned_tables(db, question):
    """The tables that are looked through whole."""
    pattern = r"^SCAN (\w+)(?!.* USING )" if db.dialect == "sqlite" else r"Seq Scan on (\w+)"
    found = (re.search(pattern, line) for plan in plans_of(db, question) for line in plan)
    return {match[1] for match in found if match}


def test_no_question_looks_through_a_whole_table(db):
    scanned = {
        name: scanned_tables(db, question) - SMALL - {"anon_1", "wanted"} for name, question in QUESTIONS.items()
    }
    assert scanned == {name: set() for name in QUESTIONS}


def test_files_of_a_type_are_found_by_an_index(db):
    (plan,) = plans_of(db, QUESTIONS["find"])
    assert any("ix_desfile_filetype" in line for line in plan)


def test_a_scan_would_be_noticed(db):
    def careless(db):
        with db.read() as connection:
            return connection.execute(text("SELECT path FROM desfile WHERE filesize = 3")).all()

    assert scanned_tables(db, careless) == {"desfile"}
