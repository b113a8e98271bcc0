"""Logging: events with their fields, where they are asked for."""

from __future__ import annotations

import contextlib
import logging
import re
from pathlib import Path

import pytest

from framework.output.log import EventFormatter, add_handler, configure, get_logger, log_to_run


@pytest.fixture(autouse=True)
def _no_handlers_stay():
    logger = logging.getLogger("framework")
    before, level = list(logger.handlers), logger.level
    yield
    for handler in set(logger.handlers) - set(before):
        with contextlib.suppress(OSError):
            handler.close()
        logger.removeHandler(handler)
    logger.setLevel(level)


def test_an_event_tells_its_part_and_fields_on_one_line():
    record = logging.makeLogRecord(
        {"name": "framework.engines.local", "levelname": "INFO", "msg": "lost: %s", "args": ("signal 9\x1b[2J",),
         "created": 0.0, "run": "r_1", "job": 3}
    )  # fmt: skip
    line = EventFormatter().format(record)
    assert line == r"1970-01-01T00:00:00Z INFO engines.local run=r_1 job=3: lost: signal 9\x1b[2J"


def test_events_below_the_level_are_left_out(tmp_path):
    configure(0, f"warning:{tmp_path}/log/fw.log")
    get_logger("framework.part").info("planned")
    get_logger("framework.part").warning("slow")
    assert [line.split()[1] for line in (tmp_path / "log/fw.log").read_text().splitlines()] == ["WARNING"]


def test_a_run_has_a_log_of_each_part(tmp_path, monkeypatch):
    monkeypatch.delenv("FW_LOG", raising=False)
    log_to_run(tmp_path, "follower")
    get_logger("framework.part").info("began")
    assert re.fullmatch(r"\S+Z INFO part: began\n", (tmp_path / "log/follower.log").read_text())


def test_a_verb_prints_the_same_while_it_logs(fw):
    assert (fw("-v", "stat").status, fw("-vv", "stat").out) == (0, fw("stat").out)


@pytest.mark.parametrize("setting", ["loud", "info2:file", ":file"])
def test_a_level_that_there_is_not_is_refused(fw, setting):
    done = fw("stat", FW_LOG=setting)
    assert (done.status, "LEVEL:FILE" in done.err) == (2, True)


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path, capsys):
    (tmp_path / "log").write_text("a file")
    log_to_run(tmp_path, "follower")
    assert "cannot be written" in capsys.readouterr().err


def test_a_full_disk_is_reported_once(capsys):
    add_handler(logging.INFO, Path("/dev/full"))
    for _ in range(2):
        get_logger("framework.part").info("x")
    assert capsys.readouterr().err.count("cannot be written") == 1
