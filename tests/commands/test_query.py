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


def test_help_has_an_example():
    assert "Example: fw query" in CliRunner().invoke(command, ["--help"]).stdout
