"""``fw log`` prints logs."""

from __future__ import annotations

import json
import threading

from click.testing import CliRunner

from framework.commands.log import command
from framework.errors import FrameworkError


def test_the_logs_of_failed_calls_are_printed_below_their_headings(verb):
    assert verb("log", "HST1").stdout == "== call 2 (train): failed with status 3\nno such column\n"


def test_a_call_is_chosen_by_its_number_and_calls_by_their_module(verb):
    assert verb("log", "HST1", "1").stdout == "== call 1 (scrape): done\nscraped\n"
    train = verb("log", "HST1", "train").stdout.splitlines()
    assert [line for line in train if line.startswith("==")] == [
        "== call 2 (train): failed with status 3",
        "== call 3 (train): staging",
    ]
    assert verb("log", "HST1", "train", "--err").stdout.count("==") == 1


def test_paths_lead_to_the_logs(verb, recorded):
    assert verb("log", "HST1", "1", "--path").stdout == f"{recorded.archive}/r/log/1.log\n"


def test_json_holds_the_text(verb):
    (log,) = json.loads(verb("log", "HST1", "--json").stdout)
    assert (log["wrapnum"], log["state"], log["text"]) == (2, "failed", "no such column")


def test_a_call_that_has_not_begun_is_an_error(verb):
    error = verb("log", "HST1", "9").exception
    assert isinstance(error, FrameworkError)
    assert str(error) == "HST1_r1p01: no call '9' has begun; modules with calls: scrape, train"


def test_a_missing_log_is_said_so(verb, recorded):
    (recorded.archive / "r/log/2.log").unlink()
    assert f"(no log at {recorded.archive}/r/log/2.log)" in verb("log", "HST1").stdout


def test_a_log_is_followed_until_its_call_ends(verb, recorded):
    log = recorded.archive / "r/log/3.log"
    at = {"job": 1, "queue": "q1", "call": 3, "try": 1}

    def go_on() -> None:
        with log.open("a") as file:
            file.write("epoch 2\n")
        recorded.tell({"e": "call.end", "t": 1009.0, **at, "status": 0})

    later = threading.Timer(0.4, go_on)
    later.start()
    assert verb("log", "HST1", "3", "-f").stdout.splitlines()[1:] == ["epoch 1", "epoch 2"]
    later.join()


def test_help_has_an_example():
    assert "Example: fw log" in CliRunner().invoke(command, ["--help"]).stdout
