"""Differences of program versions between a recorded run and this machine."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator

from framework.engines.process_paths import program_path
from framework.model.job import Exec
from framework.runs.comparison.differences import VersionDifference
from framework.runs.comparison.side import Side
from framework.worker.job.call import find_version

#: A program that takes longer to say its version is not waited for.
SECONDS = 30


def compare_versions(old: Side, new: Side) -> Iterator[VersionDifference]:
    """Yield the programs of both sides whose version differs now; programs here are asked as a job would ask."""
    steps = {step.program: step for call in new.calls for step in call.execs if step.version_flag}
    for program, versions in (old.versions or {}).items():
        now = _ask(steps[program]) if program in steps else None
        if now is not None and versions != (now,):
            yield VersionDifference(program, ", ".join(versions), now)


def _ask(step: Exec) -> str | None:
    try:
        said = subprocess.run(
            [step.argv[0], *shlex.split(step.version_flag)],
            env={**os.environ, "PATH": program_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None  # not here: it is known where the job runs
    return find_version(said.stdout[:4096], step.version_pattern)
