"""Subcommands: processes beside an engine, each with a mark by which its warden finds what it left."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from framework.engines.run_directory import RunDirectory
from framework.engines.subcommand import Subcommand


def test_successive_subcommands_have_marks_of_their_own(tmp_path):
    marks = []
    for _ in range(2):
        subcommand = Subcommand(RunDirectory(tmp_path / "runs/r"), "planner", ["stat"], "")
        marks.append(mark_of(subcommand._popen))
        assert subcommand.run_to_end() is None
    assert len({*marks, b""}) == 3


def mark_of(process: subprocess.Popen[bytes]) -> bytes:
    """Return the mark in the environment of a process, which has this one's until it has begun its program."""
    while process.poll() is None:
        marks = re.findall(rb"FW_WORKER=[^\0]*", Path(f"/proc/{process.pid}/environ").read_bytes())
        if marks:
            return marks[0]
    return b""
