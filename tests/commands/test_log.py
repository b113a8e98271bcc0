"""``fw log`` prints logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from framework.commands import log
from framework.commands.log import command
from framework.errors import FrameworkError

ROOT = Path(__file__).parents[2]


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
    (entry,) = json.loads(verb("log", "HST1", "--json").stdout)
    assert (entry["wrapnum"], entry["state"], entry["text"]) == (2, "failed", "no such column")


def test_a_call_that_has_not_begun_is_an_error(verb):
    error = verb("log", "HST1", "9").exception
    assert isinstance(error, FrameworkError)
    assert str(error) == "HST1_r1p01: no call '9' has begun; modules with calls: scrape, train"


def test_a_missing_log_is_said_so(verb, recorded):
    (recorded.archive / "r/log/2.log").unlink()
    assert f"(no log at {recorded.archive}/r/log/2.log)" in verb("log", "HST1").stdout


def test_a_log_is_followed_until_its_call_ends(verb, recorded):
    path = recorded.archive / "r/log/3.log"
    at = {"job": 1, "queue": "q1", "call": 3, "try": 1}

    def go_on() -> None:
        with path.open("a") as file:
            file.write("epoch 2\n")
        recorded.tell({"e": "call.end", "t": 1009.0, **at, "status": 0})

    later = threading.Timer(0.4, go_on)
    later.start()
    assert verb("log", "HST1", "3", "-f").stdout.splitlines()[1:] == ["epoch 1", "epoch 2"]
    later.join()


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 5, 40, 41, 100])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_tail_of_a_log_is_its_last_lines(verb, recorded, monkeypatch, lines, ending):
    monkeypatch.setattr(log, "PIECE_BYTES", 16)
    whole = [f"line {number} of é lines" for number in range(40)]
    (recorded.archive / "r/log/2.log").write_text("\n".join(whole) + ending)
    said = verb("log", "HST1", "--tail", str(lines)).stdout.splitlines()[1:]
    assert [line for line in said if line] == whole[len(whole) - min(lines, 40) :]


def test_a_long_log_is_printed_in_pieces(verb, recorded, monkeypatch):
    text = "".join(f"{number} ä\n" for number in range(20_000))
    (recorded.archive / "r/log/2.log").write_text(text)
    monkeypatch.setattr(log, "PIECE_BYTES", 1001)  # which cuts letters of two bytes in half
    assert verb("log", "HST1").stdout.partition("\n")[2] == text


def test_a_huge_log_takes_little_memory(fw, a_pipeline, fw_home, tmp_path):
    assert fw("submit", a_pipeline("echo no; exit 3", numbers="1,")).status == 1
    [path] = [path for path in (fw_home / "archive").rglob("*.log") if "make" in path.name]
    path.chmod(0o644)
    os.truncate(path, 400 << 20)  # a hole: it takes no disk
    limited = 'ulimit -v 700000; exec "$@" | tail -c 1 | wc -c'
    command = ["sh", "-c", limited, "sh", sys.executable, "-m", "framework.cli", "log", "U_r1p01"]
    own = {**os.environ, "FW_HOME": str(fw_home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=own, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout.strip(), done.stderr) == ("1", "")


def test_help_has_an_example():
    assert "Example: fw log" in CliRunner().invoke(command, ["--help"]).stdout
