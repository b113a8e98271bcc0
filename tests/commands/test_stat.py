"""``fw stat`` shows runs and modules."""

from __future__ import annotations

import json
import re

from click.testing import CliRunner

from framework.commands.stat import command
from framework.registry.questions.runs import UnknownRun


def test_runs_are_a_row_each(verb):
    head, row = verb("stat").stdout.splitlines()
    assert head.split()[:6] == ["run", "pipeline", "campaign", "operator", "state", "jobs"]
    assert re.sub(r"\d+:\d\d:\d\d\.\d$", "ELAPSED", row).split() == [
        *("HST1_r1p01", "train", "cal", "olga", "running", "0/2", "0", "1", "1/4", "1970-01-01", "00:16:40", "ELAPSED"),
    ]


def test_a_run_is_a_row_a_module(verb):
    lines = verb("stat", "HST1").stdout.splitlines()
    assert lines[:2] == ["run       HST1_r1p01", "state     running"]
    assert [line.split() for line in lines[-2:]] == [
        ["scrape", "main", "1", "0", "1", "0", "0:00:02.5", "0:00:02.5", "2.0", "MB"],
        ["train", "main", "3", "1", "0", "1", "2.0", "MB"],
    ]


def test_json_says_the_same(verb):
    (run,) = json.loads(verb("stat", "--json").stdout)
    detailed = json.loads(verb("stat", "HST1", "--json").stdout)
    assert (run["run"], run["calls_done"]) == ("HST1_r1p01", 1)
    assert [module["module"] for module in detailed["modules"]] == ["scrape", "train"]


def test_runs_of_others_are_left_out(verb):
    result = verb("stat", "--user", "pete")
    assert (result.stdout, result.stderr) == ("", "no runs yet: fw submit begins one\n")


def test_an_unknown_run_is_an_error_with_near_names(verb):
    error = verb("stat", "HST1_r1p02").exception
    assert isinstance(error, UnknownRun)
    assert str(error) == "no run is called 'HST1_r1p02': did you mean HST1_r1p01?"


def test_help_has_an_example():
    assert "Example: fw stat" in CliRunner().invoke(command, ["--help"]).stdout
