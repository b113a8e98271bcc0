"""Subcommands: processes beside an engine, each with a mark by which its warden finds what it left."""

from __future__ import annotations

import re
from pathlib import Path

from framework.engines.run_directory import RunDirectory
from framework.engines.subcommand import Subcommand


def test_successive_subcommands_have_marks_of_their_own(tmp_path):
    marks = []
    for _ in range(2):
        subcommand = Subcommand(RunDirectory(tmp_path / "runs/r"), "planner", ["stat"], "")
        environment = Path(f"/proc/{subcommand._popen.pid}/environ").read_bytes()
        marks += re.findall(rb"FW_WORKER=[^\0]*", environment)
        assert subcommand.run_to_end() is None
    assert len(set(marks)) == 2
