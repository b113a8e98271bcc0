"""``fw query`` finds files."""

from __future__ import annotations

import json

from click.testing import CliRunner

from framework.commands.query import command


def test_files_are_shown_with_size_run_and_metadata(verb):
    assert [line.split() for line in verb("query", "table", "seed=1").stdout.splitlines()] == [
        ["path", "size", "run", "metadata"],
        ["r/scrape_1.csv", "2.0", "kB", "HST1_r1p01", "band=r", "seed=1"],
    ]


def test_one_of_several_values_will_do(verb):
    assert verb("query", "table", "seed=1,2", "band=r", "path=r/%", "--paths").stdout.splitlines() == [
        "r/scrape_1.csv",
        "r/train_2.csv",
    ]


def test_json_says_everything(verb):
    (file,) = json.loads(verb("query", "table", "seed=1", "--json").stdout)
    assert (file["path"], file["size"], file["metadata"]) == ("r/scrape_1.csv", 2048, {"band": "r", "seed": 1})
    assert json.loads(verb("query", "nothing", "--json").stdout) == []


def test_nothing_found_says_what_there_is(verb):
    assert verb("query", "tabel").stderr == "no file of type 'tabel': did you mean 'table'?\n"
    assert verb("query", "table", "seed=9").stderr == "no file of type 'table' has these values\n"


def test_a_condition_without_a_value_is_refused(verb):
    result = verb("query", "table", "seed")
    assert (result.exit_code, "'seed' is not key=value" in result.stderr) == (2, True)


def test_files_of_any_type_are_found_by_a_condition(verb):
    where = ("--where", "run = 'HST1_r1p01' and filename like '%_1.csv'", "--paths")
    assert verb("query", "files", *where).stdout == "r/scrape_1.csv\n"
    assert verb("query", "files", "--filetype", "table", "--where", "seed = 2", "--paths").stdout == "r/train_2.csv\n"
    assert verb("query", "table", "band=r", "--where", "seed > 1", "--paths").stdout == "r/train_2.csv\n"


def test_a_condition_that_is_none_is_shown(verb):
    assert str(verb("query", "table", "--where", "sead = 2").exception) == (
        "sead = 2\n^ 'sead' is not on record of a table: did you mean 'seed'?"
    )


def test_all_files_there_are_are_not_listed_by_mistake(verb):
    assert (verb("query", "files").exit_code, "say which files" in verb("query", "files").stderr) == (2, True)
    assert "is a filetype already" in verb("query", "table", "--filetype", "log").stderr


def test_help_has_an_example():
    assert "Example: fw query" in CliRunner().invoke(command, ["--help"]).stdout
