"""``fw sql`` carries out a statement."""

from __future__ import annotations

import json

from click.testing import CliRunner

from framework.commands.sql import command
from framework.registry.admin.user_sql import InvalidStatementError

STATEMENT = "select modname, count(*) as calls, null as empty from pfw_wrapper group by modname order by modname"


def test_an_answer_is_a_table(verb):
    assert verb("sql", STATEMENT).stdout.splitlines() == [
        "modname  calls  empty",
        "scrape       1",
        "train        2",
    ]


def test_csv_and_json_say_the_same(verb):
    assert verb("sql", STATEMENT, "--csv").stdout == "modname,calls,empty\nscrape,1,\ntrain,2,\n"
    assert json.loads(verb("sql", STATEMENT, "--json").stdout)[0] == {"modname": "scrape", "calls": 1, "empty": None}


def test_a_statement_comes_from_a_file_or_the_standard_input(verb, tmp_path):
    (tmp_path / "query.sql").write_text("select 1 as one;\n")
    assert verb("sql", f"@{tmp_path}/query.sql", "--csv").stdout == "one\n1\n"
    assert verb("sql", "--csv", text="select 2 as two").stdout == "two\n2\n"


def test_times_are_read_by_people_in_tables_and_by_programs_elsewhere(verb):
    statement = "select start_time from task where name = 'attempt'"
    assert verb("sql", statement).stdout == "start_time\n1970-01-01 00:16:40.000\n"
    assert verb("sql", statement, "--csv").stdout == "start_time\n1000.0\n"


def test_what_would_move_the_cursor_is_written_out(verb):
    assert verb("sql", "select 'a' || char(27) || '[2Jb' as x").stdout == "x\na\\x1b[2Jb\n"


def test_a_bad_statement_is_the_users_error(verb):
    error = verb("sql", "select nonsense").exception
    assert isinstance(error, InvalidStatementError)
    assert (error.exit_code, "no such column: nonsense" in str(error)) == (2, True)


def test_rows_change_only_when_that_is_meant(verb):
    assert isinstance(verb("sql", "delete from proctag").exception, InvalidStatementError)
    assert verb("sql", "--write", "update id_block set next_id = next_id").stderr == "4 rows changed\n"


def test_help_has_an_example():
    assert "Example: fw sql" in CliRunner().invoke(command, ["--help"]).stdout
